//! Tests of the inventory of a zone, its findings and their fixes.

use std::net::IpAddr;

use super::*;
use crate::batch::parts;
use crate::{Inventory, is_of_interest};
use delegation_model::digest::{Digest, RequestDigest};
use delegation_model::ds::DsRecords;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{
    self, ClaimBasis, Claimant, Displaced, Origin, OwnershipRecord, Stamp,
};
use delegation_model::record_set::RecordSet;
use delegation_model::ttl::Ttl;

const STACK: &str = "arn:aws:cloudformation:eu-west-1:111111111111:stack/s/1";
const NOW: i64 = 1_800_000_000;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn set(owner: &str, record_type: &str, values: &[&str]) -> RecordSet {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    RecordSet::new(name(owner), record_type, Ttl::new(60).unwrap(), values)
}

fn servers(servers: &[&str]) -> NameServers {
    NameServers::from_values(servers).unwrap()
}

fn claim_of(stack: &str, logical_id: &str, cut: &str, names: &[&str], ds: Option<&str>) -> Claim {
    let claimant = Claimant::new(stack, logical_id, &name(cut));
    Claim {
        id: claimant.id(),
        ns: Digest::from_name_servers(&servers(names)),
        ds: ds.map(|ds| Digest::from_ds(&DsRecords::from_values(&[ds]).unwrap())),
        intent: Digest::from_name_servers(&servers(names)),
        previous_intent: None,
        stamp: Stamp { time: NOW, request: RequestDigest::new("r") },
        basis: ClaimBasis::Made,
        saw: None,
        from: None,
        hold: None,
        again: false,
        owner: claimant.owner().clone(),
    }
}

/// A claim on `a.example.com`.
fn claim(logical_id: &str, names: &[&str], ds: Option<&str>) -> Claim {
    claim_of(STACK, logical_id, "a.example.com", names, ds)
}

fn record_of(cut: &str, fill: impl FnOnce(&mut OwnershipRecord)) -> RecordSet {
    let mut record = OwnershipRecord::default();
    fill(&mut record);
    RecordSet::new(
        ownership_record::record_name(&name(cut)).unwrap(),
        "TXT",
        Ttl::OWNERSHIP,
        record.values(),
    )
}

fn owned(cut: &str, claims: &[Claim]) -> RecordSet {
    record_of(cut, |record| claims.iter().cloned().for_each(|claim| record.put_claim(claim)))
}

fn entries_of(sets: Vec<RecordSet>) -> Vec<Entry> {
    Inventory::new(&name("example.com"), sets.into_iter().filter(is_of_interest).collect()).entries
}

fn facts<'a>(stacks: Option<&'a [String]>, accepted: &'a Accepted) -> Facts<'a> {
    Facts { now: NOW, stacks, accepted, checked: false, unowned: false }
}

/// The findings without a DNS check and without a list of stacks.
fn marks(entry: &Entry) -> Vec<FindingKind> {
    Examined::new(entry, None, &facts(None, &Accepted::default())).kinds().collect()
}

/// The changes that would fix an existing finding, with these stacks: the action, type and values
/// of each.
fn fix_of(entry: &Entry, kind: FindingKind, stacks: Option<&[String]>) -> Vec<String> {
    let examined = Examined::new(entry, None, &facts(stacks, &Accepted::default()));
    let finding = examined.findings.into_iter().find(|finding| finding.kind == kind).unwrap();
    let line = |change: &Change| {
        let (action, set) = parts(change);
        format!("{action} {} {}", set.record_type, set.values.join(" "))
    };
    finding.fix.iter().map(line).collect()
}

const DS: &str = "1 13 2 AB";

#[test]
fn entries_are_sorted_by_name_without_the_apex() {
    let entries = entries_of(vec![
        set("example.com", "NS", &["ns1.example.net."]),
        set("www.example.com", "A", &["192.0.2.1"]),
        set("b.example.com", "NS", &["ns1.example.net."]),
        set("z.a.example.com", "NS", &["ns1.example.net."]),
    ]);
    let names: Vec<&str> =
        entries.iter().map(|entry| entry.name.as_ref().unwrap().as_str()).collect();
    assert_eq!(names, ["z.a.example.com", "b.example.com"]);
    assert_eq!(marks(&entries[0]), [FindingKind::Unowned]);
}

