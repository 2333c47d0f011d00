//! Questions, and what of an answer counts.

use std::collections::BTreeSet;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name as WireName, RData, Record, RecordType};

use crate::dns::name::Name;

/// What a UDP answer may have, so that no path has to fragment it (DNS Flag Day 2020).
const PAYLOAD: u16 = 1232;

/// Our name in the library's form.
///
/// Both have 1 to 63 bytes a label and 255 in all, so that this does not fail; if it did, the root would be asked.
pub(super) fn to_wire(name: &Name) -> WireName {
    let labels: Vec<Vec<u8>> = name.wire_labels().collect();
    WireName::from_labels(labels.iter().map(Vec::as_slice)).unwrap_or_else(|_| WireName::root())
}

/// The library's name in our form; `None` for the root.
pub(super) fn from_wire(name: &WireName) -> Option<Name> {
    Name::from_wire_labels(name.iter()).ok()
}

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    query: Query,
    recursion: bool,
    dnssec: bool,
}

impl Question {
    /// For a server that has the zone: no recursion.
    pub(super) fn direct(name: &Name, record_type: RecordType) -> Self {
        Self { query: Query::query(to_wire(name), record_type), recursion: false, dnssec: false }
    }

    /// For a resolver.
    pub(super) fn recursive(name: &Name, record_type: RecordType) -> Self {
        Self { recursion: true, ..Self::direct(name, record_type) }
    }

    /// With the signatures (RFC 4035, section 3.2.1: the DO bit).
    pub(super) fn signed(self) -> Self {
        Self { dnssec: true, ..self }
    }

    /// The message that asks, under a new random id.
    pub(super) fn message(&self) -> Message {
        let mut message = Message::query();
        message.metadata.recursion_desired = self.recursion;
        message.add_query(self.query.clone());
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD).set_dnssec_ok(self.dnssec);
        message.set_edns(edns);
        message
    }
}

/// What some bytes are to who asked `asked`.
pub(super) enum Reading {
    /// The answer.
    Answer(Box<Message>),
    /// The answer by its id, but not one that can be read.
    Malformed,
    /// Something else, to be ignored: another id or question.
    Foreign,
}

/// Reads what came back for `asked`: only what has its id and its question is an answer (RFC 5452, section 9.1).
pub(super) fn read(asked: &Message, bytes: &[u8]) -> Reading {
    if bytes.get(..2) != Some(&asked.metadata.id.to_be_bytes()[..]) {
        return Reading::Foreign;
    }
    let Ok(message) = Message::from_vec(bytes) else { return Reading::Malformed };
    let ours = message.metadata.message_type == MessageType::Response
        && message.metadata.op_code == OpCode::Query
        && message.queries == asked.queries;
    if ours { Reading::Answer(Box::new(message)) } else { Reading::Foreign }
}

/// The records of one name and type in a section.
pub(super) fn records<'a>(
    section: &'a [Record],
    name: &WireName,
    record_type: RecordType,
) -> impl Iterator<Item = &'a Record> {
    section.iter().filter(move |record| {
        record.dns_class == DNSClass::IN && record.record_type() == record_type && record.name == *name
    })
}

/// The name servers of `zone` that a section names.
pub(super) fn name_servers(section: &[Record], zone: &WireName) -> Targets {
    let mut targets = Targets::default();
    for record in records(section, zone, RecordType::NS) {
        let RData::NS(target) = &record.data else { continue };
        match from_wire(&target.0) {
            Some(name) if targets.names.len() < Targets::KEPT || targets.names.contains(&name) => {
                targets.names.insert(name);
            }
            Some(_) => targets.more = true,
            None => targets.root = true,
        }
    }
    targets
}

/// The values of an NS record set as a server gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Targets {
    /// At most [`Targets::KEPT`] of the names.
    pub(super) names: BTreeSet<Name>,
    /// There were more than that.
    pub(super) more: bool,
    /// One of them is the root, which is no host (the "null" name server of some registrars).
    pub(super) root: bool,
}

impl Targets {
    /// How many names are kept: twice what a delegation may have, so that it is still seen to be another set.
    const KEPT: usize = 32;

    /// True if there was no NS record at all.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.root
    }

    /// True if they are exactly these.
    pub(super) fn are<'a>(&self, wanted: impl Iterator<Item = &'a Name>) -> bool {
        !self.more && !self.root && self.names.iter().eq(wanted)
    }
}

/// The code of an answer as tools print it (IANA, "DNS RCODEs").
pub(super) fn code(code: ResponseCode) -> String {
    let known = match code {
        ResponseCode::FormErr => "FORMERR",
        ResponseCode::ServFail => "SERVFAIL",
        ResponseCode::NXDomain => "NXDOMAIN",
        ResponseCode::NotImp => "NOTIMP",
        ResponseCode::Refused => "REFUSED",
        ResponseCode::NotAuth => "NOTAUTH",
        other => return format!("RCODE {}", u16::from(other)),
    };
    known.to_owned()
}
