//! Servers that answer whatever they like.

use std::time::Duration;

use hickory_proto::op::{Message, OpCode, Query};
use hickory_proto::rr::rdata::NS;
use hickory_proto::rr::{Name as WireName, RData, Record, RecordType};
use proptest::prelude::*;

use super::super::finding::{Kind, ServerState};
use super::super::wire::{Asked, Question, Reading, read};
use super::super::{Finding, Timing};
use super::script::*;

async fn check(answer: Script, timing: Timing) -> Finding {
    let world = World::start(vec![(RESOLVER, resolver(HOSTS)), (11, answer), (12, child(SERVERS).script())]);
    let timing = Timing { pause: Duration::from_millis(1), ..timing };
    world.verifier(timing).child(&wanted(), Duration::ZERO).await
}

fn state(finding: &Finding) -> ServerState {
    finding.servers()[0].1
}

/// The answer of a good server, as bytes to be spoilt.
fn good(ask: &Ask) -> Vec<u8> {
    child(SERVERS).answer(ask).to_vec().unwrap()
}

#[tokio::test]
async fn what_is_no_dns_message_is_told() {
    let spoilt: [fn(&Ask) -> Vec<u8>; 4] = [
        // Cut off behind the question.
        |ask| good(ask)[..40].to_vec(),
        // Nothing but the id.
        |ask| good(ask)[..2].to_vec(),
        // The name of the answer points at itself.
        |ask| {
            let mut bytes = good(ask);
            let at = 12 + ask.name().len() + 1 + 4;
            bytes[at..at + 2].copy_from_slice(&(0xc000 | u16::try_from(at).unwrap()).to_be_bytes());
            bytes
        },
        // More records are announced than follow.
        |ask| {
            let mut bytes = good(ask);
            bytes[6..8].copy_from_slice(&u16::MAX.to_be_bytes());
            bytes
        },
    ];
    for spoil in spoilt {
        let finding = check(Box::new(move |ask| vec![spoil(ask)]), patient()).await;
        assert_eq!(finding.to_string(), "ns1.example.net (127.0.0.11) answers with something that can't be read");
        assert_eq!((state(&finding), finding.no_egress()), (ServerState::Lame, false));
    }
}

#[tokio::test]
async fn what_was_not_asked_for_is_not_an_answer() {
    // Before each answer: another id, another question, two questions, a question in place of an answer, an empty datagram.
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
            spoilt(|message| message.queries = vec![Query::query(WireName::root(), RecordType::SOA)]),
            spoilt(|message| message.queries.extend(message.queries.clone())),
            spoilt(|message| message.queries.clear()),
            spoilt(|message| message.metadata.message_type = hickory_proto::op::MessageType::Query),
            good.to_vec().unwrap(),
        ]
    });
    let finding = check(noisy, patient()).await;
    assert!(finding.is_good(), "{finding}");
}

#[tokio::test]
async fn a_flood_of_other_datagrams_ends() {
    let flood: Script = Box::new(|ask| {
        let mut message = ask.answer();
        message.metadata.id ^= 1;
        vec![message.to_vec().unwrap(); 300]
    });
    let short = Duration::from_millis(200);
    // Some may get lost; then the wait ends it.
    let finding = check(flood, Timing { datagrams: vec![short], tcp: short, ..patient() }).await;
    assert!(!finding.is_good());
    assert!(finding.problems()[0].to_string().starts_with("ns1.example.net (127.0.0.11) "), "{finding}");
}

#[tokio::test]
async fn as_many_name_servers_as_a_message_holds() {
    let many: Script = Box::new(|ask| {
        let mut answer = child(SERVERS).answer(ask);
        if ask.record_type() == RecordType::NS {
            if !ask.tcp {
                return vec![answer.truncate().to_vec().unwrap()];
            }
            answer.answers = (0..3000).map(|index| ns(CHILD, &format!("n{index}"))).collect();
        }
        vec![answer.to_vec().unwrap()]
    });
    let finding = check(many, patient()).await;
    let text = finding.to_string();
    assert!(text.ends_with("and many more") && text.len() < 300, "{text}");
    assert_eq!(state(&finding), ServerState::Serves);
}

