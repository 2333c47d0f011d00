//! Resolves a name from the root down over the network, like `dig +trace`. In each zone, it queries
//! a name server from the referral of the zone above, and compares the zone's keys with the DS
//! records there.

mod keys;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::dnssec::rdata::{DNSSECRData, DS};
use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::Dns;
use crate::dns::client::{exchange, question};
use crate::route53::normalize_lossy;
use keys::TrustedKeys;

/// The only server that is known in advance.
const ROOT: &str = "a.root-servers.net";
/// The most zones on a path.
const ZONES: usize = 8;
/// The time limit of a query over one transport. A server on this machine takes less.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) hops: Vec<Hop>,
    /// Why there is no answer at the end.
    pub(super) stopped: Option<String>,
}

/// A zone on the path.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) zone: String,
    pub(super) server: String,
    pub(super) address: IpAddr,
    /// True if the zone's keys match the DS records above it, all the way from the root's trust
    /// anchor.
    pub(super) secure: bool,
    pub(super) response: Response,
}

/// What a zone's server responded.
#[derive(Debug)]
pub(super) enum Response {
    /// A referral to a zone closer to the name, with its name servers and the key tags of its DS
    /// records.
    Referral { zone: String, servers: Vec<String>, key_tags: Vec<u16> },
    /// An authoritative answer with these records, and whether the zone's keys sign them.
    Answer { records: Vec<String>, signed: bool },
}

pub(super) async fn follow(dns: &Dns, name: &str) -> Trace {
    let mut trace = Trace::default();
    trace.stopped = match Name::from_ascii(name) {
        Ok(mut name) => {
            name.set_fqdn(true);
            walk(dns, &name, &mut trace.hops).await.err()
        }
        Err(error) => Some(error.to_string()),
    };
    trace
}

/// A name server, and the zone that it is queried for.
struct Server {
    zone: Name,
    name: String,
    address: SocketAddr,
}

impl Server {
    fn of_root(dns: &Dns) -> Self {
        Self { zone: Name::root(), name: ROOT.to_owned(), address: dns.root() }
    }

    async fn ask(&self, name: &Name, rtype: RecordType) -> Result<Message, String> {
        let answer = exchange(self.address, &question(name, rtype), QUERY_TIMEOUT).await;
        answer.map_err(|error| {
            format!("{} ({}) does not answer: {error}", self.name, self.address.ip())
        })
    }

    /// What is wrong with a response that is neither an answer nor a referral.
    fn unusable_response(&self, answer: &Message, name: &Name) -> String {
        let name = text(name);
        if answer.metadata.authoritative {
            return format!("{} of {} has no such record for {name}", self.name, self.zone);
        }
        let code = answer.metadata.response_code;
        format!(
            "{} of {} returns neither an answer nor a referral for {name} ({code})",
            self.name, self.zone
        )
    }
}

async fn walk(dns: &Dns, name: &Name, hops: &mut Vec<Hop>) -> Result<(), String> {
    let mut at = Server::of_root(dns);
    let mut above = dns.root_ds().iter().filter_map(ds).cloned().collect::<Vec<_>>();
    for _ in 0..ZONES {
        let keys = TrustedKeys::validate(
            &at.zone,
            &above,
            &at.ask(&at.zone, RecordType::DNSKEY).await?.answers,
        );
        let answer = at.ask(name, RecordType::A).await?;
        let hop = |response| Hop {
            zone: text(&at.zone),
            server: at.name.clone(),
            address: at.address.ip(),
            secure: keys.is_trusted(),
            response,
        };
        let records: Vec<String> =
            set_of(&answer.answers, name, RecordType::A).map(ToString::to_string).collect();
        if answer.metadata.authoritative && !records.is_empty() {
            let signed = keys.sign(name, RecordType::A, &answer.answers);
            hops.push(hop(Response::Answer { records, signed }));
            return Ok(());
        }
        let referral = Referral::read(&at.zone, name, &answer)
            .ok_or_else(|| at.unusable_response(&answer, name))?;
        let (zone, servers) = (text(&referral.zone), referral.servers.iter().map(text).collect());
        let key_tags = referral.ds.iter().map(DS::key_tag).collect();
        hops.push(hop(Response::Referral { zone, servers, key_tags }));
        above = if keys.sign(&referral.zone, RecordType::DS, &answer.authorities) {
            referral.ds.clone()
        } else {
            Vec::new()
        };
        at = match referral.with_address(dns) {
            Some(server) => server,
            None => resolve_server(dns, referral).await?,
        };
    }
    Err(format!("more than {ZONES} zones on the path to {}", text(name)))
}

