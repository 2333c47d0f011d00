//! A fixture: one delegation point in memory, and the requests to it.
//!
//! A batch is applied as Route 53 applies it: completely, and only if every DELETE matches a
//! current record set and no CREATE meets an existing one. A letter denotes a name server: `x` is
//! `ns1.x.net`.

use crate::digest::{Digest, Intent as Properties, RequestDigest};
use crate::ds::{Ds, DsRecords};
use crate::ids::ZoneId;
use crate::name::Name;
use crate::name_servers::NameServers;
use crate::ownership_record::{Claim, Claimant, MovedFrom, OwnershipRecord, Stamp};
use crate::parent::ParentZone;
use crate::reconcile::{
    Action, Decision, DeleteGoal, DeleteReason, DesiredDs, FailedCheck, Goal, Observation,
    ReconciliationPlan, Refusal, UpdateBehavior, Warning, plan_create_update, plan_delete,
};
use crate::record_set::{Change, RecordSet, RecordType};
use crate::ttl::Ttl;
use std::collections::BTreeMap;

pub(super) const CUT: &str = "testing.example.com";
pub(super) const RECORD: &str = "_delegation-testing.example.com";
pub(super) const START: i64 = 1_800_000_000;
pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 86_400;

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Returns one name server per letter.
pub(super) fn servers(letters: &str) -> NameServers {
    let names: Vec<String> = letters.chars().map(|letter| format!("ns1.{letter}.net")).collect();
    NameServers::parse(&names).unwrap()
}

/// Returns one DS record per letter. A letter denotes a key.
pub(super) fn keys(letters: &str) -> DsRecords {
    let records = letters.bytes().map(|letter| format!("{letter} 13 2 AB").parse().unwrap());
    DsRecords::new(records).unwrap()
}

pub(super) fn set(record_type: impl Into<RecordType>, ttl: i64, values: Vec<String>) -> RecordSet {
    RecordSet::new(name(CUT), record_type, Ttl::new(ttl).unwrap(), values)
}

pub(super) fn claimant(resource: &str) -> Claimant {
    let (stack, logical_id) = resource.split_once('/').unwrap_or((resource, "D"));
    let arn = format!("arn:aws:cloudformation:eu-west-1:111111111111:stack/{stack}/1");
    Claimant::new(&arn, logical_id, &name(CUT))
}

/// The properties of a resource, and what the function reads for them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent property or fact")]
pub(super) struct Intent {
    /// Letters. They count as the property `NameServers`, so different letters are a different
    /// intent.
    pub(super) servers: &'static str,
    /// The name servers that were read, if they differ from `servers` because the child zone was
    /// changed while the properties stayed the same.
    pub(super) read: Option<&'static str>,
    pub(super) unknown_servers: bool,
    pub(super) ttl: i64,
    pub(super) dnssec: bool,
    /// Letters of the keys; `None` if they can't be read.
    pub(super) keys: Option<&'static str>,
    /// How old the keys are, in seconds; `None` if it is not known.
    pub(super) key_age: Option<i64>,
    pub(super) ds_ttl: i64,
    pub(super) overwrite: bool,
    pub(super) allow_occlusion: bool,
    pub(super) allowed: bool,
    pub(super) listed: bool,
    pub(super) failing_check: bool,
}

pub(super) fn wants(servers: &'static str) -> Intent {
    Intent {
        servers,
        read: None,
        unknown_servers: false,
        ttl: 172_800,
        dnssec: false,
        keys: None,
        key_age: None,
        ds_ttl: 3600,
        overwrite: false,
        allow_occlusion: false,
        allowed: true,
        listed: false,
        failing_check: false,
    }
}

impl Intent {
    pub(super) fn overwriting(self) -> Self {
        Self { overwrite: true, ..self }
    }

    pub(super) fn ttl(self, ttl: i64) -> Self {
        Self { ttl, ..self }
    }

    pub(super) fn signed(self, keys: &'static str) -> Self {
        Self { dnssec: true, keys: Some(keys), ..self }
    }

    pub(super) fn signed_somehow(self) -> Self {
        Self { dnssec: true, keys: None, ..self }
    }

    pub(super) fn key_age(self, seconds: i64) -> Self {
        Self { key_age: Some(seconds), ..self }
    }

