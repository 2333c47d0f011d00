//! Tests of the delegation after the change is in sync: whether the parent zone refers to the child
//! zone.

use delegation_model::name_servers::NameServers;
use dns_check::Expected;
use sandbox::{DnsFault, RecordSet};

use crate::fixture::{CHILD, Fixture, NONE, PATIENCE, name, parent_zone};

#[tokio::test]
async fn a_delegation_that_resolves_is_good() {
    let fixture = Fixture::delegated().await;
    let report = fixture.after(&fixture.expected(), PATIENCE).await;
    assert_eq!(
        report.to_string(),
        "the 4 name servers answer for testing.example.com, and the 4 servers of example.com \
         refer to them"
    );
    for server in fixture.parent.name_servers() {
        let types: Vec<String> =
            fixture.dns.queries_to(&server).into_iter().map(|query| query.rtype).collect();
        assert_eq!(types.len(), 3, "{types:?}");
    }
}

#[tokio::test]
async fn a_missing_delegation_is_a_finding() {
    let fixture = Fixture::new().await;
    let report = fixture.after(&fixture.expected(), NONE).await;
    assert_eq!(report.findings().len(), 4, "{report}");
    let mut servers = fixture.parent.name_servers();
    servers.sort();
    for (finding, server) in report.findings().iter().zip(servers) {
        let address = fixture.dns.server(&server).ip();
        assert_eq!(
            finding.to_string(),
            format!("{server} ({address}) of the parent zone does not delegate the name")
        );
    }
}

#[tokio::test]
async fn a_delegation_to_other_servers_is_a_finding() {
    let fixture = Fixture::new().await;
    let mut servers = fixture.child.name_servers();
    servers[3] = "ns.elsewhere.net".to_owned();
    fixture.delegate(&servers);
    let report = fixture.after(&fixture.expected(), NONE).await;
    assert_eq!(report.findings().len(), 4, "{report}");
    assert!(
        report.to_string().contains(" of the parent zone refers to other name servers: "),
        "{report}"
    );
    assert!(report.to_string().contains("ns.elsewhere.net"), "{report}");
}

#[tokio::test]
async fn a_server_of_the_parent_zone_may_lag_behind() {
    let fixture = Fixture::delegated().await;
    let server = fixture.parent.name_servers()[2].clone();
    let old = DnsFault::NameServers(vec!["ns1.old.net".to_owned(), "ns2.old.net".to_owned()]);
    fixture.dns.fault(&server, old.clone());
    let report = fixture.after(&fixture.expected(), NONE).await;
    let address = fixture.dns.server(&server).ip();
    assert_eq!(
        report.to_string(),
        format!(
            "{server} ({address}) of the parent zone refers to other name servers: ns1.old.net, ns2.old.net"
        )
    );
    // Three queries per round.
    fixture.dns.fault_times(&server, old, 6);
    let report = fixture.after(&fixture.expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn a_parent_zone_that_does_not_exist_is_a_finding() {
    let fixture = Fixture::delegated().await;
    let report = fixture
        .verifier()
        .verify_delegation(&parent_zone("example.org"), &fixture.expected(), NONE)
        .await;
    assert!(report.to_string().starts_with("example.org "), "{report}");
    assert!(!report.no_egress());
}

#[tokio::test]
async fn name_servers_below_the_cut_are_checked_with_their_glue() {
    let fixture = Fixture::new().await;
    fixture.child.delete();
    let server = "ns1.testing.example.com";
    let outside = fixture.dns.zone(CHILD, [server], []);
    let address = fixture.dns.server(server).ip();
    fixture.delegate(&[server.to_owned()]);
    fixture.parent.put(RecordSet::new(server, "A", 300, [address.to_string()]));
    let expected = Expected {
        name_servers: NameServers::parse(&[server]).unwrap(),
        glue: vec![(name(server), address)],
        ..fixture.expected()
    };
    let report = fixture.after(&expected, PATIENCE).await;
    assert!(report.is_good(), "{report}");
    outside.delete();
    let report = fixture.after(&expected, NONE).await;
    assert_eq!(
        report.to_string(),
        format!("{server} ({address}) does not answer for the zone (REFUSED)")
    );
}

#[tokio::test]
async fn parent_and_child_zone_may_be_on_the_same_servers() {
    let fixture = Fixture::delegated().await;
    // All servers of the parent zone also serve the child zone.
    let _twin = fixture.dns.zone(
        CHILD,
        fixture.parent.name_servers(),
        [RecordSet::new(CHILD, "NS", 300, fixture.child.name_servers())],
    );
    let report = fixture.after(&fixture.expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
}
