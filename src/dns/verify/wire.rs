//! Questions, and what of an answer counts.
//!
//! Names and the header are read by `hickory-proto`, which knows how to follow compression without being led in circles. The
//! records are walked here: all that is wanted of them is a handful of types, and the library's own reader of messages brings
//! every type there is, a tenth of a megabyte of the package, and gives up on an answer for a broken record that
//! nobody asked for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hickory_proto::op::{Header, HeaderCounts, MessageType, OpCode};
use hickory_proto::rr::{Name as WireName, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder, DecodeError, Restrict};

use crate::dns::ds::{Ds, DsRecords};
use crate::dns::name::Name;

/// What a UDP answer may have, so that no path has to fragment it (DNS Flag Day 2020).
const PAYLOAD: u16 = 1232;

/// The class of the internet (RFC 1035, section 3.2.4).
const IN: u16 = 1;

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
pub(super) struct Question {
    name: Name,
    record_type: RecordType,
    recursion: bool,
    dnssec: bool,
}

/// A question as it was sent, under an id of its own.
#[derive(Debug)]
pub(super) struct Asked {
    /// The message.
    pub(super) bytes: Vec<u8>,
    id: u16,
    /// The name, as in the question.
    name: Name,
    /// The question section.
    question: Vec<u8>,
}

impl Question {
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
    pub(super) fn ask(&self) -> Asked {
        // Where no randomness is to be had, the random port still is.
        let mut id = [0; 2];
        let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut id);
        let id = u16::from_be_bytes(id);
        let mut question = wire(&self.name);
        question.extend([u16::from(self.record_type), IN].map(u16::to_be_bytes).concat());
        let recursion = if self.recursion { 0x0100 } else { 0 };
        // One question, and one record behind it: OPT (RFC 6891, section 6.1.2), with the DO bit (RFC 3225, section 3).
        let mut bytes = [id, recursion, 1, 0, 0, 1].map(u16::to_be_bytes).concat();
        bytes.extend(&question);
        bytes.push(0);
        let dnssec = if self.dnssec { 0x8000 } else { 0 };
        bytes.extend([u16::from(RecordType::OPT), PAYLOAD, 0, dnssec, 0].map(u16::to_be_bytes).concat());
        Asked { bytes, id, name: self.name.clone(), question }
    }
}

/// What came back for a question.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// The response code.
    pub(super) code: u8,
    /// The flag AA: the server has the zone (RFC 1035, section 4.1.1).
    pub(super) authoritative: bool,
    /// The flag TC: the rest did not fit.
    pub(super) truncated: bool,
    /// The answer section.
    pub(super) answers: Vec<Record>,
    /// The authority section.
    pub(super) authorities: Vec<Record>,
}

/// A record of a type that matters here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Whether its name is the one that was asked for.
    pub(super) of_name: bool,
    pub(super) data: Data,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Data {
    Address(IpAddr),
    /// `None`: the root.
    Ns(Option<Name>),
    Soa,
    Cname,
    Ds(Ds),
    /// The data of the record as it is on the wire.
    Dnskey(Vec<u8>),
    /// The same of a signature.
    Rrsig(Vec<u8>),
}

/// What some bytes are to who asked.
#[derive(Debug)]
pub(super) enum Reading {
    /// The answer.
    Answer(Answer),
    /// The answer by its id, but not one that can be read.
    Malformed,
    /// Something else, to be ignored: another id or question.
    Foreign,
}

/// Reads what came back: only what has the question's id and repeats it is an answer (RFC 5452, section 9.1).
pub(super) fn read(asked: &Asked, bytes: &[u8]) -> Reading {
    if bytes.get(..2) != Some(&asked.id.to_be_bytes()[..]) {
        return Reading::Foreign;
    }
    let mut decoder = BinDecoder::new(bytes);
    let Ok(header) = Header::read(&mut decoder) else { return Reading::Malformed };
    let (metadata, counts) = (header.metadata, header.counts);
    let question = decoder.read_slice(asked.question.len()).map(Restrict::unverified);
    let ours = metadata.message_type == MessageType::Response
        && metadata.op_code == OpCode::Query
        && counts.queries == 1
        && question.is_ok_and(|question| question.eq_ignore_ascii_case(&asked.question));
    if !ours {
        return Reading::Foreign;
    }
    let mut answer = Answer {
        code: metadata.response_code.low(),
        authoritative: metadata.authoritative,
        truncated: metadata.truncation,
        ..Answer::default()
    };
    match sections(&asked.name, counts, &mut decoder, &mut answer) {
        // Where a truncated one is cut is up to the server.
        Err(_) if !answer.truncated => Reading::Malformed,
        _ => Reading::Answer(answer),
    }
}

