//! Resolution of names from the sandbox's own root down.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RData;
use sandbox::{RecordSet, Sandbox};

use crate::dns::common::{Fixture, Shape, ask, data, dotted, fixture};

/// Returns the first server of a referral that has an address.
fn next(fixture: &Fixture, referral: &Message) -> Option<SocketAddr> {
    let address = referral.additionals.iter().find_map(|record| match &record.data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        _ => None,
    })?;
    Some(SocketAddr::new(address, fixture.dns.port()))
}

#[tokio::test]
async fn from_the_root_to_the_child() {
    let fixture = fixture().await;
    let question = "host.testing.example.com";
    let top = ask(fixture.dns.root(), question, "A").await;
    assert_eq!(
        (Shape::new(&top), top.authorities[0].name.to_string().as_str()),
        (Shape::not_authoritative(ResponseCode::NoError, [0, 1, 1]), "com.")
    );
    assert_eq!(next(&fixture, &top), Some(fixture.dns.top_level()));
    let example = ask(next(&fixture, &top).unwrap(), question, "A").await;
    // The server in .com has glue. The names of the others are in other top-level domains.
    assert_eq!(Shape::new(&example), Shape::not_authoritative(ResponseCode::NoError, [0, 4, 1]));
    assert_eq!(data(&example.authorities, "NS"), dotted(&fixture.parent.name_servers()));
    assert_eq!(next(&fixture, &example), Some(fixture.server(&fixture.parent)));
    let testing = ask(next(&fixture, &example).unwrap(), question, "A").await;
    assert_eq!(data(&testing.authorities, "NS"), dotted(&fixture.child.name_servers()));
    for server in fixture.child.name_servers() {
        let tld = ask(fixture.dns.root(), &server, "A").await;
        let address = ask(next(&fixture, &tld).unwrap(), &server, "A").await;
        assert!(address.metadata.authoritative);
        assert_eq!(data(&address.answers, "A"), [fixture.dns.server(&server).ip().to_string()]);
        let answer = ask(fixture.dns.server(&server), question, "A").await;
        assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"]);
    }
}

#[tokio::test]
async fn root_and_top_level_domains_are_zones() {
    let fixture = fixture().await;
    let root = fixture.dns.root();
    assert_eq!(data(&ask(root, ".", "NS").await.answers, "NS"), ["a.root-servers.net."]);
    assert_eq!(
        Shape::new(&ask(root, ".", "SOA").await),
        Shape::authoritative(ResponseCode::NoError, [1, 0, 0])
    );
    assert_eq!(
        Shape::new(&ask(root, "nothing.invalid", "A").await),
        Shape::authoritative(ResponseCode::NXDomain, [0, 1, 0])
    );
    for domain in ["com", "net", "org", "uk"] {
        assert_eq!(
            Shape::new(&ask(root, domain, "NS").await),
            Shape::not_authoritative(ResponseCode::NoError, [0, 1, 1]),
            "{domain}"
        );
        assert_eq!(
            Shape::new(&ask(fixture.dns.top_level(), domain, "SOA").await),
            Shape::authoritative(ResponseCode::NoError, [1, 0, 0])
        );
    }
    assert_eq!(
        Shape::new(&ask(fixture.dns.top_level(), "nobody.com", "A").await),
        Shape::authoritative(ResponseCode::NXDomain, [0, 1, 0])
    );
    let a = ask(fixture.dns.top_level(), "a.root-servers.net", "A").await;
    assert_eq!(data(&a.answers, "A"), [root.ip().to_string()]);
}

