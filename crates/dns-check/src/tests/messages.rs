//! Questions as they are sent, and records as they are read.

use super::super::query::Query;
use super::super::response::{Parsed, Response, Section, Targets, read};
use super::script::CHILD;
use domain::base::Rtype;
use hickory_proto::op::Message;

#[test]
fn a_question_is_a_dns_message() {
    let name = CHILD.parse().unwrap();
    for (question, recursion, dnssec) in [
        (Query::direct(&name, Rtype::SOA), false, false),
        (Query::direct(&name, Rtype::SOA).signed(), false, true),
        (Query::recursive(&name, Rtype::SOA), true, false),
    ] {
        let message = Message::from_vec(&question.ask().bytes).unwrap();
        assert_eq!(message.queries.len(), 1);
        assert_eq!(message.queries[0].to_string(), "testing.example.com. IN SOA");
        assert_eq!(message.metadata.recursion_desired, recursion);
        let edns = message.edns.unwrap();
        assert_eq!((edns.flags().dnssec_ok, edns.max_payload(), edns.version()), (dnssec, 1232, 0));
    }
    let ids = (0..20).map(|_| Query::direct(&name, Rtype::SOA).ask().bytes[..2].to_vec());
    assert!(ids.collect::<std::collections::BTreeSet<_>>().len() > 1, "ids are random");
}

/// The answer to a question for the name servers, with one record of this class and data.
fn answer(class: u8, length: u8, data: &[u8]) -> Parsed {
    let asked = Query::direct(&CHILD.parse().unwrap(), Rtype::NS).ask();
    let question = &asked.bytes[12..12 + 25];
    let head = [&asked.bytes[..2], &[0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]].concat();
    let record = [&[0xc0, 12, 0, 2, 0, class, 0, 0, 0, 60, 0, length], data].concat();
    read(&asked, &[&head, question, &record].concat())
}

fn section(reading: Parsed) -> Section {
    let Parsed::Response(Response { answers, .. }) = reading else { panic!("{reading:?}") };
    answers
}

#[test]
fn a_name_server_record_is_of_the_internet_and_of_its_length() {
    let target = b"\x02ns\x00";
    let name_servers = Targets { names: ["ns".parse().unwrap()].into(), ..Targets::default() };
    assert_eq!(section(answer(1, 4, target)), Section { name_servers, ..Section::default() });
    assert_eq!(section(answer(3, 4, target)), Section::default(), "of another class");
    // The name ends behind the record, or before its end.
    assert!(matches!(answer(1, 3, target), Parsed::Malformed));
    assert!(matches!(answer(1, 5, b"\x02ns\x00\x00"), Parsed::Malformed));
}
