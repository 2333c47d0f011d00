//! A small resolver without a cache, which resolves from the root down.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use super::answer::DnsAnswer;
use super::fault::{Delivery, Transport};
use super::hierarchy;
use super::state::Shared;

/// The most servers that are queried for one question: far more than any finite chain needs.
const BUDGET: u32 = 200;

/// The DO bit of a query ("DNSSEC OK", RFC 3225): set if the response should have signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DoBit {
    Clear,
    Set,
}

impl DoBit {
    pub(super) fn from_request(request: &Message) -> Self {
        let is_set = request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
        if is_set { Self::Set } else { Self::Clear }
    }

    pub(super) fn is_set(self) -> bool {
        self == Self::Set
    }
}

/// Resolves a query, or responds with SERVFAIL. Passes signatures on without validating them.
pub(super) fn resolve(shared: &Arc<Shared>, query: &Query, do_bit: DoBit) -> DnsAnswer {
    let mut search = Search { shared, do_bit, left: BUDGET };
    let mut answers = Vec::new();
    let (mut name, rtype) = (query.name().clone(), query.query_type());
    // Aliases may lead from zone to zone.
    for _ in 0..8 {
        let Some(found) = search.ask(&name, rtype) else { break };
        let alias = found.answers.iter().rev().find_map(|record| match &record.data {
            RData::CNAME(target) if rtype != RecordType::CNAME => Some(target.0.clone()),
            _ => None,
        });
        let ends = found.answers.iter().any(|record| record.record_type() == rtype);
        answers.extend(found.answers);
        match alias {
            Some(target) if !ends && target != name => name = target,
            _ => {
                let code = found.metadata.response_code;
                return DnsAnswer {
                    answers,
                    authorities: found.authorities,
                    ..DnsAnswer::code(code)
                };
            }
        }
    }
    DnsAnswer::code(ResponseCode::ServFail)
}

struct Search<'a> {
    shared: &'a Arc<Shared>,
    do_bit: DoBit,
    left: u32,
}

impl Search<'_> {
    /// Follows referrals to the authoritative answer. `None` if there is no path to one.
    fn ask(&mut self, name: &Name, rtype: RecordType) -> Option<Message> {
        let mut servers = vec![self.shared.address(hierarchy::ROOT).ok()?];
        let mut zone: Option<Name> = None;
        while let Some(address) = servers.pop() {
            let Some(answer) = self.exchange(address, name, rtype) else { continue };
            let code = answer.metadata.response_code;
            if answer.metadata.authoritative
                && matches!(code, ResponseCode::NoError | ResponseCode::NXDomain)
            {
                return Some(answer);
            }
            let Some(cut) = referral(&answer).filter(|cut| cut.zone_of(name)) else { continue };
            // A referral that is not closer to the name comes from a lame server.
            if zone.as_ref().is_some_and(|zone| !zone.zone_of(&cut) || *zone == cut) {
                continue;
            }
            servers = self.addresses(&answer);
            zone = Some(cut);
        }
        None
    }

    /// Queries one server, over TCP if the response is truncated.
    fn exchange(&mut self, address: Ipv4Addr, name: &Name, rtype: RecordType) -> Option<Message> {
        self.left = self.left.checked_sub(1)?;
        let server = self.shared.server_at(IpAddr::V4(address))?;
        let mut request = Message::query();
        request.add_query(Query::query(name.clone(), rtype));
        if self.do_bit.is_set() {
            let mut edns = Edns::new();
            edns.enable_dnssec();
            request.set_edns(edns);
        }
        let send = |transport| match self.shared.deliver(&server, &request, transport) {
            Delivery::Send(answer, _) if answer.metadata.id == request.metadata.id => Some(answer),
            _ => None,
        };
        let answer = send(Transport::Udp)?;
        if answer.metadata.truncation { send(Transport::Tcp) } else { Some(answer) }
    }

    /// The addresses of a referral's servers: from its glue, or from a lookup.
    fn addresses(&mut self, answer: &Message) -> Vec<Ipv4Addr> {
        let mut found = Vec::new();
        for record in &answer.authorities {
            let RData::NS(server) = &record.data else { continue };
            let glue = answer.additionals.iter().filter(|record| record.name == server.0);
            let glue: Vec<Ipv4Addr> = glue.filter_map(|record| ipv4(&record.data)).collect();
            if glue.is_empty() {
                let known = self.ask(&server.0, RecordType::A);
                found.extend(
                    known
                        .iter()
                        .flat_map(|known| &known.answers)
                        .filter_map(|record| ipv4(&record.data)),
                );
            } else {
                found.extend(glue);
            }
        }
        found
    }
}

/// The zone cut that a response refers to.
fn referral(answer: &Message) -> Option<Name> {
    let servers =
        answer.authorities.iter().find(|record| record.record_type() == RecordType::NS)?;
    (answer.answers.is_empty() && answer.metadata.response_code == ResponseCode::NoError)
        .then(|| servers.name.clone())
}

fn ipv4(data: &RData) -> Option<Ipv4Addr> {
    match data {
        RData::A(address) => Some(address.0),
        _ => None,
    }
}
