//! Sees every batch of a race as it is carried out, and judges what it does to the DS record set.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use sandbox::{Call, RecordSet, Sandbox, ZoneHandle};
use serde_json::Value;

use crate::laws::secure::{Asked, Batch, Digests, Scene, Values, Wanted, values};
use crate::races::arena::{NAME, OTHER_NAME};

pub(crate) struct Watch {
    parent: ZoneHandle,
    children: Vec<ZoneHandle>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What stands at each name, as far as it was heard of.
    scenes: BTreeMap<String, Scene>,
    /// The properties of each request, by its resource and time.
    asked: BTreeMap<(String, i64), Value>,
    digests: Digests,
    /// Whether a side, by its principal, has read the zone cut since the outside hand's edit.
    read_since: BTreeMap<String, bool>,
    /// The outside hand has acted.
    hand: bool,
    /// The DS record sets that it made.
    by_hand: Vec<(String, Values)>,
    wrong: Option<String>,
}

impl Watch {
    pub(crate) fn over(aws: &Sandbox, parent: &ZoneHandle, children: Vec<ZoneHandle>) -> Arc<Self> {
        let watch = Arc::new(Self { parent: parent.clone(), children, state: Mutex::default() });
        let sees = Arc::clone(&watch);
        // Before the races' own hooks: they let the next call go.
        aws.after_call(Arc::new(move |call| sees.carried_out(call)));
        watch
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request will be made.
    pub(crate) fn asked(&self, owner: &str, at: SystemTime, properties: &Value) {
        let at = at.duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.state().asked.insert((owner.to_owned(), at.try_into().unwrap()), properties.clone());
    }

    /// The outside hand has edited the parent zone, or set it up.
    pub(crate) fn edited(&self) {
        let mut state = self.state();
        state.hand = true;
        state.read_since.values_mut().for_each(|read| *read = false);
        for name in [NAME, OTHER_NAME] {
            let (then, now) = (state.scenes.get(name).cloned().unwrap_or_default(), self.scene(name));
            if let Some(records) = now.records().filter(|records| then.records() != Some(records)) {
                state.by_hand.push((name.to_owned(), records.clone()));
            }
            state.scenes.insert(name.to_owned(), now);
        }
    }

    /// The first thing that was wrong on the way, or what is wrong with what stands.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let state = self.state();
        if let Some(wrong) = &state.wrong {
            return Err(wrong.clone());
        }
        for name in [NAME, OTHER_NAME] {
            let scene = self.scene(name);
            let Some(records) = scene.records() else { continue };
            let by_hand = state.by_hand.contains(&(name.to_owned(), records.clone()));
            // A hand that acts may have taken the name servers away.
            let bare = scene.ns.is_none() && !state.hand;
            if !by_hand && (bare || !state.digests.covered(&scene)) {
                return Err(format!(
                    "a DS record set is left at {name} without name servers or a claim that covers it"
                ));
            }
        }
        Ok(())
    }

    fn scene(&self, name: &str) -> Scene {
        let [ns, ds] = ["NS", "DS"].map(|rtype| self.parent.record(name, rtype));
        let ownership = self.parent.record(&format!("_delegation-{name}"), "TXT");
        Scene::read(ns.as_ref(), ds.as_ref(), ownership.as_ref())
    }

    fn carried_out(&self, call: &Call) {
        let mut state = self.state();
        if call.action == "ListResourceRecordSets" && call.summary.contains(&format!("from {NAME}")) {
            state.read_since.insert(call.principal.clone(), true);
        }
        if call.action != "ChangeResourceRecordSets" || !call.succeeded() {
            return;
        }
        let still = state.read_since.get(&call.principal).copied().unwrap_or(true);
        for name in [NAME, OTHER_NAME] {
            let now = self.scene(name);
            let then = state.scenes.insert(name.to_owned(), now.clone()).unwrap_or_default();
            if then == now {
                continue;
            }
            let judged = self.judge(&mut state, call, &then, &now, still);
            if let Err(wrong) = judged {
                let told: Vec<String> = call.changes.iter().map(|change| format!("\n    {change}")).collect();
                state.wrong.get_or_insert(format!("{wrong}, in the batch{}", told.concat()));
            }
        }
    }

    fn judge(&self, state: &mut State, call: &Call, then: &Scene, now: &Scene, still: bool) -> Result<(), String> {
        let comment = call.comment.as_deref().unwrap_or_default();
        let owner = comment.split(' ').next_back().unwrap_or_default().to_owned();
        let own = now.own(&owner);
        let (servers, wanted);
        let asked = match own {
            None => None,
            Some(own) => {
                let properties = state.asked.get(&(owner.clone(), own.at));
                let properties = properties.ok_or_else(|| format!("no request of {owner} was made at {}", own.at))?;
                (servers, wanted) = self.wants(properties);
                Some(Asked {
                    at: own.at,
                    servers: &servers,
                    ds: &wanted,
                    ds_ttl: properties["DsTTL"].as_str().map_or(3600, |ttl| ttl.parse().unwrap()),
                    overwrite: properties["AllowOverwrite"] == "true",
                    in_place: comment.contains(" Update "),
                })
            }
        };
        state.digests.judge(&Batch { owner: &owner, asked, before: then, after: now, calm: still })
    }

    /// The name servers and the DS record set that properties ask for.
    fn wants(&self, properties: &Value) -> (Values, Wanted) {
        let id = properties["ChildZoneId"].as_str().unwrap_or_default();
        let child = self.children.iter().find(|child| child.id() == id).unwrap();
        let given: Option<Vec<String>> = serde_json::from_value(properties["NameServers"].clone()).ok();
        let servers = RecordSet::new(NAME, "NS", 0, given.unwrap_or_else(|| child.name_servers()));
        let names: Option<Vec<String>> = serde_json::from_value(properties["KeySigningKeys"].clone()).ok();
        let wanted = Wanted::of(properties["Dnssec"] == "true", true, &child.keys(), names.as_deref());
        (values(&servers), wanted)
    }
}