/// `a\056b` is one label with a dot in it, and its listing position is that of `b.a`.
#[test]
fn a_label_with_a_dot_in_it_does_not_hide_the_delegation_that_is_listed_at_its_position() {
    let entries = entries_of(vec![
        set("b.a.example.com", "NS", &["ns1.example.net."]),
        owned(
            "b.a.example.com",
            &[claim_of(STACK, "B", "b.a.example.com", &["ns1.example.net."], None)],
        ),
        set(r"a\056b.example.com", "NS", &["ns1.evil.example."]),
    ]);
    let kinds: Vec<_> = entries
        .iter()
        .map(|entry| {
            (entry.name.as_ref().unwrap().as_str(), entry.delegation.as_ref().unwrap().servers())
        })
        .collect();
    let own = |server: &str| vec![server.to_owned()];
    assert_eq!(
        kinds,
        [
            (r"a\056b.example.com", own("ns1.evil.example")),
            ("b.a.example.com", own("ns1.example.net"))
        ]
    );
    assert_eq!(marks(&entries[1]), []);
}

#[test]
fn a_delegation_that_no_claim_names_has_drifted() {
    let ns = |names: &[&str], claims: &[Claim]| {
        marks(
            &entries_of(vec![set("a.example.com", "NS", names), owned("a.example.com", claims)])[0],
        )
    };
    let (old, new) = (claim("A", &["old."], None), claim("B", &["new."], None));
    assert_eq!(ns(&["NEW"], &[new.clone(), old.clone()]), []);
    assert_eq!(
        ns(&["old."], &[new.clone(), old.clone()]),
        [],
        "a claim that names other servers is not drift"
    );
    assert_eq!(ns(&["other."], &[new.clone(), old]), [FindingKind::Drifted]);
    assert_eq!(ns(&["."], &[new]), [FindingKind::Drifted], "values that are not names");
}

#[test]
fn a_ds_record_set_drifts_too() {
    let drift = |ds: Option<&str>, claims: &[Claim]| {
        let mut sets = vec![set("a.example.com", "NS", &["ns."]), owned("a.example.com", claims)];
        sets.extend(ds.map(|ds| set("a.example.com", "DS", &[ds])));
        marks(&entries_of(sets)[0])
    };
    let (manages, plain) = (claim("A", &["ns."], Some(DS)), claim("B", &["ns."], None));
    assert_eq!(drift(Some("1 13 2 ab"), std::slice::from_ref(&manages)), []);
    assert_eq!(drift(None, &[manages.clone(), plain.clone()]), [FindingKind::Drifted]);
    assert_eq!(drift(Some("2 13 2 AB"), &[manages]), [FindingKind::Drifted]);
    assert_eq!(drift(Some(DS), &[plain]), [], "nobody claims to manage the DS record set");
}

#[test]
fn claims_without_a_delegation_are_reported_as_missing() {
    let long = format!("{}.example.com", "x".repeat(60));
    let entries = entries_of(vec![
        owned("a.example.com", &[claim("A", &["ns."], None)]),
        owned(&long, &[claim("A", &["ns."], None)]),
        set("_delegation-b.example.com", "TXT", &["\"no claim\""]),
    ]);
    let names: Vec<Option<&str>> =
        entries.iter().map(|entry| entry.name.as_ref().map(Name::as_str)).collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&Some("a.example.com")) && names.contains(&None), "{names:?}");
    assert!(
        entries
            .iter()
            .all(|entry| entry.expected().is_none() && marks(entry) == [FindingKind::Missing])
    );
}

#[test]
fn a_child_named_like_a_digest_has_a_record_of_its_own() {
    let cut = format!("{}.example.com", "0123456789abcdef");
    let entries = entries_of(vec![owned(&cut, &[claim_of(STACK, "A", &cut, &["ns."], None)])]);
    assert_eq!(entries[0].name, Some(name(&cut)));
}

#[test]
fn an_adopted_or_displacing_delegation_is_unsettled() {
    let with = |origin: Origin, current: &str| {
        let record = record_of("a.example.com", |record| {
            record.put_claim(claim("A", &[current], None));
            record.put_origin(Some(origin));
        });
        marks(&entries_of(vec![set("a.example.com", "NS", &[current]), record])[0])
    };
    let of = Digest::from_name_servers(&servers(&["ns."]));
    let displaced = Displaced {
        name_servers: servers(&["old."]),
        ttl: Ttl::new(60).unwrap(),
        time: NOW,
        claimed: false,
    };
    assert_eq!(with(Origin { of, displaced: None }, "ns."), [FindingKind::Unsettled]);
    assert_eq!(with(Origin { of, displaced: Some(displaced) }, "ns."), [FindingKind::Unsettled]);
    assert_eq!(
        with(Origin { of, displaced: None }, "other."),
        [],
        "the note is about other name servers"
    );
}

