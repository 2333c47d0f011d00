//! Tests with servers that respond with malformed, hostile or huge messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::op::{Message, OpCode, Query as WireQuery};
use hickory_proto::rr::rdata::{A, NS};
use hickory_proto::rr::{Name as WireName, RData, Record, RecordType};
use proptest::prelude::*;

use super::super::finding::{FindingKind, ServerState};
use super::super::query::{Query, SentQuery};
use super::super::response::{Parsed, Response, parse};
use super::super::{Expected, Finding, Report, Timing};
use super::script::*;
use delegation_model::name_servers::NameServers;
use domain::base::Rtype;

async fn check(answer: Script, timing: Timing) -> Report {
    let fixture = Fixture::start(vec![
        (RESOLVER, resolver(HOSTS)),
        (11, answer),
        (12, child(SERVERS).script()),
    ]);
    let timing = Timing { pause: Duration::from_millis(1), ..timing };
    fixture.verifier(timing).verify_child(&expected(), Duration::ZERO).await
}

fn state(report: &Report) -> ServerState {
    report.servers()[0].state
}

/// A good server's response as bytes, to be damaged.
fn good(ask: &Ask) -> Vec<u8> {
    child(SERVERS).answer(ask).to_vec().unwrap()
}

#[tokio::test]
async fn an_invalid_dns_message_is_a_finding() {
    let spoilt: [fn(&Ask) -> Vec<u8>; 4] = [
        // Truncated after the question.
        |ask| good(ask)[..40].to_vec(),
        // Only the id.
        |ask| good(ask)[..2].to_vec(),
        // The name in the answer points to itself.
        |ask| {
            let mut bytes = good(ask);
            let at = 12 + ask.name().len() + 1 + 4;
            bytes[at..at + 2].copy_from_slice(&(0xc000 | u16::try_from(at).unwrap()).to_be_bytes());
            bytes
        },
        // The header announces more records than there are.
        |ask| {
            let mut bytes = good(ask);
            bytes[6..8].copy_from_slice(&u16::MAX.to_be_bytes());
            bytes
        },
    ];
    for spoil in spoilt {
        let report = check(Box::new(move |ask| vec![spoil(ask)]), patient()).await;
        assert_eq!(
            report.to_string(),
            "ns1.example.net (127.0.0.11) answers with an invalid DNS message"
        );
        assert_eq!((state(&report), report.no_egress()), (ServerState::Lame, false));
    }
}

