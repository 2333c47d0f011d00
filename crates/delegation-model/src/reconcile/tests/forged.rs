//! What somebody can do who may write only TXT records: forge the ownership record between any two
//! requests.

use proptest::prelude::*;

use super::driver::*;
use crate::digest::Digest;
use crate::reconcile::Decision;

/// Generates a value in this program's format with any content except a displacement, or some other
/// text.
fn values() -> impl Strategy<Value = String> {
    let field = |name: &'static str, values: Vec<String>| {
        prop::option::of(prop::sample::select(values)).prop_map(move |value| match value {
            Some(value) => format!(",{name}={value}"),
            None => String::new(),
        })
    };
    let ids: Vec<String> =
        ["S1", "S2", "S9"].map(|resource| claimant(resource).id().to_string()).into();
    let servers: Vec<String> = ["x", "y", "e"]
        .map(|letter| Digest::from_name_servers(&servers(letter)).to_string())
        .into();
    let ds: Vec<String> =
        ["a", "e"].map(|letter| Digest::from_ds(&keys(letter)).to_string()).into();
    let intents: Vec<String> =
        ["x", "y", "e"].map(|letter| wants(letter).digest().to_string()).into();
    let times: Vec<String> = [0, START - DAY, START + 2, START + 600, START + 10 * DAY, i64::MAX]
        .map(|time| time.to_string())
        .into();
    let claim = (
        (prop::sample::select(ids.clone()), prop::sample::select(servers.clone()), field("ds", ds)),
        (
            prop::sample::select(intents.clone()),
            field("was", intents),
            prop::sample::select(times.clone()),
        ),
        (
            prop::sample::select(vec!["made", "came", "up"]),
            field("saw", times.clone()),
            field("hold", times.clone()),
        ),
        field("again", vec!["yes".into()]),
    );
    let claim = claim.prop_map(|((id, ns, ds), (intent, was, at), (by, saw, hold), again)| {
        format!("claim={id},ns={ns}{ds},for={intent}{was},at={at},req=01234567,by={by}{saw}{hold}{again},owner=S9/D")
    });
    let same = prop::sample::select(servers).prop_map(|of| format!("before=same,of={of}"));
    let tombstone = (prop::sample::select(ids), prop::sample::select(times))
        .prop_map(|(id, at)| format!("tombstone={id},at={at}"));
    let ours = prop_oneof![4 => claim, 1 => same, 1 => tombstone, 1 => Just("lease=1".to_owned())];
    prop_oneof![9 => ours.prop_map(|text| format!("\"heritage=custom-delegation,{text}\"")), 1 => Just("\"v=spf1\"".to_owned())]
}

/// An event at the point: an honest request, or an edit of the record.
#[derive(Clone, Debug)]
enum Event {
    Create(&'static str, Intent),
    Update(&'static str, Intent),
    Delete(&'static str),
    DeleteInvented(&'static str),
    /// Keeps that many of the current values and adds these.
    Forge(usize, Vec<String>),
    Wait(i64),
}

fn events() -> impl Strategy<Value = Event> {
    let resource = || prop::sample::select(vec!["S1", "S2"]);
    let intent = || {
        let intents = vec![
            wants("x"),
            wants("y"),
            wants("x").signed("a"),
            wants("y").overwriting(),
            wants("x").not_allowed(),
        ];
        prop::sample::select(intents)
    };
    prop_oneof![
        2 => (resource(), intent()).prop_map(|(resource, intent)| Event::Create(resource, intent)),
        4 => (resource(), intent()).prop_map(|(resource, intent)| Event::Update(resource, intent)),
        3 => resource().prop_map(Event::Delete),
        1 => resource().prop_map(Event::DeleteInvented),
        6 => (0_usize..3, prop::collection::vec(values(), 0..4)).prop_map(|(kept, values)| Event::Forge(kept, values)),
        1 => prop::sample::select(vec![HOUR, 2 * DAY]).prop_map(Event::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever the record says, no batch has name servers or keys that no honest request asked
    /// for, and no Update of a delegation that is as desired is refused. Only a displacement can
    /// add others: `known_the_next_delete_restores_a_forged_displacement`.
    #[test]
    fn no_forged_claim_sets_what_no_request_asked_for(events in prop::collection::vec(events(), 1..12)) {
        let mut point = Point::new();
        point.create("S1", wants("x"));
        for event in events {
            match event {
                Event::Create(resource, intent) => drop(point.create(resource, intent)),
                Event::Update(resource, intent) => {
                    let keys = if intent.dnssec { "a" } else { "" };
                    let as_desired = point.delegated_to() == intent.servers && point.secured_by() == keys;
                    let done = point.update(resource, intent);
                    prop_assert!(!as_desired || !matches!(done.decision, Decision::Refuse(_)), "{}", done.text());
                }
                Event::Delete(resource) => drop(point.delete(resource)),
                Event::DeleteInvented(resource) => drop(point.delete_invented(resource)),
                Event::Forge(kept, values) => {
                    let kept: Vec<String> = point.record().values().into_iter().take(kept).collect();
                    point.remove_by_hand("TXT");
                    for value in kept.iter().chain(&values) {
                        point.add_value_by_hand(value);
                    }
                }
                Event::Wait(seconds) => point.wait(seconds),
            }
            prop_assert!(["", "x", "y"].contains(&point.delegated_to().as_str()), "{}", point.delegated_to());
            prop_assert!(["", "a"].contains(&point.secured_by().as_str()), "{}", point.secured_by());
        }
    }
}
