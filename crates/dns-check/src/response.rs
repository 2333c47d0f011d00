//! Parses the relevant parts of a response.
//!
//! The crate `domain` parses the header, names and records, and follows compression pointers
//! without being caught in loops. Only the frame of a record is parsed, unless its type and name
//! are those of the query: a malformed record that is not needed does not make the response
//! unusable.
//!
//! The cost of any response is bounded: it can have at most [`RECORDS`] records, and only what
//! belongs to the query is kept. That matters most for names: one takes five bytes of a message,
//! and a kilobyte as text.

use std::collections::BTreeSet;
use std::iter;
use std::net::IpAddr;

use domain::base::iana::{Class, Opcode};
use domain::base::name::{Label, ParsedName};
use domain::base::rdata::{ParseAnyRecordData, RecordData};
use domain::base::wire::ParseError;
use domain::base::{Message, ParsedRecord, Rtype};
use domain::dep::octseq::Parser;
use domain::rdata::{Cname, Ns, Soa};

use super::query::{FORMERR, NOERROR, NOTIMP, NXDOMAIN, SentQuery};
use delegation_model::ds::{Ds, DsRecords};
use delegation_model::name::Name;

/// The most records in the answer and authority sections together. No record set in a valid
/// response has a quarter of that.
const RECORDS: usize = 256;

/// The most addresses of the additional section that are kept, of a response to a query for name
/// servers: four for each of sixteen name servers.
const ADDRESSES: usize = 64;

/// The response to a query.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the message")]
pub(super) struct Response {
    /// The response code, with the upper bits that EDNS adds (RFC 6891, section 6.1.3).
    pub(super) code: u16,
    /// The flag AA: the server has the zone (RFC 1035, section 4.1.1).
    pub(super) authoritative: bool,
    /// The flag RA: the server resolves names for others (RFC 1035, section 4.1.1).
    pub(super) recursive: bool,
    /// The flag TC: the rest did not fit.
    pub(super) truncated: bool,
    /// True if it has an OPT record: the server supports EDNS.
    pub(super) has_opt: bool,
    /// The answer section.
    pub(super) answers: Section,
    /// The authority section.
    pub(super) authorities: Section,
    /// The addresses in the additional section, of any name. Empty unless the query was for name
    /// servers.
    pub(super) addresses: Vec<(Name, IpAddr)>,
}

impl Response {
    /// True for a response without an answer from a server that neither has the zone nor resolves
    /// names for others.
    pub(super) fn is_uninformed(&self) -> bool {
        !self.recursive && !self.authoritative && self.answers == Section::default()
    }

    /// True if the server seems not to support EDNS (RFC 6891, section 7).
    pub(super) fn lacks_edns(&self) -> bool {
        matches!(self.code, FORMERR | NOTIMP) && !self.has_opt
    }
}

/// The records in a section that have the name and the type of the query, their signatures, and
/// what is said about an alias.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) name_servers: Targets,
    pub(super) soa: Option<StartOfAuthority>,
    /// True if the name is an alias (CNAME).
    pub(super) is_alias: bool,
    /// The name at the end of the chain of aliases, as far as the response has it in order.
    pub(super) alias_target: Option<Name>,
    /// The data of DS records in wire format, in canonical order (RFC 4034, section 6.3).
    pub(super) ds: BTreeSet<Vec<u8>>,
    /// The data of DNSKEY records, in the same way.
    pub(super) keys: BTreeSet<Vec<u8>>,
    /// The data of RRSIG records.
    pub(super) signatures: Vec<Vec<u8>>,
}

/// An SOA record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StartOfAuthority {
    pub(super) serial: u32,
    /// Its data in canonical form (RFC 4034, section 6.2).
    pub(super) data: Vec<u8>,
}

impl Section {
    /// The DS record set.
    pub(super) fn ds_records(&self) -> Option<DsRecords> {
        DsRecords::new(self.ds.iter().filter_map(|data| ds(data)))
    }
}

/// The values of an NS record set, as a server returned it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Targets {
    pub(super) names: BTreeSet<Name>,
    /// True if one of them is the root, which is not a host (the "null" name server of some
    /// registrars).
    pub(super) root: bool,
}

