//! Before the parent zone is touched: do the name servers have the child zone?

use delegation_model::name_servers::NameServers;
use dns_check::{ServerState, Wanted};
use sandbox::RecordSet;

use crate::world::{CHILD, NONE, PATIENCE, World, name, states};

#[tokio::test]
async fn a_hosted_zone_is_served_before_it_is_delegated() {
    let world = World::new().await;
    let finding = world.before(&world.wanted(), PATIENCE).await;
    assert_eq!(finding.to_string(), "the 4 name servers answer for testing.example.com");
    assert_eq!(states(&finding), [ServerState::Serves; 4]);
    // Asked directly, without recursion, and nobody above.
    let server = world.child.name_servers()[0].clone();
    let types: Vec<(String, bool)> =
        world.dns.queries_to(&server).into_iter().map(|query| (query.rtype, query.recursion_desired)).collect();
    assert_eq!(types, [("SOA".to_owned(), false), ("NS".to_owned(), false)]);
    assert_eq!(world.dns.queries_to(&world.parent.name_servers()[0]), []);
}

#[tokio::test]
async fn the_name_servers_of_another_zone_are_lame() {
    let world = World::new().await;
    let servers = NameServers::given(&world.parent.name_servers()).unwrap();
    let finding = world.before(&Wanted { name_servers: servers, ..world.wanted() }, NONE).await;
    let text = finding.to_string();
    assert_eq!(states(&finding), [ServerState::Lame; 4], "{text}");
    assert!(text.contains(" does not answer for the zone (NXDOMAIN)"), "they have only the parent zone: {text}");
}

#[tokio::test]
async fn a_zone_that_is_gone_is_dangling() {
    let world = World::delegated().await;
    let wanted = world.wanted();
    // The servers have other zones too.
    let _other = world.dns.zone("example.org", world.child.name_servers(), []);
    world.child.delete();
    let finding = world.before(&wanted, NONE).await;
    assert_eq!(states(&finding), [ServerState::Lame; 4]);
    assert!(finding.to_string().contains(" does not answer for the zone (REFUSED)"), "{finding}");
}

#[tokio::test]
async fn a_name_server_without_an_address() {
    let world = World::new().await;
    let servers = NameServers::given(&["ns.nobody.example"]).unwrap();
    let finding = world.before(&Wanted { name_servers: servers, ..world.wanted() }, NONE).await;
    assert_eq!(finding.to_string(), "ns.nobody.example does not resolve: the name does not exist");
    assert_eq!((states(&finding), finding.no_egress()), (vec![ServerState::Unresolved], false));
}

#[tokio::test]
async fn the_zones_own_name_servers_are_others() {
    let world = World::new().await;
    world.child.put(RecordSet::new(CHILD, "NS", 300, ["ns1.vanity.net", "ns2.vanity.net"]));
    let finding = world.before(&world.wanted(), NONE).await;
    assert_eq!(states(&finding), [ServerState::Serves; 4]);
    let words = "has other name servers in the zone's own NS record set: ns1.vanity.net, ns2.vanity.net";
    assert!(finding.problems().iter().all(|problem| problem.to_string().ends_with(words)), "{finding}");
    assert_eq!(finding.problems().len(), 4);
}

#[tokio::test]
async fn name_servers_within_the_child_zone_are_found_by_glue() {
    let world = World::new().await;
    world.child.delete();
    let server = "ns1.testing.example.com";
    let _outside = world.dns.zone(CHILD, [server], []);
    let servers = NameServers::given(&[server]).unwrap();
    let glue = vec![(name(server), world.dns.server(server).ip())];
    let wanted = Wanted { name_servers: servers, glue, ..world.wanted() };
    let finding = world.before(&wanted, PATIENCE).await;
    assert_eq!(finding.to_string(), "the name server answers for testing.example.com");
}
