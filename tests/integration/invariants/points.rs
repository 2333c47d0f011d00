//! Generates arbitrary delegation points and requests, in memory. A batch is applied as Route 53
//! applies it: completely, and only if every DELETE matches a current record set and no CREATE
//! meets an existing one.

use delegation_model::digest::{Digest, Intent as Properties, RequestDigest};
use delegation_model::ds::DsRecords;
use delegation_model::ids::ZoneId;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{
    Claim, ClaimBasis, Claimant, Displaced, MovedFrom, Origin, OwnershipRecord, Stamp,
};
use delegation_model::parent::ParentZone;
use delegation_model::reconcile::{
    DeleteGoal, DeleteReason, DesiredDs, FailedCheck, Goal, Observation, ReconciliationPlan,
    UpdateBehavior,
};
use delegation_model::record_set::{Change, RecordSet, RecordType};
use delegation_model::ttl::Ttl;
use proptest::prelude::*;

use super::ds::RequestedDs;
use super::ownership::{self, Asks, Behavior, Delete, Reason};
use super::record::{self, DAY, PointState, Record, Set, plain};

pub(super) const CUT: &str = "testing.example.com";
const RECORD: &str = "_delegation-testing.example.com";
/// The time of the requests. The current state was written in the days before.
pub(super) const NOW: i64 = 1_800_000_000;
/// The stack and the logical id of each resource. The first two belong to one stack.
pub(super) const RESOURCES: [(&str, &str); 3] =
    [("one", "Alpha"), ("one", "Beta"), ("two", "Alpha")];
/// The length of the longest values.
const LONG: usize = 3_800;

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Returns one name server per letter.
pub(super) fn servers(letters: &str) -> NameServers {
    let names: Vec<String> = letters.chars().map(|letter| format!("ns1.{letter}.net")).collect();
    NameServers::parse(&names).unwrap()
}

/// Returns one DS record per letter, which denotes a key.
pub(super) fn keys(letters: &str) -> DsRecords {
    DsRecords::new(letters.bytes().map(|letter| format!("{letter} 13 2 AB").parse().unwrap()))
        .unwrap()
}

fn set(record_type: RecordType, ttl: i64, values: Vec<String>) -> RecordSet {
    RecordSet::new(name(CUT), record_type, Ttl::new(ttl).unwrap(), values)
}

pub(super) fn claimant(resource: usize) -> Claimant {
    let (stack, logical_id) = RESOURCES[resource];
    let arn = format!("arn:aws:cloudformation:eu-west-1:111111111111:stack/{stack}/1");
    Claimant::new(&arn, logical_id, &name(CUT))
}

pub(super) fn owner(resource: usize) -> String {
    let (stack, logical_id) = RESOURCES[resource];
    format!("{stack}/{logical_id}")
}

fn moved_from(zone: &str) -> MovedFrom {
    let zone: ZoneId = zone.parse().unwrap();
    let route = Digest::from_route(&ParentZone::Id(zone.clone()), None, &name(CUT));
    MovedFrom { zone: Some(zone), route }
}

/// The properties of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "the properties are independent switches")]
pub(super) struct Intent {
    pub(super) servers: &'static str,
    pub(super) ttl: i64,
    pub(super) dnssec: bool,
    /// `None` if they are not known.
    pub(super) keys: Option<&'static str>,
    pub(super) ds_ttl: i64,
    pub(super) overwrite: bool,
    pub(super) allowed: bool,
    pub(super) failing_check: bool,
}

impl Intent {
    /// Returns the digest of the intent.
    pub(super) fn digest(&self) -> Digest {
        let name_servers = servers(self.servers);
        Digest::from_intent(&Properties {
            child_zone: None,
            name_servers: Some(&name_servers),
            dnssec: self.dnssec,
            key_signing_keys: None,
        })
    }
}

/// A delegation point, with the current time.
#[derive(Clone, Debug)]
pub(super) struct TestPoint {
    pub(super) observed: Observation,
    pub(super) clock: i64,
    pub(super) requests: u32,
}