#[test]
fn a_claim_of_a_stack_that_is_not_listed_is_dead() {
    let again = STACK.replace("/1", "/2");
    let other = "arn:aws:cloudformation:eu-west-1:111111111111:stack/other/1".to_owned();
    let entries = entries_of(vec![
        set("a.example.com", "NS", &["ns."]),
        owned(
            "a.example.com",
            &[claim("A", &["ns."], None), claim_of(&other, "A", "a.example.com", &["ns."], None)],
        ),
    ]);
    let dead = |stacks: &[String]| {
        let dead = |claim: &&Claim| entries[0].is_dead(claim, stacks);
        let owners: Vec<String> = entries[0]
            .ownership
            .claims()
            .filter(dead)
            .map(|claim| claim.owner.to_string())
            .collect();
        let accepted = Accepted::default();
        let examined = Examined::new(&entries[0], None, &facts(Some(stacks), &accepted));
        assert_eq!(examined.kinds().any(|kind| kind == FindingKind::DeadClaim), !owners.is_empty());
        owners
    };
    assert_eq!(
        dead(&[again.clone(), other.clone()]),
        [""; 0],
        "a stack that was created again with its name is the same"
    );
    assert_eq!(dead(std::slice::from_ref(&again)), ["other/A"]);
    assert_eq!(dead(&[other]), ["s/A"]);
    assert_eq!(dead(&[again.replace("111111111111", "222222222222")]), ["s/A", "other/A"]);
}

#[test]
fn a_claim_with_an_unreadable_owner_is_not_dead() {
    let mut values = owned("a.example.com", &[claim("A", &["ns."], None)]).values;
    values[0] = values[0].replace("owner=s/A", "owner=s A!");
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let entries = entries_of(vec![set("_delegation-a.example.com", "TXT", &values)]);
    let accepted = Accepted::default();
    let kinds: Vec<FindingKind> =
        Examined::new(&entries[0], None, &facts(Some(&[]), &accepted)).kinds().collect();
    assert_eq!(kinds, [FindingKind::Missing]);
}

#[test]
fn an_expired_tombstone_is_reported() {
    let with = |age: i64, delegated: bool| {
        let record = record_of("a.example.com", |record| {
            record.put_tombstone(
                &Claimant::new(STACK, "A", &name("a.example.com")),
                NOW - age,
                NOW,
            );
        });
        let ns = delegated.then(|| set("a.example.com", "NS", &["ns."]));
        marks(&entries_of([record].into_iter().chain(ns).collect())[0])
    };
    assert_eq!(with(3599, false), []);
    assert_eq!(with(3600, false), [FindingKind::ExpiredTombstone]);
    assert_eq!(with(3600, true), [FindingKind::Unowned, FindingKind::ExpiredTombstone]);
}

#[test]
fn an_unreadable_value_counts_as_a_claim() {
    let record =
        set("_delegation-a.example.com", "TXT", &["\"heritage=custom-delegation,claim=new\""]);
    assert_eq!(marks(&entries_of(vec![record.clone()])[0]), [FindingKind::Missing]);
    assert_eq!(marks(&entries_of(vec![record, set("a.example.com", "NS", &["ns."])])[0]), []);
}

#[test]
fn a_record_with_a_digest_in_its_name_is_matched_to_its_delegation() {
    let long = format!("{}.example.com", "x".repeat(60));
    let entries =
        entries_of(vec![set(&long, "NS", &["ns."]), owned(&long, &[claim("A", &["ns."], None)])]);
    assert_eq!((entries.len(), entries[0].ownership.claims().count()), (1, 1));
}

#[test]
fn a_delegation_below_another_is_hidden_and_not_queried() {
    let entries = entries_of(vec![
        set("a.example.com", "NS", &["ns."]),
        set("b.a.example.com", "NS", &["ns."]),
        set("c.b.a.example.com", "NS", &["ns."]),
    ]);
    assert_eq!(entries[2].delegation.as_ref().unwrap().hidden_by, Some(name("a.example.com")));
    assert_eq!(marks(&entries[2]), [FindingKind::Hidden, FindingKind::Unowned]);
    let accepted = Accepted::default();
    let checked = Facts { checked: true, ..facts(None, &accepted) };
    let kinds: Vec<FindingKind> = Examined::new(&entries[2], None, &checked).kinds().collect();
    assert_eq!(kinds, [FindingKind::Hidden, FindingKind::Unowned], "not even as unknown");
    assert!(entries[0].expected().is_some() && entries[1].expected().is_none());
}

