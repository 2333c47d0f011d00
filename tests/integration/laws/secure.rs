//! The DS record set: what a batch may do to it, and what may be left. The section of the design, read as rules about a place
//! before and after a batch; shared by the tests that watch every batch.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::{KeySigningKey, RecordSet};

use crate::laws::claims::{self, Claim, stack_of};

/// The values of a record set, without dots and in one case.
pub(crate) type Values = BTreeSet<String>;

pub(crate) fn values(set: &RecordSet) -> Values {
    set.values.iter().map(|value| value.trim_end_matches('.').to_ascii_lowercase()).collect()
}

/// What stands at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scene {
    pub(crate) ns: Option<Values>,
    pub(crate) ns_ttl: u32,
    pub(crate) ds: Option<(Values, u32)>,
    pub(crate) claims: Vec<Claim>,
}

impl Scene {
    pub(crate) fn read(ns: Option<&RecordSet>, ds: Option<&RecordSet>, ownership: Option<&RecordSet>) -> Self {
        Self {
            ns: ns.map(values),
            ns_ttl: ns.and_then(|set| set.ttl).unwrap_or_default(),
            ds: ds.map(|set| (values(set), set.ttl.unwrap_or_default())),
            claims: ownership.map(|set| claims::read(&set.values).0).unwrap_or_default(),
        }
    }

    pub(crate) fn own(&self, owner: &str) -> Option<&Claim> {
        self.claims.iter().filter(|claim| claim.owner == owner).max_by_key(|claim| claim.at)
    }

    /// Until when resolvers may hold name servers that were displaced, if that is not over.
    pub(crate) fn hold(&self, at: i64) -> Option<i64> {
        self.claims.iter().filter_map(|claim| claim.hold).filter(|until| at < *until).max()
    }

    pub(crate) fn records(&self) -> Option<&Values> {
        self.ds.as_ref().map(|(records, _)| records)
    }
}

/// Which DS record set is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Off,
    Records(Values),
    /// The child is not signing, or not with the keys that are asked for.
    Unknown,
}

impl Wanted {
    /// `names` are the keys that are asked for; otherwise all active ones are.
    pub(crate) fn of(dnssec: bool, signing: bool, keys: &[KeySigningKey], names: Option<&[String]>) -> Self {
        if !dnssec {
            return Self::Off;
        }
        let active: Vec<&KeySigningKey> = keys.iter().filter(|key| key.status == "ACTIVE").collect();
        let known = |name: &String| active.iter().any(|key| key.name == *name);
        let asked = |key: &&KeySigningKey| names.is_none_or(|names| names.contains(&key.name));
        let records: Values = active.iter().copied().filter(asked).map(|key| key.ds_record().to_lowercase()).collect();
        let all = names.is_none_or(|names| names.iter().all(known));
        if signing && all && !records.is_empty() { Self::Records(records) } else { Self::Unknown }
    }
}

/// What a Create or Update asks for.
pub(crate) struct Asked<'a> {
    pub(crate) at: i64,
    pub(crate) servers: &'a Values,
    pub(crate) ds: &'a Wanted,
    pub(crate) ds_ttl: u32,
    pub(crate) overwrite: bool,
    /// By an Update of a resource that was at this place already.
    pub(crate) in_place: bool,
}

/// One batch of a request at one place.
pub(crate) struct Batch<'a> {
    pub(crate) owner: &'a str,
    /// `None` where the resource goes.
    pub(crate) asked: Option<Asked<'a>>,
    pub(crate) before: &'a Scene,
    pub(crate) after: &'a Scene,
    /// Nobody else has edited the place since it was read.
    pub(crate) calm: bool,
}

/// What the digests in claims stand for, learned from the batches that wrote them.
#[derive(Default)]
pub(crate) struct Digests {
    ns: BTreeMap<String, Values>,
    ds: BTreeMap<String, Values>,
}

type Verdict = Result<(), String>;

