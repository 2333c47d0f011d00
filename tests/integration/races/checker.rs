//! Checks every batch of a race against the rules, when it is applied.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use delegation_model::digest::{Digest, Intent as Properties, RequestDigest};
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::Claimant;
use delegation_model::parent::ParentZone;
use sandbox::{Call, Sandbox, ZoneHandle};
use serde_json::Value;
use test_support::NAME;

use crate::invariants::ds::RequestedDs;
use crate::invariants::ownership::{
    Asks, Batch, Behavior, Delete, Intent, Reason, Stamp, check_batch,
};
use crate::invariants::record::{PointState, Record, Set, Values, plain};
use crate::races::fixture::OTHER_NAME;

pub(crate) struct RuleChecker {
    parent: ZoneHandle,
    children: Vec<ZoneHandle>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last known state at each name.
    point_states: BTreeMap<String, PointState>,
    /// The requests, each with its time.
    requests: Vec<(i64, Value)>,
    /// For each principal, whether it has read the point since anything else last changed it.
    read_since: BTreeMap<String, bool>,
    /// True after a manual edit.
    edited_by_hand: bool,
    /// The DS record sets that manual edits have set.
    by_hand: Vec<(String, Values)>,
    wrong: Option<String>,
}

/// What a batch changed at a name.
struct PointChange<'a> {
    name: &'a str,
    before: &'a PointState,
    after: &'a PointState,
    /// True if nothing else has changed the point since the sender of the batch read it.
    undisturbed: bool,
}

impl RuleChecker {
    pub(crate) fn attach(
        aws: &Sandbox,
        parent: &ZoneHandle,
        children: Vec<ZoneHandle>,
    ) -> Arc<Self> {
        let checker = Arc::new(Self { parent: parent.clone(), children, state: Mutex::default() });
        let observer = Arc::clone(&checker);
        // Registered before the hooks of the race, which release the next call.
        aws.after_call(Arc::new(move |call| observer.after_call(call)));
        checker
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a request before it is sent.
    pub(crate) fn register_request(&self, at: SystemTime, event: &Value) {
        let at = at.duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.state().requests.push((at.try_into().unwrap(), event.clone()));
    }

    /// Records a manual edit of the parent zone, or its setup.
    pub(crate) fn edited(&self) {
        let mut state = self.state();
        state.edited_by_hand = true;
        state.read_since.values_mut().for_each(|read| *read = false);
        for name in [NAME, OTHER_NAME] {
            let (then, now) =
                (state.point_states.get(name).cloned().unwrap_or_default(), self.point_state(name));
            if let Some(records) = now.records().filter(|records| then.records() != Some(records)) {
                state.by_hand.push((name.to_owned(), records.clone()));
            }
            state.point_states.insert(name.to_owned(), now);
        }
    }

    /// Returns the first violation, or what is wrong with the final state.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let state = self.state();
        if let Some(wrong) = &state.wrong {
            return Err(wrong.clone());
        }
        for name in [NAME, OTHER_NAME] {
            let point_state = self.point_state(name);
            let Some(records) = point_state.records() else { continue };
            let by_hand = state.by_hand.contains(&(name.to_owned(), records.clone()));
            // A manual edit may have removed the name servers.
            let bare = point_state.ns.is_none() && !state.edited_by_hand;
            let managed =
                point_state.record.claims.iter().any(|claim| claim.ds == point_state.current_ds());
            if !by_hand && (bare || !managed) {
                return Err(format!(
                    "the DS record set at {name} is left without name servers, or no claim names it"
                ));
            }
        }
        Ok(())
    }

    fn point_state(&self, name: &str) -> PointState {
        let set = |rtype| {
            let set = self.parent.record(name, rtype)?;
            Some(Set::new(&set.values, set.ttl.unwrap_or_default()))
        };
        let ownership = self.parent.record(&format!("_delegation-{name}"), "TXT");
        let record = ownership.map(|set| Record::read(&set.values)).unwrap_or_default();
        PointState { ns: set("NS"), ds: set("DS"), record }
    }

    fn after_call(&self, call: &Call) {
        let mut state = self.state();
        if call.action == "ListResourceRecordSets" && call.summary.contains(&format!("from {NAME}"))
        {
            state.read_since.insert(call.principal.clone(), true);
        }
        if call.action != "ChangeResourceRecordSets" || !call.succeeded() {
            return;
        }
        let undisturbed = state.read_since.get(&call.principal).copied().unwrap_or(true);
        for name in [NAME, OTHER_NAME] {
            let now = self.point_state(name);
            let then = state.point_states.insert(name.to_owned(), now.clone()).unwrap_or_default();
            if then == now {
                continue;
            }
            let change = PointChange { name, before: &then, after: &now, undisturbed };
            if let Err(wrong) = self.check_batch(&state, call, &change) {
                let report: Vec<String> =
                    call.changes.iter().map(|change| format!("\n    {change}")).collect();
                state.wrong.get_or_insert(format!("{wrong}, in the batch{}", report.concat()));
            }
        }
        let others =
            state.read_since.iter_mut().filter(|(principal, _)| **principal != call.principal);
        others.for_each(|(_, read)| *read = false);
    }

