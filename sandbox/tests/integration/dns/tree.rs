//! Everything resolves from the sandbox's own root down.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RData;
use sandbox::{RecordSet, Sandbox};

use crate::dns::common::{World, ask, data, dotted, shape, world};

/// The first server of a referral that comes with an address.
fn next(world: &World, referral: &Message) -> Option<SocketAddr> {
    let address = referral.additionals.iter().find_map(|record| match &record.data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        _ => None,
    })?;
    Some(SocketAddr::new(address, world.dns.port()))
}

#[tokio::test]
async fn from_the_root_to_the_child() {
    let world = world().await;
    let question = "host.testing.example.com";
    let top = ask(world.dns.root(), question, "A").await;
    assert_eq!(
        (shape(&top), top.authorities[0].name.to_string().as_str()),
        ((ResponseCode::NoError, false, [0, 1, 1]), "com.")
    );
    assert_eq!(next(&world, &top), Some(world.dns.top_level()));
    let example = ask(next(&world, &top).unwrap(), question, "A").await;
    // The one in .com comes with glue; the others' names are in other top-level domains.
    assert_eq!(shape(&example), (ResponseCode::NoError, false, [0, 4, 1]));
    assert_eq!(data(&example.authorities, "NS"), dotted(&world.parent.name_servers()));
    assert_eq!(next(&world, &example), Some(world.server(&world.parent)));
    let testing = ask(next(&world, &example).unwrap(), question, "A").await;
    assert_eq!(data(&testing.authorities, "NS"), dotted(&world.child.name_servers()));
    for server in world.child.name_servers() {
        let tld = ask(world.dns.root(), &server, "A").await;
        let address = ask(next(&world, &tld).unwrap(), &server, "A").await;
        assert!(address.metadata.authoritative);
        assert_eq!(data(&address.answers, "A"), [world.dns.server(&server).ip().to_string()]);
        let answer = ask(world.dns.server(&server), question, "A").await;
        assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"]);
    }
}

#[tokio::test]
async fn root_and_top_level_domains_are_zones() {
    let world = world().await;
    let root = world.dns.root();
    assert_eq!(data(&ask(root, ".", "NS").await.answers, "NS"), ["a.root-servers.net."]);
    assert_eq!(shape(&ask(root, ".", "SOA").await), (ResponseCode::NoError, true, [1, 0, 0]));
    assert_eq!(
        shape(&ask(root, "nothing.invalid", "A").await),
        (ResponseCode::NXDomain, true, [0, 1, 0])
    );
    for domain in ["com", "net", "org", "uk"] {
        assert_eq!(
            shape(&ask(root, domain, "NS").await),
            (ResponseCode::NoError, false, [0, 1, 1]),
            "{domain}"
        );
        assert_eq!(
            shape(&ask(world.dns.top_level(), domain, "SOA").await),
            (ResponseCode::NoError, true, [1, 0, 0])
        );
    }
    assert_eq!(
        shape(&ask(world.dns.top_level(), "nobody.com", "A").await),
        (ResponseCode::NXDomain, true, [0, 1, 0])
    );
    let a = ask(world.dns.top_level(), "a.root-servers.net", "A").await;
    assert_eq!(data(&a.answers, "A"), [root.ip().to_string()]);
}

#[tokio::test]
async fn a_zone_that_none_encloses_is_delegated_from_above() {
    let world = world().await;
    let account = &world.account;
    let servers =
        async |zone: &str| data(&ask(world.dns.top_level(), zone, "NS").await.authorities, "NS");
    assert_eq!(servers("example.org").await, [] as [&str; 0]);
    let first = account.hosted_zone("example.org");
    let second = account.hosted_zone("example.org");
    assert_eq!(servers("example.org").await, dotted(&first.name_servers()), "the first of them");
    world.dns.delegate_to(&first);
    assert_eq!(servers("example.org").await, dotted(&first.name_servers()));
    world.dns.delegate_to(&second);
    assert_eq!(
        servers("example.org").await,
        dotted(&second.name_servers()),
        "the one that was named"
    );
    // A zone to which nobody delegates has its name servers all the same.
    for server in first.name_servers() {
        let address = ask(world.dns.top_level(), &server, "A").await;
        assert_eq!(data(&address.answers, "A"), [world.dns.server(&server).ip().to_string()]);
    }
    let deep = account.hosted_zone("deep.below.co.uk");
    assert_eq!(servers("deep.below.co.uk").await, dotted(&deep.name_servers()));
    let enclosing = account.hosted_zone("co.uk");
    assert_eq!(
        servers("deep.below.co.uk").await,
        dotted(&enclosing.name_servers()),
        "and now co.uk encloses it"
    );
    let outside = world.dns.zone("elsewhere.dev", ["ns1.elsewhere.dev"], []);
    assert_eq!(servers("elsewhere.dev").await, ["ns1.elsewhere.dev."]);
    outside.delete();
    assert_eq!(
        shape(&ask(world.dns.server("ns1.elsewhere.dev"), "elsewhere.dev", "NS").await).0,
        ResponseCode::Refused
    );
}

#[tokio::test]
async fn zones_outside_of_route_53() {
    let world = world().await;
    let zone = world.dns.zone(
        "other.example.com",
        ["NS1.dns-host.net.", "ns2.dns-host.net"],
        [RecordSet::new("www.other.example.com", "A", 60, ["192.0.2.7"])],
    );
    let server = world.dns.server("ns1.dns-host.net");
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
    assert_eq!(shape(&ask(server, "www.other.example.com", "A").await).0, ResponseCode::NXDomain);
    zone.serve_at(["ns2.dns-host.net"]);
    assert_eq!(shape(&ask(server, "other.example.com", "SOA").await).0, ResponseCode::Refused);
    assert!(
        ask(world.dns.server("ns2.dns-host.net"), "other.example.com", "SOA")
            .await
            .metadata
            .authoritative
    );
}

#[tokio::test]
async fn services_do_not_meet() {
    let (one, two) = (world().await, world().await);
    assert_ne!(one.dns.port(), two.dns.port());
    two.parent.put(RecordSet::new("www.example.com", "A", 60, ["192.0.2.9"]));
    assert_eq!(ask(one.server(&one.parent), "www.example.com", "A").await.answers.len(), 2);
    assert_eq!(ask(two.server(&two.parent), "www.example.com", "A").await.answers.len(), 1);
    let (address, aws): (SocketAddr, Sandbox) = (one.dns.resolver(), one.aws.clone());
    drop(one);
    let again = sandbox::Dns::start_on(&aws, address).await.unwrap();
    assert_eq!(again.resolver(), address, "a port is free once its service is gone");
}