#[test]
fn glue_is_only_for_name_servers_below_the_cut() {
    let entries = entries_of(vec![
        set("a.example.com", "NS", &["ns.a.example.com.", "ns.example.com."]),
        set("ns.a.example.com", "A", &["192.0.2.1", "not an address"]),
        set("ns.a.example.com", "AAAA", &["2001:db8::1"]),
        set("ns.example.com", "A", &["192.0.2.2"]),
    ]);
    let glue: Vec<String> = entries[0]
        .expected()
        .unwrap()
        .glue
        .iter()
        .map(|(_, address)| address.to_string())
        .collect();
    assert_eq!(glue, ["192.0.2.1", "2001:db8::1"]);
}

/// All of these delegations have the same name servers, which are at or below each of them.
#[test]
fn the_addresses_of_nested_delegations_are_kept_once() {
    let cuts: Vec<String> =
        (1..=50).map(|depth| format!("{}example.com", "a.".repeat(depth))).collect();
    let hosts: Vec<String> =
        (0..3).map(|host| format!("ns{host}.{}", cuts.last().unwrap())).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let delegations = cuts.iter().map(|cut| set(cut, "NS", &hosts));
    let addresses = hosts.iter().map(|host| set(host, "A", &["192.0.2.1", "192.0.2.2"]));
    let entries = entries_of(delegations.chain(addresses).collect());
    let kept: Vec<usize> =
        entries.iter().map(|entry| entry.delegation.as_ref().unwrap().glue.len()).collect();
    assert_eq!((kept.len(), kept[0], kept.iter().sum::<usize>()), (50, 6, 6));
}

#[test]
fn the_addresses_of_a_name_server_are_limited_but_each_family_is_kept() {
    let v4: Vec<String> =
        (0..400).map(|host| format!("10.0.{}.{}", host / 250, host % 250)).collect();
    let v6: Vec<String> = (0..400).map(|host| format!("2001:db8::{host:x}")).collect();
    let names: Vec<String> = (0..40).map(|host| format!("ns{host:02}.a.example.com.")).collect();
    let with = |owner: &str, record_type: &str, values: Vec<String>| RecordSet {
        values,
        ..set(owner, record_type, &[])
    };
    let entries = entries_of(vec![
        with("a.example.com", "NS", names),
        with("ns00.a.example.com", "A", v4),
        with("ns00.a.example.com", "AAAA", v6),
        set("ns39.a.example.com", "A", &["192.0.2.1"]),
    ]);
    let glue = entries[0].expected().unwrap().glue;
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) =
        glue.iter().map(|(_, address)| *address).partition(IpAddr::is_ipv4);
    assert_eq!((v4.len(), v6.len()), (8, 8));
    assert!(glue.iter().all(|(server, _)| *server == name("ns00.a.example.com")), "{glue:?}");
}

#[test]
fn an_ownership_record_that_is_an_alias_is_ignored() {
    let alias =
        RecordSet { is_simple: false, ..owned("a.example.com", &[claim("A", &["ns."], None)]) };
    assert_eq!(
        marks(&entries_of(vec![set("a.example.com", "NS", &["ns."]), alias])[0]),
        [FindingKind::Unowned]
    );
}

/// There is nothing to query, and nothing unknown.
#[test]
fn a_delegation_without_the_name_of_a_host_is_an_outage() {
    let accepted = Accepted::default();
    for checked in [true, false] {
        let entries = entries_of(vec![set("a.example.com", "NS", &["."])]);
        let facts = Facts { checked, ..facts(None, &accepted) };
        let examined = Examined::new(&entries[0], None, &facts);
        let evidence = "its NS record set has a value that is not the name of a host".to_owned();
        let problems: Vec<String> = checked.then_some(evidence).into_iter().collect();
        let of_dns = checked.then(|| (FindingKind::Outage, problems.clone()));
        let found = examined.findings.iter().filter(|finding| finding.kind.is_of_dns());
        let found: Vec<_> = found.map(|finding| (finding.kind, finding.evidence.clone())).collect();
        assert_eq!((found, examined.problems()), (of_dns.into_iter().collect(), problems));
    }
}

#[test]
fn ten_kinds_of_findings_are_alarms_and_all_have_a_risk_and_a_remedy() {
    assert!(FindingKind::ALL.is_sorted());
    assert_eq!(FindingKind::ALL.iter().filter(|kind| kind.is_alarm()).count(), 10);
    for kind in FindingKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        for text in [kind.risk(), kind.remedy()] {
            assert!(text.ends_with('.') && !text.contains("  "), "{kind}: {text:?}");
        }
    }
}