    /// Checks that a request that matches the batch was allowed to send it.
    fn check_batch(
        &self,
        state: &State,
        call: &Call,
        change: &PointChange<'_>,
    ) -> Result<(), String> {
        let PointChange { name, before, after, undisturbed } = *change;
        let comment = call.comment.as_deref().unwrap_or_default();
        let latest = state.requests.iter().map(|(at, _)| *at).max().unwrap_or_default();
        let mut wrong = format!("no request matches the comment {comment:?}");
        for (at, event) in &state.requests {
            let stamp = stamp(event, *at, latest, name);
            if comment
                != format!("Custom::Delegation {} {}", text(event, "RequestType"), stamp.owner)
            {
                continue;
            }
            // Requests of one owner and type have the same comment. The time in the claim tells
            // which one wrote it.
            let own = after.record.own(&stamp.owner, stamp.now);
            if own.is_some_and(|own| own.at != *at) {
                continue;
            }
            for asks in self.requested_at(event, name) {
                match check_batch(&Batch { stamp: &stamp, asks: &asks, before, after, undisturbed })
                {
                    Ok(_) => return Ok(()),
                    Err(why) => wrong = why,
                }
            }
        }
        Err(wrong)
    }

    /// Returns what a request may ask for at a name.
    fn requested_at(&self, event: &Value, name: &str) -> Vec<Asks> {
        let (new, old) = (&event["ResourceProperties"], &event["OldResourceProperties"]);
        let absent = |why, properties| {
            let known = Some(self.servers(properties));
            Asks::Delete(Delete { why, known, restore_rejected: false })
        };
        let here = text(event, "PhysicalResourceId").ends_with(&format!("/{name}"));
        let behavior = match text(event, "RequestType") {
            "Delete" => return vec![absent(Reason::Requested, new)],
            "Create" => Behavior::Create,
            _ if here => Behavior::InPlace,
            _ => {
                Behavior::Replacement { from: format!("{}/{}", self.parent.id(), self.route(old)) }
            }
        };
        let mut asks = Vec::new();
        if self.child(new).name().trim_end_matches('.') == name {
            let arrives = behavior != Behavior::InPlace;
            asks.push(Asks::CreateUpdate(self.intent(new, old, behavior)));
            asks.extend(arrives.then(|| absent(Reason::Undo, new)));
        } else {
            asks.push(absent(Reason::Requested, old));
        }
        asks
    }

    fn child(&self, properties: &Value) -> &ZoneHandle {
        self.children.iter().find(|child| child.id() == text(properties, "ChildZoneId")).unwrap()
    }

    /// Returns the name servers of the child zone and of `NameServers`.
    fn servers(&self, properties: &Value) -> Values {
        let requested = name_servers(properties).unwrap_or_default();
        self.child(properties)
            .name_servers()
            .iter()
            .chain(&requested)
            .map(|server| plain(server))
            .collect()
    }

    fn intent(&self, properties: &Value, old: &Value, behavior: Behavior) -> Intent {
        let child = self.child(properties);
        let servers = name_servers(properties).unwrap_or_else(|| child.name_servers());
        let keys = child.keys();
        let active: Vec<(String, String)> = keys
            .into_iter()
            .filter(|key| key.status == "ACTIVE")
            .map(|key| (key.name.clone(), key.ds_record()))
            .collect();
        let number = |properties: &Value, key: &str, default: u32| {
            properties[key].as_str().map_or(default, |ttl| ttl.parse().unwrap())
        };
        let differs = |key, default| {
            !old.is_null() && number(properties, key, default) != number(old, key, default)
        };
        Intent {
            behavior,
            servers: servers.iter().map(|server| plain(server)).collect(),
            ttl: number(properties, "TTL", 172_800),
            changes_ttl: differs("TTL", 172_800),
            changes_ds_ttl: differs("DsTTL", 3600),
            overwrite: properties["AllowOverwrite"] == "true",
            allowed: true,
            digest: digest(properties).to_string(),
            old_digest: (!old.is_null()).then(|| digest(old).to_string()),
            ds: if properties["Dnssec"] == "true" {
                RequestedDs::from_keys(&active, names(properties).as_deref())
            } else {
                RequestedDs::Off
            },
            ds_ttl: number(properties, "DsTTL", 3600),
            blocked: Some(false),
        }
    }

    /// Returns the digest of the route of these properties.
    fn route(&self, properties: &Value) -> Digest {
        let parent = ParentZone::Id(text(properties, "ParentZoneId").parse().unwrap());
        let name = self.child(properties).name().trim_end_matches('.').parse().unwrap();
        Digest::from_route(&parent, properties["ParentRoleArn"].as_str(), &name)
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn name_servers(properties: &Value) -> Option<Vec<String>> {
    serde_json::from_value(properties["NameServers"].clone()).ok()
}

fn names(properties: &Value) -> Option<Vec<String>> {
    serde_json::from_value(properties["KeySigningKeys"].clone()).ok()
}

fn digest(properties: &Value) -> Digest {
    let child_zone = text(properties, "ChildZoneId").parse().unwrap();
    let name_servers =
        name_servers(properties).map(|servers| NameServers::parse(&servers).unwrap());
    let keys = names(properties).map(|keys| keys.iter().map(|key| key.parse().unwrap()).collect());
    Digest::from_intent(&Properties {
        child_zone: Some(&child_zone),
        name_servers: name_servers.as_ref(),
        dnssec: properties["Dnssec"] == "true",
        key_signing_keys: keys.as_ref(),
    })
}

fn stamp(event: &Value, at: i64, now: i64, name: &str) -> Stamp {
    let claimant = Claimant::new(
        text(event, "StackId"),
        text(event, "LogicalResourceId"),
        &name.parse().unwrap(),
    );
    Stamp {
        owner: claimant.owner().to_string(),
        id: claimant.id().to_string(),
        at,
        req: Some(RequestDigest::new(text(event, "RequestId")).to_string()),
        now,
    }
}