#[tokio::test]
async fn name_servers_with_odd_names() {
    let odd = script(|ask| {
        let mut answer = child(SERVERS).answer(ask);
        if ask.record_type() == RecordType::NS {
            let bytes = WireName::from_labels([&b"a.b\n\0\xff"[..], &b"example"[..]]).unwrap();
            let more = [bytes, WireName::root()].map(|name| Record::from_rdata(wire(CHILD), 60, RData::NS(NS(name))));
            answer.answers = more.to_vec();
        }
        answer
    });
    let finding = check(odd, patient()).await;
    assert_eq!(
        finding.to_string(),
        "ns1.example.net (127.0.0.11) has other name servers in the zone's own NS record set: \
         a\\056b\\012\\000\\377.example, the root"
    );
}

#[tokio::test]
async fn too_many_servers_of_the_parent_zone() {
    let many: Script = Box::new(|ask| {
        if ask.record_type() != RecordType::NS {
            return resolver(HOSTS)(ask);
        }
        let mut answer = ask.answer();
        if !ask.tcp {
            return vec![answer.truncate().to_vec().unwrap()];
        }
        answer.answers = (0..2000).map(|index| ns(PARENT, &format!("n{index}"))).collect();
        vec![answer.to_vec().unwrap()]
    });
    let world = World::start(vec![(RESOLVER, many), (11, child(SERVERS).script()), (12, child(SERVERS).script())]);
    let finding = world.verifier(patient()).delegation(&PARENT.parse().unwrap(), &wanted(), PATIENCE).await;
    assert_eq!(finding.to_string(), "example.com has too many name servers to ask them all");
}

#[tokio::test]
async fn a_stream_that_promises_more_than_it_gives() {
    // Over UDP cut short; over TCP a length, and then nothing but a byte.
    let liar: Script = Box::new(|ask| {
        let answer = child(SERVERS).answer(ask);
        if ask.tcp { vec![answer.to_vec().unwrap()[..1].to_vec()] } else { vec![answer.truncate().to_vec().unwrap()] }
    });
    let finding = check(liar, patient()).await;
    assert_eq!(finding.problems()[0].kind, Kind::Malformed);
}

fn asked() -> Asked {
    Question::direct(&CHILD.parse().unwrap(), RecordType::NS).ask()
}

/// A good answer to that, as bytes.
fn answered(asked: &Asked) -> Vec<u8> {
    let id = u16::from_be_bytes([asked.bytes[0], asked.bytes[1]]);
    let mut answer = Message::response(id, OpCode::Query);
    answer.add_query(Query::query(wire(CHILD), RecordType::NS));
    answer.answers = SERVERS.iter().map(|server| ns(CHILD, server)).collect();
    answer.to_vec().unwrap()
}

proptest! {
    /// Whatever comes is read or refused.
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let asked = asked();
        let with_id = [&asked.bytes[..2], &bytes].concat();
        prop_assert!(matches!(read(&asked, &with_id), Reading::Malformed | Reading::Foreign));
        // The same behind a good header and question, as any number of records.
        let counts = [&answered(&asked)[..6], &[255; 6], &answered(&asked)[12..12 + 25]].concat();
        prop_assert!(!matches!(read(&asked, &[&counts, &bytes[..]].concat()), Reading::Foreign));
    }

    /// An answer with some bytes changed is an answer, or none; what is foreign by its first bytes stays foreign.
    #[test]
    fn a_changed_answer_is_read(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let asked = asked();
        let (good, mut bytes) = (answered(&asked), answered(&asked));
        prop_assert!(matches!(read(&asked, &good), Reading::Answer(_)));
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        if matches!(read(&asked, &bytes), Reading::Answer(_)) {
            prop_assert_eq!(&bytes[..2], &good[..2]);
            prop_assert!(bytes[12..12 + 25].eq_ignore_ascii_case(&good[12..12 + 25]));
        }
    }
}
