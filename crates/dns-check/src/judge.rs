//! What one server is asked, and what is wrong with its answers.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use futures_util::future::{OptionFuture, join};
use hickory_proto::rr::RecordType;

use super::Wanted;
use super::answer::{Answer, Section};
use super::finding::Kind;
use super::keys;
use super::net::{Failure, Net};
use super::wire::{NOERROR, NXDOMAIN, Question, code};
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;

/// What came of asking at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It answered.
    Answers {
        /// What is wrong with that.
        problems: Vec<Kind>,
        /// Whether one of the DS records leads to the keys that it serves.
        vouches: bool,
    },
    /// Nothing, be it that the question could not leave.
    Silence,
}

impl From<Kind> for Heard {
    fn from(kind: Kind) -> Self {
        Self::Answers { problems: vec![kind], vouches: false }
    }
}

impl From<Failure> for Heard {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Silent => Self::Silence,
            Failure::Malformed => Kind::Malformed.into(),
            Failure::NoTcp => Kind::NoTcp.into(),
        }
    }
}

/// A server of the child zone: its SOA, then its name servers and keys.
pub(super) async fn child(net: &Net, address: IpAddr, port: u16, wanted: &Wanted) -> Heard {
    let server = SocketAddr::new(address, port);
    if let Err(heard) = serves(net, server, &wanted.name).await {
        return heard;
    }
    let own = Question::direct(&wanted.name, RecordType::NS);
    let keys = Question::direct(&wanted.name, RecordType::DNSKEY).signed();
    let keys = wanted.ds.as_ref().map(|ds| async move { (ds, net.ask(server, &keys).await) });
    let (own, keys) = join(net.ask(server, &own), OptionFuture::from(keys)).await;

    let mut problems = match own.map_err(Heard::from).and_then(authoritative) {
        Ok(answer) => {
            let found = answer.answers.name_servers;
            let agree = found.are(wanted.name_servers.iter());
            if agree { Vec::new() } else { vec![Kind::OwnNameServers(found)] }
        }
        Err(heard) => in_part(heard),
    };
    let mut vouches = false;
    if let Some((ds, answer)) = keys {
        match answer.map_err(Heard::from).and_then(authoritative) {
            Ok(answer) => {
                let found;
                (found, vouches) = keys::compare(&wanted.name, ds, &answer.answers, SystemTime::now());
                problems.extend(found);
            }
            Err(heard) => problems.extend(in_part(heard)),
        }
    }
    problems.dedup();
    Heard::Answers { problems, vouches }
}

/// A server of the parent zone: the zone's SOA, then what it refers to at the cut, and its DS record set.
pub(super) async fn parent(net: &Net, address: IpAddr, port: u16, zone: &Name, wanted: &Wanted) -> Heard {
    let server = SocketAddr::new(address, port);
    if let Err(heard) = serves(net, server, zone).await {
        return heard;
    }
    let referral = Question::direct(&wanted.name, RecordType::NS);
    let ds = Question::direct(&wanted.name, RecordType::DS).signed();
    let ds = (wanted.ds.is_some() || wanted.check_ds).then(|| net.ask(server, &ds));
    let (referral, ds) = join(net.ask(server, &referral), OptionFuture::from(ds)).await;
    let mut problems: Vec<Kind> = match referral {
        Ok(answer) => delegation(answer, wanted).into_iter().collect(),
        Err(failure) => in_part(failure.into()),
    };
    match ds.map(|ds| ds.map_err(Heard::from).and_then(ds_of)) {
        // Where there is no delegation there is nothing to say of its DS records.
        Some(_) if problems == [Kind::NoDelegation] => {}
        Some(Ok(found)) if found == wanted.ds => {}
        Some(Ok(found)) => problems.push(Kind::Ds(found)),
        Some(Err(heard)) => problems.extend(in_part(heard)),
        None => {}
    }
    problems.dedup();
    Heard::Answers { problems, vouches: false }
}

/// Whether the server has the zone: it answers for the SOA at its apex, with authority.
async fn serves(net: &Net, server: SocketAddr, zone: &Name) -> Result<(), Heard> {
    let answer = net.ask(server, &Question::direct(zone, RecordType::SOA)).await.map_err(Heard::from)?;
    let answer = authoritative(answer)?;
    if answer.answers.is_alias {
        return Err(Kind::Alias.into());
    }
    // The server may have an enclosing zone in which the name exists.
    if answer.answers.has_soa { Ok(()) } else { Err(Kind::NoZone.into()) }
}

/// The answer, if it comes from a server that has the zone (RFC 1035, section 4.1.1: the flag AA).
fn authoritative(answer: Answer) -> Result<Answer, Heard> {
    match answer.code {
        NOERROR if answer.authoritative => Ok(answer),
        NOERROR => Err(Kind::NotAuthoritative.into()),
        other => Err(Kind::Code(code(other)).into()),
    }
}

/// The DS record set. A server that knows nothing of DNSSEC may refer to the child where there is none.
fn ds_of(answer: Answer) -> Result<Option<DsRecords>, Heard> {
    if answer.code == NOERROR && answer.answers.ds.is_empty() {
        return Ok(None);
    }
    Ok(authoritative(answer)?.answers.ds_records())
}

/// What is wrong with where the parent zone's server refers to.
fn delegation(answer: Answer, wanted: &Wanted) -> Option<Kind> {
    match answer.code {
        NOERROR => {}
        // With authority: the parent zone has nothing of this name.
        NXDOMAIN if answer.authoritative => return Some(Kind::NoDelegation),
        other => return Some(Kind::Code(code(other))),
    }
    // A referral has the name servers in the authority section and is without authority itself (RFC 1034, section 4.3.2). A
    // server that has the child zone as well answers from there: whoever asks it has already arrived.
    let Section { name_servers: found, .. } = if answer.authoritative { answer.answers } else { answer.authorities };
    if found.is_empty() {
        Some(Kind::NoDelegation)
    } else if found.are(wanted.name_servers.iter()) {
        None
    } else {
        Some(Kind::Refers(found))
    }
}

/// The problems of a server that answered one question, and another one so.
fn in_part(heard: Heard) -> Vec<Kind> {
    match heard {
        Heard::Answers { problems, .. } => problems,
        Heard::Silence => vec![Kind::Silent],
    }
}