fn sections(
    asked: &Name,
    counts: HeaderCounts,
    decoder: &mut BinDecoder<'_>,
    answer: &mut Answer,
) -> Result<(), DecodeError> {
    for _ in 0..counts.answers {
        answer.answers.extend(record(asked, decoder)?);
    }
    for _ in 0..counts.authorities {
        answer.authorities.extend(record(asked, decoder)?);
    }
    Ok(())
}

/// The next record; `None` if it is of no use here.
fn record(asked: &Name, decoder: &mut BinDecoder<'_>) -> Result<Option<Record>, DecodeError> {
    let owner = WireName::read(decoder)?;
    let record_type = RecordType::from(decoder.read_u16()?.unverified());
    let class = decoder.read_u16()?.unverified();
    let _ttl = decoder.read_u32()?.unverified();
    let length = usize::from(decoder.read_u16()?.unverified());
    // A decoder is cloned with a position of 16 bits: a message has no more.
    let mut inside = decoder.clone(u16::try_from(decoder.index()).map_err(|_| DecodeError::InsufficientBytes)?);
    let data = decoder.read_slice(length)?.unverified();
    if class != IN {
        return Ok(None);
    }
    let data = match record_type {
        RecordType::A => <[u8; 4]>::try_from(data).ok().map(|bytes| Data::Address(bytes.into())),
        RecordType::AAAA => <[u8; 16]>::try_from(data).ok().map(|bytes| Data::Address(bytes.into())),
        RecordType::NS => {
            let target = WireName::read(&mut inside)?;
            if inside.index() != decoder.index() {
                return Err(DecodeError::InsufficientBytes);
            }
            Some(Data::Ns(from_wire(&target)))
        }
        RecordType::SOA => Some(Data::Soa),
        RecordType::CNAME => Some(Data::Cname),
        RecordType::DS => ds(data).map(Data::Ds),
        RecordType::DNSKEY => Some(Data::Dnskey(data.to_vec())),
        RecordType::RRSIG => Some(Data::Rrsig(data.to_vec())),
        _ => None,
    };
    Ok(data.map(|data| Record { of_name: from_wire(&owner).as_ref() == Some(asked), data }))
}

fn from_wire(name: &WireName) -> Option<Name> {
    Name::from_wire_labels(name.iter()).ok()
}

/// A DS record (RFC 4034, section 5.1).
fn ds(data: &[u8]) -> Option<Ds> {
    let (head, digest) = data.split_first_chunk::<4>()?;
    let [tag_high, tag_low, algorithm, digest_type] = *head;
    Ds::new(u16::from_be_bytes([tag_high, tag_low]), algorithm, digest_type, digest.to_vec()).ok()
}

/// The records of the name that was asked for.
pub(super) fn of_name(section: &[Record]) -> impl Iterator<Item = &Data> {
    section.iter().filter(|record| record.of_name).map(|record| &record.data)
}

/// The values of the NS record set of the name that was asked for.
pub(super) fn name_servers(section: &[Record]) -> Targets {
    let mut targets = Targets::default();
    for data in of_name(section) {
        match data {
            Data::Ns(Some(name)) if targets.names.len() < Targets::KEPT || targets.names.contains(name) => {
                targets.names.insert(name.clone());
            }
            Data::Ns(Some(_)) => targets.more = true,
            Data::Ns(None) => targets.root = true,
            _ => {}
        }
    }
    targets
}

/// The DS records of the name that was asked for.
pub(super) fn ds_records(section: &[Record]) -> Option<DsRecords> {
    DsRecords::new(of_name(section).filter_map(|data| match data {
        Data::Ds(ds) => Some(ds.clone()),
        _ => None,
    }))
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