impl Targets {
    /// Adds a name, or the root for `None`.
    fn add(&mut self, target: Option<Name>) {
        match target {
            None => self.root = true,
            Some(name) => drop(self.names.insert(name)),
        }
    }

    /// True if there was no NS record.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.root
    }

    /// True if the names are exactly these.
    pub(super) fn are<'a>(&self, expected: impl Iterator<Item = &'a Name>) -> bool {
        !self.root && self.names.iter().eq(expected)
    }
}

/// How bytes from a server relate to a query.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart as soon as it is there")]
pub(super) enum Parsed {
    /// They are the response.
    Response(Response),
    /// They have the id of the query, but can't be parsed.
    Malformed,
    /// They have another id or question, and are ignored.
    Foreign,
}

/// Parses bytes from a server. Only a message with the id of the query that repeats its question is
/// a response (RFC 5452, section 9.1).
pub(super) fn parse(query: &SentQuery, bytes: &[u8]) -> Parsed {
    if bytes.get(..2) != Some(&query.id.to_be_bytes()[..]) {
        return Parsed::Foreign;
    }
    let Ok(message) = Message::from_slice(bytes) else { return Parsed::Malformed };
    let (header, counts) = (message.header(), message.header_counts());
    if !header.qr() || header.opcode() != Opcode::QUERY {
        return Parsed::Foreign;
    }
    let mut answer = Response {
        code: u16::from(header.rcode().to_int()),
        authoritative: header.aa(),
        recursive: header.ra(),
        truncated: header.tc(),
        ..Response::default()
    };
    // A server that can't or won't parse the question may respond with only a code.
    let is_bare = bytes.len() == HEADER && counts.qdcount() == 0;
    if is_bare && !matches!(answer.code, NOERROR | NXDOMAIN) {
        return Parsed::Response(answer);
    }
    let repeated = bytes.get(HEADER..HEADER + query.question.len());
    let ours = counts.qdcount() == 1
        && repeated.is_some_and(|own| own.eq_ignore_ascii_case(&query.question));
    if !ours {
        return Parsed::Foreign;
    }
    match sections(query, message, &mut answer) {
        // A server may truncate a message at any point.
        Err(_) if !answer.truncated => return Parsed::Malformed,
        _ => {}
    }
    if !matches!(answer.code, NOERROR | NXDOMAIN) {
        // It may be kept while the query is sent again without EDNS.
        answer.answers = Section::default();
        answer.authorities = Section::default();
        answer.addresses = Vec::new();
    }
    Parsed::Response(answer)
}

/// The length of a message header (RFC 1035, section 4.1.1).
const HEADER: usize = 12;

