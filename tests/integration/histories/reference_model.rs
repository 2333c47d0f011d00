//! The reference model: a replica of the parent zones, maintained by replaying the manual edits and
//! the batches that were applied, together with everything that must be true. It knows the rules of
//! ownership (`docs/design.md`) and nothing of the function. [`crate::invariants`] has the tables,
//! by which each batch is checked; this module checks what must hold for a whole history.

mod answers;
mod batch;
mod delivery;
mod occlusion;
mod promises;
mod route;

use std::collections::{BTreeMap, BTreeSet};

use sandbox::{Action, Call, RecordSet};
use serde_json::Value;

use crate::histories::fixture::{MultiAccountFixture, Point, plain};
use crate::invariants::record::{PointState, Record, Set, Values};
pub(crate) use answers::Ended;
pub(crate) use delivery::Delivery;

/// A logical time. Every relevant event increments it.
pub(crate) type Tick = u64;

/// The record sets of a parent zone, by name and type.
pub(crate) type Records = BTreeMap<(String, String), RecordSet>;

/// A resource at one point.
pub(crate) type Key = (String, Point);

/// A resource of a stack at one point.
#[derive(Clone, Debug)]
struct Held {
    servers: Values,
    /// True if its delegation may differ: a request that was allowed to changed it, a manual edit
    /// did, or a request has not ended.
    broken: bool,
}

/// The history of the delegation at a point.
#[derive(Clone, Debug, Default)]
struct Past {
    /// True if the function wrote the current name servers and is responsible for removing them.
    ours: bool,
    /// True if a manual edit changed the name servers or removed claims.
    touched: bool,
    /// The time of the last manual edit here.
    edited: Tick,
}

#[allow(clippy::struct_excessive_bools, reason = "a reference model is slow and obvious")]
pub(crate) struct ReferenceModel {
    pub(crate) fixture: MultiAccountFixture,
    pub(crate) zones: Vec<Records>,
    tick: Tick,
    last_edit: Tick,
    /// The time of the last manual edit in each parent zone.
    zone_edits: Vec<Tick>,
    /// The time when each record set got its current content.
    written_at: BTreeMap<(usize, String, String), Tick>,
    points: BTreeMap<Point, Past>,
    /// For each child zone, whether it is signing.
    signing: Vec<bool>,
    pub(crate) active: Vec<Delivery>,
    /// The ids of requests that were delivered before.
    known: BTreeSet<String>,
    held: BTreeMap<Key, Held>,
    /// Claims that may stay: those of resources that their stacks forgot, of deliveries that
    /// started after the Delete had ended, or after a failed rollback.
    excused: BTreeSet<Key>,
    /// Stacks that need the attention of a person.
    stuck: BTreeSet<String>,
    /// True while a Create is being cancelled. No stack has the resource that it makes.
    pub(crate) cancelling: bool,
    /// True during a delivery that no stack waits for.
    pub(crate) late: bool,
    /// The zones at the start of the step.
    before: Vec<Records>,
    step_began: Tick,
    /// The names with an irregular delegation, in any parent zone, at the start of the step.
    unreliable: BTreeSet<String>,
    /// The claims without a resource of a stack at the start of the step.
    claims_without_resource: BTreeSet<Key>,
    /// The claims of retained resources that the Delete of a cancelled Create removed in this step:
    /// it asked for the same, so they looked like that Create's, which may still run.
    mistaken: BTreeSet<Key>,
    /// The points where this step did something that no rollback undoes.
    irreversible_at: BTreeSet<Point>,
    pub(crate) in_trouble: bool,
    /// True if there was no manual edit, no network fault and no second delivery.
    pub(crate) quiet: bool,
    violation: Option<String>,
    log: Vec<String>,
    pub(crate) tally: BTreeMap<String, u64>,
}

