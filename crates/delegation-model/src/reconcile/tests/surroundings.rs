//! Checks of the record sets around the cut.

use super::driver::*;
use crate::reconcile::{Action, occluded};
use crate::record_set::RecordSet;
use crate::record_set::RecordType;
use crate::ttl::Ttl;

fn record(owner: &str, record_type: &str) -> RecordSet {
    RecordSet::new(name(owner), record_type, Ttl::OWNERSHIP, vec!["x".into()])
}

/// A Create, a replacement, and an Update in place of a resource that has no claim yet.
const WAYS: [fn(&mut Point, &str, Intent) -> Done; 3] =
    [Point::create, Point::replace, Point::update];

#[test]
fn a_cname_at_the_cut_is_refused() {
    for ask in WAYS {
        let mut point = Point::new();
        point.observed.at_cut.push(set("CNAME", 60, vec!["x.example.net.".into()]));
        assert_eq!(
            ask(&mut point, "S1", wants("x").overwriting()).refused().code(),
            "cname-at-name"
        );
    }
}

#[test]
fn a_name_below_another_delegation_is_refused_with_the_zone_to_use() {
    let above = |owner: &str| {
        RecordSet::new(name(owner), RecordType::Ns, Ttl::OWNERSHIP, vec!["ns1.x.net.".into()])
    };
    for ask in WAYS {
        let mut point = Point::new();
        point.observed.above = vec![above("b.example.com"), above("example.com")];
        let done =
            ask(&mut point, "S1", Intent { allow_occlusion: true, ..wants("x").overwriting() });
        assert_eq!(done.refused().code(), "delegated-above");
        assert!(
            done.text().contains("already delegates example.com (to ns1.x.net)"),
            "{}",
            done.text()
        );
    }
    // An existing delegation is not blocked if somebody delegates a name above it.
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.observed.above = vec![above("example.com")];
    let done = point.update("S1", wants("x"));
    assert!(
        done.plan().only_refreshes && done.text().contains("already delegates example.com"),
        "{}",
        done.text()
    );
}

#[test]
fn records_that_the_child_zone_lacks_are_not_hidden() {
    for ask in WAYS {
        let mut point = Point::new();
        point.observed.at_cut = vec![record(CUT, "A"), record(CUT, "MX")];
        point.observed.below =
            vec![record("www.testing.example.com", "A"), record("*.testing.example.com", "TXT")];
        for (at, record_type) in [(CUT, "MX"), ("www.testing.example.com", "A")] {
            point.observed.covered.insert((name(at), record_type.into()));
        }
        let done = ask(&mut point, "S1", wants("x").overwriting());
        assert_eq!(done.refused().code(), "hides-records");
        let lacks = "lacks: testing.example.com A, *.testing.example.com TXT. Copy";
        assert!(done.text().contains(lacks), "{}", done.text());
        let allowed = ask(&mut point.clone(), "S1", Intent { allow_occlusion: true, ..wants("x") });
        assert_eq!((allowed.shape().as_str(), allowed.action()), ("+NS +TXT", Action::Created));
        assert!(allowed.text().contains("*.testing.example.com TXT"), "{}", allowed.text());
        for (at, record_type) in [(CUT, "A"), ("*.testing.example.com", "TXT")] {
            point.observed.covered.insert((name(at), record_type.into()));
        }
        let done = ask(&mut point, "S1", wants("x"));
        assert_eq!((done.action(), done.warnings().as_str()), (Action::Created, ""));
    }
}

#[test]
fn the_first_lost_records_are_named_and_the_others_counted() {
    let mut point = Point::new();
    point.observed.below =
        (0..8).map(|n| record(&format!("h{n}.testing.example.com"), "A")).collect();
    let text = point.create("S1", wants("x")).text();
    assert!(
        text.contains("h0.testing.example.com A")
            && text.contains("h4.testing.example.com A and 3 more")
    );
    point.observed.more_below = true;
    let text = point.create("S1", wants("x")).text();
    assert!(text.contains("and at least 3 more") && text.contains("AllowOcclusion"), "{text}");
    point.observed.covered = point
        .observed
        .below
        .iter()
        .map(|set| (set.name.clone(), set.record_type.clone()))
        .collect();
    let text = point.create("S1", wants("x")).text();
    assert!(text.contains("than can be compared"), "{text}");
    assert!(!text.contains("lacks"), "{text}");
}

#[test]
fn a_delegation_below_is_hidden_and_ds_at_the_cut_is_not() {
    let mut point = Point::new();
    point.observed.at_cut = vec![record(CUT, "DS")];
    point.observed.below =
        vec![record("b.testing.example.com", "NS"), record("b.testing.example.com", "DS")];
    let cut = name(CUT);
    let desired = servers("x");
    let hidden: Vec<_> =
        occluded(&cut, Some(&desired), &point.observed).map(ToString::to_string).collect();
    assert_eq!(hidden, ["b.testing.example.com 300 NS x", "b.testing.example.com 300 DS x"]);
}