/// The first name server of a referral without addresses. Such a server is in another branch, so
/// its name is resolved from the root down as well, as long as referrals have addresses.
async fn resolve_server(dns: &Dns, referral: Referral) -> Result<Server, String> {
    let nobody = || format!("the referral to {} names no server", referral.zone);
    let server = referral.servers.first().ok_or_else(nobody)?;
    let mut at = Server::of_root(dns);
    for _ in 0..ZONES {
        let answer = at.ask(server, RecordType::A).await?;
        if let Some(address) = address(&answer.answers, server) {
            return Ok(Server {
                zone: referral.zone.clone(),
                name: text(server),
                address: (address, dns.port()).into(),
            });
        }
        let next = Referral::read(&at.zone, server, &answer)
            .ok_or_else(|| at.unusable_response(&answer, server))?;
        let no_address = || {
            format!(
                "no address of a server of {} is known on the path to {}",
                next.zone,
                text(server)
            )
        };
        at = next.with_address(dns).ok_or_else(no_address)?;
    }
    Err(format!("more than {ZONES} zones on the path to {}", text(server)))
}

/// The delegation of a zone closer to the name, from a server of the zone above.
struct Referral {
    zone: Name,
    servers: Vec<Name>,
    /// The addresses of its servers in the referral.
    addresses: Vec<(Name, IpAddr)>,
    ds: Vec<DS>,
}

impl Referral {
    /// Only accepts a zone below this one, so that every referral is closer to the name.
    fn read(above: &Name, name: &Name, answer: &Message) -> Option<Self> {
        let is_closer =
            |owner: &Name| owner != above && above.zone_of(owner) && owner.zone_of(name);
        let records = &answer.authorities;
        let mut cuts = records.iter().filter(|record| record.record_type() == RecordType::NS);
        let zone = cuts.find(|record| is_closer(&record.name))?.name.clone();
        let servers: Vec<Name> = set_of(records, &zone, RecordType::NS)
            .filter_map(|record| {
                if let RData::NS(server) = &record.data { Some(server.0.clone()) } else { None }
            })
            .collect();
        let addresses = servers
            .iter()
            .filter_map(|server| Some((server.clone(), address(&answer.additionals, server)?)));
        Some(Self {
            addresses: addresses.collect(),
            ds: set_of(records, &zone, RecordType::DS)
                .filter_map(|record| ds(&record.data))
                .cloned()
                .collect(),
            zone,
            servers,
        })
    }

    fn with_address(&self, dns: &Dns) -> Option<Server> {
        let (name, address) = self.addresses.first()?;
        Some(Server {
            zone: self.zone.clone(),
            name: text(name),
            address: (*address, dns.port()).into(),
        })
    }
}

/// The records of one set.
fn set_of<'a>(
    records: &'a [Record],
    owner: &'a Name,
    rtype: RecordType,
) -> impl Iterator<Item = &'a Record> + Clone {
    records.iter().filter(move |record| record.name == *owner && record.record_type() == rtype)
}

fn address(records: &[Record], owner: &Name) -> Option<IpAddr> {
    set_of(records, owner, RecordType::A).find_map(|record| match &record.data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        _ => None,
    })
}

fn ds(data: &RData) -> Option<&DS> {
    if let RData::DNSSEC(DNSSECRData::DS(ds)) = data { Some(ds) } else { None }
}

/// A name as the rest of the demo writes it. The root is a dot.
fn text(name: &Name) -> String {
    if name.is_root() {
        ".".to_owned()
    } else {
        normalize_lossy(&name.to_string()).trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests;