impl ReferenceModel {
    pub(crate) fn new(fixture: MultiAccountFixture) -> Self {
        let zones: Vec<Records> =
            fixture.parents.iter().map(|zone| records(&zone.handle.records())).collect();
        Self {
            before: zones.clone(),
            zone_edits: vec![0; zones.len()],
            signing: vec![false; fixture.children.len()],
            fixture,
            zones,
            tick: 1,
            last_edit: 0,
            written_at: BTreeMap::new(),
            points: BTreeMap::new(),
            active: Vec::new(),
            known: BTreeSet::new(),
            held: BTreeMap::new(),
            excused: BTreeSet::new(),
            stuck: BTreeSet::new(),
            cancelling: false,
            late: false,
            step_began: 0,
            unreliable: BTreeSet::new(),
            claims_without_resource: BTreeSet::new(),
            mistaken: BTreeSet::new(),
            irreversible_at: BTreeSet::new(),
            in_trouble: false,
            quiet: true,
            violation: None,
            log: Vec::new(),
            tally: BTreeMap::new(),
        }
    }

    /// Returns the first violation, with everything that happened. Later ones may be its
    /// consequences.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        match &self.violation {
            None => Ok(()),
            Some(violation) => Err(format!("{violation}\n{}", self.log.join("\n"))),
        }
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.tick += 1;
        self.log.push(format!("  {:>4} {text}", self.tick));
    }

    /// Records a violation. `promise` is the broken promise of the design, or a word for another
    /// invariant.
    fn violated(&mut self, promise: &str, text: &str) {
        if self.violation.is_none() {
            self.violation = Some(format!("{promise}: {text}"));
            self.note(&format!("VIOLATED {promise}: {text}"));
        }
    }

    fn count(&mut self, what: &str) {
        *self.tally.entry(what.to_owned()).or_default() += 1;
    }

    pub(crate) fn record(&self, zone: usize, name: &str, rtype: &str) -> Option<&RecordSet> {
        record(&self.zones, zone, name, rtype)
    }

    fn point_state(&self, point: &Point) -> PointState {
        point_state(&self.zones, point)
    }

    /// Records a manual edit: a record set was set, or removed.
    pub(crate) fn edited(&mut self, zone: usize, name: &str, rtype: &str, now: Option<RecordSet>) {
        let text = now
            .as_ref()
            .map_or_else(|| format!("removes {name} {rtype}"), |set| format!("sets {set}"));
        self.note(&format!("a manual edit {text} in parent zone {zone}"));
        let cut = name.strip_prefix("_delegation-").unwrap_or(name).to_owned();
        let point = Point { zone, name: cut };
        let claims = self.point_state(&point).record.claims;
        let key = (name.to_owned(), rtype.to_owned());
        match now {
            Some(set) => self.zones[zone].insert(key, set),
            None => self.zones[zone].remove(&key),
        };
        self.written_at.insert((zone, name.to_owned(), rtype.to_owned()), self.tick);
        let past = self.points.entry(point.clone()).or_default();
        past.edited = self.tick;
        self.last_edit = self.tick;
        self.zone_edits[zone] = self.tick;
        self.quiet = false;
        if rtype == "NS" || point_state(&self.zones, &point).record.claims != claims {
            past.touched = true;
            past.ours &= rtype != "NS";
            self.held
                .iter_mut()
                .filter(|((_, at), _)| *at == point)
                .for_each(|(_, held)| held.broken = true);
        }
        self.update_destinations();
    }

    /// Records that a child zone signs with other keys, or has stopped signing.
    pub(crate) fn signs(&mut self, child: usize, signing: bool) {
        self.signing[child] = signing;
        let keys: Vec<String> =
            self.fixture.children[child].handle.keys().into_iter().map(|key| key.name).collect();
        self.note(&format!("child zone {child} has the keys {keys:?}, signing: {signing}"));
        self.last_edit = self.tick;
        self.quiet = false;
    }

    /// Records that a stack no longer has a resource, without a request to the function. Its claims
    /// are dead from now on.
    pub(crate) fn forgotten(&mut self, owner: &str) {
        self.note(&format!("{owner} is forgotten"));
        let gone: Vec<Key> = self.held.keys().filter(|(held, _)| held == owner).cloned().collect();
        for key in gone {
            self.held.remove(&key);
            self.excused.insert(key);
        }
    }

    /// Records that a stack has received the resource of another stack, without its claim.
    pub(crate) fn received(&mut self, owner: &str, from: &str, physical_id: &str) {
        self.note(&format!("{owner} is the former {from}"));
        let Some(point) = self.fixture.of_id(physical_id) else { return };
        let key = (from.to_owned(), point.clone());
        if let Some(held) = self.held.remove(&key) {
            self.held.insert((owner.to_owned(), point), Held { broken: true, ..held });
        }
        self.forgotten(from);
        self.excused.insert(key);
    }

    /// Records a call of the function, after the manual edits before it.
    pub(crate) fn called(&mut self, call: &Call) {
        self.tick += 1;
        let tick = self.tick;
        if !self.fixture.parents.iter().any(|zone| Some(&zone.id) == call.zone.as_ref()) {
            return;
        }
        for delivery in &mut self.active {
            match call.action.as_str() {
                "ListResourceRecordSets" => {
                    delivery.round.get_or_insert(tick);
                }
                // A change that the SDK repeats was planned with the same observation.
                "ChangeResourceRecordSets" => {
                    delivery.changing = delivery.round.take().unwrap_or(delivery.changing);
                }
                _ => {}
            }
        }
    }

    /// Records the result of a call of the function, and checks a batch that was applied.
    pub(crate) fn answered(&mut self, call: &Call) {
        if call.action != "ChangeResourceRecordSets" {
            return;
        }
        let changes: Vec<String> =
            call.changes.iter().map(|change| format!("\n         {change}")).collect();
        let end = match call.outcome.as_ref() {
            Some(outcome) if call.succeeded() && !outcome.delivered => "applied, its answer lost",
            Some(_) if call.succeeded() => "applied",
            _ => "rejected",
        };
        let comment = call.comment.clone().unwrap_or_default();
        self.note(&format!("batch ({comment}) {end}: {}", changes.concat()));
        if !call.succeeded() {
            self.count("batch rejected");
            return;
        }
        let zone =
            self.fixture.parents.iter().position(|zone| Some(&zone.id) == call.zone.as_ref());
        let Some(zone) = zone else {
            return self
                .violated("promise 1", "the function changed a zone that is no parent zone");
        };
        let before = self.zones.clone();
        for change in &call.changes {
            let key = (plain(&change.record.name), change.record.rtype.clone());
            match change.action {
                Action::Create => drop(self.zones[zone].insert(key, change.record.clone())),
                Action::Delete => drop(self.zones[zone].remove(&key)),
                Action::Upsert => return self.violated("promise 1", "the function sent an UPSERT"),
            }
        }
        self.check_batch(call, zone, &before);
        self.update_destinations();
    }
}

pub(crate) fn records(sets: &[RecordSet]) -> Records {
    sets.iter().map(|set| ((plain(&set.name), set.rtype.clone()), set.clone())).collect()
}

fn record<'a>(zones: &'a [Records], zone: usize, name: &str, rtype: &str) -> Option<&'a RecordSet> {
    zones[zone].get(&(name.to_owned(), rtype.to_owned()))
}

fn point_state(zones: &[Records], point: &Point) -> PointState {
    let at = |name: &str, rtype| record(zones, point.zone, name, rtype);
    let set = |rtype| {
        at(&point.name, rtype).map(|set| Set::new(&set.values, set.ttl.unwrap_or_default()))
    };
    let ownership = at(&point.record(), "TXT").map(|set| Record::read(&set.values));
    PointState { ns: set("NS"), ds: set("DS"), record: ownership.unwrap_or_default() }
}

/// Returns `<stack name>` of `<stack name>/<logical id>`.
fn stack_of(owner: &str) -> &str {
    owner.split('/').next().unwrap_or_default()
}

/// Returns a string field of an event, such as `RequestType`.
fn text(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_default().to_owned()
}
