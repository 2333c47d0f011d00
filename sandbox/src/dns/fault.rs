//! Faults of name servers.

use std::time::Duration;

use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::NS;
use hickory_proto::rr::{RData, Record, RecordType};

use super::zone::name;

/// A fault of a name server. It applies to every query, over both UDP and TCP unless it says
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DnsFault {
    /// REFUSED: a lame server that does not have the zone.
    Refused,
    /// SERVFAIL: a lame server that could not load the zone.
    ServFail,
    /// SERVFAIL only for queries about these names, like a resolver that can't resolve them.
    ServFailFor(Vec<String>),
    /// The right answer without the AA bit, like a resolver: a lame server.
    NotAuthoritative,
    Silent,
    /// Only the TC bit over UDP. TCP works.
    Truncated,
    /// Only the TC bit over UDP. A TCP connection is closed without a response.
    TruncatedWithoutTcp,
    /// These name servers instead of every NS record set in an answer or a referral, without
    /// addresses.
    NameServers(Vec<String>),
    /// This value instead of every SOA record (`mname rname serial refresh retry expire minimum`).
    Soa(String),
    /// FORMERR without an OPT record for a query with EDNS, like a server that does not support it
    /// (RFC 6891, section 7).
    NoEdns,
    /// A referral with the AA bit.
    AuthoritativeReferral,
    /// Only signatures of the key set.
    Unsigned,
    /// The id of another query, which a client must not accept.
    WrongId,
    /// The right answer after a delay.
    Slow(Duration),
}

/// What happens to a response.
#[derive(Debug)]
pub(super) enum Delivery {
    Send(Message, Duration),
    Nothing,
    /// It is not sent, and the connection is closed.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// On a connection.
    Tcp,
}

impl DnsFault {
    pub(super) fn apply(&self, mut answer: Message, transport: Transport) -> Delivery {
        match (self, transport) {
            (Self::Refused, _) => bare(&mut answer, ResponseCode::Refused),
            (Self::ServFail, _) => bare(&mut answer, ResponseCode::ServFail),
            (Self::ServFailFor(names), _) => {
                if is_about(&answer, names) {
                    bare(&mut answer, ResponseCode::ServFail);
                }
            }
            (Self::NotAuthoritative, _) => answer.metadata.authoritative = false,
            (Self::Silent, _) => return Delivery::Nothing,
            (Self::Truncated | Self::TruncatedWithoutTcp, Transport::Udp) => {
                answer = answer.truncate();
            }
            (Self::Truncated, Transport::Tcp) => {}
            (Self::TruncatedWithoutTcp, Transport::Tcp) => return Delivery::Close,
            (Self::NameServers(servers), _) => {
                let data: Vec<RData> = servers
                    .iter()
                    .filter_map(|server| name(server))
                    .map(|name| RData::NS(NS(name)))
                    .collect();
                replace(&mut answer, RecordType::NS, &data);
                answer.additionals.clear();
            }
            (Self::Soa(value), _) => {
                let data: Vec<RData> =
                    RData::try_from_str(RecordType::SOA, value).into_iter().collect();
                replace(&mut answer, RecordType::SOA, &data);
            }
            (Self::NoEdns, _) => {
                if answer.edns.take().is_some() {
                    bare(&mut answer, ResponseCode::FormErr);
                }
            }
            (Self::AuthoritativeReferral, _) => answer.metadata.authoritative = true,
            (Self::Unsigned, _) => {
                for section in [&mut answer.answers, &mut answer.authorities] {
                    section.retain(signs_keys_if_it_signs);
                }
            }
            (Self::WrongId, _) => answer.metadata.id = answer.metadata.id.wrapping_add(1),
            (Self::Slow(time), _) => return Delivery::Send(answer, *time),
        }
        Delivery::Send(answer, Duration::ZERO)
    }
}

fn is_about(answer: &Message, names: &[String]) -> bool {
    let queried = answer.queries.first().map(|query| query.name().to_lowercase());
    names.iter().any(|text| name(text) == queried)
}

/// False for a signature of anything except a key set.
fn signs_keys_if_it_signs(record: &Record) -> bool {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => {
            signature.input().type_covered == RecordType::DNSKEY
        }
        _ => true,
    }
}

fn bare(answer: &mut Message, code: ResponseCode) {
    answer.take_all_sections().for_each(drop);
    answer.metadata.authoritative = false;
    answer.metadata.response_code = code;
}

/// Replaces the data of the record sets of this type.
fn replace(answer: &mut Message, rtype: RecordType, data: &[RData]) {
    for section in [&mut answer.answers, &mut answer.authorities] {
        let Some(first) = section.iter().find(|record| record.record_type() == rtype).cloned()
        else {
            continue;
        };
        section.retain(|record| record.record_type() != rtype);
        section.extend(
            data.iter().map(|data| Record::from_rdata(first.name.clone(), first.ttl, data.clone())),
        );
    }
}
