//! What one server is asked, and what is wrong with its answers.

use std::net::{IpAddr, SocketAddr};

use futures_util::future::{OptionFuture, join};
use hickory_proto::rr::RecordType;

use super::Expected;
use super::dnssec;
use super::finding::FindingKind;
use super::network::{Network, NoResponse};
use super::query::{NOERROR, NXDOMAIN, Query, code};
use super::response::{Response, Section};
use delegation_model::ds::DsRecords;
use delegation_model::name::Name;

/// What came of asking at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProbeResult {
    /// It answered.
    Answers {
        /// What is wrong with that.
        findings: Vec<FindingKind>,
        /// Whether one of the DS records leads to the keys that it serves.
        is_secure: bool,
    },
    /// Nothing, be it that the question could not leave.
    Silence,
}

impl From<FindingKind> for ProbeResult {
    fn from(kind: FindingKind) -> Self {
        Self::Answers { findings: vec![kind], is_secure: false }
    }
}

impl From<NoResponse> for ProbeResult {
    fn from(failure: NoResponse) -> Self {
        match failure {
            NoResponse::Silent => Self::Silence,
            NoResponse::Malformed => FindingKind::Malformed.into(),
            NoResponse::NoTcp => FindingKind::NoTcp.into(),
        }
    }
}

/// A server of the child zone: its SOA, then its name servers and keys.
pub(super) async fn child(net: &Network, address: IpAddr, port: u16, expected: &Expected) -> ProbeResult {
    let server = SocketAddr::new(address, port);
    if let Err(heard) = serves(net, server, &expected.name).await {
        return heard;
    }
    let own = Query::direct(&expected.name, RecordType::NS);
    let keys = Query::direct(&expected.name, RecordType::DNSKEY).signed();
    let keys = expected.ds.as_ref().map(|ds| async move { (ds, net.ask(server, &keys).await) });
    let (own, keys) = join(net.ask(server, &own), OptionFuture::from(keys)).await;

    let mut findings = match own.map_err(ProbeResult::from).and_then(authoritative) {
        Ok(answer) => {
            let found = answer.answers.name_servers;
            let agree = found.are(expected.name_servers.iter());
            if agree { Vec::new() } else { vec![FindingKind::OwnNameServers(found)] }
        }
        Err(heard) => in_part(heard),
    };
    let mut is_secure = false;
    if let Some((ds, answer)) = keys {
        match answer.map_err(ProbeResult::from).and_then(authoritative) {
            Ok(answer) => {
                let found;
                (found, is_secure) = dnssec::compare(&expected.name, ds, &answer.answers, net.transport.now());
                findings.extend(found);
            }
            Err(heard) => findings.extend(in_part(heard)),
        }
    }
    findings.dedup();
    ProbeResult::Answers { findings, is_secure }
}

/// A server of the parent zone: the zone's SOA, then what it refers to at the cut, and its DS record set.
pub(super) async fn parent(net: &Network, address: IpAddr, port: u16, zone: &Name, expected: &Expected) -> ProbeResult {
    let server = SocketAddr::new(address, port);
    if let Err(heard) = serves(net, server, zone).await {
        return heard;
    }
    let referral = Query::direct(&expected.name, RecordType::NS);
    let ds = Query::direct(&expected.name, RecordType::DS).signed();
    let ds = (expected.ds.is_some() || expected.check_ds).then(|| net.ask(server, &ds));
    let (referral, ds) = join(net.ask(server, &referral), OptionFuture::from(ds)).await;
    let mut findings: Vec<FindingKind> = match referral {
        Ok(answer) => delegation(answer, expected).into_iter().collect(),
        Err(failure) => in_part(failure.into()),
    };
    match ds.map(|ds| ds.map_err(ProbeResult::from).and_then(ds_of)) {
        // Where there is no delegation there is nothing to say of its DS records.
        Some(_) if findings == [FindingKind::NoDelegation] => {}
        Some(Ok(found)) if found == expected.ds => {}
        Some(Ok(found)) => findings.push(FindingKind::Ds(found)),
        Some(Err(heard)) => findings.extend(in_part(heard)),
        None => {}
    }
    findings.dedup();
    ProbeResult::Answers { findings, is_secure: false }
}

/// Whether the server has the zone: it answers for the SOA at its apex, with authority.
async fn serves(net: &Network, server: SocketAddr, zone: &Name) -> Result<(), ProbeResult> {
    let answer = net.ask(server, &Query::direct(zone, RecordType::SOA)).await.map_err(ProbeResult::from)?;
    let answer = authoritative(answer)?;
    if answer.answers.is_alias {
        return Err(FindingKind::Alias.into());
    }
    // The server may have an enclosing zone in which the name exists.
    if answer.answers.has_soa { Ok(()) } else { Err(FindingKind::NoZone.into()) }
}

/// The answer, if it comes from a server that has the zone (RFC 1035, section 4.1.1: the flag AA).
fn authoritative(answer: Response) -> Result<Response, ProbeResult> {
    match answer.code {
        NOERROR if answer.authoritative => Ok(answer),
        NOERROR => Err(FindingKind::NotAuthoritative.into()),
        other => Err(FindingKind::Code(code(other)).into()),
    }
}

/// The DS record set. A server that knows nothing of DNSSEC may refer to the child where there is none.
fn ds_of(answer: Response) -> Result<Option<DsRecords>, ProbeResult> {
    if answer.code == NOERROR && answer.answers.ds.is_empty() {
        return Ok(None);
    }
    Ok(authoritative(answer)?.answers.ds_records())
}

/// What is wrong with where the parent zone's server refers to.
fn delegation(answer: Response, expected: &Expected) -> Option<FindingKind> {
    match answer.code {
        NOERROR => {}
        // With authority: the parent zone has nothing of this name.
        NXDOMAIN if answer.authoritative => return Some(FindingKind::NoDelegation),
        other => return Some(FindingKind::Code(code(other))),
    }
    // A referral has the name servers in the authority section and is without authority itself (RFC 1034, section 4.3.2). A
    // server that has the child zone as well answers from there: whoever asks it has already arrived.
    let Section { name_servers: found, .. } = if answer.authoritative { answer.answers } else { answer.authorities };
    if found.is_empty() {
        Some(FindingKind::NoDelegation)
    } else if found.are(expected.name_servers.iter()) {
        None
    } else {
        Some(FindingKind::Refers(found))
    }
}

/// The findings of a server that answered one question, and another one so.
fn in_part(heard: ProbeResult) -> Vec<FindingKind> {
    match heard {
        ProbeResult::Answers { findings, .. } => findings,
        ProbeResult::Silence => vec![FindingKind::Silent],
    }
}
