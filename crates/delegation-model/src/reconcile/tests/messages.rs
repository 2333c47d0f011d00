//! Every message as its reader gets it.

use std::collections::BTreeSet;

use super::driver::*;
use crate::ownership_record::{OwnerName, record_name};
use crate::reconcile::{
    Action, Comparison, DsRefusal, FailedCheck, Holders, Overtaken, Refusal, UpdateBehavior,
    Warning,
};
use crate::record_set::RecordType;
use crate::rollover::KeysToKeep;
use crate::ttl::Ttl;

fn owners(names: &[&str]) -> Holders {
    let owner = |name: &&str| -> OwnerName { claimant(name).owner().clone() };
    Holders { owners: names.iter().map(owner).collect(), unreadable: false }
}

fn refusals() -> Vec<Refusal> {
    let name = || name(CUT);
    let nobody = Holders::default;
    let (current, desired) = ("ns1.x.net".to_owned(), "ns1.y.net".to_owned());
    let ds = |why| Refusal::Ds { name: name(), why };
    vec![
        Refusal::NotAllowed { name: name() },
        Refusal::NoLongerAllowed { name: name() },
        Refusal::Cname { name: name() },
        Refusal::DelegatedAbove {
            name: name(),
            above: super::driver::name("example.com"),
            servers: current.clone(),
        },
        Refusal::ParentNameServer {
            name: name(),
            server: super::driver::name("ns1.testing.example.com"),
        },
        Refusal::Occludes {
            name: name(),
            records: "www.testing.example.com A".into(),
            comparison: Comparison::Complete,
        },
        Refusal::Occludes {
            name: name(),
            records: "www.testing.example.com A".into(),
            comparison: Comparison::OfFirstPage,
        },
        Refusal::Occludes {
            name: name(),
            records: String::new(),
            comparison: Comparison::OfFirstPage,
        },
        Refusal::RoutingPolicy { name: name(), record_type: RecordType::Ns },
        Refusal::NameServersUnknown { name: name() },
        Refusal::ClaimedByOthers {
            name: name(),
            desired: desired.clone(),
            owners: owners(&["S1"]),
        },
        Refusal::NotOurs {
            name: name(),
            current: current.clone(),
            desired: desired.clone(),
            owners: nobody(),
        },
        Refusal::NotOurs {
            name: name(),
            current: current.clone(),
            desired: desired.clone(),
            owners: owners(&["S1", "S2"]),
        },
        Refusal::HeldByOthers {
            name: name(),
            current: current.clone(),
            desired: desired.clone(),
            owners: owners(&["S1"]),
        },
        Refusal::NotSettled { name: name(), current: current.clone(), owners: owners(&["S1"]) },
        Refusal::CantBeRestored { name: name(), current: "not a name".into() },
        Refusal::UnreadableClaim { record: super::driver::name(RECORD) },
        Refusal::OwnershipRecordFull { record: super::driver::name(RECORD) },
        Refusal::NoGlue { name: name(), server: super::driver::name("ns1.testing.example.com") },
        Refusal::NoRoomForOwnershipRecord { name: name() },
        ds(DsRefusal::Unknown { why: "the child zone Z2 is not signing".into() }),
        ds(DsRefusal::Exists { ttl: Some(Ttl::DS) }),
        ds(DsRefusal::WithNameServers),
        ds(DsRefusal::OfOthers { owners: nobody() }),
        ds(DsRefusal::OfOthers { owners: owners(&["S1"]) }),
        ds(DsRefusal::ClaimedByOthers {
            current: keys("a").to_string(),
            desired: keys("b").to_string(),
            owners: owners(&["S1"]),
        }),
        ds(DsRefusal::NotOurs { current: keys("a").to_string(), desired: keys("b").to_string() }),
        ds(DsRefusal::KeyTooYoung { desired: keys("b").to_string(), left: 3540 }),
    ]
}

