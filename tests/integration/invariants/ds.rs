//! The rules `DS-…` of `docs/design.md`, as rules about a delegation point before and after a
//! batch: what a batch may do to the DS record set, and what a claim may record about it.

use super::ownership::{Asks, Batch, Intent, Stamp};
use super::record::{Claim, DAY, PointState, Values, ds_digest, ns_digest};

/// The DS record set that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestedDs {
    Off,
    Records(Values),
    /// The child zone is not signing, or not with the requested keys.
    Unknown,
}

impl RequestedDs {
    /// The request for a child zone that is signing with these active keys, and their DS records.
    /// `names` are the requested keys; `None` requests all.
    pub(crate) fn from_keys(active: &[(String, String)], names: Option<&[String]>) -> Self {
        let known = |name: &String| active.iter().any(|(key, _)| key == name);
        let is_requested = |key: &String| names.is_none_or(|names| names.contains(key));
        let all = names.is_none_or(|names| names.iter().all(known));
        let records: Values = active
            .iter()
            .filter(|(key, _)| is_requested(key))
            .map(|(_, record)| record.to_lowercase())
            .collect();
        if all && !records.is_empty() { Self::Records(records) } else { Self::Unknown }
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
    /// The digest of the current DS record set.
    current_ds: Option<String>,
    /// True if the resource's claim names it.
    ours: bool,
    /// True if another claim names it, or an unreadable value may.
    managed_by_others: bool,
    /// True if resolvers may have name servers other than the desired ones.
    is_ds_blocked: bool,
    desired: Option<String>,
}

impl<'a> Facts<'a> {
    fn new(stamp: &Stamp, intent: &Intent, point_state: &'a PointState) -> Self {
        let own = point_state.record.own(&stamp.owner, stamp.now);
        let current_ds = point_state.current_ds();
        let ours = current_ds.is_some() && own.is_some_and(|own| own.ds == current_ds);
        let managed_by_others = point_state.is_ds_managed_by_others(&stamp.owner);
        let is_ds_blocked =
            point_state.ds_blocked_until(&intent.servers, stamp.at, stamp.now).is_some();
        Self {
            own,
            current_ds,
            ours,
            managed_by_others,
            is_ds_blocked,
            desired: ns_digest(&intent.servers),
        }
    }

    /// Returns true if a claim names both the desired name servers and the current DS record set.
    fn fits(&self, point_state: &PointState) -> bool {
        let both =
            |claim: &Claim| claim.ds == self.current_ds && Some(&claim.ns) == self.desired.as_ref();
        self.current_ds.is_some() && point_state.record.claims.iter().any(both)
    }