    pub(super) fn ds_ttl(self, ds_ttl: i64) -> Self {
        Self { ds_ttl, ..self }
    }

    /// Keeps the properties, but lets the child zone have other name servers.
    pub(super) fn reading(self, servers: &'static str) -> Self {
        Self { read: Some(servers), ..self }
    }

    pub(super) fn unreadable(self) -> Self {
        Self { unknown_servers: true, ..self }
    }

    pub(super) fn failing_check(self) -> Self {
        Self { failing_check: true, ..self }
    }

    pub(super) fn not_allowed(self) -> Self {
        Self { allowed: false, ..self }
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::from_intent(&Properties {
            child_zone: None,
            name_servers: Some(&servers(self.servers)),
            dnssec: self.dnssec,
            key_signing_keys: None,
        })
    }
}

/// A request, which may be delivered several times.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) goal: Goal,
}

/// How a request ended.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) decision: Decision,
}

impl Done {
    #[track_caller]
    pub(super) fn plan(&self) -> &ReconciliationPlan {
        match &self.decision {
            Decision::Proceed(plan) => plan,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn refused(&self) -> &Refusal {
        match &self.decision {
            Decision::Refuse(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn overtaken(&self) -> &'static str {
        match &self.decision {
            Decision::Overtaken(overtaken) => overtaken.code(),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn action(&self) -> Action {
        self.plan().action.unwrap()
    }

    /// The codes of the warnings, joined.
    #[track_caller]
    pub(super) fn warnings(&self) -> String {
        let codes: Vec<&str> = self.plan().warnings.iter().map(Warning::code).collect();
        codes.join(" ")
    }

    /// The changes by type, for example `-NS +NS -TXT +TXT`.
    #[track_caller]
    pub(super) fn shape(&self) -> String {
        shape(self.plan())
    }

    /// Everything that the user is told, as one string.
    pub(super) fn text(&self) -> String {
        match &self.decision {
            Decision::Proceed(plan) => {
                plan.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            }
            Decision::Refuse(refusal) => refusal.to_string(),
            Decision::Overtaken(overtaken) => overtaken.to_string(),
        }
    }
}

pub(super) fn shape(plan: &ReconciliationPlan) -> String {
    let of = |change: &Change| match change {
        Change::Create(set) => format!("+{}", set.record_type),
        Change::Delete(set) => format!("-{}", set.record_type),
    };
    plan.changes.iter().map(of).collect::<Vec<_>>().join(" ")
}

/// A delegation point, the clock, and the last properties of each resource that were accepted.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) observed: Observation,
    pub(super) clock: i64,
    requests: u32,
    accepted: BTreeMap<String, Intent>,
}

impl Point {
    pub(super) fn new() -> Self {
        Self {
            observed: Observation::default(),
            clock: START,
            requests: 0,
            accepted: BTreeMap::new(),
        }
    }

    // Manual edits.

    /// Somebody sets name servers by hand.
    pub(super) fn set_by_hand(&mut self, letters: &str, ttl: i64) {
        self.remove_by_hand("NS");
        self.observed.at_cut.push(set("NS", ttl, servers(letters).values()));
    }

    pub(super) fn set_ds_by_hand(&mut self, letters: &str) {
        self.remove_by_hand("DS");
        self.observed.at_cut.push(set("DS", 3600, keys(letters).values()));
    }

    pub(super) fn remove_by_hand(&mut self, record_type: &str) {
        let record_type = RecordType::from(record_type);
        if record_type == RecordType::Txt {
            self.observed.ownership = None;
        }
        self.observed.at_cut.retain(|set| set.record_type != record_type);
    }

    /// Somebody removes one resource's claim by hand.
    pub(super) fn drop_claim_by_hand(&mut self, resource: &str) {
        let mut record = self.record();
        record.remove_claim(&claimant(resource));
        self.write_record(record.values());
    }

    /// Somebody adds a value to the ownership record by hand.
    pub(super) fn add_value_by_hand(&mut self, value: &str) {
        let mut values = self.record().values();
        values.push(value.to_owned());
        self.write_record(values);
    }

    /// Somebody edits a claim by hand.
    pub(super) fn edit_claim_by_hand(&mut self, resource: &str, edit: impl FnOnce(&mut Claim)) {
        let mut record = self.record();
        let mut claim = self.claim(resource);
        edit(&mut claim);
        record.put_claim(claim);
        self.write_record(record.values());
    }

    fn write_record(&mut self, values: Vec<String>) {
        self.observed.ownership = (!values.is_empty())
            .then(|| RecordSet::new(name(RECORD), RecordType::Txt, Ttl::OWNERSHIP, values));
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        self.clock += seconds;
    }

    // Requests.

    pub(super) fn request(
        &mut self,
        resource: &str,
        behavior: UpdateBehavior,
        intent: &Intent,
    ) -> Request {
        self.clock += 1;
        self.requests += 1;
        let old = self.accepted.get(resource).filter(|_| behavior != UpdateBehavior::Create);
        let ds = match intent.keys {
            _ if !intent.dnssec => DesiredDs::Off,
            Some(letters) => DesiredDs::Records(keys(letters)),
            None => DesiredDs::Unknown { why: "the child zone Z2 is not signing".into() },
        };
        let failed = FailedCheck { code: "test-check", message: "A check failed.".into() };
        let read = servers(intent.read.unwrap_or(intent.servers));
        Request {
            goal: Goal {
                name: name(CUT),
                claimant: claimant(resource),
                stamp: self.stamp(),
                now: self.clock,
                intent: intent.digest(),
                old_intent: old.map(Intent::digest),
                name_servers: (!intent.unknown_servers).then_some(read),
                ttl: Ttl::new(intent.ttl).unwrap(),
                changes_ttl: old.is_some_and(|old| old.ttl != intent.ttl),
                ds,
                keys_since: intent.key_age.map(|age| self.clock - age),
                ds_ttl: Ttl::new(intent.ds_ttl).unwrap(),
                changes_ds_ttl: old.is_some_and(|old| old.ds_ttl != intent.ds_ttl),
                allow_overwrite: intent.overwrite,
                allow_occlusion: intent.allow_occlusion,
                allowed: intent.allowed,
                listed: intent.listed,
                failed_check: intent.failing_check.then_some(failed),
                behavior,
            },
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp { time: self.clock, request: RequestDigest::new(&self.requests.to_string()) }
    }

    /// Delivers a Create or an Update.
    #[track_caller]
    pub(super) fn deliver(&mut self, request: &Request) -> Done {
        let goal = Goal { now: self.clock, ..request.goal.clone() };
        let decision = plan_create_update(&goal, &self.observed);
        self.apply_decision(decision)
    }

    pub(super) fn ask(&mut self, resource: &str, behavior: UpdateBehavior, intent: Intent) -> Done {
        let request = self.request(resource, behavior, &intent);
        let done = self.deliver(&request);
        if matches!(done.decision, Decision::Proceed(_)) {
            self.accepted.insert(resource.to_owned(), intent);
        }
        done
    }

    #[track_caller]
    pub(super) fn create(&mut self, resource: &str, intent: Intent) -> Done {
        self.ask(resource, UpdateBehavior::Create, intent)
    }

    #[track_caller]
    pub(super) fn update(&mut self, resource: &str, intent: Intent) -> Done {
        self.ask(resource, UpdateBehavior::InPlace, intent)
    }

    /// An Update that moves the resource here from another point.
    #[track_caller]
    pub(super) fn replace(&mut self, resource: &str, intent: Intent) -> Done {
        self.ask(resource, UpdateBehavior::Replacement { from: moved_from() }, intent)
    }

    pub(super) fn delete_goal(&mut self, resource: &str, reason: DeleteReason) -> DeleteGoal {
        self.clock += 1;
        self.requests += 1;
        DeleteGoal {
            name: name(CUT),
            claimant: claimant(resource),
            stamp: self.stamp(),
            now: self.clock,
            reason,
            known_name_servers: None,
            allowed: true,
            restore_rejected: false,
        }
    }

    #[track_caller]
    pub(super) fn deliver_delete(&mut self, goal: &DeleteGoal) -> Done {
        let goal = DeleteGoal { now: self.clock, ..goal.clone() };
        let decision = plan_delete(&goal, &self.observed);
        self.apply_decision(decision)
    }

    #[track_caller]
    pub(super) fn delete(&mut self, resource: &str) -> Done {
        let goal = self.delete_goal(resource, DeleteReason::Requested);
        self.deliver_delete(&goal)
    }

    /// A Delete that knows the name servers of the child zone.
    #[track_caller]
    pub(super) fn delete_knowing(&mut self, resource: &str, letters: &str) -> Done {
        let goal = self.delete_goal(resource, DeleteReason::Requested);
        self.deliver_delete(&DeleteGoal { known_name_servers: Some(servers(letters)), ..goal })
    }

    /// A Delete with an id that CloudFormation invented for a Create that asks for X.
    #[track_caller]
    pub(super) fn delete_invented(&mut self, resource: &str) -> Done {
        let goal = self.delete_goal(resource, invented_id("x"));
        self.deliver_delete(&goal)
    }

    /// A request that is about to fail undoes what it wrote.
    #[track_caller]
    pub(super) fn undo(&mut self, request: &Request) -> Done {
        let goal = DeleteGoal {
            stamp: request.goal.stamp,
            claimant: request.goal.claimant.clone(),
            ..self.delete_goal("S1", DeleteReason::Undo)
        };
        self.deliver_delete(&goal)
    }

    fn apply_decision(&mut self, decision: Decision) -> Done {
        if let Decision::Proceed(plan) = &decision {
            self.apply(&plan.changes);
        }
        Done { decision }
    }

    /// Applies a batch as Route 53 does.
    #[track_caller]
    pub(super) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            let (set, creates) = match change {
                Change::Create(set) => (set, true),
                Change::Delete(set) => (set, false),
            };
            let current = if set.record_type == RecordType::Txt && set.name == name(RECORD) {
                self.observed.ownership.clone()
            } else {
                assert_eq!(set.name, name(CUT), "{change}");
                self.observed.at_cut(&set.record_type).cloned()
            };
            if creates {
                assert_eq!(current, None, "CREATE of an existing record set: {change}");
                assert!(!set.values.is_empty(), "{change}");
            } else {
                assert_eq!(current.as_ref(), Some(set), "DELETE of something that is not current");
            }
            if set.record_type == RecordType::Txt {
                self.observed.ownership = creates.then(|| set.clone());
            } else {
                self.observed.at_cut.retain(|other| other.record_type != set.record_type);
                self.observed.at_cut.extend(creates.then(|| set.clone()));
            }
        }
    }

    // The current state.

    /// The letters of the name servers; empty if there are none.
    pub(super) fn delegated_to(&self) -> String {
        let letters = |servers: NameServers| {
            servers.iter().filter_map(|name| name.as_str().chars().nth(4)).collect()
        };
        self.observed.name_servers().map(letters).unwrap_or_default()
    }

    pub(super) fn ttl(&self) -> u32 {
        self.observed.at_cut(&RecordType::Ns).unwrap().ttl.unwrap().seconds()
    }

    /// The letters of the keys in the DS record set; empty if there is none.
    pub(super) fn secured_by(&self) -> String {
        let letter = |ds: &Ds| char::from(u8::try_from(ds.key_tag()).unwrap());
        self.observed.ds().map(|records| records.iter().map(letter).collect()).unwrap_or_default()
    }

    pub(super) fn record(&self) -> OwnershipRecord {
        self.observed.record()
    }

    /// The claim of a resource.
    #[track_caller]
    pub(super) fn claim(&self, resource: &str) -> Claim {
        self.record().own(&claimant(resource), self.clock).unwrap().clone()
    }

    /// The resources that have a claim, sorted and joined.
    pub(super) fn claimed_by(&self) -> String {
        let record = self.record();
        let mut owners: Vec<String> =
            record.claims().map(|claim| claim.owner.to_string()).collect();
        owners.sort();
        owners.join(" ").replace("/D", "")
    }

    /// True if the delegation is settled.
    pub(super) fn is_settled(&self) -> bool {
        let current =
            self.observed.name_servers().map(|servers| Digest::from_name_servers(&servers));
        current.is_none_or(|current| self.record().origin(current).is_none())
    }
}

pub(super) fn moved_from() -> MovedFrom {
    let zone: ZoneId = "Z9".parse().unwrap();
    let route = Digest::from_route(&ParentZone::Id(zone.clone()), None, &name(CUT));
    MovedFrom { zone: Some(zone), route }
}

/// CloudFormation invented the physical id of a Create that asks for these name servers.
pub(super) fn invented_id(servers: &'static str) -> DeleteReason {
    DeleteReason::InventedId { intent: wants(servers).digest(), create_could_run: true }
}
