//! Questions as they are sent, and the names of response codes.

use hickory_proto::rr::RecordType;

use delegation_model::name::Name;

/// What a UDP answer may have, so that no path has to fragment it (DNS Flag Day 2020).
const PAYLOAD: u16 = 1232;

/// The class of the internet (RFC 1035, section 3.2.4).
pub(super) const IN: u16 = 1;

/// A name as it is on the wire, lower case and uncompressed: the canonical form of RFC 4034, section 6.2.
pub(super) fn wire(name: &Name) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.wire_labels() {
        // A label has at most 63 bytes.
        bytes.push(u8::try_from(label.len()).unwrap_or_default());
        bytes.extend(label);
    }
    bytes.push(0);
    bytes
}

/// One question.
#[derive(Clone, Debug)]
pub(super) struct Query {
    name: Name,
    record_type: RecordType,
    recursion: bool,
    dnssec: bool,
}

/// A question as it was sent, under an id of its own.
#[derive(Debug)]
pub(super) struct SentQuery {
    /// The message.
    pub(super) bytes: Vec<u8>,
    pub(super) id: u16,
    /// The name, as it is on the wire.
    pub(super) name: Vec<u8>,
    /// The question section.
    pub(super) question: Vec<u8>,
}

impl Query {
    /// For a server that has the zone: no recursion.
    pub(super) fn direct(name: &Name, record_type: RecordType) -> Self {
        Self { name: name.clone(), record_type, recursion: false, dnssec: false }
    }

    /// For a resolver.
    pub(super) fn recursive(name: &Name, record_type: RecordType) -> Self {
        Self { recursion: true, ..Self::direct(name, record_type) }
    }

    /// With the signatures (RFC 4035, section 3.2.1: the DO bit).
    pub(super) fn signed(self) -> Self {
        Self { dnssec: true, ..self }
    }

    /// The message that asks, under a random id.
    pub(super) fn ask(&self) -> SentQuery {
        // Where no randomness is to be had, the random port still is.
        let mut id = [0; 2];
        let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut id);
        let id = u16::from_be_bytes(id);
        let name = wire(&self.name);
        let question = [&name[..], &[u16::from(self.record_type), IN].map(u16::to_be_bytes).concat()].concat();
        let recursion = if self.recursion { 0x0100 } else { 0 };
        // One question, and one record behind it: OPT (RFC 6891, section 6.1.2), with the DO bit (RFC 3225, section 3).
        let mut bytes = [id, recursion, 1, 0, 0, 1].map(u16::to_be_bytes).concat();
        bytes.extend(&question);
        bytes.push(0);
        let dnssec = if self.dnssec { 0x8000 } else { 0 };
        bytes.extend([u16::from(RecordType::OPT), PAYLOAD, 0, dnssec, 0].map(u16::to_be_bytes).concat());
        SentQuery { bytes, id, name, question }
    }
}

/// A response code as tools print it (IANA, "DNS RCODEs").
pub(super) fn code(code: u8) -> String {
    let known = match code {
        FORMERR => "FORMERR",
        SERVFAIL => "SERVFAIL",
        NXDOMAIN => "NXDOMAIN",
        NOTIMP => "NOTIMP",
        REFUSED => "REFUSED",
        NOTAUTH => "NOTAUTH",
        other => return format!("RCODE {other}"),
    };
    known.to_owned()
}

pub(super) const NOERROR: u8 = 0;
const FORMERR: u8 = 1;
const SERVFAIL: u8 = 2;
pub(super) const NXDOMAIN: u8 = 3;
const NOTIMP: u8 = 4;
const REFUSED: u8 = 5;
const NOTAUTH: u8 = 9;