    fn own_names_desired(&self) -> bool {
        self.own.is_some_and(|own| Some(&own.ns) == self.desired.as_ref())
    }
}

/// Returns true if an Update in place that leaves the name servers would change the DS records if
/// it were not refused.
pub(crate) fn would_change(stamp: &Stamp, intent: &Intent, point_state: &PointState) -> bool {
    let facts = Facts::new(stamp, intent, point_state);
    match &intent.ds {
        RequestedDs::Off => facts.ours && !facts.managed_by_others,
        // A newly requested key may be misspelled, which must not look like a rollover.
        RequestedDs::Unknown => true,
        RequestedDs::Records(requested) => {
            point_state.records() != Some(requested) && !facts.is_ds_blocked
        }
    }
}

/// Returns true if the DS record set may prevent what the tables of ownership allow.
pub(crate) fn may_refuse(stamp: &Stamp, intent: &Intent, point_state: &PointState) -> bool {
    let facts = Facts::new(stamp, intent, point_state);
    let exists = point_state.ds.is_some();
    let unchanged = point_state.servers() == Some(&intent.servers);
    match &intent.ds {
        RequestedDs::Unknown => true,
        RequestedDs::Off => !unchanged && exists,
        RequestedDs::Records(_) if unchanged && intent.is_arrival() => false,
        RequestedDs::Records(requested) if unchanged => {
            exists && point_state.records() != Some(requested)
        }
        RequestedDs::Records(_) if point_state.ns.is_some() => true,
        // If no NS record set exists, resolvers may have the name servers of another claim.
        RequestedDs::Records(_) => {
            exists || (!facts.own_names_desired() && !point_state.record.claims.is_empty())
        }
    }
}

/// Checks a batch against the rules.
pub(crate) fn check_batch(batch: &Batch<'_>) -> Checked {
    match batch.asks {
        Asks::CreateUpdate(intent) => {
            let facts = Facts::new(batch.stamp, intent, batch.before);
            check_records(batch, intent, &facts)?;
            check_name_servers(batch, intent, &facts)?;
        }
        Asks::Delete(_) => check_delete(batch)?,
    }
    let Batch { before, after, undisturbed, .. } = batch;
    let bare = after.ds.is_some() && after.ns.is_none() && before.ns.is_some();
    check(!bare || !undisturbed, "a DS record set was left without name servers")
}

/// Checks what a Create or an Update may add, replace, remove, and give another TTL.
fn check_records(batch: &Batch<'_>, intent: &Intent, facts: &Facts<'_>) -> Checked {
    let Batch { before, after, undisturbed, .. } = batch;
    if before.ds == after.ds {
        return Ok(());
    }
    let arrives_as_desired = intent.is_arrival() && before.servers() == Some(&intent.servers);
    check(
        !arrives_as_desired || !undisturbed,
        "an arrival changed the DS record set of a delegation that was as desired",
    )?;
    let Some(now) = &after.ds else {
        check(intent.ds == RequestedDs::Off, "a DS record set was removed while Dnssec is true")?;
        return check(
            facts.ours && !facts.managed_by_others,
            "a DS record set was removed that others manage, too",
        );
    };
    check(
        intent.ds.records() == Some(&now.values),
        "the DS records written are not those of the child's keys",
    )?;
    check(now.ttl == intent.ds_ttl, "the TTL of the DS record set is not the desired one")?;
    if before.records() == Some(&now.values) {
        let may = !facts.managed_by_others || intent.changes_ds_ttl;
        return check(
            may,
            "the TTL of a DS record set that others manage changed with another property",
        );
    }
    check(!facts.managed_by_others, "a DS record set that another claim manages was replaced")?;
    check(
        !facts.is_ds_blocked,
        "a DS record set was written while resolvers may have other name servers",
    )?;
    let managed_by_others = after.servers() == Some(&intent.servers);
    check(
        managed_by_others || !undisturbed,
        "a DS record set was written for other name servers than the desired ones",
    )?;
    let may =
        before.ds.is_none() || intent.overwrite || facts.own.is_some_and(|own| own.ds.is_some());
    check(may, "a DS record set that the claim does not manage was replaced")
}

/// Checks that name servers and DS record set never change together, except when both are added or
/// removed.
fn check_name_servers(batch: &Batch<'_>, intent: &Intent, facts: &Facts<'_>) -> Checked {
    let Batch { stamp, before, after, undisturbed, .. } = batch;
    if before.servers() == after.servers() || !undisturbed {
        return Ok(());
    }
    if before.ns.is_none() {
        let as_desired = intent.ds.records().is_some() && intent.ds.records() == after.records();
        check(
            before.ds.is_none() || as_desired || facts.fits(before),
            "a delegation was created under an unrelated DS record set",
        )?;
        let other = |claim: &Claim| Some(&claim.ns) != facts.desired.as_ref();
        let forgotten = !facts.own_names_desired() && before.record.claims.iter().any(other);
        return check(
            !forgotten || after.ds.is_none(),
            "name servers that were removed by hand were replaced by others with a DS record set",
        );
    }
    check(
        after.ds.is_none() || after.records() == before.records(),
        "name servers changed in the batch that writes a DS record set",
    )?;
    if before.ds.is_none() {
        return Ok(());
    }
    let current = before.current();
    let named = before.record.others(&stamp.owner).any(|claim| Some(&claim.ns) == current.as_ref());
    let restores = facts.own_names_desired() && !named && !before.record.has_unreadable();
    check(restores, "name servers changed in a batch that found a DS record set")?;
    check(
        !facts.managed_by_others || facts.fits(before),
        "name servers were restored under a DS record set for others",
    )
}

/// Checks that a Delete removes a DS record set with its name servers, or with the last claim that
/// names it.
fn check_delete(batch: &Batch<'_>) -> Checked {
    let Batch { stamp, before, after, undisturbed, .. } = batch;
    check(after.ds.is_none() || after.ds == before.ds, "a Delete wrote a DS record set")?;
    if !undisturbed || before.ds.is_none() {
        return Ok(());
    }
    if before.servers() != after.servers() {
        return check(after.ds.is_none(), "a DS record set was left under other name servers");
    }
    let own = before.record.own(&stamp.owner, stamp.now);
    let leaves = own.is_some() && after.record.own(&stamp.owner, stamp.now).is_none();
    let ours = own.is_some_and(|own| own.ds == before.current_ds());
    let goes = leaves && ours && !before.is_ds_managed_by_others(&stamp.owner);
    check(
        goes == after.ds.is_none(),
        "a DS record set is removed with the last claim that names it, and only then",
    )
}

/// Checks what the claim of a Create or an Update records about the DS record set.
pub(crate) fn check_claim(batch: &Batch<'_>, intent: &Intent) -> Checked {
    let Batch { stamp, before, after, .. } = batch;
    let facts = Facts::new(stamp, intent, before);
    let Some(now) = after.record.own(&stamp.owner, stamp.now) else { return Ok(()) };
    let had = facts.own.and_then(|own| own.ds.clone());
    let arrives_as_desired = intent.is_arrival() && before.servers() == Some(&intent.servers);
    let as_desired = intent.ds.records().is_some() && before.records() == intent.ds.records();
    let shared = || facts.current_ds.clone().filter(|_| facts.managed_by_others);
    let expected = match &intent.ds {
        RequestedDs::Off => None,
        RequestedDs::Records(records) if !as_desired && after.records() == Some(records) => {
            ds_digest(records)
        }
        RequestedDs::Records(_) if arrives_as_desired => shared().filter(|_| as_desired),
        RequestedDs::Unknown if arrives_as_desired => shared(),
        RequestedDs::Records(_) if as_desired => {
            let settled = after.origin().is_none();
            facts.current_ds.clone().filter(|_| facts.ours || settled || facts.managed_by_others)
        }
        RequestedDs::Records(_) | RequestedDs::Unknown => had,
    };
    if now.ds != expected {
        return Err(format!(
            "the claim manages the DS record set {:?}, but by the rules {expected:?}",
            now.ds
        ));
    }
    let changed = before.ns.as_ref().filter(|_| before.servers() != after.servers());
    let drifted = facts.own.is_some() && changed.is_some() && after.origin().is_none() && {
        let current = before.current();
        let names = |claim: &Claim| Some(&claim.ns) == current.as_ref();
        let own_names = facts.own.is_some_and(names);
        let named_by_others = before.record.others(&stamp.owner).any(names);
        !own_names && !named_by_others
    };
    let rollback = before.ds.is_none()
        && facts.own.is_some_and(|own| {
            let age = stamp.at - own.at;
            own.was.as_ref() == Some(&intent.digest)
                && own.intent != intent.digest
                && (0..=DAY).contains(&age)
        });
    // The name servers change, and the desired DS record set waits until resolvers no longer have
    // the others.
    let deferred =
        intent.ds.records().is_some() && !as_desired && (facts.is_ds_blocked || rollback);
    let restores = changed.filter(|_| facts.own_names_desired() || drifted || deferred);
    let until = restores.map(|set| stamp.at + i64::from(set.ttl));
    let expected = until.max(before.ds_blocked_until(&intent.servers, stamp.at, stamp.now));
    if now.hold != expected {
        return Err(format!(
            "the claim has the hold {:?}, but by the rules {expected:?}",
            now.hold
        ));
    }
    Ok(())
}
