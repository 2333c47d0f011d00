//! Name servers that are ill in every way that the sandbox knows.

use std::time::Duration;

use dns_check::{Finding, ServerState, Timing};
use sandbox::DnsFault;

use crate::world::{NONE, PATIENCE, World, states};

/// One of the four servers of the child zone is ill: what is said of it, and what it is.
async fn one_ill(fault: DnsFault) -> (String, ServerState) {
    let world = World::new().await;
    let server = world.child.name_servers()[1].clone();
    world.dns.fault(&server, fault);
    let finding = world.before(&world.wanted(), NONE).await;
    assert!(!finding.no_egress());
    let address = world.dns.server(&server).ip();
    let state = finding.servers().iter().find(|(name, _)| name.as_str() == server).unwrap().1;
    let text = finding.to_string();
    let prefix = format!("{server} ({address}) ");
    assert!(finding.is_good() || text.starts_with(&prefix), "{text}");
    (text.trim_start_matches(&prefix).to_owned(), state)
}

#[tokio::test]
async fn a_lame_server() {
    for (fault, words) in [
        (DnsFault::Refused, "does not answer for the zone (REFUSED)"),
        (DnsFault::ServFail, "does not answer for the zone (SERVFAIL)"),
        (DnsFault::NotAuthoritative, "does not answer for the zone (not authoritative)"),
        (DnsFault::TruncatedWithoutTcp, "has more to say than fits a UDP answer, and does not answer over TCP"),
    ] {
        assert_eq!(one_ill(fault).await, (words.to_owned(), ServerState::Lame));
    }
}

#[tokio::test]
async fn a_server_that_is_only_slow_or_terse() {
    for fault in [DnsFault::Truncated, DnsFault::Slow(Duration::from_millis(50))] {
        let (text, state) = one_ill(fault).await;
        assert_eq!(text, "the 4 name servers answer for testing.example.com");
        assert_eq!(state, ServerState::Serves);
    }
}

#[tokio::test]
async fn a_server_that_gets_well_within_patience() {
    let world = World::new().await;
    for (server, fault) in
        world.child.name_servers().iter().zip([DnsFault::Refused, DnsFault::ServFail, DnsFault::NotAuthoritative])
    {
        world.dns.fault_times(server, fault, 3);
    }
    let finding = world.before(&world.wanted(), PATIENCE).await;
    assert!(finding.is_good(), "{finding}");
}

/// All servers have it; the resolver is well. A server that answers over TCP is given so long for that.
async fn all_ill(fault: DnsFault, tcp: Duration, patience: Duration) -> Finding {
    let world = World::delegated().await;
    for server in world.child.name_servers().into_iter().chain(world.parent.name_servers()) {
        world.dns.fault(&server, fault.clone());
    }
    let (short, long) = (Duration::from_millis(50), Duration::from_mins(1));
    let timing = Timing { datagrams: vec![short, short], tcp, resolver: long, pause: Duration::from_millis(1) };
    let parent = crate::world::name(crate::world::PARENT);
    world.with(timing).delegation(&parent, &world.wanted(), patience).await
}

#[tokio::test]
async fn no_answer_from_anywhere_is_no_egress() {
    let finding = all_ill(DnsFault::Silent, Duration::from_millis(50), PATIENCE).await;
    assert!(finding.no_egress(), "{finding}");
    assert_eq!(states(&finding), [ServerState::Silent; 4]);
    assert!(finding.to_string().contains("no way out for DNS queries"), "{finding}");
}

#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    // Over UDP it is waited on, over TCP it is the server's fault.
    let finding = all_ill(DnsFault::WrongId, PATIENCE, NONE).await;
    assert_eq!(states(&finding), [ServerState::Lame; 4], "{finding}");
    assert!(finding.to_string().contains("answers with something that can't be read"), "{finding}");
}