impl TestPoint {
    pub(super) fn new() -> Self {
        Self { observed: Observation::default(), clock: NOW, requests: 0 }
    }

    pub(super) fn point_state(&self) -> PointState {
        let set = |record_type: &RecordType| {
            let set: &RecordSet = self.observed.at_cut(record_type)?;
            Some(Set::new(&set.values, set.ttl.map(Ttl::seconds).unwrap_or_default()))
        };
        let values =
            self.observed.ownership.as_ref().map(|set| set.values.clone()).unwrap_or_default();
        PointState {
            ns: set(&RecordType::Ns),
            ds: set(&RecordType::Ds),
            record: Record::read(&values),
        }
    }

    pub(super) fn write_record(&mut self, values: Vec<String>) {
        self.observed.ownership = (!values.is_empty())
            .then(|| RecordSet::new(name(RECORD), RecordType::Txt, Ttl::OWNERSHIP, values));
    }

    pub(super) fn put(&mut self, record_type: RecordType, ttl: i64, values: Vec<String>) {
        self.remove(&record_type);
        self.observed.at_cut.push(set(record_type, ttl, values));
    }

    pub(super) fn remove(&mut self, record_type: &RecordType) {
        self.observed.at_cut.retain(|set| set.record_type != *record_type);
    }

    pub(super) fn drop_claim(&mut self, resource: usize) {
        let mut record = self.observed.record();
        record.remove_claim(&claimant(resource));
        self.write_record(record.values());
    }

    fn stamp(&mut self) -> Stamp {
        self.clock += 1;
        self.requests += 1;
        Stamp { time: self.clock, request: RequestDigest::new(&self.requests.to_string()) }
    }

    pub(super) fn goal(
        &mut self,
        resource: usize,
        behavior: UpdateBehavior,
        intent: &Intent,
        old: Option<&Intent>,
    ) -> Goal {
        let stamp = self.stamp();
        let ds = match intent.keys {
            _ if !intent.dnssec => DesiredDs::Off,
            Some(letters) => DesiredDs::Records(keys(letters)),
            None => DesiredDs::Unknown { why: "the child zone is not signing".into() },
        };
        let failed = FailedCheck { code: "test-check", message: "A check failed.".into() };
        let old = old.filter(|_| behavior != UpdateBehavior::Create);
        Goal {
            name: name(CUT),
            claimant: claimant(resource),
            stamp,
            now: self.clock,
            intent: intent.digest(),
            old_intent: old.map(Intent::digest),
            name_servers: Some(servers(intent.servers)),
            ttl: Ttl::new(intent.ttl).unwrap(),
            changes_ttl: old.is_some_and(|old| old.ttl != intent.ttl),
            ds,
            keys_since: None,
            ds_ttl: Ttl::new(intent.ds_ttl).unwrap(),
            changes_ds_ttl: old.is_some_and(|old| old.ds_ttl != intent.ds_ttl),
            allow_overwrite: intent.overwrite,
            allow_occlusion: false,
            allowed: intent.allowed,
            listed: false,
            failed_check: intent.failing_check.then_some(failed),
            behavior,
        }
    }

    pub(super) fn delete_goal(&mut self, resource: usize, reason: DeleteReason) -> DeleteGoal {
        let stamp = self.stamp();
        DeleteGoal {
            name: name(CUT),
            claimant: claimant(resource),
            stamp,
            now: self.clock,
            reason,
            known_name_servers: None,
            allowed: true,
            restore_rejected: false,
        }
    }

