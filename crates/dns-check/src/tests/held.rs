//! Tests of what is kept of responses, however large they are, and of how many are kept at once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use hickory_proto::op::{Message, Query as WireQuery};
use hickory_proto::rr::RecordType;
use tokio::time::sleep;

use super::super::network::{Memory, Network};
use super::super::query::Query;
use super::super::resolver::Resolver;
use super::super::response::{Parsed, Response, Section, parse};
use super::super::{Expected, ServerState, Timing};
use super::internet::{Internet, delegated_to};
use super::script::{Ask, CHILD, SERVERS};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use domain::base::Rtype;

/// A response to any query with a good SOA record, 250 NS records and 250 addresses, all of names
/// that take a kilobyte as text. It has 10 kB.
fn fat(id: u16, question: &[u8], code: u8) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend([0x84, code, 0, 1, 0, 251, 0, 0, 0, 250]);
    out.extend(question);
    out.extend([0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 60, 0, 22, 0, 0]);
    out.extend([0; 20]);
    let mut base = 0u16;
    for index in 0..250u8 {
        let label = [2, index / 16, index % 16];
        out.extend([0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 60]);
        if index == 0 {
            let long = [(1u8, 63u8), (2, 63), (3, 63), (4, 58)];
            let labels =
                long.map(|(byte, length)| [vec![length], vec![byte; usize::from(length)]].concat());
            let name = [labels.concat(), vec![0]].concat();
            out.extend(u16::try_from(3 + name.len()).unwrap().to_be_bytes());
            out.extend(label);
            base = u16::try_from(out.len()).unwrap();
            out.extend(name);
        } else {
            out.extend([0, 5]);
            out.extend(label);
            out.extend((0xc000 | base).to_be_bytes());
        }
    }
    for index in 0..250u8 {
        out.extend((0xc000 | base).to_be_bytes());
        out.extend([0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 5, 9, 9, index]);
    }
    out
}

fn question(query: &WireQuery) -> Vec<u8> {
    let mut message = Message::query();
    message.add_query(query.clone());
    message.to_vec().unwrap()[12..].to_vec()
}

fn answered(ask: &Ask) -> Vec<u8> {
    fat(ask.message.metadata.id, &question(&ask.message.queries[0]), 0)
}

#[test]
fn only_what_belongs_to_the_query_is_kept_of_a_response() {
    let name: Name = CHILD.parse().unwrap();
    let kept = |record_type, code| {
        let query = Query::direct(&name, record_type).with_edns();
        match parse(&query, &fat(query.id, &query.question, code)) {
            Parsed::Response(Response { answers, addresses, .. }) => (answers, addresses.len()),
            other => panic!("{other:?}"),
        }
    };
    for record_type in [Rtype::SOA, Rtype::A, Rtype::DNSKEY, Rtype::DS] {
        let (answers, addresses) = kept(record_type, 0);
        let expected = Section { soa: answers.soa.clone(), ..Section::default() };
        assert!(answers == expected && addresses == 0, "{record_type}");
        assert_eq!(answers.soa.is_some(), record_type == Rtype::SOA);
    }
    let (answers, addresses) = kept(Rtype::NS, 0);
    assert_eq!((answers.name_servers.names.len(), addresses), (250, 64));
    // An error, after which the query may be sent again without EDNS.
    assert!(kept(Rtype::NS, 1) == (Section::default(), 0));
}

/// Delegations of these names to 32 servers that answer like this.
fn hostile(
    internet: &Internet,
    checks: usize,
    servers: u8,
    answer: fn(&Ask) -> Vec<Vec<u8>>,
) -> Vec<Expected> {
    internet.without_ipv6();
    let names: Vec<String> = (0..servers).map(|number| format!("n{number}.evil.net")).collect();
    for (number, name) in names.iter().enumerate() {
        let address = format!("5.9.9.{number}");
        internet.host(name, &[&address]);
        internet.serve(&address, Box::new(answer));
    }
    let name_servers = NameServers::from_values(&names).unwrap();
    let with_name = |number| Expected {
        name: format!("a{number}.example.com").parse().unwrap(),
        name_servers: name_servers.clone(),
        ..delegated_to(SERVERS)
    };
    (0..checks).map(with_name).collect()
}

/// Each check keeps the responses of as many addresses as it has sockets.
#[tokio::test(start_paused = true)]
async fn a_check_keeps_the_responses_of_a_few_addresses_at_a_time() {
    let internet = Internet::new();
    let expected = hostile(&internet, 1, 32, |ask| match ask.record_type() {
        RecordType::SOA => vec![answered(ask)],
        _ => Vec::new(),
    });
    let run = internet.verifier().for_run(120);
    let begun = || {
        let of_server = |number: u8| internet.asked(&format!("5.9.9.{number}")).len();
        (0..32).filter(|number| of_server(*number) > 0).count()
    };
    let looks = async {
        // The first servers were silent for 3.5 seconds, and others follow.
        sleep(Duration::from_secs(5)).await;
        begun()
    };
    let check = run.verify_child(&expected[0], Duration::ZERO);
    let (report, begun_early) = join(check, looks).await;
    assert_eq!(begun_early, 8);
    assert_eq!(report.servers()[0].state, ServerState::Serves, "{report}");
}

/// The resolver synthesizes an address from each address of a host, and there are many.
#[tokio::test]
async fn translations_of_addresses_that_are_not_queried_are_not_kept() {
    let memory = Arc::new(Memory::of_run(1));
    let transport = Arc::new(Internet::new());
    let net = Network::new(Timing::default(), transport, Arc::clone(&memory), None);
    let resolver = Resolver::at("9.9.9.9:53".parse().unwrap());
    let addresses: Vec<IpAddr> =
        (1..200).map(|last| format!("64:ff9b::5.9.9.{last}").parse().unwrap()).collect();
    let chosen = resolver.choose(&net, &addresses).await.unwrap();
    assert_eq!((chosen.chosen.len(), memory.translated.lock().unwrap().len()), (2, 2));
}

/// The largest memory of this process so far, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    1024 * line.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
}

/// Runs in a process of its own, because the peak is that of a process.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
#[ignore = "the_answers_of_hostile_servers_take_little_memory runs it"]
async fn memory_of_hostile_answers() {
    let internet = Internet::new();
    // Truncated over UDP, so that an answer may have 16 kB. The keys are never served.
    let expected = hostile(&internet, 40, 4, |ask| match (ask.record_type(), ask.tcp) {
        (RecordType::SOA | RecordType::NS, true) => vec![answered(ask)],
        (RecordType::SOA | RecordType::NS, false) => {
            vec![ask.answer().truncate().to_vec().unwrap()]
        }
        _ => Vec::new(),
    });
    let run = internet.verifier().for_run(120).thorough();
    let before = peak();
    let checks = expected.iter().map(|expected| run.verify_child(expected, Duration::ZERO));
    let reports = futures_util::future::join_all(checks).await;
    assert!(reports[0].to_string().contains("has other name servers"), "{}", reports[0]);
    println!("took {} bytes", peak() - before);
}

/// Each of 160 probes has two answers of 240 kB as text: 38 MB or more if they were all kept.
#[cfg(target_os = "linux")]
#[test]
fn the_answers_of_hostile_servers_take_little_memory() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "tests::held::memory_of_hostile_answers", "--ignored", "--nocapture"]);
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let bytes = text.split_once("took ").and_then(|(_, rest)| rest.split_once(" bytes"));
    let bytes: usize = bytes.expect(&text).0.parse().unwrap();
    assert!(bytes < 20_000_000, "{bytes} bytes");
}