#[tokio::test]
async fn unrelated_messages_are_ignored() {
    // Before each response: another id, another question, two questions, a query, and an empty
    // datagram.
    let noisy: Script = Box::new(|ask| {
        let good = child(SERVERS).answer(ask);
        let spoilt = |spoil: fn(&mut Message)| {
            let mut message = ask.code(hickory_proto::op::ResponseCode::Refused);
            spoil(&mut message);
            message.to_vec().unwrap()
        };
        vec![
            Vec::new(),
            spoilt(|message| message.metadata.id ^= 1),
            spoilt(|message| {
                message.queries = vec![WireQuery::query(WireName::root(), RecordType::SOA)];
            }),
            spoilt(|message| message.queries.extend(message.queries.clone())),
            spoilt(|message| message.metadata.message_type = hickory_proto::op::MessageType::Query),
            good.to_vec().unwrap(),
        ]
    });
    let report = check(noisy, patient()).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn a_flood_of_unrelated_datagrams_is_cut_off() {
    let flood: Script = Box::new(|ask| {
        let mut message = ask.answer();
        message.metadata.id ^= 1;
        vec![message.to_vec().unwrap(); 300]
    });
    let short = Duration::from_millis(200);
    // Some datagrams may be lost; then the timeout ends the flood.
    let report = check(flood, Timing { datagrams: vec![short], tcp: short, ..patient() }).await;
    assert!(!report.is_good());
    assert!(
        report.findings()[0].to_string().starts_with("ns1.example.net (127.0.0.11) "),
        "{report}"
    );
}

/// A response with these records, which are only sent over TCP.
fn over_tcp(ask: &Ask, records: impl Iterator<Item = Record>) -> Vec<Vec<u8>> {
    let mut answer = ask.answer();
    if ask.tcp {
        answer.answers = records.collect();
        vec![answer.to_vec().unwrap()]
    } else {
        vec![answer.truncate().to_vec().unwrap()]
    }
}

/// A response with this many name servers for the name of the query.
fn name_servers(ask: &Ask, count: usize) -> Vec<Vec<u8>> {
    let zone = ask.name().clone();
    let record = move |index| {
        Record::from_rdata(zone.clone(), 300, RData::NS(NS(wire(&format!("n{index}")))))
    };
    over_tcp(ask, (0..count).map(record))
}

#[tokio::test]
async fn name_servers_are_parsed_up_to_a_limit() {
    let servers = |count: usize| -> Script {
        Box::new(move |ask| match ask.record_type() {
            RecordType::NS => name_servers(ask, count),
            _ => child(SERVERS).script()(ask),
        })
    };
    let report = check(servers(256), patient()).await;
    let text = report.to_string();
    assert!(text.ends_with("and 252 more") && text.len() < 300, "{text}");
    assert_eq!(state(&report), ServerState::Serves);
    // The header announces more records than the limit, so nothing is parsed.
    let report = check(servers(257), patient()).await;
    assert_eq!(
        report.to_string(),
        "ns1.example.net (127.0.0.11) answers with an invalid DNS message"
    );
}

/// The largest response that is parsed: the maximum number of records, each with the longest name
/// that fits.
fn largest(ask: &Ask) -> Vec<Vec<u8>> {
    let zone = ask.name().clone();
    over_tcp(
        ask,
        (0..256u32).map(move |index| {
            // Bytes that are displayed as four characters each.
            let label = [&index.to_be_bytes()[..], &[1; 59]].concat();
            let name = WireName::from_labels([&label[..], &[2; 63], &[3; 63], &[4; 61]]).unwrap();
            Record::from_rdata(zone.clone(), 300, RData::NS(NS(name)))
        }),
    )
}

/// All of 64 servers respond like this: 16 of the child zone and 16 of the parent zone, with two
/// addresses each.
#[tokio::test]
async fn the_cost_of_hostile_servers_is_bounded() {
    let size = Arc::new(AtomicUsize::new(0));
    let hostile = |answer: fn(&Ask) -> Message| -> Script {
        let size = Arc::clone(&size);
        Box::new(move |ask| match ask.record_type() {
            RecordType::NS => {
                let answer = largest(ask);
                size.fetch_max(answer[0].len(), Ordering::Relaxed);
                answer
            }
            _ => vec![answer(ask).to_vec().unwrap()],
        })
    };
    let hosts = |suffix| (0..16u8).map(move |index| format!("h{index}.{suffix}"));
    let resolver = script(move |ask| {
        let mut answer = ask.answer();
        answer.metadata.authoritative = false;
        let (first, of) = match hosts("example.net").position(|host| wire(&host) == *ask.name()) {
            Some(at) => (11, at),
            None => (
                51,
                hosts("example.org")
                    .position(|host| wire(&host) == *ask.name())
                    .unwrap_or_default(),
            ),
        };
        answer.answers = match ask.record_type() {
            RecordType::NS => hosts("example.org").map(|host| ns(PARENT, &host)).collect(),
            RecordType::A => [0, 1]
                .map(|which| {
                    let host = first + 2 * u8::try_from(of).unwrap() + which;
                    Record::from_rdata(ask.name().clone(), 60, RData::A(A::new(127, 0, 0, host)))
                })
                .to_vec(),
            _ => Vec::new(),
        };
        answer
    });
    let servers = (11..43).map(|host| (host, hostile(|ask| child(SERVERS).answer(ask))));
    let above = (51..83).map(|host| (host, hostile(|ask| parent(SERVERS).answer(ask))));
    let fixture =
        Fixture::start([(RESOLVER, resolver)].into_iter().chain(servers).chain(above).collect());
    let name_servers = NameServers::parse(&hosts("example.net").collect::<Vec<_>>()).unwrap();
    let timing = Timing { pause: Duration::from_millis(1), ..patient() };
    let expected = Expected { name_servers, ..expected() };
    let report =
        fixture.verifier(timing).verify_delegation(&parent_zone(), &expected, Duration::ZERO).await;
    assert!(size.load(Ordering::Relaxed) > 60_000, "{size:?} bytes are the largest answer");
    assert_eq!(report.findings().len(), 32, "all servers were queried");
    // Of each set, the first 100 characters of 4 names are kept. A finding is about two addresses
    // with the same result.
    let kept = format!("{report:?}").len();
    assert!(kept < 32 * 1200, "{kept} bytes");
}

#[test]
fn records_of_other_names_are_ignored() {
    let asked = asked();
    let mut bytes = answered(&asked);
    // A record of another name, with data that should be a name but is not a valid one.
    bytes[6..8].copy_from_slice(&3u16.to_be_bytes());
    bytes.extend([&[1, b'x', 0, 0, 2, 0, 1, 0, 0, 0, 60, 0, 2], &[0xff; 2][..]].concat());
    let Parsed::Response(Response { answers, .. }) = parse(&asked, &bytes) else {
        panic!("not parsed")
    };
    assert!(answers.name_servers.are(expected().name_servers.iter()));
}

#[tokio::test]
async fn name_servers_with_unusual_names_are_displayed_escaped() {
    let odd = script(|ask| {
        let mut answer = child(SERVERS).answer(ask);
        if ask.record_type() == RecordType::NS {
            let bytes = WireName::from_labels([&b"a.b\n\0\xff"[..], &b"example"[..]]).unwrap();
            let more = [bytes, WireName::root()]
                .map(|name| Record::from_rdata(wire(CHILD), 60, RData::NS(NS(name))));
            answer.answers = more.to_vec();
        }
        answer
    });
    let report = check(odd, patient()).await;
    assert_eq!(
        report.to_string(),
        "ns1.example.net (127.0.0.11) has other name servers in the zone's own NS record set: \
         a\\056b\\012\\000\\377.example, the root"
    );
}

#[tokio::test]
async fn the_number_of_servers_of_the_parent_zone_is_limited() {
    for (count, codes, words) in [
        (
            33,
            vec!["no-such-name", "too-many-servers"],
            "n0 of the parent zone does not resolve: the name does not exist; ",
        ),
        (
            256,
            vec!["no-such-name", "too-many-servers"],
            "n0 of the parent zone does not resolve: the name does not exist; ",
        ),
        (
            257,
            vec!["resolver-fails"],
            "nothing is known about testing.example.com: example.com could not be resolved: the resolver's",
        ),
    ] {
        let many: Script = Box::new(move |ask| match ask.record_type() {
            RecordType::NS if *ask.name() == wire(PARENT) => name_servers(ask, count),
            _ => resolver(HOSTS)(ask),
        });
        let fixture = Fixture::start(vec![
            (RESOLVER, many),
            (11, child(SERVERS).script()),
            (12, child(SERVERS).script()),
        ]);
        let timing = Timing { pause: Duration::from_millis(1), ..patient() };
        let report = fixture
            .verifier(timing)
            .verify_delegation(&parent_zone(), &expected(), Duration::ZERO)
            .await;
        let mut found: Vec<&str> = report.findings().iter().map(Finding::code).collect();
        found.dedup();
        assert_eq!(found, codes, "{report}");
        assert!(report.to_string().starts_with(words), "{report}");
        assert!(report.parent_servers().len() <= 32);
    }
}

/// Route 53 accepts 400 name servers in an NS record set, each of which may lead to the same
/// address.
#[tokio::test]
async fn the_number_of_queried_servers_of_the_child_zone_is_limited_and_the_rest_is_a_problem() {
    let names: Vec<String> = (0..400).map(|number| format!("n{number:03}.example.net")).collect();
    let resolver = script(|ask| {
        let mut answer = ask.answer();
        answer.metadata.authoritative = false;
        if ask.record_type() == RecordType::A {
            let data = RData::A(A::new(127, 0, 0, 11));
            answer.answers.push(Record::from_rdata(ask.name().clone(), 60, data));
        }
        answer
    });
    let of_zone: Vec<Record> = names[..32].iter().map(|server| ns(CHILD, server)).collect();
    let served = |of_zone: Vec<Record>| {
        script(move |ask| {
            let mut answer = child(&[]).answer(ask);
            if ask.record_type() == RecordType::NS {
                answer.answers.clone_from(&of_zone);
            }
            answer
        })
    };
    let fixture = Fixture::start(vec![(RESOLVER, resolver), (11, served(of_zone))]);
    let timing = Timing { pause: Duration::from_millis(1), ..patient() };
    let verifier = fixture.verifier(timing);
    let delegated_to = |names: &[String]| Expected {
        name_servers: NameServers::from_values(names).unwrap(),
        ..expected()
    };
    let few = verifier.verify_child(&delegated_to(&names[..32]), Duration::ZERO).await;
    assert!(few.is_good() && few.servers().len() == 32, "{few}");
    let many = verifier.verify_child(&delegated_to(&names), Duration::ZERO).await;
    assert_eq!(many.servers().len(), 32);
    let codes: Vec<&str> = many.problems().map(Finding::code).collect();
    assert!(codes.contains(&"servers-not-queried") && codes.len() <= 33, "{codes:?}");
}

#[tokio::test]
async fn a_stream_that_ends_early_is_malformed() {
    // Truncated over UDP. Over TCP it sends a length, followed by a single byte.
    let liar: Script = Box::new(|ask| {
        let answer = child(SERVERS).answer(ask);
        if ask.tcp {
            vec![answer.to_vec().unwrap()[..1].to_vec()]
        } else {
            vec![answer.truncate().to_vec().unwrap()]
        }
    });
    let report = check(liar, patient()).await;
    assert_eq!(report.findings()[0].kind, FindingKind::Malformed);
}

fn asked() -> SentQuery {
    Query::direct(&CHILD.parse().unwrap(), Rtype::NS).with_edns()
}

/// A good response to that query, as bytes.
fn answered(asked: &SentQuery) -> Vec<u8> {
    let id = u16::from_be_bytes([asked.bytes[0], asked.bytes[1]]);
    let mut answer = Message::response(id, OpCode::Query);
    answer.add_query(WireQuery::query(wire(CHILD), RecordType::NS));
    answer.answers = SERVERS.iter().map(|server| ns(CHILD, server)).collect();
    answer.to_vec().unwrap()
}

proptest! {
    /// Any bytes are either parsed or rejected.
    #[test]
    fn any_bytes_are_parsed_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let asked = asked();
        let with_id = [&asked.bytes[..2], &bytes].concat();
        prop_assert!(matches!(parse(&asked, &with_id), Parsed::Malformed | Parsed::Foreign));
        // The same bytes after a good header and question, as any number of records.
        let counts = [&answered(&asked)[..6], &[255; 6], &answered(&asked)[12..12 + 25]].concat();
        prop_assert!(!matches!(parse(&asked, &[&counts, &bytes[..]].concat()), Parsed::Foreign));
    }

    /// A response with some bytes changed is parsed or rejected. It is only accepted with the right
    /// id and question.
    #[test]
    fn a_changed_answer_is_parsed_or_rejected(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let asked = asked();
        let (good, mut bytes) = (answered(&asked), answered(&asked));
        prop_assert!(matches!(parse(&asked, &good), Parsed::Response(_)));
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if matches!(parse(&asked, &bytes), Parsed::Response(_)) {
            prop_assert_eq!(&bytes[..2], &good[..2]);
            prop_assert!(bytes[12..12 + 25].eq_ignore_ascii_case(&good[12..12 + 25]));
        }
    }
}
