//! What a batch may do to the DS record set, and what a claim may say of it: the rules `DS-…` of
//! `docs/design.md`, as rules about a delegation point before and after a batch.

use super::ownership::{Asks, Batch, Intent, Stamp};
use super::record::{Claim, DAY, Scene, Values, ds_digest, ns_digest};

/// Which DS record set is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Off,
    Records(Values),
    /// The child is not signing, or not with the keys that are asked for.
    Unknown,
}

impl Wanted {
    /// Of a child zone that is signing, or not, with these active keys, each with its DS record.
    /// `names` are the keys that are asked for; otherwise all are.
    pub(crate) fn of(
        dnssec: bool,
        signing: bool,
        active: &[(String, String)],
        names: Option<&[String]>,
    ) -> Self {
        if !dnssec {
            return Self::Off;
        }
        let known = |name: &String| active.iter().any(|(key, _)| key == name);
        let asked = |key: &String| names.is_none_or(|names| names.contains(key));
        let all = names.is_none_or(|names| names.iter().all(known));
        let records: Values = active
            .iter()
            .filter(|(key, _)| asked(key))
            .map(|(_, record)| record.to_lowercase())
            .collect();
        if signing && all && !records.is_empty() { Self::Records(records) } else { Self::Unknown }
    }

    fn records(&self) -> Option<&Values> {
        match self {
            Self::Records(records) => Some(records),
            Self::Off | Self::Unknown => None,
        }
    }
}

type Checked = Result<(), String>;

fn check(holds: bool, wrong: &str) -> Checked {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

/// The facts about the DS record set that several rules need.
struct Facts<'a> {
    own: Option<&'a Claim>,
    /// The digest of what stands.
    secured: Option<String>,
    /// The own claim names it.
    ours: bool,
    /// Another claim names it, or a value that can't be read may.
    beside: bool,
    /// Resolvers may have other name servers than are wanted.
    held: bool,
    desired: Option<String>,
}

impl<'a> Facts<'a> {
    fn new(stamp: &Stamp, intent: &Intent, scene: &'a Scene) -> Self {
        let own = scene.record.own(&stamp.owner, stamp.now);
        let secured = scene.secured();
        let ours = secured.is_some() && own.is_some_and(|own| own.ds == secured);
        let beside = scene.is_secured_beside(&stamp.owner);
        let held = scene.hold(&intent.servers, stamp.at, stamp.now).is_some();
        Self { own, secured, ours, beside, held, desired: ns_digest(&intent.servers) }
    }

    /// A claim names both the desired name servers and what stands: they belong together.
    fn fits(&self, scene: &Scene) -> bool {
        let both =
            |claim: &Claim| claim.ds == self.secured && Some(&claim.ns) == self.desired.as_ref();
        self.secured.is_some() && scene.record.claims.iter().any(both)
    }

    fn own_names_desired(&self) -> bool {
        self.own.is_some_and(|own| Some(&own.ns) == self.desired.as_ref())
    }
}

/// An Update in place that leaves the name servers would change the DS records, were that not
/// refused.
pub(crate) fn would_change(stamp: &Stamp, intent: &Intent, scene: &Scene) -> bool {
    let facts = Facts::new(stamp, intent, scene);
    match &intent.ds {
        Wanted::Off => facts.ours && !facts.beside,
        // A key that is newly asked for may be misspelt, which must not pass for a roll-over.
        Wanted::Unknown => true,
        Wanted::Records(wanted) => scene.records() != Some(wanted) && !facts.held,
    }
}

/// The DS record set may forbid what the tables of ownership allow.
pub(crate) fn may_refuse(stamp: &Stamp, intent: &Intent, scene: &Scene) -> bool {
    let facts = Facts::new(stamp, intent, scene);
    let stands = scene.ds.is_some();
    let stays = scene.servers() == Some(&intent.servers);
    match &intent.ds {
        Wanted::Unknown => true,
        Wanted::Off => !stays && stands,
        Wanted::Records(_) if stays && intent.is_arrival() => false,
        Wanted::Records(wanted) if stays => stands && scene.records() != Some(wanted),
        Wanted::Records(_) if scene.ns.is_some() => true,
        // Where nothing stands, resolvers may have what somebody else's claim names.
        Wanted::Records(_) => {
            stands || (!facts.own_names_desired() && !scene.record.claims.is_empty())
        }
    }
}

/// Judges a batch.
pub(crate) fn judge(batch: &Batch<'_>) -> Checked {
    match batch.asks {
        Asks::Present(intent) => {
            let facts = Facts::new(batch.stamp, intent, batch.before);
            check_records(batch, intent, &facts)?;
            check_name_servers(batch, intent, &facts)?;
        }
        Asks::Absent { .. } => check_departure(batch)?,
    }
    let Batch { before, after, calm, .. } = batch;
    let bare = after.ds.is_some() && after.ns.is_none() && before.ns.is_some();
    check(!bare || !calm, "a DS record set was left without name servers")
}