    /// Applies a plan. An error says why Route 53 would reject it.
    pub(super) fn apply(&mut self, plan: &ReconciliationPlan) -> Result<(), String> {
        for change in &plan.changes {
            let (set, creates) = match change {
                Change::Create(set) => (set, true),
                Change::Delete(set) => (set, false),
            };
            let record = set.record_type == RecordType::Txt && set.name == name(RECORD);
            if !record && (set.name != name(CUT) || !set.record_type.is_of_delegation()) {
                return Err(format!("neither the delegation nor its ownership record: {change}"));
            }
            let current = if record {
                self.observed.ownership.clone()
            } else {
                self.observed.at_cut(&set.record_type).cloned()
            };
            match (creates, current) {
                (true, Some(current)) => {
                    return Err(format!(
                        "CREATE over an existing record set {current:?}: {change}"
                    ));
                }
                (true, None) if set.values.is_empty() => {
                    return Err(format!("CREATE without values: {change}"));
                }
                (false, current) if current.as_ref() != Some(set) => {
                    return Err(format!("DELETE does not match {current:?}: {change}"));
                }
                _ => {}
            }
            if record {
                self.observed.ownership = creates.then(|| set.clone());
            } else {
                self.observed.at_cut.retain(|other| other.record_type != set.record_type);
                self.observed.at_cut.extend(creates.then(|| set.clone()));
            }
        }
        Ok(())
    }
}

/// Translates the goal of a Create or an Update into the terms of the rules.
pub(super) fn request(goal: &Goal) -> (ownership::Stamp, Asks) {
    let values = |values: Vec<String>| values.iter().map(|value| plain(value)).collect();
    let behavior = match &goal.behavior {
        UpdateBehavior::Create => Behavior::Create,
        UpdateBehavior::Replacement { from } => Behavior::Replacement { from: from.to_string() },
        UpdateBehavior::InPlace => Behavior::InPlace,
        UpdateBehavior::Home { from } => Behavior::Home { from: from.to_string() },
    };
    let ds = match &goal.ds {
        DesiredDs::Off => RequestedDs::Off,
        DesiredDs::Records(records) => RequestedDs::Records(values(records.values())),
        DesiredDs::Unknown { .. } => RequestedDs::Unknown,
    };
    let intent = ownership::Intent {
        behavior,
        servers: values(goal.name_servers.as_ref().unwrap().values()),
        ttl: goal.ttl.seconds(),
        changes_ttl: goal.changes_ttl,
        changes_ds_ttl: goal.changes_ds_ttl,
        overwrite: goal.allow_overwrite,
        allowed: goal.allowed,
        digest: goal.intent.to_string(),
        old_digest: goal.old_intent.map(|old| old.to_string()),
        ds,
        ds_ttl: goal.ds_ttl.seconds(),
        blocked: match (&goal.failed_check, goal.allowed) {
            (Some(_), _) => Some(true),
            (None, true) => Some(false),
            // What the claim names may stay or be restored.
            (None, false) => None,
        },
    };
    (stamp(&goal.claimant, goal.stamp, goal.now), Asks::CreateUpdate(intent))
}

/// Translates the goal of a Delete into the terms of the rules.
pub(super) fn delete_request(goal: &DeleteGoal) -> (ownership::Stamp, Asks) {
    let why = match &goal.reason {
        DeleteReason::Requested => Reason::Requested,
        DeleteReason::Undo => Reason::Undo,
        DeleteReason::InventedId { intent, create_could_run } => {
            Reason::Invented { intent: intent.to_string(), could_run: *create_could_run }
        }
        DeleteReason::ZoneGone { zone } => Reason::ZoneGone(zone.as_str().to_owned()),
    };
    let known = goal.known_name_servers.as_ref();
    let known = known.map(|known| known.values().iter().map(|value| plain(value)).collect());
    let restore_rejected = goal.restore_rejected || !goal.allowed;
    let asks = Asks::Delete(Delete { why, known, restore_rejected });
    (stamp(&goal.claimant, goal.stamp, goal.now), asks)
}

fn stamp(claimant: &Claimant, stamp: Stamp, now: i64) -> ownership::Stamp {
    ownership::Stamp {
        owner: claimant.owner().to_string(),
        id: claimant.id().to_string(),
        at: stamp.time,
        req: Some(stamp.request.to_string()),
        now,
    }
}