#[test]
fn the_fix_removes_leftovers_exactly_as_read_and_keeps_other_values() {
    let origin = Origin { of: Digest::from_name_servers(&servers(&["ns."])), displaced: None };
    let leftover =
        entries_of(vec![record_of("a.example.com", |record| record.put_origin(Some(origin)))]);
    let values = leftover[0].record.as_ref().unwrap().values.join(" ");
    assert_eq!(fix_of(&leftover[0], FindingKind::Leftover, None), [format!("DELETE TXT {values}")]);

    let mut record = record_of("a.example.com", |record| {
        record.put_tombstone(&Claimant::new(STACK, "A", &name("a.example.com")), NOW - 4000, NOW);
    });
    record.values.push("\"of somebody else\"".into());
    let expired = entries_of(vec![record.clone()]);
    let lines = fix_of(&expired[0], FindingKind::ExpiredTombstone, None);
    assert_eq!(
        lines,
        [
            format!("DELETE TXT {}", record.values.join(" ")),
            "CREATE TXT \"of somebody else\"".to_owned()
        ]
    );
}

#[test]
fn the_fix_removes_all_dead_claims_and_a_delegation_without_holders() {
    let other = "arn:aws:cloudformation:eu-west-1:111111111111:stack/other/1";
    let sets = |claims: &[Claim]| {
        vec![set("a.example.com", "NS", &["ns."]), owned("a.example.com", claims)]
    };
    let (dead, also) =
        (claim("A", &["ns."], None), claim_of(other, "A", "a.example.com", &["ns."], None));
    let all = entries_of(sets(&[dead.clone(), also.clone()]));
    let values = all[0].record.as_ref().unwrap().values.join(" ");
    let lines = fix_of(&all[0], FindingKind::DeadClaim, Some(&[]));
    assert_eq!(lines, ["DELETE NS ns.".to_owned(), format!("DELETE TXT {values}")]);
    // The other stack exists and keeps the delegation.
    let lines = fix_of(&all[0], FindingKind::DeadClaim, Some(&[other.to_owned()]));
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("DELETE TXT") && lines[1].starts_with("CREATE TXT"), "{lines:?}");
    assert!(
        !lines[1].contains(&dead.id.to_string()) && lines[1].contains(&also.id.to_string()),
        "{lines:?}"
    );
}

#[test]
fn the_fix_removes_a_hidden_delegation_with_its_ds_record_set() {
    let entries = entries_of(vec![
        set("a.example.com", "NS", &["ns."]),
        set("b.a.example.com", "NS", &["ns."]),
        set("b.a.example.com", "DS", &[DS]),
        set("c.example.com", "NS", &["others."]),
        owned("c.example.com", &[claim_of(STACK, "A", "c.example.com", &["ns."], None)]),
    ]);
    let lines = fix_of(&entries[1], FindingKind::Hidden, None);
    assert_eq!(lines, ["DELETE NS ns.".to_owned(), format!("DELETE DS {DS}")]);
    // Only a stack can fix these.
    assert_eq!(fix_of(&entries[2], FindingKind::Drifted, None), [""; 0]);
    assert_eq!(fix_of(&entries[0], FindingKind::Unowned, None), [""; 0]);
}

#[test]
fn an_accepted_finding_is_no_alarm_until_the_acceptance_expires() {
    let entries = entries_of(vec![owned("a.example.com", &[claim("A", &["ns."], None)])]);
    let with = |until: &str, name: &str| {
        let text = format!(
            r#"[{{"name": "{name}", "finding": "missing", "reason": "moving", "until": "{until}"}}]"#
        );
        let accepted = Accepted::parse(&text).unwrap();
        let examined = Examined::new(&entries[0], None, &facts(None, &accepted));
        (examined.is_alarm(), examined.findings[0].acceptance.is_some())
    };
    // NOW is 2027-01-15, 08:00.
    assert_eq!(with("2027-01-15", "a.example.com"), (false, true));
    assert_eq!(with("2027-01-14", "A.example.com."), (true, true), "expired, but still reported");
    assert_eq!(with("2027-01-15", "*.example.com"), (false, true));
    assert_eq!(with("2027-01-15", "*.a.example.com"), (true, false));
    assert_eq!(with("2027-01-15", "example.com"), (true, false));
}
