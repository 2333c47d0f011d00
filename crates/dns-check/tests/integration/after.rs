//! After the change is in sync: does the parent zone refer to the child zone?

use delegation_model::name_servers::NameServers;
use dns_check::Wanted;
use sandbox::{DnsFault, RecordSet};

use crate::world::{CHILD, NONE, PATIENCE, World, name};

#[tokio::test]
async fn a_delegation_is_followed_from_the_parent_zone_down() {
    let world = World::delegated().await;
    let finding = world.after(&world.wanted(), PATIENCE).await;
    assert_eq!(
        finding.to_string(),
        "the 4 name servers answer for testing.example.com, and the 4 servers of example.com refer to them"
    );
    for server in world.parent.name_servers() {
        let types: Vec<String> = world.dns.queries_to(&server).into_iter().map(|query| query.rtype).collect();
        assert_eq!(types.len(), 3, "{types:?}");
    }
}

#[tokio::test]
async fn a_delegation_that_is_not_there() {
    let world = World::new().await;
    let finding = world.after(&world.wanted(), NONE).await;
    assert_eq!(finding.problems().len(), 4, "{finding}");
    let mut servers = world.parent.name_servers();
    servers.sort();
    for (problem, server) in finding.problems().iter().zip(servers) {
        let address = world.dns.server(&server).ip();
        assert_eq!(
            problem.to_string(),
            format!("{server} ({address}) of the parent zone does not refer to the name servers")
        );
    }
}

#[tokio::test]
async fn a_delegation_to_others() {
    let world = World::new().await;
    let mut servers = world.child.name_servers();
    servers[3] = "ns.elsewhere.net".to_owned();
    world.delegate(&servers);
    let finding = world.after(&world.wanted(), NONE).await;
    assert_eq!(finding.problems().len(), 4, "{finding}");
    assert!(finding.to_string().contains(" of the parent zone refers to other name servers: "), "{finding}");
    assert!(finding.to_string().contains("ns.elsewhere.net"), "{finding}");
}

#[tokio::test]
async fn a_server_of_the_parent_zone_that_lags_behind() {
    let world = World::delegated().await;
    let server = world.parent.name_servers()[2].clone();
    let old = DnsFault::NameServers(vec!["ns1.old.net".to_owned(), "ns2.old.net".to_owned()]);
    world.dns.fault(&server, old.clone());
    let finding = world.after(&world.wanted(), NONE).await;
    let address = world.dns.server(&server).ip();
    assert_eq!(
        finding.to_string(),
        format!("{server} ({address}) of the parent zone refers to other name servers: ns1.old.net, ns2.old.net")
    );
    // Three questions a round.
    world.dns.fault_times(&server, old, 6);
    let finding = world.after(&world.wanted(), PATIENCE).await;
    assert!(finding.is_good(), "{finding}");
}

#[tokio::test]
async fn a_parent_zone_that_nobody_knows() {
    let world = World::delegated().await;
    let finding = world.verifier().delegation(&name("example.org"), &world.wanted(), NONE).await;
    assert!(finding.to_string().starts_with("example.org "), "{finding}");
    assert!(!finding.no_egress());
}

#[tokio::test]
async fn name_servers_within_the_child_zone() {
    let world = World::new().await;
    world.child.delete();
    let server = "ns1.testing.example.com";
    let outside = world.dns.zone(CHILD, [server], []);
    let address = world.dns.server(server).ip();
    world.delegate(&[server.to_owned()]);
    world.parent.put(RecordSet::new(server, "A", 300, [address.to_string()]));
    let wanted = Wanted {
        name_servers: NameServers::given(&[server]).unwrap(),
        glue: vec![(name(server), address)],
        ..world.wanted()
    };
    let finding = world.after(&wanted, PATIENCE).await;
    assert!(finding.is_good(), "{finding}");
    outside.delete();
    let finding = world.after(&wanted, NONE).await;
    assert_eq!(finding.to_string(), format!("{server} ({address}) does not answer for the zone (REFUSED)"));
}

#[tokio::test]
async fn parent_and_child_zone_on_one_server() {
    let world = World::delegated().await;
    // The child zone is served beside the parent zone at all of its servers as well.
    let _twin = world.dns.zone(
        CHILD,
        world.parent.name_servers(),
        [RecordSet::new(CHILD, "NS", 300, world.child.name_servers())],
    );
    let finding = world.after(&world.wanted(), PATIENCE).await;
    assert!(finding.is_good(), "{finding}");
}
