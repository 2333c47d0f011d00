//! Queries in wire format, and the names of response codes.

use domain::base::Rtype;

use delegation_model::name::Name;

/// The largest UDP response to accept, so that no path has to fragment it (DNS Flag Day 2020).
const PAYLOAD: u16 = 1232;

/// The class of the internet (RFC 1035, section 3.2.4).
pub(super) const IN: u16 = 1;

/// A name in wire format, in lower case and uncompressed: the canonical form of RFC 4034, section
/// 6.2.
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

/// A query.
#[derive(Clone, Debug)]
pub(super) struct Query {
    /// The name in wire format.
    name: Vec<u8>,
    record_type: Rtype,
    recursion: bool,
    dnssec: bool,
}

/// A query as it was sent, with its own id.
#[derive(Debug)]
pub(super) struct SentQuery {
    /// The message.
    pub(super) bytes: Vec<u8>,
    pub(super) id: u16,
    /// The name in wire format.
    pub(super) name: Vec<u8>,
    pub(super) record_type: Rtype,
    /// The question section.
    pub(super) question: Vec<u8>,
}

impl Query {
    /// A query for a server that has the zone, without recursion.
    pub(super) fn direct(name: &Name, record_type: Rtype) -> Self {
        Self { name: wire(name), record_type, recursion: false, dnssec: false }
    }

    /// A query for a root server. The root has no [`Name`].
    pub(super) fn for_root(record_type: Rtype) -> Self {
        Self { name: vec![0], record_type, recursion: false, dnssec: false }
    }

    /// A query for a resolver.
    pub(super) fn recursive(name: &Name, record_type: Rtype) -> Self {
        Self::direct(name, record_type).with_recursion()
    }

    /// Asks for recursion, for a resolver.
    pub(super) fn with_recursion(self) -> Self {
        Self { recursion: true, ..self }
    }

    /// Asks for the signatures (RFC 4035, section 3.2.1: the DO bit).
    pub(super) fn signed(self) -> Self {
        Self { dnssec: true, ..self }
    }

    /// The message of the query with EDNS, and a random id.
    pub(super) fn with_edns(&self) -> SentQuery {
        let mut sent = self.without_edns();
        // There is one record after the question: OPT (RFC 6891, section 6.1.2), with the DO bit
        // (RFC 3225, section 3).
        if let Some(additional) = sent.bytes.get_mut(11) {
            *additional = 1;
        }
        sent.bytes.push(0);
        let dnssec = if self.dnssec { 0x8000 } else { 0 };
        sent.bytes
            .extend([Rtype::OPT.to_int(), PAYLOAD, 0, dnssec, 0].map(u16::to_be_bytes).concat());
        sent
    }

    /// The message of the query without EDNS, for a server that does not support it (RFC 6891,
    /// section 7).
    pub(super) fn without_edns(&self) -> SentQuery {
        // If there is no source of randomness, the port is still random.
        let mut id = [0; 2];
        let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut id);
        let id = u16::from_be_bytes(id);
        let question =
            [&self.name[..], &[self.record_type.to_int(), IN].map(u16::to_be_bytes).concat()]
                .concat();
        let recursion = if self.recursion { 0x0100 } else { 0 };
        let mut bytes = [id, recursion, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
        bytes.extend(&question);
        let (name, record_type) = (self.name.clone(), self.record_type);
        SentQuery { bytes, id, name, record_type, question }
    }
}

/// The name of a response code, as tools print it (IANA, "DNS RCODEs").
pub(super) fn code(code: u16) -> String {
    let known = match code {
        FORMERR => "FORMERR",
        SERVFAIL => "SERVFAIL",
        NXDOMAIN => "NXDOMAIN",
        NOTIMP => "NOTIMP",
        REFUSED => "REFUSED",
        NOTAUTH => "NOTAUTH",
        BADVERS => "BADVERS",
        other => return format!("RCODE {other}"),
    };
    known.to_owned()
}

pub(super) const NOERROR: u16 = 0;
pub(super) const FORMERR: u16 = 1;
const SERVFAIL: u16 = 2;
pub(super) const NXDOMAIN: u16 = 3;
pub(super) const NOTIMP: u16 = 4;
const REFUSED: u16 = 5;
const NOTAUTH: u16 = 9;
const BADVERS: u16 = 16;