// Generators.

pub(super) fn letters() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["x", "y", "z", "xy"])
}

pub(super) fn some_keys() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "ab"])
}

fn times() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => NOW - 10 * DAY..NOW,
        4 => NOW - 4000..NOW,
        // In the second of the request.
        1 => Just(NOW + 1),
        // Ahead of the clock, by less and by more than `MAX_SKEW` (900 seconds).
        1 => NOW..NOW + 800,
        1 => NOW + 1000..NOW + 100_000,
    ]
}

/// The time of a displacement.
fn displacements() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![NOW - 60, NOW - DAY - 60])
}

fn claims() -> impl Strategy<Value = Vec<Claim>> {
    let basis = prop::sample::select(vec![ClaimBasis::Made, ClaimBasis::Came, ClaimBasis::Updated]);
    let intent = || (letters(), any::<bool>());
    let one = (
        0..RESOURCES.len(),
        letters(),
        prop::option::of(some_keys()),
        times(),
        basis,
        (
            prop::option::of(displacements()),
            prop::option::of(prop::sample::select(vec!["Z8", "Z9"])),
        ),
        (prop::option::of(times()), intent(), prop::option::of(intent())),
    );
    let digest = |(servers, dnssec): (&'static str, bool)| {
        Intent { servers, dnssec, ..plainly("x") }.digest()
    };
    let one = one.prop_map(
        move |(resource, letters, ds, time, basis, (saw, from), (hold, intent, was))| Claim {
            id: claimant(resource).id(),
            ns: Digest::from_name_servers(&servers(letters)),
            ds: ds.map(|letters| Digest::from_ds(&keys(letters))),
            intent: digest(intent),
            previous_intent: was.map(digest),
            stamp: Stamp { time, request: RequestDigest::new("earlier") },
            basis,
            saw,
            from: from.map(moved_from),
            hold,
            again: false,
            owner: claimant(resource).owner().clone(),
        },
    );
    prop::collection::vec(one, 0..4)
}

/// Properties without anything special.
pub(super) fn plainly(servers: &'static str) -> Intent {
    Intent {
        servers,
        ttl: 172_800,
        dnssec: false,
        keys: None,
        ds_ttl: 3600,
        overwrite: false,
        allowed: true,
        failing_check: false,
    }
}

fn origins() -> impl Strategy<Value = Option<Origin>> {
    let displaced =
        (letters(), any::<bool>(), displacements()).prop_map(|(letters, claimed, time)| {
            Displaced { name_servers: servers(letters), ttl: Ttl::new(60).unwrap(), time, claimed }
        });
    let origin = (letters(), prop::option::of(displaced)).prop_map(|(of, displaced)| {
        let of = servers(of);
        // Name servers can't displace themselves.
        let displaced = displaced.filter(|displaced| displaced.name_servers != of);
        Origin { of: Digest::from_name_servers(&of), displaced }
    });
    prop::option::of(origin)
}

/// Generates other values: tombstones, those of other programs, unreadable ones, and at most three
/// long ones, with which the record has no room for an arrival. A batch that replaces the record
/// still fits. What happens if none does has tests of its own (LEAVE-11).
fn others() -> impl Strategy<Value = Vec<String>> {
    let stone = (0..RESOURCES.len(), times()).prop_map(|(resource, time)| {
        format!("\"heritage=custom-delegation,tombstone={},at={time}\"", claimant(resource).id())
    });
    let short = prop_oneof![
        4 => "\"[a-z ]{1,9}\"",
        1 => Just("\"heritage=custom-delegation,claim9=1\"".to_owned()),
        2 => stone,
    ];
    let long = "[a-z]".prop_map(|letter| format!("\"{}\"", letter.repeat(LONG)));
    let long = prop_oneof![
        3 => Just(Vec::new()),
        2 => prop::collection::vec(long, 1..4),
    ];
    (prop::collection::vec(short, 0..3), long)
        .prop_map(|(short, long)| short.into_iter().chain(long).collect())
}

