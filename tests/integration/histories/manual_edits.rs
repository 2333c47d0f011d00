//! Manual edits: changes that people make outside the function.

use sandbox::{KeySigningKey, RecordSet, ZoneHandle};

use crate::histories::fixture::{keys_of, plain};
use crate::histories::history::{Below, Edit, NAMES, PointIndex, Whose};
use crate::histories::reference_model::ReferenceModel;

const STRANGERS_DS: &str =
    "9999 13 2 9999999999999999999999999999999999999999999999999999999999999999";
const STRANGER: &str = "\"v=spf1 -all\"";

/// Performs a manual edit, and reports it to the model.
pub(crate) fn perform(model: &mut ReferenceModel, edit: &Edit) {
    let name_of = |at: &PointIndex| NAMES[at.name].to_owned();
    let record_of = |at: &PointIndex| format!("_delegation-{}", NAMES[at.name]);
    let below = |at: &PointIndex, what: Below| match what {
        Below::Www => (format!("www.{}", NAMES[at.name]), "A", "192.0.2.1"),
        Below::Mail => (format!("mail.{}", NAMES[at.name]), "TXT", "\"here\""),
        Below::Mx => (NAMES[at.name].to_owned(), "MX", "10 mx.example.net"),
    };
    let put = |model: &mut ReferenceModel, zone: usize, set: RecordSet| {
        handle(model, zone).put(set.clone());
        model.edited(zone, &plain(&set.name), &set.rtype, Some(set.clone()));
    };
    let remove = |model: &mut ReferenceModel, zone: usize, name: &str, rtype: &str| {
        if handle(model, zone).remove(name, rtype) {
            model.edited(zone, name, rtype, None);
        }
    };
    match edit {
        Edit::PutNs { at, whose, ttl } => {
            let servers: Vec<String> = match whose {
                Whose::Stranger => vec!["ns1.somebody.net.".into(), "ns2.somebody.net.".into()],
                Whose::Child(child) => {
                    model.fixture.children[*child].servers.iter().map(|s| format!("{s}.")).collect()
                }
            };
            put(model, at.zone, RecordSet::new(&name_of(at), "NS", *ttl, servers));
        }
        Edit::RemoveNs { at } => remove(model, at.zone, &name_of(at), "NS"),
        Edit::PutDs { at, whose, keys, ttl } => {
            let records: Vec<String> = match whose {
                Whose::Stranger => vec![STRANGERS_DS.into()],
                Whose::Child(child) => {
                    keys_of(*child, *keys).iter().map(KeySigningKey::ds_record).collect()
                }
            };
            put(model, at.zone, RecordSet::new(&name_of(at), "DS", *ttl, records));
        }
        Edit::RemoveDs { at } => remove(model, at.zone, &name_of(at), "DS"),
        Edit::Keys { child, keys } => {
            let zone = model.fixture.children[*child].handle.clone();
            match keys {
                Some(keys) => zone.sign(keys_of(*child, *keys)),
                None => zone.unsign(),
            }
            model.signs(*child, keys.is_some());
        }
        Edit::PutBelow { at, what } => {
            let (name, rtype, value) = below(at, *what);
            put(model, at.zone, RecordSet::new(&name, rtype, 300, [value]));
        }
        Edit::RemoveBelow { at, what } => {
            let (name, rtype, _) = below(at, *what);
            remove(model, at.zone, &name, rtype);
        }
        Edit::PutAside { zone } => {
            let name = format!("aside.{}", model.fixture.parents[*zone].name);
            put(model, *zone, RecordSet::new(&name, "A", 60, ["192.0.2.99"]));
        }
        Edit::PutStranger { at } => {
            let record = model.record(at.zone, &record_of(at), "TXT").cloned();
            let mut set = record
                .unwrap_or_else(|| RecordSet::new(&record_of(at), "TXT", 60, Vec::<String>::new()));
            if !set.values.iter().any(|value| value == STRANGER) {
                set.values.insert(0, STRANGER.to_owned());
                put(model, at.zone, set);
            }
        }
        Edit::RemoveStranger { at } => {
            let Some(mut set) = model.record(at.zone, &record_of(at), "TXT").cloned() else {
                return;
            };
            set.values.retain(|value| value != STRANGER);
            if set.values.is_empty() {
                remove(model, at.zone, &record_of(at), "TXT");
            } else {
                put(model, at.zone, set);
            }
        }
        Edit::RemoveOwnership { at } => remove(model, at.zone, &record_of(at), "TXT"),
    }
}

fn handle(model: &ReferenceModel, zone: usize) -> ZoneHandle {
    model.fixture.parents[zone].handle.clone()
}
