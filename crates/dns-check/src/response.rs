//! What of an answer counts.
//!
//! Names and the header are read by `hickory-proto`, which knows how to follow compression without being led in circles. The
//! records are walked here: all that is needed of them is a handful of types, and the library's own reader of messages brings
//! every type there is, a tenth of a megabyte of the package, and gives up on an answer for a broken record that
//! nobody asked for.
//!
//! What an answer costs is bounded, whoever sends it: it has at most [`RECORDS`] records, of which those of another name than
//! the one asked for are passed over, and at most [`Targets::KEPT`] names of name servers are kept.

use std::collections::BTreeSet;
use std::iter;
use std::net::IpAddr;

use hickory_proto::op::{Header, HeaderCounts, MessageType, OpCode};
use hickory_proto::rr::{Name as WireName, RecordType};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder, DecodeError, Restrict};

use super::query::{IN, SentQuery};
use delegation_model::ds::{Ds, DsRecords};
use delegation_model::name::Name;

/// How many records the answer and the authority section may have together. No set that is asked for here has a quarter of it.
const RECORDS: usize = 256;

/// What came back for a question.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    /// The response code.
    pub(super) code: u8,
    /// The flag AA: the server has the zone (RFC 1035, section 4.1.1).
    pub(super) authoritative: bool,
    /// The flag TC: the rest did not fit.
    pub(super) truncated: bool,
    /// The answer section.
    pub(super) answers: Section,
    /// The authority section.
    pub(super) authorities: Section,
}

/// The records in a section that have the name that was asked for, by type.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) name_servers: Targets,
    pub(super) has_soa: bool,
    /// The name is an alias (CNAME).
    pub(super) is_alias: bool,
    pub(super) ds: Vec<Ds>,
    /// The data of DNSKEY records as it is on the wire, in the canonical order (RFC 4034, section 6.3).
    pub(super) keys: BTreeSet<Vec<u8>>,
    /// The data of RRSIG records.
    pub(super) signatures: Vec<Vec<u8>>,
}

impl Section {
    /// The DS record set.
    pub(super) fn ds_records(self) -> Option<DsRecords> {
        DsRecords::new(self.ds)
    }
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

    /// `None`: the root.
    fn add(&mut self, target: Option<Name>) {
        match target {
            None => self.root = true,
            Some(name) if self.names.len() < Self::KEPT || self.names.contains(&name) => {
                self.names.insert(name);
            }
            Some(_) => self.more = true,
        }
    }

    /// True if there was no NS record at all.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.root
    }

    /// True if they are exactly these.
    pub(super) fn are<'a>(&self, expected: impl Iterator<Item = &'a Name>) -> bool {
        !self.more && !self.root && self.names.iter().eq(expected)
    }
}

/// What some bytes are to who asked.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart as soon as it is there")]
pub(super) enum Parsed {
    /// The answer.
    Response(Response),
    /// The answer by its id, but not one that can be read.
    Malformed,
    /// Something else, to be ignored: another id or question.
    Foreign,
}

/// Reads what came back: only what has the question's id and repeats it is an answer (RFC 5452, section 9.1).
pub(super) fn read(asked: &SentQuery, bytes: &[u8]) -> Parsed {
    if bytes.get(..2) != Some(&asked.id.to_be_bytes()[..]) {
        return Parsed::Foreign;
    }
    let mut decoder = BinDecoder::new(bytes);
    let Ok(header) = Header::read(&mut decoder) else { return Parsed::Malformed };
    let (metadata, counts) = (header.metadata, header.counts);
    let question = decoder.read_slice(asked.question.len()).map(Restrict::unverified);
    let ours = metadata.message_type == MessageType::Response
        && metadata.op_code == OpCode::Query
        && counts.queries == 1
        && question.is_ok_and(|question| question.eq_ignore_ascii_case(&asked.question));
    if !ours {
        return Parsed::Foreign;
    }
    let mut answer = Response {
        code: metadata.response_code.low(),
        authoritative: metadata.authoritative,
        truncated: metadata.truncation,
        ..Response::default()
    };
    match sections(&asked.name, counts, &mut decoder, &mut answer) {
        // Where a truncated one is cut is up to the server.
        Err(_) if !answer.truncated => Parsed::Malformed,
        _ => Parsed::Response(answer),
    }
}

fn sections(
    asked: &[u8],
    counts: HeaderCounts,
    decoder: &mut BinDecoder<'_>,
    answer: &mut Response,
) -> Result<(), DecodeError> {
    let (answers, authorities) = (usize::from(counts.answers), usize::from(counts.authorities));
    if answers + authorities > RECORDS {
        return Err(DecodeError::InsufficientBytes);
    }
    for _ in 0..answers {
        record(asked, decoder, &mut answer.answers)?;
    }
    for _ in 0..authorities {
        record(asked, decoder, &mut answer.authorities)?;
    }
    Ok(())
}

/// Reads the next record, and keeps what is of use here.
fn record(asked: &[u8], decoder: &mut BinDecoder<'_>, section: &mut Section) -> Result<(), DecodeError> {
    let owner = WireName::read(decoder)?;
    let record_type = RecordType::from(decoder.read_u16()?.unverified());
    let class = decoder.read_u16()?.unverified();
    let _ttl = decoder.read_u32()?.unverified();
    let length = usize::from(decoder.read_u16()?.unverified());
    // A decoder is cloned with a position of 16 bits: a message has no more.
    let mut inside = decoder.clone(u16::try_from(decoder.index()).map_err(|_| DecodeError::InsufficientBytes)?);
    let data = decoder.read_slice(length)?.unverified();
    if class != IN || !is(&owner, asked) {
        return Ok(());
    }
    match record_type {
        RecordType::A => section.addresses.extend(<[u8; 4]>::try_from(data).ok().map(IpAddr::from)),
        RecordType::AAAA => section.addresses.extend(<[u8; 16]>::try_from(data).ok().map(IpAddr::from)),
        RecordType::NS => {
            let target = WireName::read(&mut inside)?;
            if inside.index() != decoder.index() {
                return Err(DecodeError::InsufficientBytes);
            }
            section.name_servers.add(Name::from_wire_labels(target.iter()).ok());
        }
        RecordType::SOA => section.has_soa = true,
        RecordType::CNAME => section.is_alias = true,
        RecordType::DS => section.ds.extend(ds(data)),
        RecordType::DNSKEY => {
            section.keys.insert(data.to_vec());
        }
        RecordType::RRSIG => section.signatures.push(data.to_vec()),
        _ => {}
    }
    Ok(())
}

/// Whether a name is the one that has this form on the wire, which is in lower case.
fn is(name: &WireName, wire: &[u8]) -> bool {
    let labels = name.iter().flat_map(|label| {
        // A label has at most 63 bytes.
        let length = u8::try_from(label.len()).unwrap_or_default();
        iter::once(length).chain(label.iter().map(u8::to_ascii_lowercase))
    });
    labels.chain(iter::once(0)).eq(wire.iter().copied())
}

/// A DS record (RFC 4034, section 5.1).
fn ds(data: &[u8]) -> Option<Ds> {
    let (head, digest) = data.split_first_chunk::<4>()?;
    let [tag_high, tag_low, algorithm, digest_type] = *head;
    Ds::new(u16::from_be_bytes([tag_high, tag_low]), algorithm, digest_type, digest.to_vec()).ok()
}