pub(super) fn points() -> impl Strategy<Value = TestPoint> {
    let ttls = || prop::sample::select(vec![60, 172_800]);
    let ns = prop::option::weighted(0.75, (letters(), ttls(), any::<bool>()));
    let ds = prop::option::of((some_keys(), ttls(), any::<bool>()));
    (ns, ds, claims(), origins(), (others(), any::<bool>())).prop_map(
        |(ns, ds, claims, origin, (others, first))| {
            let mut point = TestPoint::new();
            if let Some((letters, ttl, odd_spelling)) = ns {
                let mut values = servers(letters).values();
                if odd_spelling {
                    values.reverse();
                    for value in &mut values {
                        *value = value.trim_end_matches('.').to_ascii_uppercase();
                    }
                }
                point.put(RecordType::Ns, ttl, values);
            }
            if let Some((letters, ttl, odd_spelling)) = ds {
                let mut values = keys(letters).values();
                if odd_spelling {
                    for value in &mut values {
                        *value = value.to_lowercase();
                    }
                }
                point.put(RecordType::Ds, ttl, values);
            }
            // Each in a record of its own: a manual edit can leave several claims of one resource.
            let mut values = Vec::new();
            for claim in claims {
                let mut record = OwnershipRecord::default();
                record.put_claim(claim);
                values.extend(record.values());
            }
            let mut record = OwnershipRecord::default();
            record.put_origin(origin);
            values.extend(record.values());
            let at = if first { 0 } else { values.len() };
            for other in others {
                if !values.contains(&other) {
                    values.insert(at, other);
                }
            }
            point.write_record(values);
            point
        },
    )
}

pub(super) fn behaviors() -> impl Strategy<Value = UpdateBehavior> {
    prop_oneof![
        1 => Just(UpdateBehavior::Create),
        1 => Just(UpdateBehavior::Replacement { from: moved_from("Z9") }),
        2 => Just(UpdateBehavior::InPlace),
        1 => Just(UpdateBehavior::Home { from: moved_from("Z9") }),
    ]
}

pub(super) fn intents() -> impl Strategy<Value = Intent> {
    let signed = prop_oneof![
        3 => Just((false, None)),
        3 => some_keys().prop_map(|letters| (true, Some(letters))),
        1 => Just((true, None)),
    ];
    let ttls = (
        prop::sample::select(vec![60, 172_800, 604_800]),
        prop::sample::select(vec![1, 3600, 7200]),
    );
    (letters(), any::<bool>(), ttls, signed, prop::bool::weighted(0.1), prop::bool::weighted(0.1))
        .prop_map(
            |(servers, overwrite, (ttl, ds_ttl), (dnssec, keys), not_allowed, failing_check)| {
                Intent {
                    servers,
                    ttl,
                    dnssec,
                    keys,
                    ds_ttl,
                    overwrite,
                    allowed: !not_allowed,
                    failing_check,
                }
            },
        )
}

pub(super) fn reasons() -> impl Strategy<Value = DeleteReason> {
    prop_oneof![
        4 => Just(DeleteReason::Requested),
        1 => (any::<bool>(), prop::sample::select(vec!["x", "y"])).prop_map(
            |(create_could_run, servers)| DeleteReason::InventedId {
                intent: plainly(servers).digest(),
                create_could_run,
            }
        ),
        1 => prop::sample::select(vec!["Z8", "Z9"])
            .prop_map(|zone| DeleteReason::ZoneGone { zone: zone.parse().unwrap() }),
        1 => Just(DeleteReason::Undo),
    ]
}

/// Returns the digest of a set of letters, as a claim has it.
pub(super) fn digest(letters: &str) -> String {
    let values: record::Values =
        servers(letters).values().iter().map(|value| plain(value)).collect();
    record::ns_digest(&values).unwrap()
}
