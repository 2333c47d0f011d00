//! Compares the message parser with dnspython's on thousands of messages: complete, truncated and
//! modified ones.
//!
//! `make test` sets `DNSPYTHON` to a Python that has it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use domain::base::Rtype;
use hickory_proto::dnssec::rdata::{DNSSECRData, DS};
use hickory_proto::dnssec::{Algorithm, DigestType};
use hickory_proto::op::{Edns, Message, OpCode, Query as WireQuery, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};

use super::super::query::{Query, SentQuery, wire as on_wire};
use super::super::response::{Parsed, Response, Section, parse};
use super::script::{CHILD, cname, host_address, ns, soa, wire};
use delegation_model::name::Name;

const MESSAGES: usize = 10_000;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The types that are asked for.
const TYPES: [Rtype; 6] = [Rtype::NS, Rtype::SOA, Rtype::A, Rtype::AAAA, Rtype::DS, Rtype::DNSKEY];

/// A query with a fixed id: a compression pointer may refer to the id, so it must not be random.
fn asked(id: u16, record_type: Rtype) -> SentQuery {
    SentQuery { id, ..Query::direct(&CHILD.parse().unwrap(), record_type).with_edns() }
}

/// A message with random contents that responses may have.
fn message(asked: &SentQuery, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut message = Message::response(asked.id, OpCode::Query);
    let record_type = RecordType::from(asked.record_type.to_int());
    message.add_query(WireQuery::query(wire(CHILD), record_type));
    message.metadata.authoritative = random.bool();
    message.metadata.truncation = random.u8(..10) == 0;
    message.metadata.response_code =
        [ResponseCode::NoError, ResponseCode::NXDomain][random.usize(..2)];
    let ds =
        DS::new(random.u16(..), Algorithm::ED25519, DigestType::SHA256, vec![random.u8(..); 32]);
    let kinds = [
        ns(CHILD, "ns1.example.net"),
        ns(CHILD, "NS2.testing.example.com"),
        ns("other.example.com", "ns1.example.net"),
        soa(CHILD),
        cname(CHILD, "elsewhere.example.net"),
        host_address(CHILD, "192.0.2.1"),
        host_address(CHILD, "2001:db8::1"),
        host_address("ns2.testing.example.com", "192.0.2.2"),
        Record::from_rdata(wire(CHILD), 60, RData::DNSSEC(DNSSECRData::DS(ds))),
    ];
    for section in [&mut message.answers, &mut message.authorities, &mut message.additionals] {
        for _ in 0..random.usize(..5) {
            section.push(kinds[random.usize(..kinds.len())].clone());
        }
    }
    if random.bool() {
        message.set_edns(Edns::new());
    }
    message.to_vec().unwrap()
}

/// The message, possibly truncated or modified after its question.
fn damaged(mut bytes: Vec<u8>, head: usize, random: &mut fastrand::Rng) -> Vec<u8> {
    match random.u8(..4) {
        0 => {}
        1 => bytes.truncate(random.usize(head..=bytes.len())),
        _ => {
            for _ in 0..random.usize(1..6) {
                // The record counts may change too, but not the question.
                let places: Vec<usize> = (6..12).chain(head..bytes.len()).collect();
                let at = places[random.usize(..places.len())];
                bytes[at] = if random.bool() {
                    random.u8(..)
                } else {
                    [0, 1, 4, 0xc0, 0xff][random.usize(..5)]
                };
            }
        }
    }
    bytes
}

fn name(name: &Name) -> String {
    hex(&on_wire(name))
}

fn section(section: &Section) -> String {
    let address = |address: &std::net::IpAddr| match address {
        std::net::IpAddr::V4(address) => hex(&address.octets()),
        std::net::IpAddr::V6(address) => hex(&address.octets()),
    };
    let mut lines: BTreeSet<String> =
        section.addresses.iter().map(|own| format!("address {}", address(own))).collect();
    lines.extend(section.name_servers.names.iter().map(|server| format!("ns {}", name(server))));
    lines.extend(section.name_servers.root.then(|| "ns 00".to_owned()));
    lines.extend(section.soa.iter().map(|soa| format!("soa {} {}", soa.serial, hex(&soa.data))));
    lines.extend(section.is_alias.then(|| "alias".to_owned()));
    lines.extend(section.ds.iter().map(|data| format!("43 {}", hex(data))));
    lines.extend(section.signatures.iter().map(|data| format!("46 {}", hex(data))));
    lines.extend(section.keys.iter().map(|data| format!("48 {}", hex(data))));
    lines.into_iter().collect::<Vec<_>>().join("|")
}

fn ours(asked: &SentQuery, bytes: &[u8]) -> String {
    let Response {
        code,
        authoritative,
        truncated,
        has_opt,
        answers,
        authorities,
        addresses,
        recursive: _,
    } = match parse(asked, bytes) {
        Parsed::Response(response) => response,
        Parsed::Malformed => return "malformed".to_owned(),
        Parsed::Foreign => return "foreign".to_owned(),
    };
    let flag = |flag| if flag { "True" } else { "False" };
    let extra: BTreeSet<String> = addresses
        .iter()
        .map(|(host, address)| match address {
            std::net::IpAddr::V4(own) => format!("{} {}", name(host), hex(&own.octets())),
            std::net::IpAddr::V6(own) => format!("{} {}", name(host), hex(&own.octets())),
        })
        .collect();
    format!(
        "{code} {} {} {};{};{};{}",
        flag(authoritative),
        flag(truncated),
        flag(has_opt),
        section(&answers),
        section(&authorities),
        extra.into_iter().collect::<Vec<_>>().join("|")
    )
}

#[test]
fn messages_are_parsed_like_dnspython_does() {
    let Some(python) = std::env::var_os("DNSPYTHON").filter(|python| !python.is_empty()) else {
        let remedy = "make test, which installs it; or DNSPYTHON=a Python that has it";
        sandbox::not_checked("dnspython", "DNSPYTHON names no Python with dnspython", remedy);
        return;
    };
    let mut random = fastrand::Rng::with_seed(7);
    let id = random.u16(..);
    let messages: Vec<(SentQuery, Vec<u8>)> = (0..MESSAGES)
        .map(|_| {
            // More than half ask for NS, because most is kept of the responses to that.
            let record_type = TYPES[random.usize(..2 * TYPES.len()).saturating_sub(TYPES.len())];
            let asked = asked(id, record_type);
            let whole = message(&asked, &mut random);
            let head = 12 + asked.question.len();
            (asked, damaged(whole, head, &mut random))
        })
        .collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tests/differential.py");
    let mut child = Command::new(python)
        .args(["-B", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = |(asked, bytes): &(SentQuery, Vec<u8>)| {
        let (name, record_type) = (hex(&asked.name), asked.record_type.to_int());
        format!("{name} {record_type} {} {}\n", asked.question.len(), hex(bytes))
    };
    let input = messages.iter().map(line).collect::<Vec<_>>().concat();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.lines().count(), messages.len());
    let mut kinds = [0, 0];
    let readable = |(_, theirs): &(_, &str)| *theirs != "overlap";
    for ((asked, bytes), theirs) in messages.iter().zip(output.lines()).filter(readable) {
        let ours = ours(asked, bytes);
        kinds[usize::from(ours == "malformed")] += 1;
        assert_eq!(ours, theirs, "{}", hex(bytes));
    }
    let overlaps = MESSAGES - kinds.iter().sum::<usize>();
    assert!(overlaps < MESSAGES / 50, "{overlaps} messages can't be compared");
    assert!(kinds.iter().all(|count| *count > MESSAGES / 10), "parsed, and malformed: {kinds:?}");
}