fn check(holds: bool, wrong: &str) -> Verdict {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

impl Digests {
    /// Judges a batch, and learns from it.
    pub(crate) fn judge(&mut self, batch: &Batch<'_>) -> Verdict {
        self.learn(batch)?;
        match &batch.asked {
            None => self.check_farewell(batch)?,
            Some(asked) => {
                self.check_change(batch, asked)?;
                self.check_name_servers(batch, asked)?;
                self.check_own(batch, asked)?;
            }
        }
        check_claims(batch)?;
        self.check_left(batch)
    }

    /// The name servers that a claim names.
    pub(crate) fn servers(&self, claim: &Claim) -> Option<&Values> {
        self.ns.get(&claim.ns)
    }

    /// The claim covers that DS record set.
    pub(crate) fn covers(&self, claim: &Claim, records: &Values) -> bool {
        self.ds.get(&claim.ds) == Some(records)
    }

    /// Some claim covers what stands.
    pub(crate) fn covered(&self, scene: &Scene) -> bool {
        scene.records().is_some_and(|records| scene.claims.iter().any(|claim| self.covers(claim, records)))
    }

    fn learn(&mut self, batch: &Batch<'_>) -> Verdict {
        let Some(own) = batch.after.own(batch.owner) else { return Ok(()) };
        let then = batch.before.own(batch.owner);
        if let Some(asked) = batch.asked.as_ref().filter(|_| then.is_none_or(|then| then.ns != own.ns)) {
            let means = self.ns.entry(own.ns.clone()).or_insert_with(|| asked.servers.clone());
            check(means == asked.servers, "the claim's ns is not the digest of the name servers that are asked for")?;
        }
        let had = then.map(|own| own.ds.as_str()).unwrap_or_default();
        if own.ds.is_empty() || own.ds == had {
            return Ok(());
        }
        match batch.after.records() {
            Some(records) => {
                let means = self.ds.entry(own.ds.clone()).or_insert_with(|| records.clone());
                check(means == records || !batch.calm, "the claim's ds is not the digest of what stands")
            }
            None => check(!batch.calm, "the claim came to cover a DS record set where none stands"),
        }
    }

    /// Where the resource goes, nothing comes, and no DS record set but with the name servers or the last claim that covers it.
    fn check_farewell(&self, batch: &Batch<'_>) -> Verdict {
        let (before, after) = (batch.before, batch.after);
        check(after.ds.is_none() || after.ds == before.ds, "a Delete wrote a DS record set")?;
        if after.ds.is_some() || before.ds.is_none() || before.ns.is_some() && after.ns.is_none() {
            return Ok(());
        }
        check(self.was_last_to_cover(batch), "a Delete removed a DS record set that is not its resource's alone")
    }

    fn was_last_to_cover(&self, batch: &Batch<'_>) -> bool {
        let Some(records) = batch.before.records() else { return false };
        let own = batch.before.own(batch.owner);
        own.is_some_and(|own| self.covers(own, records))
            && !batch.after.claims.iter().any(|claim| claim.owner != batch.owner && self.covers(claim, records))
    }

    /// Create and Update: what they may add, replace, time anew and remove.
    fn check_change(&self, batch: &Batch<'_>, asked: &Asked<'_>) -> Verdict {
        let (before, after) = (batch.before, batch.after);
        if before.ds == after.ds {
            return Ok(());
        }
        let Some((records, ttl)) = &after.ds else {
            check(*asked.ds == Wanted::Off, "a DS record set was removed while Dnssec is true")?;
            let overwritten = asked.overwrite && self.covered(before);
            return check(
                self.was_last_to_cover(batch) || overwritten,
                "a DS record set was removed that is not the resource's alone",
            );
        };
        check(
            *asked.ds == Wanted::Records(records.clone()),
            "the DS records written are not those of the child's keys",
        )?;
        check(*ttl == asked.ds_ttl, "the TTL of the DS record set is not the one that is asked for")?;
        if before.records() == Some(records) {
            return Ok(());
        }
        let held = before.hold(asked.at).is_some();
        check(!held, "a DS record set was written while resolvers may hold the name servers that were displaced")?;
        let beside = after.ns.as_ref() == Some(asked.servers) || !batch.calm;
        check(beside, "a DS record set was written beside name servers that it is not for")?;
        let ours = |claim: &&Claim| claim.stack() == stack_of(batch.owner) && !claim.ds.is_empty();
        let may = before.ds.is_none() || asked.overwrite || before.claims.iter().any(|claim| ours(&claim));
        check(may, "a DS record set of somebody else was replaced")
    }

    /// Name servers and DS record set never change together, but where both come or go.
    fn check_name_servers(&self, batch: &Batch<'_>, asked: &Asked<'_>) -> Verdict {
        let (before, after) = (batch.before, batch.after);
        let Some(now) = after.ns.as_ref().filter(|now| before.ns.as_ref() != Some(now)) else { return Ok(()) };
        let own = before.own(batch.owner);
        let named = own.and_then(|own| self.servers(own));
        let forgotten = before.ns.is_none() && after.ds.is_some() && named.is_some_and(|named| named != now);
        check(!forgotten || !batch.calm, "other name servers than those removed by hand came beside a DS record set")?;
        if before.ns.is_some() {
            let puts_back = named == Some(now);
            let until = puts_back.then(|| asked.at + i64::from(before.ns_ttl)).max(before.hold(asked.at));
            let until = until.filter(|until| *until > asked.at);
            let holds = after.own(batch.owner).and_then(|own| own.hold);
            check(holds == until || !batch.calm, "the claim does not hold for as long as resolvers may")?;
            let written = after.ds.is_some() && after.records() != before.records();
            check(!written, "name servers changed in the batch that writes a DS record set")?;
            let under = before.ds.is_some() && batch.calm;
            return check(!under || puts_back, "name servers changed in a batch that found a DS record set");
        }
        let Some(records) = after.records().filter(|records| before.records() == Some(records)) else { return Ok(()) };
        let fits = *asked.ds == Wanted::Records(records.clone());
        let ours = |claim: &Claim| claim.stack() == stack_of(batch.owner) && self.covers(claim, records);
        let fits = fits || before.claims.iter().any(ours) || !batch.calm;
        check(fits, "a delegation was made under a DS record set of somebody else")
    }

    /// What the own claim may come to cover, and what it must.
    fn check_own(&self, batch: &Batch<'_>, asked: &Asked<'_>) -> Verdict {
        let (before, after) = (batch.before, batch.after);
        let Some(own) = after.own(batch.owner) else { return Ok(()) };
        let comes = before.own(batch.owner).is_none() && batch.calm;
        check(!comes || own.hold >= before.hold(asked.at), "a claim that comes forgets how long another one holds")?;
        let had = before.own(batch.owner).map(|own| own.ds.clone()).unwrap_or_default();
        let wrote = after.records().is_some() && after.records() != before.records();
        if wrote && batch.calm {
            let covers = after.records().is_some_and(|records| self.covers(own, records));
            return check(covers, "a DS record set was written, and its claim does not cover it");
        }
        if own.ds == had {
            return Ok(());
        }
        if own.ds.is_empty() {
            return check(*asked.ds == Wanted::Off, "a claim ceased to cover while Dnssec is true");
        }
        let shared = before.claims.iter().any(|claim| claim.owner != batch.owner && claim.ds == own.ds);
        check(*asked.ds != Wanted::Off, "a claim came to cover a DS record set while Dnssec is false")?;
        // What comes to a delegation that stands may be rolled back by its own Delete.
        let comes = !asked.in_place && !asked.overwrite && before.ns.is_some();
        check(
            shared || wrote || own.created && !comes,
            "a DS record set that was adopted, or found when sharing, is covered",
        )
    }

    /// No DS record set without name servers, and none without the claim that covered it.
    fn check_left(&self, batch: &Batch<'_>) -> Verdict {
        let (before, after) = (batch.before, batch.after);
        let bare = after.ds.is_some() && after.ns.is_none() && before.ns.is_some();
        check(!bare || !batch.calm, "a DS record set was left without name servers")?;
        let forgotten = self.covered(before) && after.ds.is_some() && !self.covered(after);
        check(!forgotten || !batch.calm, "no claim covers any more what one covered, and it stands")
    }
}

/// What other claims cover is theirs.
fn check_claims(batch: &Batch<'_>) -> Verdict {
    let others = batch.after.claims.iter().filter(|claim| claim.owner != batch.owner);
    let mut before = others.filter_map(|claim| Some((claim, batch.before.own(&claim.owner)?)));
    check(before.all(|(now, then)| now.ds == then.ds), "what the claim of another resource covers has changed")
}
