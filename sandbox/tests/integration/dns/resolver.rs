//! The sandbox's recursive resolver.

use hickory_proto::op::ResponseCode;
use sandbox::RecordSet;

use crate::dns::common::{data, dotted, fixture, resolve};

#[tokio::test]
async fn it_resolves_from_the_root_down() {
    let fixture = fixture().await;
    let resolver = fixture.dns.resolver();
    let answer = resolve(resolver, "host.testing.example.com", "A").await;
    assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"]);
    assert!(answer.metadata.recursion_available && !answer.metadata.authoritative);
    let servers = resolve(resolver, "testing.example.com", "NS").await;
    assert_eq!(data(&servers.answers, "NS"), dotted(&fixture.child.name_servers()));
    for server in fixture.child.name_servers() {
        let address = resolve(resolver, &server, "A").await;
        assert_eq!(data(&address.answers, "A"), [fixture.dns.server(&server).ip().to_string()]);
        let none = resolve(resolver, &server, "AAAA").await;
        assert_eq!((none.metadata.response_code, none.answers.len()), (ResponseCode::NoError, 0));
    }
    assert_eq!(
        resolve(resolver, "nothing.example.com", "A").await.metadata.response_code,
        ResponseCode::NXDomain
    );
}

#[tokio::test]
async fn it_follows_cnames_across_zones() {
    let fixture = fixture().await;
    fixture.parent.put(RecordSet::new("one.example.com", "CNAME", 60, ["two.example.org"]));
    fixture.parent.put(RecordSet::new("loop.example.com", "CNAME", 60, ["loop.example.org"]));
    let other = fixture.dns.zone("example.org", ["ns.example.org"], []);
    other.put(RecordSet::new("two.example.org", "CNAME", 60, ["host.testing.example.com"]));
    other.put(RecordSet::new("loop.example.org", "CNAME", 60, ["loop.example.com"]));
    let answer = resolve(fixture.dns.resolver(), "one.example.com", "A").await;
    assert_eq!(
        (data(&answer.answers, "A"), answer.answers.len()),
        (vec!["192.0.2.3".to_owned()], 3)
    );
    let looped = resolve(fixture.dns.resolver(), "loop.example.com", "A").await;
    assert_eq!(looped.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn a_delegation_to_unknown_servers_gives_servfail() {
    let fixture = fixture().await;
    for servers in
        [vec!["ns1.not-registered.org"], vec!["ns.gone.example.com"], vec!["ns-1.awsdns-00.com"]]
    {
        fixture.parent.put(RecordSet::new("gone.example.com", "NS", 60, servers.clone()));
        let answer = resolve(fixture.dns.resolver(), "www.gone.example.com", "A").await;
        assert_eq!(answer.metadata.response_code, ResponseCode::ServFail, "{servers:?}");
    }
}

#[tokio::test]
async fn vanity_name_servers_lead_to_the_same_addresses() {
    let fixture = fixture().await;
    let vanity: Vec<String> = (1..=4).map(|n| format!("ns{n}.example.com")).collect();
    for (vanity, real) in vanity.iter().zip(fixture.child.name_servers()) {
        fixture.parent.put(RecordSet::new(
            vanity,
            "A",
            60,
            [fixture.dns.server(&real).ip().to_string()],
        ));
    }
    fixture.parent.put(RecordSet::new("testing.example.com", "NS", 300, vanity));
    let answer = resolve(fixture.dns.resolver(), "host.testing.example.com", "A").await;
    assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"]);
}

#[tokio::test]
async fn the_log_lists_the_queried_servers() {
    let fixture = fixture().await;
    resolve(fixture.dns.resolver(), "host.testing.example.com", "A").await;
    let asked = fixture.dns.queries();
    assert_eq!(asked.len(), 1, "the resolver's own queries must not be logged: {asked:?}");
    assert_eq!(
        (asked[0].server.as_str(), asked[0].name.as_str()),
        ("resolver", "host.testing.example.com.")
    );
    assert!(asked[0].recursion_desired);
    fixture.dns.clear_queries();
    assert!(fixture.dns.queries_to("resolver").is_empty());
}
