//! Tests of name servers with each fault that the sandbox can simulate.

use std::time::Duration;

use dns_check::{Report, ServerState};
use sandbox::DnsFault;

use crate::fixture::{Fixture, NONE, PARENT, PATIENCE, parent_zone, states};

/// Checks with this fault at one of the four servers of the child zone. Returns the report's text
/// and the server's state.
async fn one_faulty(fault: DnsFault) -> (String, ServerState) {
    let fixture = Fixture::new().await;
    let server = fixture.child.name_servers()[1].clone();
    fixture.dns.fault(&server, fault);
    let report = fixture.before(&fixture.expected(), NONE).await;
    assert!(!report.no_egress());
    let address = fixture.dns.server(&server).ip();
    let state = report.servers().iter().find(|own| own.name.as_str() == server).unwrap().state;
    let text = report.to_string();
    let prefix = format!("{server} ({address}) ");
    assert!(report.is_good() || text.starts_with(&prefix), "{text}");
    (text.trim_start_matches(&prefix).to_owned(), state)
}

#[tokio::test]
async fn a_lame_server_is_a_finding() {
    for (fault, words) in [
        (DnsFault::Refused, "does not answer for the zone (REFUSED)"),
        (DnsFault::ServFail, "does not answer for the zone (SERVFAIL)"),
        (DnsFault::NotAuthoritative, "does not answer for the zone (not authoritative)"),
        (
            DnsFault::TruncatedWithoutTcp,
            "has an answer that does not fit into a UDP datagram, but does not answer over TCP",
        ),
    ] {
        assert_eq!(one_faulty(fault).await, (words.to_owned(), ServerState::Lame));
    }
}

#[tokio::test]
async fn a_slow_or_terse_server_is_good() {
    for fault in [DnsFault::Truncated, DnsFault::Slow(Duration::from_millis(50))] {
        let (text, state) = one_faulty(fault).await;
        assert_eq!(text, "the 4 name servers answer for testing.example.com");
        assert_eq!(state, ServerState::Serves);
    }
}

#[tokio::test]
async fn a_server_may_recover_within_the_patience() {
    let fixture = Fixture::new().await;
    for (server, fault) in fixture.child.name_servers().iter().zip([
        DnsFault::Refused,
        DnsFault::ServFail,
        DnsFault::NotAuthoritative,
    ]) {
        fixture.dns.fault_times(server, fault, 3);
    }
    let report = fixture.before(&fixture.expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
}

/// Checks with this fault at all servers except the resolver. `tcp` is the timeout for a response
/// over TCP.
async fn all_faulty(fault: DnsFault, tcp: Duration, patience: Duration) -> Report {
    let fixture = Fixture::delegated().await;
    for server in fixture.child.name_servers().into_iter().chain(fixture.parent.name_servers()) {
        fixture.dns.fault(&server, fault.clone());
    }
    let parent = parent_zone(PARENT);
    fixture.impatient(tcp).verify_delegation(&parent, &fixture.expected(), patience).await
}

#[tokio::test]
async fn no_answer_from_anywhere_is_no_egress() {
    let fixture = Fixture::delegated().await;
    fixture.dns.block_egress();
    let report = fixture
        .impatient(Duration::from_millis(50))
        .verify_delegation(&parent_zone(PARENT), &fixture.expected(), PATIENCE)
        .await;
    assert!(report.no_egress(), "{report}");
    assert_eq!(states(&report), [ServerState::Unknown; 4]);
    assert!(
        report.to_string().contains("DNS queries (port 53, UDP and TCP) seem to be blocked"),
        "{report}"
    );
}

#[tokio::test]
async fn an_answer_to_another_question_is_not_accepted() {
    // Over UDP the check keeps waiting. Over TCP it is an error of the server.
    let report = all_faulty(DnsFault::WrongId, PATIENCE, NONE).await;
    assert_eq!(states(&report), [ServerState::Lame; 4], "{report}");
    assert!(report.to_string().contains("answers with an invalid DNS message"), "{report}");
}