#[test]
fn an_existing_delegation_hides_nothing_more() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.observed.below = vec![record("www.testing.example.com", "A")];
    point.observed.more_below = true;
    assert_eq!(point.update("S1", wants("y")).action(), Action::Updated);
}

#[test]
fn a_delegation_of_the_parent_zone_s_name_servers_is_refused_unless_it_is_listed() {
    let parent_servers = |server: &str| {
        crate::name_servers::NameServers::from_values(&[server, "ns-1.awsdns-00.org"])
    };
    for server in [CUT, "ns1.testing.example.com"] {
        for ask in WAYS {
            let mut point = Point::new();
            point.observed.apex_name_servers = parent_servers(server);
            // The child zone answers for its address, and AllowOcclusion is set.
            point.observed.below = vec![record(server, "A")];
            point.observed.covered.insert((name(server), "A".into()));
            let intent = Intent { allow_occlusion: true, ..wants("x").overwriting() };
            let done = ask(&mut point, "S1", intent.clone());
            assert_eq!(done.refused().code(), "parent-name-server");
            assert!(done.text().starts_with(server), "{}", done.text());
            let done = ask(&mut point, "S1", Intent { listed: true, ..intent });
            assert_eq!(done.action(), Action::Created);
        }
    }
    let mut point = Point::new();
    for other in ["xtesting.example.com", "example.com", "ns1.testing.example.net"] {
        point.observed.apex_name_servers = parent_servers(other);
        assert_eq!(point.clone().create("S1", wants("x")).action(), Action::Created, "{other}");
    }
    // A delegation that exists gives nothing more away.
    point.create("S1", wants("x"));
    point.observed.apex_name_servers = parent_servers("ns1.testing.example.com");
    assert_eq!(point.create("S2", wants("x")).action(), Action::Shared);
    point.delete("S2");
    assert_eq!(point.update("S1", wants("y")).action(), Action::Updated);
}

#[test]
fn a_wildcard_that_no_longer_answers_causes_a_warning() {
    let mut point = Point::new();
    point.observed.wildcard = Some(name("*.example.com"));
    let done = point.clone().create("S1", wants("x"));
    assert_eq!(done.warnings(), "wildcard-covered");
    assert!(done.text().contains("*.example.com"), "{}", done.text());
    point.observed.at_cut = vec![record(CUT, "TXT")];
    point.observed.covered.insert((name(CUT), "TXT".into()));
    assert_eq!(
        point.create("S1", wants("x")).warnings(),
        "",
        "it did not cover a name that exists"
    );
}

#[test]
fn name_servers_below_the_cut_need_glue() {
    for ask in WAYS {
        let mut point = Point::new();
        let mut request =
            point.request("S1", crate::reconcile::UpdateBehavior::Create, &wants("x"));
        let names = ["ns1.testing.example.com", "ns2.example.net"];
        request.goal.name_servers =
            Some(crate::name_servers::NameServers::from_values(&names).unwrap());
        let done = point.deliver(&request);
        assert_eq!(done.refused().code(), "glue-missing");
        assert!(done.text().contains("ns1.testing.example.com"), "{}", done.text());
        point.observed.below =
            vec![record("ns1.testing.example.com", "TXT"), record("ns2.testing.example.com", "A")];
        request.goal.allow_occlusion = true;
        assert_eq!(
            point.deliver(&request).refused().code(),
            "glue-missing",
            "the address of another name server does not count"
        );
        point.observed.below.push(record("ns1.testing.example.com", "AAAA"));
        assert_eq!(point.deliver(&request).action(), Action::Created);
        let _ = ask;
    }
}

#[test]
fn an_ns_record_set_with_a_routing_policy_is_never_changed() {
    let mut point = Point::new();
    point.create("S1", wants("x"));
    point.observed.at_cut[0].is_simple = false;
    assert_eq!(
        point.clone().create("S2", wants("x").overwriting()).refused().code(),
        "routing-policy"
    );
    point.update("S1", wants("y").overwriting()).refused();
    assert_eq!(point.update("S1", wants("x")).warnings(), "left-as-it-is");
    let done = point.delete("S1");
    assert_eq!((done.shape().as_str(), done.warnings().as_str()), ("-TXT", "changed-by-others"));
}

#[test]
fn name_servers_that_could_not_be_restored_are_not_displaced() {
    let mut point = Point::new();
    point.observed.at_cut = vec![set("NS", 60, vec!["not a name".into()])];
    assert_eq!(point.create("S1", wants("x")).refused().code(), "delegation-not-ours");
    assert_eq!(
        point.create("S1", wants("x").overwriting()).refused().code(),
        "delegation-cant-be-restored"
    );
}

#[test]
fn a_name_without_room_for_an_ownership_record_is_refused() {
    let mut point = Point::new();
    let mut request = point.request("S1", crate::reconcile::UpdateBehavior::Create, &wants("x"));
    request.goal.name =
        name(&format!("a.{}", [63, 63, 63, 50].map(|length| "b".repeat(length)).join(".")));
    assert_eq!(point.deliver(&request).refused().code(), "name-too-long");
}
