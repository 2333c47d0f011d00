//! Tests of queries in wire format, and of parsing records.

use super::super::query::Query;
use super::super::response::{Parsed, Response, Section, Targets, parse};
use super::script::CHILD;
use domain::base::Rtype;
use hickory_proto::op::Message;

#[test]
fn a_query_is_a_valid_dns_message() {
    let name = CHILD.parse().unwrap();
    for (question, recursion, dnssec) in [
        (Query::direct(&name, Rtype::SOA), false, false),
        (Query::direct(&name, Rtype::SOA).signed(), false, true),
        (Query::recursive(&name, Rtype::SOA), true, false),
    ] {
        let message = Message::from_vec(&question.with_edns().bytes).unwrap();
        assert_eq!(message.queries.len(), 1);
        assert_eq!(message.queries[0].to_string(), "testing.example.com. IN SOA");
        assert_eq!(message.metadata.recursion_desired, recursion);
        let edns = message.edns.unwrap();
        assert_eq!((edns.flags().dnssec_ok, edns.max_payload(), edns.version()), (dnssec, 1232, 0));
    }
    let ids = (0..20).map(|_| Query::direct(&name, Rtype::SOA).with_edns().bytes[..2].to_vec());
    assert!(ids.collect::<std::collections::BTreeSet<_>>().len() > 1, "ids are random");
}

/// The response to a query for the name servers, with one record of this class and data.
fn answer(class: u8, length: u8, data: &[u8]) -> Parsed {
    let asked = Query::direct(&CHILD.parse().unwrap(), Rtype::NS).with_edns();
    let question = &asked.bytes[12..12 + 25];
    let head = [&asked.bytes[..2], &[0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]].concat();
    let record = [&[0xc0, 12, 0, 2, 0, class, 0, 0, 0, 60, 0, length], data].concat();
    parse(&asked, &[&head, question, &record].concat())
}

fn section(parsed: Parsed) -> Section {
    let Parsed::Response(Response { answers, .. }) = parsed else { panic!("{parsed:?}") };
    answers
}

#[test]
fn an_ns_record_needs_the_internet_class_and_the_right_length() {
    let target = b"\x02ns\x00";
    let name_servers = Targets { names: ["ns".parse().unwrap()].into(), ..Targets::default() };
    assert_eq!(section(answer(1, 4, target)), Section { name_servers, ..Section::default() });
    assert_eq!(section(answer(3, 4, target)), Section::default(), "another class");
    // The name ends after the record, or before its end.
    assert!(matches!(answer(1, 3, target), Parsed::Malformed));
    assert!(matches!(answer(1, 5, b"\x02ns\x00\x00"), Parsed::Malformed));
}
