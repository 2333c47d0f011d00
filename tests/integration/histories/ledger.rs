//! The reference model: a replica of the parent zones, kept by replaying what the outside actor did and which batches of
//! the function were carried out, and next to it what must be true. It knows the design and nothing of the function.

mod batch;
mod delivery;
mod occlusion;
mod secure;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use sandbox::{Action, Call, RecordSet};
use serde_json::Value;

use crate::histories::atlas::{Atlas, Place, Servers, plain};
use crate::laws::claims::{self, Claim};
use crate::laws::secure::{Digests, Values};
pub(crate) use delivery::Delivery;

/// Every event that matters raises it by one.
pub(crate) type Tick = u64;

/// The record sets of a parent zone, by name and type.
pub(crate) type Records = BTreeMap<(String, String), RecordSet>;

/// A resource that a stack holds, at one place.
#[derive(Clone, Debug)]
struct Held {
    servers: Servers,
    /// The DS record set that its claim covers, until somebody who was allowed to changed it.
    ds: Option<Values>,
    /// Somebody who was allowed to, or a request that has not ended, made it something else since.
    broken: bool,
}

/// The delegation at a place.
#[derive(Clone, Debug, Default)]
struct History {
    /// The name servers were last written by the function.
    ours: bool,
    /// The DS records were last written by the function, and the outside actor has not taken claims away since.
    ds_ours: bool,
    /// The outside actor changed the name servers or took claims away.
    touched: bool,
    /// When the outside actor last changed anything here.
    edited: Tick,
}

#[allow(clippy::struct_excessive_bools, reason = "a reference model is slow and obvious")]
pub(crate) struct Ledger {
    pub(crate) atlas: Atlas,
    pub(crate) zones: Vec<Records>,
    tick: Tick,
    last_edit: Tick,
    /// When each record set got what it holds.
    born: BTreeMap<(usize, String, String), Tick>,
    places: BTreeMap<Place, History>,
    /// The name servers that each digest in a claim stands for.
    digests: BTreeMap<String, Servers>,
    /// The same of all that a DS record set depends on.
    secure: Digests,
    /// Which child zones are signing.
    signing: Vec<bool>,
    pub(crate) active: Vec<Delivery>,
    /// The requests that were delivered before.
    known: BTreeSet<String>,
    held: BTreeMap<(String, Place), Held>,
    /// Claims that may stay: of deliveries that started after the Delete had ended, or after a failure of the way back.
    excused: BTreeSet<(String, Place)>,
    /// Stacks that a person must look at.
    stuck: BTreeSet<String>,
    /// While a Create is cancelled, no stack holds what it makes.
    pub(crate) cancelling: bool,
    /// A delivery that no stack waits for.
    pub(crate) late: bool,
    /// What the step began with.
    before: Vec<Records>,
    step_began: Tick,
    /// The names of which something was broken when the step began, in whichever parent zone.
    shaky: BTreeSet<String>,
    /// A request with `AllowOverwrite` changed something in this step.
    overwrote: bool,
    pub(crate) in_trouble: bool,
    /// Nobody edited anything, nothing went wrong on the way, nothing was delivered twice, and no `Allow` was set.
    pub(crate) quiet: bool,
    violation: Option<String>,
    log: Vec<String>,
    pub(crate) tally: BTreeMap<String, u64>,
}

impl Ledger {
    pub(crate) fn new(atlas: Atlas) -> Self {
        let zones: Vec<Records> = atlas.parents.iter().map(|zone| records(&zone.handle.records())).collect();
        Self {
            before: zones.clone(),
            atlas,
            zones,
            tick: 1,
            last_edit: 0,
            born: BTreeMap::new(),
            places: BTreeMap::new(),
            digests: BTreeMap::new(),
            secure: Digests::default(),
            signing: vec![false; crate::histories::history::CHILDREN.len()],
            active: Vec::new(),
            known: BTreeSet::new(),
            held: BTreeMap::new(),
            excused: BTreeSet::new(),
            stuck: BTreeSet::new(),
            cancelling: false,
            late: false,
            step_began: 0,
            shaky: BTreeSet::new(),
            overwrote: false,
            in_trouble: false,
            quiet: true,
            violation: None,
            log: Vec::new(),
            tally: BTreeMap::new(),
        }
    }

    /// What was found to be wrong, with all that happened; the first thing, for what follows may be its consequence.
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

    pub(crate) fn violated(&mut self, invariant: u8, text: &str) {
        if self.violation.is_none() {
            self.violation = Some(format!("invariant {invariant}: {text}"));
            self.note(&format!("VIOLATED: invariant {invariant}: {text}"));
        }
    }

    pub(crate) fn count(&mut self, what: &str) {
        *self.tally.entry(what.to_owned()).or_default() += 1;
    }

    pub(crate) fn record(&self, zone: usize, name: &str, rtype: &str) -> Option<&RecordSet> {
        record(&self.zones, zone, name, rtype)
    }