fn sections(
    query: &SentQuery,
    message: &Message<[u8]>,
    answer: &mut Response,
) -> Result<(), ParseError> {
    let counts = message.header_counts();
    if usize::from(counts.ancount()) + usize::from(counts.nscount()) > RECORDS {
        return Err(ParseError::ShortInput);
    }
    let mut section = message.answer()?;
    for found in section.by_ref() {
        record(query, &found?, &mut answer.answers)?;
    }
    let Some(mut section) = section.next_section()? else { return Ok(()) };
    for found in section.by_ref() {
        // Only a referral has something there that is used.
        let found = found?;
        if found.rtype() == Rtype::NS {
            record(query, &found, &mut answer.authorities)?;
        }
    }
    let Some(section) = section.next_section()? else { return Ok(()) };
    // Malformed records here are not needed for the answer.
    for found in section.take(RECORDS).map_while(Result::ok) {
        match found.rtype() {
            Rtype::OPT => {
                answer.has_opt = true;
                let upper = u16::from(found.ttl().as_secs().to_be_bytes()[0]);
                answer.code |= upper << 4;
            }
            Rtype::A | Rtype::AAAA
                if query.record_type == Rtype::NS
                    && found.class() == Class::IN
                    && answer.addresses.len() < ADDRESSES =>
            {
                let address = data(&found).ok().and_then(address);
                answer.addresses.extend(name(&found.owner()).zip(address));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Keeps the relevant data of a record.
fn record(
    query: &SentQuery,
    found: &ParsedRecord<'_, [u8]>,
    section: &mut Section,
) -> Result<(), ParseError> {
    let owner = &query.name[..];
    let is_asked = [query.record_type, Rtype::CNAME, Rtype::RRSIG].contains(&found.rtype());
    if found.class() != Class::IN || !is_asked {
        return Ok(());
    }
    let continues =
        || section.alias_target.is_some() && name(&found.owner()) == section.alias_target;
    if found.rtype() == Rtype::CNAME && (is(&found.owner(), owner) || continues()) {
        // An alias whose target can't be parsed is an alias nevertheless.
        let target = found.to_record::<Cname<ParsedName<&[u8]>>>().ok().flatten();
        section.alias_target = target.and_then(|found| name(found.data().cname()));
    }
    if !is(&found.owner(), owner) {
        return Ok(());
    }
    match found.rtype() {
        Rtype::A | Rtype::AAAA => section.addresses.extend(address(data(found)?)),
        Rtype::NS => {
            let server = found
                .to_record::<Ns<ParsedName<&[u8]>>>()?
                .map(|found| found.into_data().into_nsdname());
            // A name on the wire is either the root or a valid `Name`.
            section.name_servers.add(server.and_then(|server| name(&server)));
        }
        Rtype::SOA => {
            let Some(soa) = found.to_record::<Soa<ParsedName<&[u8]>>>()? else { return Ok(()) };
            let numbers = data(found)?.last_chunk::<20>().copied().unwrap_or_default();
            let names = [soa.data().mname(), soa.data().rname()].into_iter().flat_map(canonical);
            let serial = soa.data().serial().into_int();
            section.soa = Some(StartOfAuthority { serial, data: names.chain(numbers).collect() });
        }
        Rtype::CNAME => section.is_alias = true,
        Rtype::DS => drop(section.ds.insert(data(found)?.to_vec())),
        Rtype::DNSKEY => drop(section.keys.insert(data(found)?.to_vec())),
        Rtype::RRSIG => {
            let data = data(found)?;
            // It begins with the type that it covers (RFC 4034, section 3.1).
            if data.starts_with(&query.record_type.to_int().to_be_bytes()) {
                section.signatures.push(data.to_vec());
            }
        }
        _ => {}
    }
    Ok(())
}

/// The data of a record in wire format.
struct Raw<'a>(Rtype, &'a [u8]);

impl RecordData for Raw<'_> {
    fn rtype(&self) -> Rtype {
        self.0
    }
}

impl<'a> ParseAnyRecordData<'a, [u8]> for Raw<'a> {
    fn parse_any_rdata(rtype: Rtype, parser: &mut Parser<'a, [u8]>) -> Result<Self, ParseError> {
        let length = parser.remaining();
        Ok(Self(rtype, parser.parse_octets(length)?))
    }
}

fn data<'a>(found: &ParsedRecord<'a, [u8]>) -> Result<&'a [u8], ParseError> {
    Ok(found.to_any_record::<Raw<'a>>()?.into_data().1)
}

fn address(data: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(data).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(data).ok().map(IpAddr::from))
}

/// A name. `None` for the root.
fn name(found: &ParsedName<&[u8]>) -> Option<Name> {
    let labels = found.iter().filter(|label| !label.is_root()).map(Label::as_slice);
    Name::from_wire_labels(labels).ok()
}

/// The bytes of a name in lower case and uncompressed.
fn canonical(found: &ParsedName<&[u8]>) -> impl Iterator<Item = u8> {
    found.iter().flat_map(|label| {
        // A label has at most 63 bytes.
        let length = u8::try_from(label.len()).unwrap_or_default();
        iter::once(length).chain(label.as_slice().iter().map(u8::to_ascii_lowercase))
    })
}

/// True if a name has this wire format, which is in lower case.
fn is(found: &ParsedName<&[u8]>, wire: &[u8]) -> bool {
    canonical(found).eq(wire.iter().copied())
}

/// A DS record (RFC 4034, section 5.1).
pub(super) fn ds(data: &[u8]) -> Option<Ds> {
    let (head, digest) = data.split_first_chunk::<4>()?;
    let [tag_high, tag_low, algorithm, digest_type] = *head;
    Ds::new(u16::from_be_bytes([tag_high, tag_low]), algorithm, digest_type, digest.to_vec()).ok()
}
