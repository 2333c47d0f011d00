//! Tests of the child zone before the parent zone is changed: whether the name servers serve it.

use delegation_model::name_servers::NameServers;
use dns_check::{Expected, ServerState};
use sandbox::RecordSet;

use crate::fixture::{CHILD, Fixture, NONE, PATIENCE, name, states};

#[tokio::test]
async fn a_hosted_zone_is_good_before_it_is_delegated() {
    let fixture = Fixture::new().await;
    let report = fixture.before(&fixture.expected(), PATIENCE).await;
    assert_eq!(report.to_string(), "the 4 name servers answer for testing.example.com");
    assert_eq!(states(&report), [ServerState::Serves; 4]);
    // The server is queried directly, without recursion, and no server above it.
    let server = fixture.child.name_servers()[0].clone();
    let types: Vec<(String, bool)> = fixture
        .dns
        .queries_to(&server)
        .into_iter()
        .map(|query| (query.rtype, query.recursion_desired))
        .collect();
    assert_eq!(types, [("SOA".to_owned(), false), ("NS".to_owned(), false)]);
    assert_eq!(fixture.dns.queries_to(&fixture.parent.name_servers()[0]), []);
}

#[tokio::test]
async fn name_servers_of_another_zone_are_lame() {
    let fixture = Fixture::new().await;
    let servers = NameServers::parse(&fixture.parent.name_servers()).unwrap();
    let report =
        fixture.before(&Expected { name_servers: servers, ..fixture.expected() }, NONE).await;
    let text = report.to_string();
    assert_eq!(states(&report), [ServerState::Lame; 4], "{text}");
    assert!(
        text.contains(" does not answer for the zone (NXDOMAIN)"),
        "they only have the parent zone: {text}"
    );
}

#[tokio::test]
async fn a_deleted_zone_leaves_lame_servers() {
    let fixture = Fixture::delegated().await;
    let expected = fixture.expected();
    // The servers also have other zones.
    let _other = fixture.dns.zone("example.org", fixture.child.name_servers(), []);
    fixture.child.delete();
    let report = fixture.before(&expected, NONE).await;
    assert_eq!(states(&report), [ServerState::Lame; 4]);
    assert!(report.to_string().contains(" does not answer for the zone (REFUSED)"), "{report}");
}

#[tokio::test]
async fn a_name_server_without_an_address_is_a_finding() {
    let fixture = Fixture::new().await;
    let servers = NameServers::parse(&["ns.nobody.example"]).unwrap();
    let report =
        fixture.before(&Expected { name_servers: servers, ..fixture.expected() }, NONE).await;
    assert_eq!(
        report.to_string(),
        "ns.nobody.example does not resolve: the domain nobody.example does not exist; anybody who registers it can answer for the zone"
    );
    assert_eq!((states(&report), report.no_egress()), (vec![ServerState::Unresolved], false));
}

#[tokio::test]
async fn a_different_ns_record_set_in_the_zone_is_a_finding() {
    let fixture = Fixture::new().await;
    fixture.child.put(RecordSet::new(CHILD, "NS", 300, ["ns1.vanity.net", "ns2.vanity.net"]));
    let report = fixture.before(&fixture.expected(), NONE).await;
    assert_eq!(states(&report), [ServerState::Serves; 4]);
    let words =
        "has other name servers in the zone's own NS record set: ns1.vanity.net, ns2.vanity.net";
    assert!(
        report.findings().iter().all(|finding| finding.to_string().ends_with(words)),
        "{report}"
    );
    assert_eq!(report.findings().len(), 4);
}

#[tokio::test]
async fn name_servers_below_the_cut_are_found_by_glue() {
    let fixture = Fixture::new().await;
    fixture.child.delete();
    let server = "ns1.testing.example.com";
    let _outside = fixture.dns.zone(CHILD, [server], []);
    let servers = NameServers::parse(&[server]).unwrap();
    let glue = vec![(name(server), fixture.dns.server(server).ip())];
    let expected = Expected { name_servers: servers, glue, ..fixture.expected() };
    let report = fixture.before(&expected, PATIENCE).await;
    assert_eq!(report.to_string(), "the name server answers for testing.example.com");
}
