//! Name servers that are ill in every way that the sandbox knows.

use std::time::Duration;

use dns_check::{Report, ServerState};
use sandbox::DnsFault;

use crate::fixture::{Fixture, NONE, PARENT, PATIENCE, parent_zone, states};

/// One of the four servers of the child zone is ill: what is said of it, and what it is.
async fn one_ill(fault: DnsFault) -> (String, ServerState) {
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
async fn a_lame_server() {
    for (fault, words) in [
        (DnsFault::Refused, "does not answer for the zone (REFUSED)"),
        (DnsFault::ServFail, "does not answer for the zone (SERVFAIL)"),
        (DnsFault::NotAuthoritative, "does not answer for the zone (not authoritative)"),
        (
            DnsFault::TruncatedWithoutTcp,
            "has an answer that does not fit a UDP datagram, and does not answer over TCP",
        ),
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

/// All servers have it; the resolver is well. A server that answers over TCP is given so long for
/// that.
async fn all_ill(fault: DnsFault, tcp: Duration, patience: Duration) -> Report {
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
    fixture.dns.close_the_way_out();
    let report = fixture
        .impatient(Duration::from_millis(50))
        .verify_delegation(&parent_zone(PARENT), &fixture.expected(), PATIENCE)
        .await;
    assert!(report.no_egress(), "{report}");
    assert_eq!(states(&report), [ServerState::Unknown; 4]);
    assert!(report.to_string().contains("no way out for DNS queries"), "{report}");
}

#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    // Over UDP it is waited on, over TCP it is the server's fault.
    let report = all_ill(DnsFault::WrongId, PATIENCE, NONE).await;
    assert_eq!(states(&report), [ServerState::Lame; 4], "{report}");
    assert!(
        report.to_string().contains("answers with something that is not a valid DNS message"),
        "{report}"
    );
}