/// Create and Update: what they may add, replace, time anew and remove.
fn check_records(batch: &Batch<'_>, intent: &Intent, facts: &Facts<'_>) -> Checked {
    let Batch { before, after, calm, .. } = batch;
    if before.ds == after.ds {
        return Ok(());
    }
    let found = intent.is_arrival() && before.servers() == Some(&intent.servers);
    check(
        !found || !calm,
        "an arrival changed the DS record set beside name servers that stood as wanted",
    )?;
    let Some(now) = &after.ds else {
        check(intent.ds == Wanted::Off, "a DS record set was removed while Dnssec is true")?;
        return check(
            facts.ours && !facts.beside,
            "a DS record set was removed that is not the resource's alone",
        );
    };
    check(
        intent.ds.records() == Some(&now.values),
        "the DS records written are not those of the child's keys",
    )?;
    check(
        now.ttl == intent.ds_ttl,
        "the TTL of the DS record set is not the one that is asked for",
    )?;
    if before.records() == Some(&now.values) {
        let may = !facts.beside || intent.changes_ds_ttl;
        return check(
            may,
            "the TTL of a DS record set that others manage changed with another property",
        );
    }
    check(!facts.beside, "a DS record set that another claim names was replaced")?;
    check(!facts.held, "a DS record set was written while resolvers may have other name servers")?;
    let beside = after.servers() == Some(&intent.servers);
    check(beside || !calm, "a DS record set was written beside name servers that it is not for")?;
    let may =
        before.ds.is_none() || intent.overwrite || facts.own.is_some_and(|own| own.ds.is_some());
    check(may, "a DS record set of somebody else was replaced")
}

/// Name servers and DS record set never change together, but where both come or go.
fn check_name_servers(batch: &Batch<'_>, intent: &Intent, facts: &Facts<'_>) -> Checked {
    let Batch { stamp, before, after, calm, .. } = batch;
    if before.servers() == after.servers() || !calm {
        return Ok(());
    }
    if before.ns.is_none() {
        let as_wanted = intent.ds.records().is_some() && intent.ds.records() == after.records();
        check(
            before.ds.is_none() || as_wanted || facts.fits(before),
            "a delegation was made under somebody's DS",
        )?;
        let other = |claim: &Claim| Some(&claim.ns) != facts.desired.as_ref();
        let forgotten = !facts.own_names_desired() && before.record.claims.iter().any(other);
        return check(
            !forgotten || after.ds.is_none(),
            "other name servers than those removed by hand came beside a DS record set",
        );
    }
    check(
        after.ds.is_none() || after.records() == before.records(),
        "name servers changed in the batch that writes a DS",
    )?;
    if before.ds.is_none() {
        return Ok(());
    }
    let current = before.current();
    let named = before.record.others(&stamp.owner).any(|claim| Some(&claim.ns) == current.as_ref());
    let back = facts.own_names_desired() && !named && !before.record.has_unreadable();
    check(back, "name servers changed in a batch that found a DS record set")?;
    check(
        !facts.beside || facts.fits(before),
        "name servers were put back under a DS that is for others",
    )
}

/// A DS record set goes with its name servers, and with the last claim that names it.
fn check_departure(batch: &Batch<'_>) -> Checked {
    let Batch { stamp, before, after, calm, .. } = batch;
    check(after.ds.is_none() || after.ds == before.ds, "a Delete wrote a DS record set")?;
    if !calm || before.ds.is_none() {
        return Ok(());
    }
    if before.servers() != after.servers() {
        return check(after.ds.is_none(), "a DS record set was left to other name servers");
    }
    let own = before.record.own(&stamp.owner, stamp.now);
    let leaves = own.is_some() && after.record.own(&stamp.owner, stamp.now).is_none();
    let ours = own.is_some_and(|own| own.ds == before.secured());
    let goes = leaves && ours && !before.is_secured_beside(&stamp.owner);
    check(
        goes == after.ds.is_none(),
        "a DS record set goes with the last claim that names it, and only then",
    )
}

/// What the claim that a Create or an Update writes says of the DS record set.
pub(crate) fn check_claim(batch: &Batch<'_>, intent: &Intent) -> Checked {
    let Batch { stamp, before, after, .. } = batch;
    let facts = Facts::new(stamp, intent, before);
    let Some(now) = after.record.own(&stamp.owner, stamp.now) else { return Ok(()) };
    let had = facts.own.and_then(|own| own.ds.clone());
    let found = intent.is_arrival() && before.servers() == Some(&intent.servers);
    let as_wanted = intent.ds.records().is_some() && before.records() == intent.ds.records();
    let shared = || facts.secured.clone().filter(|_| facts.beside);
    let expected = match &intent.ds {
        Wanted::Off => None,
        Wanted::Records(records) if !as_wanted && after.records() == Some(records) => {
            ds_digest(records)
        }
        Wanted::Records(_) if found => shared().filter(|_| as_wanted),
        Wanted::Unknown if found => shared(),
        Wanted::Records(_) if as_wanted => {
            let settled = after.origin().is_none();
            facts.secured.clone().filter(|_| facts.ours || settled || facts.beside)
        }
        Wanted::Records(_) | Wanted::Unknown => had,
    };
    if now.ds != expected {
        return Err(format!(
            "the claim manages the DS record set {:?}, and by the rules {expected:?}",
            now.ds
        ));
    }
    let changed = before.ns.as_ref().filter(|_| before.servers() != after.servers());
    let drifted = facts.own.is_some() && changed.is_some() && after.origin().is_none() && {
        let current = before.current();
        before.record.claims.iter().all(|claim| Some(&claim.ns) != current.as_ref())
    };
    let rollback = before.ds.is_none()
        && facts.own.is_some_and(|own| {
            let age = stamp.at - own.at;
            own.was.as_ref() == Some(&intent.digest)
                && own.intent != intent.digest
                && (0..=DAY).contains(&age)
        });
    // Name servers change, and the DS record set that is wanted waits until resolvers have
    // forgotten the others.
    let deferred = intent.ds.records().is_some() && !as_wanted && (facts.held || rollback);
    let back = changed.filter(|_| facts.own_names_desired() || drifted || deferred);
    let until = back.map(|set| stamp.at + i64::from(set.ttl));
    let expected = until.max(before.hold(&intent.servers, stamp.at, stamp.now));
    if now.hold != expected {
        return Err(format!(
            "the claim holds until {:?}, and resolvers may until {expected:?}",
            now.hold
        ));
    }
    Ok(())
}
