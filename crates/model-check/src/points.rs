//! The contents of delegation points, and the planner's decisions about them. Each content is
//! stored once, and each decision is requested once, because the planner is pure.

mod text;

use std::collections::HashMap;

use delegation_model::digest::Digest;
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{Claim, ClaimBasis, OwnershipRecord, Value, record_name};
use delegation_model::reconcile::{
    Decision, DeleteGoal, Goal, Observation, ReconciliationPlan, plan_create_update, plan_delete,
};
use delegation_model::record_set::{Change, RecordSet, RecordType};
use delegation_model::ttl::Ttl;

use crate::values::{RESOURCES, START, Values};

/// The content of a delegation point, as an index into [`Points`].
pub(crate) type PointId = u32;

/// A delegation point before and after a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PointChange {
    pub(crate) before: PointId,
    pub(crate) after: PointId,
}

/// The content of a delegation point, in the terms of the properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PointView {
    /// The letter of the name servers.
    pub(crate) servers: Option<u8>,
    pub(crate) ttl: u32,
    /// The records of the DS record set.
    pub(crate) ds: Option<DsRecords>,
    /// Four times the letter whose child zone has the keys, plus the bits of the keys. The bits are
    /// 0 for keys of another zone.
    pub(crate) ds_index: Option<u8>,
    pub(crate) ds_ttl: u32,
    pub(crate) claims: Vec<ClaimView>,
    /// The origin of the current name servers: `Some(None)` if they existed before their first
    /// holder, otherwise the letter that they displaced.
    pub(crate) origin: Option<Option<u8>>,
    /// True if the record states an origin, whichever name servers it is about.
    pub(crate) records_origin: bool,
    /// The resource and the time of each tombstone.
    pub(crate) tombstones: Vec<(u8, i64)>,
    /// Values that are neither a claim nor an origin nor a tombstone.
    pub(crate) foreign: usize,
}

/// The state that claims are compared with.
#[derive(Clone, Copy, Debug)]
struct CurrentState {
    servers: Option<Digest>,
    ds: Option<Digest>,
    /// The time of the displacement, if the delegation is unsettled because of one.
    displaced_at: Option<i64>,
}

/// A claim, in the terms of the properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimView {
    pub(crate) resource: u8,
    pub(crate) servers: Option<u8>,
    /// The digest of what its resource asks for.
    pub(crate) intent: Digest,
    /// True if it manages the current DS record set.
    pub(crate) names_ds: bool,
    /// The time of its request, in seconds since the start.
    pub(crate) time: i64,
    pub(crate) lasting: bool,
    pub(crate) updated: bool,
    /// True if it records where a move came from.
    pub(crate) moved: bool,
    /// True if it holds the current name servers.
    pub(crate) holds: bool,
}

impl PointView {
    /// Returns the claim of a resource; of several, the earliest (TRUST-1).
    pub(crate) fn claim(&self, resource: u8) -> Option<&ClaimView> {
        let own = self.claims.iter().filter(|claim| claim.resource == resource);
        own.min_by_key(|claim| claim.time)
    }

