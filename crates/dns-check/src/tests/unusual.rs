//! Tests of unusual behavior of servers and resolvers: what resolvers tolerate is not a problem,
//! and what they don't tolerate is one.

use std::collections::BTreeSet;

use hickory_proto::op::{Edns, Message, Query as WireQuery, ResponseCode};
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{DNSClass, Name as WireName, RData, Record, RecordType};

use super::super::{Expected, Finding, Report, ServerState, Severity, Verdict};
use super::internet::*;
use super::script::*;

const ONE: &str = "205.251.193.1";
const TWO: &str = "205.251.193.2";
const PARENTS: [&str; 2] = ["205.251.192.1", "205.251.192.2"];

fn good() -> Expected {
    delegated_to(SERVERS)
}

fn codes(report: &Report) -> BTreeSet<&str> {
    report.findings().iter().map(Finding::code).collect()
}

fn states(report: &Report) -> Vec<ServerState> {
    report.servers().iter().map(|server| server.state).collect()
}

fn is_in_order(report: &Report) {
    assert_eq!((report.verdict(), report.findings().len()), (Verdict::Good, 0), "{report}");
}

/// The name with every second letter in upper case, as some resolvers send it as a protection
/// against forged responses.
fn mixed(name: &WireName) -> WireName {
    let text: String =
        name.to_ascii()
            .char_indices()
            .map(|(at, letter)| {
                if at % 2 == 0 { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
            })
            .collect();
    WireName::from_ascii(text).unwrap()
}

/// The message with all its names in mixed case.
fn in_mixed_case(mut message: Message) -> Message {
    let query = message.queries[0].clone();
    message.queries = vec![WireQuery::query(mixed(query.name()), query.query_type())];
    for record in
        message.answers.iter_mut().chain(&mut message.authorities).chain(&mut message.additionals)
    {
        record.name = mixed(&record.name);
        if let RData::NS(server) = &mut record.data {
            server.0 = mixed(&server.0);
        }
    }
    message
}

#[tokio::test(start_paused = true)]
async fn every_response_code_is_reported_by_name() {
    for (code, rcode) in [
        (ResponseCode::FormErr, "FORMERR"),
        (ResponseCode::ServFail, "SERVFAIL"),
        (ResponseCode::NXDomain, "NXDOMAIN"),
        (ResponseCode::NotImp, "NOTIMP"),
        (ResponseCode::Refused, "REFUSED"),
        (ResponseCode::NotAuth, "NOTAUTH"),
        (ResponseCode::NotZone, "RCODE 10"),
        (ResponseCode::BADVERS, "BADVERS"),
    ] {
        let internet = Internet::new();
        internet.serve(
            ONE,
            script(move |ask| {
                let mut answer = ask.code(code);
                // The upper bits of a response code are in the OPT record (RFC 6891, section
                // 6.1.3).
                if code == ResponseCode::BADVERS {
                    answer.set_edns(Edns::new());
                }
                answer
            }),
        );
        for report in [internet.before(&good()).await, internet.after(&good()).await] {
            assert_eq!(
                (report.verdict(), states(&report)[0]),
                (Verdict::Bad, ServerState::Lame),
                "{report}"
            );
            assert_eq!(
                (codes(&report), report.findings()[0].rcode()),
                (BTreeSet::from(["rcode"]), Some(rcode))
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_another_question_is_malformed() {
    let others: [fn(&WireQuery) -> WireQuery; 3] = [
        |asked| WireQuery::query(wire("other.example.com"), asked.query_type()),
        |asked| WireQuery::query(asked.name().clone(), RecordType::TXT),
        |asked| {
            let mut query = asked.clone();
            query.set_query_class(DNSClass::CH);
            query
        },
    ];
    for other in others {
        let internet = Internet::new();
        internet.serve(
            ONE,
            script(move |ask| {
                let mut answer = child(SERVERS).answer(ask);
                answer.queries = vec![other(&ask.message.queries[0])];
                answer
            }),
        );
        let report = internet.before(&good()).await;
        assert_eq!(states(&report), [ServerState::Lame, ServerState::Serves], "{report}");
        assert_eq!(codes(&report), BTreeSet::from(["malformed"]), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_compared_without_case() {
    let internet = Internet::new();
    for at in [ONE, TWO] {
        internet.serve(at, script(|ask| in_mixed_case(child(SERVERS).answer(ask))));
    }
    for at in PARENTS {
        internet.serve(at, script(|ask| in_mixed_case(parent(SERVERS).answer(ask))));
    }
    is_in_order(&internet.after(&good()).await);
    internet.resolve(|ask| {
        let address = match (ask.name().to_lowercase().to_string().as_str(), ask.record_type()) {
            ("ns1.example.net.", RecordType::A) => ONE,
            ("ns2.example.net.", RecordType::A) => TWO,
            _ => return None,
        };
        let mut answer = ask.answer();
        answer.answers.push(host_address(&ask.name().to_string(), address));
        Some(vec![in_mixed_case(answer).to_vec().unwrap()])
    });
    is_in_order(&internet.after(&good()).await);
}

/// RFC 2181, section 8: such a record may be used, but not cached.
#[tokio::test(start_paused = true)]
async fn records_with_a_ttl_of_zero_are_accepted() {
    fn uncached(mut message: Message) -> Message {
        for record in message.answers.iter_mut().chain(&mut message.authorities) {
            record.ttl = 0;
        }
        message
    }
    let internet = Internet::new();
    for at in [ONE, TWO] {
        internet.serve(at, script(|ask| uncached(child(SERVERS).answer(ask))));
    }
    for at in PARENTS {
        internet.serve(at, script(|ask| uncached(parent(SERVERS).answer(ask))));
    }
    is_in_order(&internet.after(&good()).await);
}

#[tokio::test(start_paused = true)]
async fn servers_may_have_different_address_families() {
    let v6 = "2600:9000:5300::2";
    let internet = Internet::new();
    internet.host("ns2.example.net", &[v6]);
    internet.zone(&[v6], &child(SERVERS));
    is_in_order(&internet.after(&good()).await);
    // Without IPv6, one server is enough to know that the zone is served, and nothing is said about
    // the other.
    internet.without_ipv6();
    let report = internet.after(&good()).await;
    assert_eq!(
        (report.verdict(), states(&report)),
        (Verdict::Good, vec![ServerState::Serves, ServerState::Unknown]),
        "{report}"
    );
    assert!(
        report.to_string().starts_with("1 of the 2 name servers can be reached from here"),
        "{report}"
    );
    // A server that is lame over one family serves the zone, but not as it should.
    let internet = Internet::new();
    internet.host("ns2.example.net", &[TWO, v6]);
    internet.serve(v6, script(|ask| ask.code(ResponseCode::Refused)));
    let report = internet.after(&good()).await;
    assert_eq!(
        report.findings()[0].addresses(),
        [v6.parse::<std::net::IpAddr>().unwrap()],
        "{report}"
    );
    assert_eq!(
        (report.verdict(), states(&report)[1]),
        (Verdict::Bad, ServerState::Serves),
        "{report}"
    );
}

/// The zone's own name is the name of its name server.
#[tokio::test(start_paused = true)]
async fn a_zone_name_may_be_its_own_name_server() {
    let internet = Internet::new();
    let own = [CHILD];
    internet.serve(
        ONE,
        script(move |ask| {
            let mut answer = child(&own).answer(ask);
            if ask.record_type() == RecordType::A {
                answer.authorities.clear();
                answer.answers.push(host_address(CHILD, ONE));
            }
            answer
        }),
    );
    internet.zone(&PARENTS, &Zone { glue: vec![(CHILD, ONE)], ..parent(&own) });
    is_in_order(&internet.after(&delegated_to(&own)).await);
    internet.zone(&PARENTS, &parent(&own));
    let report = internet.after(&delegated_to(&own)).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Bad, BTreeSet::from(["glue-missing"])),
        "{report}"
    );
    let asked = internet.asked(NINES);
    assert!(!asked.iter().any(|(name, _)| name == CHILD), "{asked:?}");
}

/// A resolver synthesizes a CNAME for it (RFC 6672, section 3.1).
#[tokio::test(start_paused = true)]
async fn a_name_server_below_a_dname_is_an_alias() {
    let internet = Internet::new();
    internet.resolve(|ask| {
        if !wire("ns2.example.net").zone_of(ask.name()) {
            return None;
        }
        let mut answer = ask.answer();
        let target = WireName::from_ascii("example.org.").unwrap();
        let mut bytes = Vec::new();
        for label in &target {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label);
        }
        bytes.push(0);
        let dname = RData::Unknown { code: RecordType::Unknown(39), rdata: NULL::with(bytes) };
        answer.answers = vec![
            Record::from_rdata(wire("example.net"), 60, dname),
            cname("ns2.example.net", "ns2.example.org"),
            host_address("ns2.example.org", TWO),
        ];
        Some(vec![answer.to_vec().unwrap()])
    });
    let report = internet.before(&good()).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Bad, BTreeSet::from(["server-is-alias"])),
        "{report}"
    );
}

/// RFC 9471, section 3.1: the flag TC is set if the glue does not fit.
#[tokio::test(start_paused = true)]
async fn a_truncated_referral_is_fetched_over_tcp() {
    let inside = ["ns1.testing.example.com", "ns2.testing.example.com"];
    let own = vec![(inside[0], ONE), (inside[1], TWO)];
    let zone = Zone { glue: own.clone(), ..parent(&inside) };
    for over_tcp in [true, false] {
        let internet = Internet::new();
        internet.zone(&[ONE, TWO], &Zone { hosts: own.clone(), ..child(&inside) });
        let zone = zone.clone();
        for at in PARENTS {
            let zone = zone.clone();
            internet.serve(
                at,
                Box::new(move |ask| {
                    let mut answer = zone.answer(ask);
                    let is_referral = !answer.metadata.authoritative;
                    match (is_referral, ask.tcp) {
                        (true, true) if !over_tcp => return Vec::new(),
                        (true, false) => {
                            answer.additionals.clear();
                            answer.metadata.truncation = true;
                        }
                        _ => {}
                    }
                    vec![answer.to_vec().unwrap()]
                }),
            );
        }
        let report = internet.after(&delegated_to(&inside)).await;
        if over_tcp {
            is_in_order(&report);
        } else {
            assert_eq!(report.verdict(), Verdict::Bad, "{report}");
            assert!(codes(&report).contains("no-tcp"), "{report}");
        }
    }
}

/// A name that does not exist has no records of any type, so the result of the other lookup does
/// not matter (RFC 8020).
#[tokio::test(start_paused = true)]
async fn one_look_up_is_enough_for_a_name_that_does_not_exist() {
    for missing in [RecordType::A, RecordType::AAAA] {
        let internet = Internet::new();
        internet.resolve(move |ask| {
            if *ask.name() != wire("ns2.example.net") {
                return None;
            }
            let code = if ask.record_type() == missing {
                ResponseCode::NXDomain
            } else {
                ResponseCode::ServFail
            };
            Some(vec![ask.code(code).to_vec().unwrap()])
        });
        let report = internet.before(&good()).await;
        assert_eq!(
            (report.verdict(), codes(&report)),
            (Verdict::Bad, BTreeSet::from(["no-such-name"])),
            "{report}"
        );
    }
}

/// One lookup fails, and the other finds no record of its type, so nothing is known.
#[tokio::test(start_paused = true)]
async fn half_of_a_look_up_is_not_a_problem() {
    let internet = Internet::new();
    internet.resolve(|ask| {
        if *ask.name() != wire("ns2.example.net") {
            return None;
        }
        let code = if ask.record_type() == RecordType::A {
            ResponseCode::ServFail
        } else {
            ResponseCode::NoError
        };
        Some(vec![ask.code(code).to_vec().unwrap()])
    });
    let report = internet.before(&good()).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Good, BTreeSet::from(["resolver-fails"])),
        "{report}"
    );
    assert_eq!(report.findings()[0].severity(), Severity::Unknown);
}

/// A server that is configured as a resolver but is not one says nothing about names that it does
/// not have.
#[tokio::test(start_paused = true)]
async fn a_resolver_without_recursion_is_not_a_problem_of_the_delegation() {
    for code in [ResponseCode::NoError, ResponseCode::NXDomain] {
        let internet = Internet::new();
        let refers = move |ask: &Ask| {
            let mut answer = ask.code(code);
            answer.metadata.recursion_available = false;
            answer.authorities.push(ns("net", "a.gtld-servers.net"));
            answer
        };
        internet.resolve(move |ask| {
            let asks_for_addresses = wire("example.net").zone_of(ask.name());
            asks_for_addresses.then(|| vec![refers(ask).to_vec().unwrap()])
        });
        let report = internet.before(&good()).await;
        assert_eq!(
            (report.verdict(), codes(&report)),
            (Verdict::Unknown, BTreeSet::from(["resolver-fails"])),
            "{report}"
        );
        assert!(report.to_string().contains("the server is not a resolver"), "{report}");
        // With the same flags, data that it has is an answer.
        internet.resolve(|ask| {
            let at = match (ask.name().to_string().as_str(), ask.record_type()) {
                ("ns1.example.net.", RecordType::A) => ONE,
                ("ns2.example.net.", RecordType::A) => TWO,
                _ => return None,
            };
            let mut answer = ask.answer();
            answer.metadata.recursion_available = false;
            answer.answers.push(host_address(&ask.name().to_string(), at));
            Some(vec![answer.to_vec().unwrap()])
        });
        is_in_order(&internet.before(&good()).await);
    }
}

/// A response of a parent zone with opt-out has NSEC3 records at hashed names (RFC 5155, section
/// 6).
#[tokio::test(start_paused = true)]
async fn a_parent_zone_with_opt_out_may_have_no_ds() {
    let internet = Internet::new();
    for at in PARENTS {
        internet.serve(
            at,
            script(|ask| {
                let mut answer = parent(SERVERS).answer(ask);
                if ask.record_type() == RecordType::DS {
                    // Hash algorithm 1, opt-out, no extra iterations, no salt; the hash of the next
                    // name; the type NS.
                    let hash = [&[1, 1, 0, 0, 0, 20][..], &[7; 20], &[0, 1, 0x20]].concat();
                    let nsec3 = RData::Unknown { code: RecordType::NSEC3, rdata: NULL::with(hash) };
                    let owner = wire("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.com");
                    answer.authorities = vec![soa(PARENT), Record::from_rdata(owner, 60, nsec3)];
                }
                answer
            }),
        );
    }
    is_in_order(&internet.after(&good()).await);
}

/// The parent zone has another record at the name.
#[tokio::test(start_paused = true)]
async fn an_alias_instead_of_the_delegation_is_a_finding() {
    let internet = Internet::new();
    for at in PARENTS {
        internet.serve(
            at,
            script(|ask| {
                if *ask.name() != wire(CHILD) {
                    return parent(SERVERS).answer(ask);
                }
                let mut answer = ask.answer();
                answer.answers.push(cname(CHILD, "www.example.com"));
                answer
            }),
        );
    }
    let report = internet.after(&good()).await;
    assert_eq!(
        (report.verdict(), codes(&report)),
        (Verdict::Bad, BTreeSet::from(["no-delegation"])),
        "{report}"
    );
}