fn warnings() -> Vec<Warning> {
    let name = || name(CUT);
    let (x, y) = (|| "ns1.x.net".to_owned(), || "ns1.y.net".to_owned());
    let minute = Ttl::new(60).unwrap();
    vec![
        Warning::LeftAsItIs { refusal: Box::new(Refusal::Cname { name: name() }) },
        Warning::ChangedSince { name: name(), current: x() },
        Warning::ChangedSince { name: name(), current: String::new() },
        Warning::Hides { name: name(), records: "www.testing.example.com A".into() },
        Warning::WildcardCovered { name: name(), wildcard: super::driver::name("*.example.com") },
        Warning::Displaced {
            name: name(),
            previous: x(),
            ttl: minute,
            owners: Holders::default(),
            restored_by_rollback: true,
        },
        Warning::Displaced {
            name: name(),
            previous: x(),
            ttl: minute,
            owners: owners(&["S1"]),
            restored_by_rollback: false,
        },
        Warning::DriftRepaired { name: name(), previous: x(), ttl: Some(minute) },
        Warning::ChangedForOthers { name: name(), previous: x(), owners: owners(&["S1"]) },
        Warning::Shared { name: name(), owners: owners(&["S1", "S2"]) },
        Warning::NextUpdateChanges {
            name: name(),
            ttl: Some((Some(minute), Ttl::DELEGATION)),
            ds: None,
        },
        Warning::NextUpdateChanges {
            name: name(),
            ttl: None,
            ds: Some((String::new(), keys("a").to_string())),
        },
        Warning::TtlKept {
            name: name(),
            current: Some(minute),
            desired: Ttl::DELEGATION,
            owners: owners(&["S1"]),
        },
        Warning::DsLeft {
            name: name(),
            current: keys("a").to_string(),
            owners: Holders::default(),
        },
        Warning::DsLeft { name: name(), current: keys("a").to_string(), owners: owners(&["S1"]) },
        Warning::DsUnknown {
            name: name(),
            exists: true,
            why: "the child zone Z2 is not signing".into(),
        },
        Warning::DsUnknown {
            name: name(),
            exists: false,
            why: "the child zone Z2 is not signing".into(),
        },
        Warning::DsDeferred { name: name(), desired: keys("a").to_string() },
        Warning::KeysMustStay {
            name: name(),
            keys: KeysToKeep { tags: "4711, 4712".into(), seconds: 7200 },
        },
        Warning::UnsignedAnswersKept { name: name() },
        Warning::NotClaimed { name: name(), current: x(), owners: Holders::default() },
        Warning::NotClaimed { name: name(), current: x(), owners: owners(&["S1"]) },
        Warning::ClaimKept { name: name(), current: x() },
        Warning::MovedFromGoneZone { name: name(), current: x(), zone: "Z9".parse().unwrap() },
        Warning::LeftToOthers { name: name(), current: x(), owners: owners(&["S1"]) },
        Warning::ExistedBefore { name: name(), current: x() },
        Warning::Restored { name: name(), restored: y(), ttl: minute },
        Warning::NotRestored { name: name(), previous: y(), ttl: minute, rejected: true },
        Warning::NotRestored { name: name(), previous: y(), ttl: minute, rejected: false },
        Warning::DormantClaimsLeft { name: name(), removed: x(), owners: owners(&["S1"]) },
        Warning::ChangedByOthers { name: name(), current: x(), owners: Holders::default() },
        Warning::ChangedByOthers { name: name(), current: x(), owners: owners(&["S1"]) },
        Warning::DsWithRoutingPolicyLeft { name: name() },
        Warning::ClaimLeft { record: record_name(&name()).unwrap() },
    ]
}

fn list<T: std::fmt::Display>(messages: &[T], code: impl Fn(&T) -> &'static str) -> String {
    messages
        .iter()
        .map(|message| format!("[{}] {message}", code(message)))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn refusals_read_well() {
    insta::assert_snapshot!(list(&refusals(), Refusal::code));
}

#[test]
fn warnings_read_well() {
    insta::assert_snapshot!(list(&warnings(), Warning::code));
}

#[test]
fn overtaken_requests_read_well() {
    let overtaken =
        [Overtaken::ByLaterRequest { name: name(CUT) }, Overtaken::Cancelled { name: name(CUT) }];
    insta::assert_snapshot!(list(&overtaken, Overtaken::code));
}

#[test]
fn every_code_is_listed_once_and_belongs_to_a_message() {
    let refused: BTreeSet<_> = refusals().iter().map(Refusal::code).collect();
    assert_eq!(refused, Refusal::CODES.into_iter().collect());
    let warned: BTreeSet<_> = warnings().iter().map(Warning::code).collect();
    assert_eq!(warned, Warning::CODES.into_iter().collect());
    let all = [Refusal::CODES.as_slice(), &Warning::CODES, &Overtaken::CODES].concat();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    let kebab = |code: &&str| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    assert!(all.iter().all(kebab), "{all:?}");
}

#[test]
fn a_failed_check_keeps_its_code_and_message() {
    let check =
        FailedCheck { code: "child-private", message: "The child zone Z2 is private.".into() };
    let refusal = Refusal::Check(check);
    assert_eq!(
        (refusal.code(), refusal.to_string().as_str()),
        ("child-private", "The child zone Z2 is private.")
    );
}

#[test]
fn many_holders_are_counted() {
    let many = owners(&["A", "B", "C", "D", "E", "F", "G"]);
    assert_eq!(many.to_string(), "A/D, B/D, C/D, D/D, E/D and 2 more");
    assert_eq!(owners(&["A", "B"]).to_string(), "A/D and B/D");
    let unreadable = Holders { unreadable: true, ..owners(&["A"]) };
    assert_eq!(
        unreadable.to_string(),
        "A/D and a claim that this version of the function can't read"
    );
    assert_eq!(Holders::default().to_string(), "nobody");
}

#[test]
fn plans_read_as_diffs() {
    let mut point = Point::new();
    point.set_by_hand("h", 60);
    let mut plans = Vec::new();
    let mut note =
        |what: &str, done: &Done| plans.push(format!("{what}:\n{}{}", done.plan(), done.text()));
    note("create", &point.create("S1", wants("xy").overwriting()));
    note("share", &point.create("S2", wants("xy").ttl(300)));
    note("settle", &point.update("S1", wants("xy").signed("a")));
    note("leave", &point.delete("S2"));
    note("remove", &point.delete("S1"));
    insta::assert_snapshot!(plans.join("\n\n"));
}

#[test]
fn actions_print_as_documented() {
    let actions = [
        Action::Created,
        Action::Updated,
        Action::Adopted,
        Action::Unchanged,
        Action::Shared,
        Action::Removed,
        Action::PutBack,
        Action::Left,
    ];
    let words: Vec<String> = actions.iter().map(ToString::to_string).collect();
    assert_eq!(words.join(","), "CREATED,UPDATED,ADOPTED,UNCHANGED,SHARED,REMOVED,PUT_BACK,LEFT");
    let mut point = Point::new();
    let create = point.request("S1", UpdateBehavior::Create, &wants("x"));
    assert!(!point.deliver(&create).plan().removes());
    assert!(point.delete("S1").plan().removes());
}