    /// Returns the time of the tombstone of a resource; of several, the earliest (TRUST-1).
    pub(crate) fn tombstone(&self, resource: u8) -> Option<i64> {
        self.tombstones.iter().filter(|(of, _)| *of == resource).map(|(_, time)| *time).min()
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Decided {
    Proceed(Box<ReconciliationPlan>),
    Refused,
    Overtaken,
}

impl Decided {
    fn new(decision: Decision) -> Self {
        match decision {
            Decision::Proceed(plan) => Self::Proceed(Box::new(plan)),
            Decision::Refuse(_) => Self::Refused,
            Decision::Overtaken(_) => Self::Overtaken,
        }
    }

    pub(crate) fn plan(&self) -> Option<&ReconciliationPlan> {
        match self {
            Self::Proceed(plan) => Some(plan),
            Self::Refused | Self::Overtaken => None,
        }
    }

    /// Returns true if there is nothing to send.
    pub(crate) fn is_idle(&self) -> bool {
        self.plan().is_none_or(|plan| plan.changes.is_empty())
    }

    pub(crate) fn warns(&self, code: &str) -> bool {
        self.plan().is_some_and(|plan| plan.warnings.iter().any(|warning| warning.code() == code))
    }
}

/// Every content of a delegation point that was met so far.
#[derive(Debug)]
pub(crate) struct Points {
    pub(crate) values: Values,
    record: Name,
    contents: Vec<Observation>,
    views: Vec<PointView>,
    index: HashMap<String, PointId>,
}

impl Points {
    pub(crate) fn new() -> Self {
        let values = Values::new();
        let record = record_name(&values.cut).unwrap_or_else(|| unreachable!("the name is short"));
        let mut points =
            Self { values, record, contents: Vec::new(), views: Vec::new(), index: HashMap::new() };
        points.intern(Observation::default());
        points
    }

    /// The point without any record set.
    pub(crate) const EMPTY: PointId = 0;

    pub(crate) fn len(&self) -> usize {
        self.contents.len()
    }

    pub(crate) fn contents(&self, id: PointId) -> &Observation {
        &self.contents[id as usize]
    }

    pub(crate) fn view(&self, id: PointId) -> &PointView {
        &self.views[id as usize]
    }

    /// Returns the claim of a resource at a point.
    pub(crate) fn own(&self, id: PointId, resource: u8, now: i64) -> Option<Claim> {
        let claimant = &self.values.claimants[usize::from(resource)];
        self.contents(id).record().own(claimant, START + now).cloned()
    }

    fn intern(&mut self, mut observed: Observation) -> PointId {
        observed.at_cut.sort_by(|one, other| one.record_type.cmp(&other.record_type));
        // The order in which Route 53 lists values has no meaning.
        if let Some(set) = &mut observed.ownership {
            set.values.sort();
        }
        let key = observed
            .at_cut
            .iter()
            .chain(&observed.ownership)
            .map(|set| format!("{set}\n"))
            .collect::<String>();
        if let Some(id) = self.index.get(&key) {
            return *id;
        }
        let id = PointId::try_from(self.contents.len())
            .unwrap_or_else(|_| unreachable!("too many points"));
        self.views.push(self.describe(&observed));
        self.contents.push(observed);
        self.index.insert(key, id);
        id
    }

    fn describe(&self, observed: &Observation) -> PointView {
        let record = observed.record();
        let servers = observed.name_servers();
        let digest = servers.as_ref().map(Digest::from_name_servers);
        let ds = observed.ds().as_ref().map(Digest::from_ds);
        let ttl = observed.at_cut(&RecordType::Ns).and_then(|set| set.ttl).map_or(0, Ttl::seconds);
        let recorded_origin = record.iter().find_map(|value| match value {
            Value::Origin(origin) => Some(origin),
            _ => None,
        });
        // This does not use the rules of the ownership record, because they are under test.
        let origin = recorded_origin.filter(|origin| Some(origin.of) == digest);
        let displaced_at =
            origin.and_then(|origin| origin.displaced.as_ref()).map(|displaced| displaced.time);
        let current = CurrentState { servers: digest, ds, displaced_at };
        let claims = record.claims().filter_map(|claim| self.claim_view(claim, current));
        let origin = origin.map(|origin| {
            let displaced = origin.displaced.as_ref();
            displaced.and_then(|displaced| self.letter_of(&displaced.name_servers))
        });
        let stone = |value: &Value| match value {
            Value::Tombstone(stone) => {
                let resource =
                    self.values.claimants.iter().position(|claimant| claimant.id() == stone.id)?;
                Some((u8::try_from(resource).ok()?, stone.time - START))
            }
            _ => None,
        };
        PointView {
            tombstones: record.iter().filter_map(stone).collect(),
            servers: servers.as_ref().and_then(|servers| self.letter_of(servers)),
            ttl,
            ds_index: observed.ds().and_then(|ds| self.index_of_ds(&ds)),
            ds_ttl: observed
                .at_cut(&RecordType::Ds)
                .and_then(|set| set.ttl)
                .map_or(0, Ttl::seconds),
            ds: observed.ds(),
            claims: claims.collect(),
            origin,
            records_origin: recorded_origin.is_some(),
            foreign: record
                .iter()
                .filter(|value| matches!(value, Value::Unreadable | Value::Foreign))
                .count(),
        }
    }

    fn claim_view(&self, claim: &Claim, current: CurrentState) -> Option<ClaimView> {
        let resource =
            self.values.claimants.iter().position(|claimant| claimant.id() == claim.id)?;
        Some(ClaimView {
            resource: u8::try_from(resource).ok()?,
            servers: self.values.letter_of(claim.ns),
            intent: claim.intent,
            names_ds: current.ds.is_some() && claim.ds == current.ds,
            time: claim.stamp.time - START,
            lasting: claim.basis != ClaimBasis::Came,
            updated: claim.basis == ClaimBasis::Updated,
            moved: claim.from.is_some(),
            holds: current.servers == Some(claim.ns)
                && (current.displaced_at.is_none() || current.displaced_at == claim.saw),
        })
    }

    fn letter_of(&self, servers: &NameServers) -> Option<u8> {
        let index = self.values.servers.iter().position(|known| known == servers)?;
        u8::try_from(index).ok()
    }

    fn index_of_ds(&self, ds: &DsRecords) -> Option<u8> {
        let all = self.values.ds.iter().flatten().position(|known| known == ds)?;
        u8::try_from(all).ok()
    }

    /// Applies a batch as Route 53 does: completely, and only if each DELETE matches a current
    /// record set and no CREATE meets an existing one. Returns `None` if the batch is rejected.
    pub(crate) fn apply(&mut self, id: PointId, changes: &[Change]) -> Option<PointId> {
        let mut observed = self.contents(id).clone();
        for change in changes {
            let set = change.record_set();
            let is_record = set.record_type == RecordType::Txt && set.name == self.record;
            assert!(
                is_record || set.name == self.values.cut,
                "a batch changes a record set outside the delegation: {change}"
            );
            let current = if is_record {
                observed.ownership.as_ref()
            } else {
                observed.at_cut(&set.record_type)
            };
            let creates = match change {
                Change::Create(_) if current.is_some() => return None,
                Change::Delete(set) if current.is_none_or(|current| !is_same(current, set)) => {
                    return None;
                }
                Change::Create(_) => true,
                Change::Delete(_) => false,
            };
            let set = creates.then(|| set.clone());
            if is_record {
                observed.ownership = set;
            } else {
                let record_type = change.record_set().record_type.clone();
                observed.at_cut.retain(|other| other.record_type != record_type);
                observed.at_cut.extend(set);
            }
        }
        Some(self.intern(observed))
    }

    /// Replaces, sets or removes a record set at the cut by hand.
    pub(crate) fn put(
        &mut self,
        id: PointId,
        record_type: RecordType,
        set: Option<(Ttl, Vec<String>)>,
    ) -> PointId {
        let mut observed = self.contents(id).clone();
        observed.at_cut.retain(|other| other.record_type != record_type);
        let cut = self.values.cut.clone();
        observed
            .at_cut
            .extend(set.map(|(ttl, values)| RecordSet::new(cut, record_type, ttl, values)));
        self.intern(observed)
    }

    /// Removes the ownership record by hand.
    pub(crate) fn remove_record(&mut self, id: PointId) -> PointId {
        let mut observed = self.contents(id).clone();
        observed.ownership = None;
        self.intern(observed)
    }

    /// Edits the ownership record by hand.
    pub(crate) fn edit_record(
        &mut self,
        id: PointId,
        edit: impl FnOnce(&mut OwnershipRecord),
    ) -> PointId {
        let mut observed = self.contents(id).clone();
        let mut record = observed.record();
        edit(&mut record);
        let values = record.values();
        let name = self.record.clone();
        observed.ownership = (!values.is_empty())
            .then(|| RecordSet::new(name, RecordType::Txt, Ttl::OWNERSHIP, values));
        self.intern(observed)
    }

    pub(crate) fn plan_create_update_at(&self, goal: &Goal, id: PointId) -> Decided {
        Decided::new(plan_create_update(goal, self.contents(id)))
    }

    pub(crate) fn plan_delete_at(&self, goal: &DeleteGoal, id: PointId) -> Decided {
        Decided::new(plan_delete(goal, self.contents(id)))
    }

    /// Returns the text of every value that does not belong to this resource, which the resource
    /// must not write. An origin and a tombstone belong to no resource.
    pub(crate) fn values_of_others(&self, id: PointId, resource: u8) -> Vec<String> {
        let own = self
            .values
            .claimants
            .get(usize::from(resource))
            .map(delegation_model::ownership_record::Claimant::id);
        let others = |value: &Value| match value {
            Value::Claim(claim) => Some(claim.id) != own,
            Value::Unreadable | Value::Foreign => true,
            Value::Origin(_) | Value::Tombstone(_) => false,
        };
        let record = self.contents(id).record();
        let values = record.values();
        let mut kept: Vec<String> =
            values.into_iter().filter(|text| others(&Value::parse(text))).collect();
        kept.sort();
        kept
    }
}

/// Compares two record sets, ignoring the order of their values.
fn is_same(one: &RecordSet, other: &RecordSet) -> bool {
    let sorted = |set: &RecordSet| {
        let mut values = set.values.clone();
        values.sort();
        values
    };
    one.ttl == other.ttl && sorted(one) == sorted(other)
}

const _: () = assert!(RESOURCES.len() == 3);
