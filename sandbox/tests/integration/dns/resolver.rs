//! The resolver, for clients that want one.

use hickory_proto::op::ResponseCode;
use sandbox::RecordSet;

use crate::dns::common::{data, dotted, resolve, world};

#[tokio::test]
async fn it_resolves_from_the_root_down() {
    let world = world().await;
    let resolver = world.dns.resolver();
    let answer = resolve(resolver, "host.testing.example.com", "A").await;
    assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"]);
    assert!(answer.metadata.recursion_available && !answer.metadata.authoritative);
    let servers = resolve(resolver, "testing.example.com", "NS").await;
    assert_eq!(data(&servers.answers, "NS"), dotted(&world.child.name_servers()));
    for server in world.child.name_servers() {
        let address = resolve(resolver, &server, "A").await;
        assert_eq!(data(&address.answers, "A"), [world.dns.server(&server).ip().to_string()]);
        let none = resolve(resolver, &server, "AAAA").await;
        assert_eq!((none.metadata.response_code, none.answers.len()), (ResponseCode::NoError, 0));
    }
    assert_eq!(
        resolve(resolver, "nothing.example.com", "A").await.metadata.response_code,
        ResponseCode::NXDomain
    );
}

#[tokio::test]
async fn it_follows_aliases_from_zone_to_zone() {
    let world = world().await;
    world.parent.put(RecordSet::new("one.example.com", "CNAME", 60, ["two.example.org"]));
    world.parent.put(RecordSet::new("loop.example.com", "CNAME", 60, ["loop.example.org"]));
    let other = world.dns.zone("example.org", ["ns.example.org"], []);
    other.put(RecordSet::new("two.example.org", "CNAME", 60, ["host.testing.example.com"]));
    other.put(RecordSet::new("loop.example.org", "CNAME", 60, ["loop.example.com"]));
    let answer = resolve(world.dns.resolver(), "one.example.com", "A").await;
    assert_eq!(
        (data(&answer.answers, "A"), answer.answers.len()),
        (vec!["192.0.2.3".to_owned()], 3)
    );
    let looped = resolve(world.dns.resolver(), "loop.example.com", "A").await;
    assert_eq!(looped.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn a_delegation_to_nowhere_is_a_servfail() {
    let world = world().await;
    for servers in
        [vec!["ns1.not-registered.org"], vec!["ns.gone.example.com"], vec!["ns-1.awsdns-00.com"]]
    {
        world.parent.put(RecordSet::new("gone.example.com", "NS", 60, servers.clone()));
        let answer = resolve(world.dns.resolver(), "www.gone.example.com", "A").await;
        assert_eq!(answer.metadata.response_code, ResponseCode::ServFail, "{servers:?}");
    }
}

#[tokio::test]
async fn vanity_name_servers_lead_to_the_same_addresses() {
    let world = world().await;
    let vanity: Vec<String> = (1..=4).map(|n| format!("ns{n}.example.com")).collect();
    for (vanity, real) in vanity.iter().zip(world.child.name_servers()) {
        world.parent.put(RecordSet::new(
            vanity,
            "A",
            60,
            [world.dns.server(&real).ip().to_string()],
        ));
    }
    world.parent.put(RecordSet::new("testing.example.com", "NS", 300, vanity));
    let answer = resolve(world.dns.resolver(), "host.testing.example.com", "A").await;
    assert_eq!(data(&answer.answers, "A"), ["192.0.2.3"]);
}

#[tokio::test]
async fn the_log_tells_who_was_asked() {
    let world = world().await;
    resolve(world.dns.resolver(), "host.testing.example.com", "A").await;
    let asked = world.dns.queries();
    assert_eq!(asked.len(), 1, "what the resolver asks is not logged: {asked:?}");
    assert_eq!(
        (asked[0].server.as_str(), asked[0].name.as_str()),
        ("resolver", "host.testing.example.com.")
    );
    assert!(asked[0].recursion_desired);
    world.dns.clear_queries();
    assert!(world.dns.queries_to("resolver").is_empty());
}
