//! The reference model: a replica of the parent zones, kept by replaying what the outside actor did
//! and which batches of the function were carried out, and next to it what must be true. It knows
//! the second edition of ownership (`docs/design.md`) and nothing of the function:
//! [`crate::invariants`] has the tables, by which each batch is judged; here is what holds for
//! whole histories.

mod answers;
mod batch;
mod delivery;
mod occlusion;
mod promises;
mod route;

use std::collections::{BTreeMap, BTreeSet};

use sandbox::{Action, Call, RecordSet};
use serde_json::Value;

use crate::histories::fixture::{Fixture, Point, plain};
use crate::invariants::record::{PointState, Record, Set, Values};
pub(crate) use delivery::Delivery;

/// Every event that matters raises it by one.
pub(crate) type Tick = u64;

/// The record sets of a parent zone, by name and type.
pub(crate) type Records = BTreeMap<(String, String), RecordSet>;

/// A resource at one place.
pub(crate) type Key = (String, Point);

/// A resource that a stack holds, at one place.
#[derive(Clone, Debug)]
struct Held {
    servers: Values,
    /// Somebody who was allowed to made it something else, the outside actor did, or a request has
    /// not ended.
    broken: bool,
}

/// What is known of the delegation at a place.
#[derive(Clone, Debug, Default)]
struct Past {
    /// The function wrote the name servers last, and has not given them up to anybody.
    ours: bool,
    /// The outside actor changed the name servers or took claims away.
    touched: bool,
    /// When the outside actor last changed anything here.
    edited: Tick,
}

#[allow(clippy::struct_excessive_bools, reason = "a reference model is slow and obvious")]
pub(crate) struct ReferenceModel {
    pub(crate) fixture: Fixture,
    pub(crate) zones: Vec<Records>,
    tick: Tick,
    last_edit: Tick,
    /// When the outside actor last changed anything in each parent zone.
    zone_edits: Vec<Tick>,
    /// When each record set got what it holds.
    written_at: BTreeMap<(usize, String, String), Tick>,
    points: BTreeMap<Point, Past>,
    /// Which child zones are signing.
    signing: Vec<bool>,
    pub(crate) active: Vec<Delivery>,
    /// The requests that were delivered before.
    known: BTreeSet<String>,
    held: BTreeMap<Key, Held>,
    /// Claims that may stay: of resources that their stacks forgot, of deliveries that started
    /// after the Delete had ended, or after a failure of the way back.
    excused: BTreeSet<Key>,
    /// Stacks that a person must look at.
    stuck: BTreeSet<String>,
    /// While a Create is cancelled, no stack holds what it makes.
    pub(crate) cancelling: bool,
    /// A delivery that no stack waits for.
    pub(crate) late: bool,
    /// What the step began with.
    before: Vec<Records>,
    step_began: Tick,
    /// The names of which something was amiss when the step began, in whichever parent zone.
    unreliable: BTreeSet<String>,
    /// Whose claims stood when the step began, and no stack held them.
    claims_without_resource: BTreeSet<Key>,
    /// The claims of retained resources that the Delete of a cancelled Create removed in this step:
    /// it asked for the same, so they looked like that Create's, which may still run.
    mistaken: BTreeSet<Key>,
    /// Where this step did what no rollback takes back.
    irreversible_at: BTreeSet<Point>,
    pub(crate) in_trouble: bool,
    /// Nobody edited anything, nothing went wrong on the way, and nothing was delivered twice.
    pub(crate) quiet: bool,
    violation: Option<String>,
    log: Vec<String>,
    pub(crate) tally: BTreeMap<String, u64>,
}

impl ReferenceModel {
    pub(crate) fn new(fixture: Fixture) -> Self {
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

    /// What was found to be wrong, with all that happened; the first thing, for what follows may be
    /// its consequence.
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

    /// `promise` is the one of the design that was broken, or a word for what else must hold.
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

    /// The outside actor put a record set, or removed it.
    pub(crate) fn edited(&mut self, zone: usize, name: &str, rtype: &str, now: Option<RecordSet>) {
        let text = now
            .as_ref()
            .map_or_else(|| format!("removes {name} {rtype}"), |set| format!("puts {set}"));
        self.note(&format!("the outside actor {text} in parent zone {zone}"));
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

    /// A child zone has begun to sign with other keys, or has ceased to.
    pub(crate) fn signs(&mut self, child: usize, signing: bool) {
        self.signing[child] = signing;
        let keys: Vec<String> =
            self.fixture.children[child].handle.keys().into_iter().map(|key| key.name).collect();
        self.note(&format!("child zone {child} has the keys {keys:?}, signing: {signing}"));
        self.last_edit = self.tick;
        self.quiet = false;
    }

    /// A stack holds a resource no longer, and nobody told the function: its claims are dead from
    /// now on.
    pub(crate) fn forgotten(&mut self, owner: &str) {
        self.note(&format!("{owner} is forgotten"));
        let gone: Vec<Key> = self.held.keys().filter(|(held, _)| held == owner).cloned().collect();
        for key in gone {
            self.held.remove(&key);
            self.excused.insert(key);
        }
    }

    /// A stack has come to hold another's resource, whose claim it has not.
    pub(crate) fn received(&mut self, owner: &str, from: &str, physical_id: &str) {
        self.note(&format!("{owner} is what was {from}"));
        let Some(point) = self.fixture.of_id(physical_id) else { return };
        let key = (from.to_owned(), point.clone());
        if let Some(held) = self.held.remove(&key) {
            self.held.insert((owner.to_owned(), point), Held { broken: true, ..held });
        }
        self.forgotten(from);
        self.excused.insert(key);
    }

    /// A call of the function has come, and the outside actor has had its turn.
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
                // A change that the SDK sends again was planned on the same reading.
                "ChangeResourceRecordSets" => {
                    delivery.changing = delivery.round.take().unwrap_or(delivery.changing);
                }
                _ => {}
            }
        }
    }

    /// A call of the function was carried out, or refused.
    pub(crate) fn answered(&mut self, call: &Call) {
        if call.action != "ChangeResourceRecordSets" {
            return;
        }
        let changes: Vec<String> =
            call.changes.iter().map(|change| format!("\n         {change}")).collect();
        let end = match call.outcome.as_ref() {
            Some(outcome) if call.succeeded() && !outcome.delivered => {
                "carried out, its answer lost"
            }
            Some(_) if call.succeeded() => "carried out",
            _ => "refused",
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

/// `<stack name>` of `<stack name>/<logical id>`.
fn stack_of(owner: &str) -> &str {
    owner.split('/').next().unwrap_or_default()
}

/// `RequestType`, `PhysicalResourceId` and the like.
fn text(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_default().to_owned()
}
