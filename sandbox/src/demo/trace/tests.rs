use super::super::check::{self, Check};
use super::*;
use crate::handles::ZoneHandle;
use crate::route53::RecordSet;
use crate::{Account, DnsFault, Sandbox};

const CHILD: &str = "testing.example.com";
const HOST: &str = "www.testing.example.com";

/// A signed zone with a correct delegation.
struct Fixture {
    account: Account,
    dns: Dns,
    parent: ZoneHandle,
    child: ZoneHandle,
}

impl Fixture {
    async fn new() -> Self {
        let aws = Sandbox::start().await.unwrap();
        let account = aws.account("111111111111");
        let (parent, child) = (account.hosted_zone("example.com"), account.hosted_zone(CHILD));
        child.put(RecordSet::new(HOST, "A", 60, ["192.0.2.44"]));
        parent.put(RecordSet::new(CHILD, "NS", 60, child.name_servers()));
        for zone in [&parent, &child] {
            zone.create_key("one");
            zone.start_signing();
        }
        let ds = child.keys()[0].ds_record();
        parent.put(RecordSet::new(CHILD, "DS", 60, [ds]));
        let dns = aws.dns().await.unwrap();
        Self { account, dns, parent, child }
    }

    /// Replaces the DS record set with that of another key.
    fn break_ds(&self) {
        let other = format!("{} 13 2 {}", self.child.keys()[0].key_tag, "AB".repeat(32));
        self.parent.put(RecordSet::new(CHILD, "DS", 60, [other]));
    }

    /// The trace, and the checks that failed.
    async fn trace(&self) -> (Trace, Vec<String>) {
        let trace = follow(&self.dns, HOST).await;
        let checks = check::of_trace(&trace, &self.parent, &self.child);
        let wrong = |check: Check| (!check.holds).then_some(check.text);
        (trace, checks.into_iter().filter_map(wrong).collect())
    }
}

#[tokio::test]
async fn a_delegation_in_order_leads_to_the_child_zone() {
    let fixture = Fixture::new().await;
    let (trace, wrong) = fixture.trace().await;
    assert_eq!(wrong, [] as [&str; 0], "{trace:#?}");
    let zones: Vec<&str> = trace.hops.iter().map(|hop| hop.zone.as_str()).collect();
    assert_eq!(zones, [".", "com", "example.com", CHILD]);
    for hop in &trace.hops {
        assert_eq!(hop.address, fixture.dns.server(&hop.server).ip(), "{}", hop.server);
        let queries = fixture.dns.queries_to(&hop.server);
        assert!(
            queries.iter().any(|query| query.name.contains("www")),
            "{} was not queried over the network",
            hop.server
        );
    }
}

#[tokio::test]
async fn a_key_that_does_not_match_the_ds_is_detected() {
    let fixture = Fixture::new().await;
    fixture.break_ds();
    let (trace, wrong) = fixture.trace().await;
    assert_eq!(
        trace.hops.iter().map(|hop| hop.secure).collect::<Vec<_>>(),
        [true, true, true, false]
    );
    assert_eq!(wrong.len(), 2, "{wrong:#?}");
    assert!(wrong[0].contains("DS") && wrong[1].contains("signed"), "{wrong:#?}");
}

#[tokio::test]
async fn nothing_below_a_broken_link_is_secure() {
    let fixture = Fixture::new().await;
    let deep = fixture.account.hosted_zone("deep.testing.example.com");
    deep.put(RecordSet::new("www.deep.testing.example.com", "A", 60, ["192.0.2.45"]));
    let key = deep.create_key("one");
    deep.start_signing();
    fixture.child.put(RecordSet::new(&deep.name(), "NS", 60, deep.name_servers()));
    fixture.child.put(RecordSet::new(&deep.name(), "DS", 60, [key.ds_record()]));
    let secure = async |fixture: &Fixture| {
        let trace = follow(&fixture.dns, "www.deep.testing.example.com").await;
        assert_eq!(trace.stopped, None);
        trace.hops.iter().map(|hop| hop.secure).collect::<Vec<_>>()
    };
    assert_eq!(secure(&fixture).await, [true; 5]);
    fixture.break_ds();
    assert_eq!(secure(&fixture).await, [true, true, true, false, false]);
}

#[tokio::test]
async fn keys_without_their_signature_are_not_trusted() {
    let fixture = Fixture::new().await;
    let root = Server::of_root(&fixture.dns);
    let mut answer = root.ask(&Name::root(), RecordType::DNSKEY).await.unwrap().answers;
    let anchor: Vec<DS> = fixture.dns.root_ds().iter().filter_map(ds).cloned().collect();
    assert!(TrustedKeys::validate(&Name::root(), &anchor, &answer).is_trusted());
    assert!(!TrustedKeys::validate(&Name::root(), &[], &answer).is_trusted());
    answer.retain(|record| record.record_type() == RecordType::DNSKEY);
    assert!(!TrustedKeys::validate(&Name::root(), &anchor, &answer).is_trusted());
}

#[tokio::test]
async fn a_cut_without_a_ds_ends_the_chain_of_trust() {
    let fixture = Fixture::new().await;
    fixture.parent.unsign();
    let (trace, wrong) = fixture.trace().await;
    assert_eq!(
        trace.hops.iter().map(|hop| hop.secure).collect::<Vec<_>>(),
        [true, true, false, false]
    );
    assert_eq!(wrong.len(), 2, "{wrong:#?}");
}

#[tokio::test]
async fn another_zone_with_the_same_name_is_not_the_child_zone() {
    let fixture = Fixture::new().await;
    let elsewhere = fixture.dns.zone(
        CHILD,
        ["ns1.dns-host.net"],
        [RecordSet::new(HOST, "A", 60, ["192.0.2.66"])],
    );
    fixture.parent.put(RecordSet::new(CHILD, "NS", 60, ["ns1.dns-host.net"]));
    let (trace, wrong) = fixture.trace().await;
    assert_eq!(trace.stopped, None, "it leads to {elsewhere:?}");
    assert!(wrong.iter().any(|text| text.contains("refers to the name servers")), "{wrong:#?}");
    assert!(wrong.iter().any(|text| text.contains("192.0.2.44")), "{wrong:#?}");
}

#[tokio::test]
async fn the_reason_for_an_incomplete_trace_is_reported() {
    let fixture = Fixture::new().await;
    fixture.parent.remove(CHILD, "DS");
    fixture.parent.remove(CHILD, "NS");
    let (trace, wrong) = fixture.trace().await;
    let stopped = trace.stopped.unwrap();
    assert!(
        stopped.contains("of example.com. has no such record for www.testing.example.com"),
        "{stopped}"
    );
    assert!(wrong.iter().any(|text| text.contains(&stopped)), "{wrong:#?}");
    fixture.dns.fault(&fixture.parent.name_servers()[0], DnsFault::Refused);
    let stopped = fixture.trace().await.0.stopped.unwrap();
    assert!(
        stopped.contains("returns neither an answer nor a referral") && stopped.contains("Refused"),
        "{stopped}"
    );
    fixture.dns.fault(&fixture.parent.name_servers()[0], DnsFault::WrongId);
    let stopped = fixture.trace().await.0.stopped.unwrap();
    assert!(stopped.contains("does not answer: an answer to another question"), "{stopped}");
}