    fn claims(&self, place: &Place) -> Vec<Claim> {
        claims_at(&self.zones, place).0
    }

    /// The delegation of a place, as a set of names and a TTL.
    fn delegation(&self, place: &Place) -> Option<(Servers, u32)> {
        delegation_at(&self.zones, place)
    }

    /// The outside actor put a record set, or removed it.
    pub(crate) fn edited(&mut self, zone: usize, name: &str, rtype: &str, now: Option<RecordSet>) {
        let text = now.as_ref().map_or_else(|| format!("removes {name} {rtype}"), |set| format!("puts {set}"));
        self.note(&format!("the outside actor {text} in parent zone {zone}"));
        let cut = name.strip_prefix("_delegation-").unwrap_or(name).to_owned();
        let place = Place { zone, name: cut };
        let claims = self.claims(&place);
        let key = (name.to_owned(), rtype.to_owned());
        match now {
            Some(set) => self.zones[zone].insert(key, set),
            None => self.zones[zone].remove(&key),
        };
        self.born.insert((zone, name.to_owned(), rtype.to_owned()), self.tick);
        let history = self.places.entry(place.clone()).or_default();
        history.edited = self.tick;
        self.last_edit = self.tick;
        self.quiet = false;
        let matters = rtype == "NS" || claims_at(&self.zones, &place).0 != claims;
        if matters || rtype == "DS" {
            self.held.iter_mut().filter(|((_, at), _)| *at == place).for_each(|(_, held)| held.ds = None);
            history.ds_ours &= rtype == "NS";
        }
        if matters {
            history.touched = true;
            history.ours &= rtype != "NS";
            self.held.iter_mut().filter(|((_, at), _)| *at == place).for_each(|(_, held)| held.broken = true);
        }
    }

    /// A call of the function has come, and the outside actor has had its turn.
    pub(crate) fn called(&mut self, call: &Call) {
        self.tick += 1;
        let tick = self.tick;
        if !self.atlas.parents.iter().any(|zone| Some(&zone.id) == call.zone.as_ref()) {
            return;
        }
        for delivery in &mut self.active {
            match call.action.as_str() {
                "ListResourceRecordSets" => {
                    delivery.round.get_or_insert(tick);
                    delivery.last_read = tick;
                }
                // A change that the SDK sends again was planned on the same reading.
                "ChangeResourceRecordSets" => delivery.changing = delivery.round.take().unwrap_or(delivery.changing),
                _ => {}
            }
        }
    }

    /// A call of the function was carried out, or refused.
    pub(crate) fn answered(&mut self, call: &Call) {
        if call.action != "ChangeResourceRecordSets" {
            return;
        }
        let changes: Vec<String> = call.changes.iter().map(|change| format!("\n         {change}")).collect();
        let end = match call.outcome.as_ref() {
            Some(outcome) if call.succeeded() && !outcome.delivered => "carried out, its answer lost",
            Some(_) if call.succeeded() => "carried out",
            _ => "refused",
        };
        let comment = call.comment.clone().unwrap_or_default();
        self.note(&format!("batch ({comment}) {end}: {}", changes.concat()));
        if !call.succeeded() {
            self.count("batch rejected");
            return;
        }
        let zone = self.atlas.parents.iter().position(|zone| Some(&zone.id) == call.zone.as_ref());
        let Some(zone) = zone else {
            return self.violated(1, "the function changed a zone that is no parent zone");
        };
        let before = self.zones.clone();
        for change in &call.changes {
            let key = (plain(&change.record.name), change.record.rtype.clone());
            match change.action {
                Action::Create => drop(self.zones[zone].insert(key, change.record.clone())),
                Action::Delete => drop(self.zones[zone].remove(&key)),
                Action::Upsert => return self.violated(1, "the function sent an UPSERT"),
            }
        }
        self.check_batch(call, zone, &before);
    }
}

pub(crate) fn records(sets: &[RecordSet]) -> Records {
    sets.iter().map(|set| ((plain(&set.name), set.rtype.clone()), set.clone())).collect()
}

fn record<'a>(zones: &'a [Records], zone: usize, name: &str, rtype: &str) -> Option<&'a RecordSet> {
    zones[zone].get(&(name.to_owned(), rtype.to_owned()))
}

fn claims_at(zones: &[Records], place: &Place) -> (Vec<Claim>, Vec<String>) {
    record(zones, place.zone, &place.record(), "TXT").map(|set| claims::read(&set.values)).unwrap_or_default()
}

fn delegation_at(zones: &[Records], place: &Place) -> Option<(Servers, u32)> {
    let set = record(zones, place.zone, &place.name, "NS")?;
    Some((set.values.iter().map(|value| plain(value)).collect(), set.ttl.unwrap_or_default()))
}

/// `RequestType`, `PhysicalResourceId` and the like.
fn text(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_default().to_owned()
}