#[tokio::test]
async fn a_zone_without_an_enclosing_zone_is_delegated_from_above() {
    let fixture = fixture().await;
    let account = &fixture.account;
    let servers =
        async |zone: &str| data(&ask(fixture.dns.top_level(), zone, "NS").await.authorities, "NS");
    assert_eq!(servers("example.org").await, [] as [&str; 0]);
    let first = account.hosted_zone("example.org");
    let second = account.hosted_zone("example.org");
    assert_eq!(
        servers("example.org").await,
        dotted(&first.name_servers()),
        "without a choice, the first zone must be delegated to"
    );
    fixture.dns.delegate_to(&first);
    assert_eq!(servers("example.org").await, dotted(&first.name_servers()));
    fixture.dns.delegate_to(&second);
    assert_eq!(
        servers("example.org").await,
        dotted(&second.name_servers()),
        "the chosen zone must be delegated to"
    );
    // A zone that nobody delegates to has name servers nonetheless.
    for server in first.name_servers() {
        let address = ask(fixture.dns.top_level(), &server, "A").await;
        assert_eq!(data(&address.answers, "A"), [fixture.dns.server(&server).ip().to_string()]);
    }
    let deep = account.hosted_zone("deep.below.co.uk");
    assert_eq!(servers("deep.below.co.uk").await, dotted(&deep.name_servers()));
    let enclosing = account.hosted_zone("co.uk");
    assert_eq!(
        servers("deep.below.co.uk").await,
        dotted(&enclosing.name_servers()),
        "co.uk encloses it now"
    );
    let outside = fixture.dns.zone("elsewhere.dev", ["ns1.elsewhere.dev"], []);
    assert_eq!(servers("elsewhere.dev").await, ["ns1.elsewhere.dev."]);
    outside.delete();
    assert_eq!(
        Shape::new(&ask(fixture.dns.server("ns1.elsewhere.dev"), "elsewhere.dev", "NS").await).code,
        ResponseCode::Refused
    );
}

#[tokio::test]
async fn zones_outside_of_route_53() {
    let fixture = fixture().await;
    let zone = fixture.dns.zone(
        "other.example.com",
        ["NS1.dns-host.net.", "ns2.dns-host.net"],
        [RecordSet::new("www.other.example.com", "A", 60, ["192.0.2.7"])],
    );
    let server = fixture.dns.server("ns1.dns-host.net");
    assert_eq!(data(&ask(server, "www.other.example.com", "A").await.answers, "A"), ["192.0.2.7"]);
    let servers = ask(server, "other.example.com", "NS").await;
    assert_eq!(data(&servers.answers, "NS"), ["ns1.dns-host.net.", "ns2.dns-host.net."]);
    zone.put(RecordSet::new("other.example.com", "NS", 60, ["ns9.dns-host.net"]));
    assert_eq!(
        data(&ask(server, "other.example.com", "NS").await.answers, "NS"),
        ["ns9.dns-host.net."]
    );
    assert!(
        zone.remove("www.other.example.com", "a") && !zone.remove("www.other.example.com", "A")
    );
    assert_eq!(
        Shape::new(&ask(server, "www.other.example.com", "A").await).code,
        ResponseCode::NXDomain
    );
    zone.serve_at(["ns2.dns-host.net"]);
    assert_eq!(
        Shape::new(&ask(server, "other.example.com", "SOA").await).code,
        ResponseCode::Refused
    );
    assert!(
        ask(fixture.dns.server("ns2.dns-host.net"), "other.example.com", "SOA")
            .await
            .metadata
            .authoritative
    );
}

#[tokio::test]
async fn services_are_isolated_from_each_other() {
    let (one, two) = (fixture().await, fixture().await);
    assert_ne!(one.dns.port(), two.dns.port());
    two.parent.put(RecordSet::new("www.example.com", "A", 60, ["192.0.2.9"]));
    assert_eq!(ask(one.server(&one.parent), "www.example.com", "A").await.answers.len(), 2);
    assert_eq!(ask(two.server(&two.parent), "www.example.com", "A").await.answers.len(), 1);
}

#[tokio::test]
async fn a_port_is_free_once_its_service_is_gone() {
    let aws = Sandbox::start().await.unwrap();
    // An address of its own, so that no other test gets the port meanwhile.
    let dns = sandbox::Dns::start_on(&aws, SocketAddr::from(([127, 1, 1, 1], 0))).await.unwrap();
    let address = dns.resolver();
    assert!(sandbox::Dns::start_on(&aws, address).await.is_err());
    drop(dns);
    let again = sandbox::Dns::start_on(&aws, address).await.unwrap();
    assert_eq!(again.resolver(), address);
}
