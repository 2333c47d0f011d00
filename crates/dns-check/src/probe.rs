//! What one server is asked, and what is wrong with its answers.

use std::net::{IpAddr, SocketAddr};

use domain::base::Rtype;
use futures_util::future::{OptionFuture, join, join3};

use super::Expected;
use super::dnssec::{self, Compared};
use super::finding::FindingKind;
use super::network::{Network, NoResponse};
use super::query::{NOERROR, NXDOMAIN, Query, code};
use super::response::{Response, Section};
use delegation_model::name::Name;

/// What came of asking at one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProbeResult {
    /// It answered.
    Answers(Answers),
    /// Nothing came.
    Silent,
    /// There is no route to it from here.
    NoRoute,
    /// It was not asked, or not to the end: the check has sent all that it may.
    Spent,
}

/// What a server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    /// What is wrong with it.
    pub(super) findings: Vec<FindingKind>,
    /// Whether the zone validates by the DS records, if there are any and they can be checked.
    pub(super) is_secure: Option<bool>,
    /// The serial number of the zone.
    pub(super) serial: Option<u32>,
    /// Of a server of the parent zone that refers to the child: the addresses that it gives with
    /// that.
    pub(super) glue: Option<Vec<(Name, IpAddr)>>,
}

impl From<FindingKind> for ProbeResult {
    fn from(kind: FindingKind) -> Self {
        Self::Answers(Answers { findings: vec![kind], ..Answers::default() })
    }
}

impl From<NoResponse> for ProbeResult {
    fn from(failure: NoResponse) -> Self {
        match failure {
            NoResponse::Silent => Self::Silent,
            NoResponse::NoRoute => Self::NoRoute,
            NoResponse::Spent => Self::Spent,
            NoResponse::Malformed => FindingKind::Malformed.into(),
            NoResponse::NoTcp => FindingKind::NoTcp.into(),
        }
    }
}

impl ProbeResult {
    /// What it answered, if it did.
    pub(super) fn answers(&self) -> Option<&Answers> {
        match self {
            Self::Answers(answers) => Some(answers),
            _ => None,
        }
    }
}

/// A server of the child zone: its SOA, then its name servers and keys.
pub(super) async fn child(
    net: &Network,
    address: SocketAddr,
    expected: &Expected,
    thorough: bool,
) -> ProbeResult {
    let (name, wants_ds) = (&expected.name, expected.ds.is_some());
    let soa = match serves(net, address, name, wants_ds).await {
        Ok(soa) => soa,
        Err(heard) => return heard,
    };
    let own = Query::direct(name, Rtype::NS);
    let keys = Query::direct(name, Rtype::DNSKEY).signed();
    let keys = (wants_ds || thorough).then(|| net.ask(address, &keys));
    let (own, keys) = join(net.ask(address, &own), OptionFuture::from(keys)).await;

    let mut found =
        Answers { serial: soa.soa.as_ref().map(|soa| soa.serial), ..Answers::default() };
    match own.map_err(ProbeResult::from).and_then(authoritative) {
        Ok(answer) => {
            let servers = answer.answers.name_servers;
            if !servers.are(expected.name_servers.iter()) {
                found.findings.push(FindingKind::OwnNameServers(servers.cut()));
            }
        }
        Err(heard) => found.findings.extend(in_part(heard)),
    }
    match (keys.map(|keys| keys.map_err(ProbeResult::from).and_then(authoritative)), &expected.ds) {
        (Some(Ok(answer)), Some(ds)) => {
            let now = net.transport.now();
            let Compared { findings, is_secure } = dnssec::compare(name, ds, &answer.answers, now);
            found.findings.extend(findings);
            let data =
                || dnssec::data(name, soa.soa.as_ref()?, &soa.signatures, &answer.answers, now);
            let unsigned = if is_secure == Some(true) { data() } else { None };
            found.is_secure = is_secure.map(|is_secure| is_secure && unsigned.is_none());
            found.findings.extend(unsigned);
        }
        (Some(Ok(answer)), None) if expected.check_ds && dnssec::is_signed(&answer.answers) => {
            found.findings.push(FindingKind::SignedWithoutDs);
        }
        // A question that is only asked out of interest.
        (Some(Err(heard)), Some(_)) => found.findings.extend(in_part(heard)),
        _ => {}
    }
    found.findings.dedup();
    ProbeResult::Answers(found)
}

/// A server of the parent zone: the zone's SOA, then what it refers to at the cut, its DS record
/// set, and with that its keys.
pub(super) async fn parent(
    net: &Network,
    address: SocketAddr,
    zone: &Name,
    expected: &Expected,
) -> ProbeResult {
    let soa = match serves(net, address, zone, false).await {
        Ok(soa) => soa,
        Err(heard) => return heard,
    };
    let referral = Query::direct(&expected.name, Rtype::NS);
    let ds = Query::direct(&expected.name, Rtype::DS).signed();
    let ds = (expected.ds.is_some() || expected.check_ds).then(|| net.ask(address, &ds));
    let keys = Query::direct(zone, Rtype::DNSKEY).signed();
    let keys = expected.ds.is_some().then(|| net.ask(address, &keys));
    let (referral, ds, keys) =
        join3(net.ask(address, &referral), OptionFuture::from(ds), OptionFuture::from(keys)).await;
    let mut found = Answers { serial: soa.soa.map(|soa| soa.serial), ..Answers::default() };
    match referral {
        Ok(answer) => delegation(answer, expected, &mut found),
        Err(failure) => found.findings = in_part(failure.into()),
    }
    match ds.map(|ds| ds.map_err(ProbeResult::from).and_then(ds_of)) {
        // Where there is no delegation there is nothing to say of its DS records.
        Some(_) if found.findings == [FindingKind::NoDelegation] => {}
        Some(Ok(answer)) => {
            let records = answer.ds_records();
            if records != expected.ds {
                found.findings.push(FindingKind::Ds(records));
            } else if let (Some(_), Some(Ok(keys))) = (records, keys) {
                let now = net.transport.now();
                let unsigned = dnssec::of_ds(zone, &expected.name, &answer, &keys.answers, now);
                found.findings.extend(unsigned.filter(|_| keys.code == NOERROR));
            }
        }
        Some(Err(heard)) => found.findings.extend(in_part(heard)),
        None => {}
    }
    found.findings.dedup();
    ProbeResult::Answers(found)
}

/// The addresses that a server of the zone has for a name in it; `None` if it does not tell.
pub(super) async fn addresses(
    net: &Network,
    address: SocketAddr,
    name: &Name,
) -> Option<Vec<IpAddr>> {
    let (v4, v6) = (Query::direct(name, Rtype::A), Query::direct(name, Rtype::AAAA));
    let (v4, v6) = join(net.ask(address, &v4), net.ask(address, &v6)).await;
    let mut found = Vec::new();
    for answer in [v4.ok()?, v6.ok()?] {
        match answer.code {
            NOERROR if answer.authoritative => found.extend(answer.answers.addresses),
            NXDOMAIN if answer.authoritative => {}
            _ => return None,
        }
    }
    Some(found)
}

/// Whether the server has the zone: it answers for the SOA at its apex, with authority.
async fn serves(
    net: &Network,
    server: SocketAddr,
    zone: &Name,
    signed: bool,
) -> Result<Section, ProbeResult> {
    let question = Query::direct(zone, Rtype::SOA);
    let question = if signed { question.signed() } else { question };
    let answer = net.ask(server, &question).await.map_err(ProbeResult::from)?;
    let Section { soa, is_alias, .. } = &answer.answers;
    match answer.code {
        NOERROR if answer.authoritative && *is_alias => Err(FindingKind::Alias.into()),
        // The server may have an enclosing zone in which the name exists.
        NOERROR if answer.authoritative && soa.is_none() => Err(FindingKind::NoZone.into()),
        _ => Ok(authoritative(answer)?.answers),
    }
}

/// The answer, if it comes from a server that has the zone (RFC 1035, section 4.1.1: the flag AA).
fn authoritative(answer: Response) -> Result<Response, ProbeResult> {
    match answer.code {
        NOERROR if answer.authoritative => Ok(answer),
        NOERROR => Err(FindingKind::NotAuthoritative.into()),
        other => Err(FindingKind::Code(code(other)).into()),
    }
}

/// The DS record set. A server that knows nothing of DNSSEC may refer to the child where there is
/// none.
fn ds_of(answer: Response) -> Result<Section, ProbeResult> {
    if answer.code == NOERROR && answer.answers.ds.is_empty() {
        return Ok(answer.answers);
    }
    Ok(authoritative(answer)?.answers)
}

/// What is wrong with where the parent zone's server refers to.
fn delegation(answer: Response, expected: &Expected, found: &mut Answers) {
    match answer.code {
        NOERROR => {}
        // With authority: the parent zone has nothing of this name.
        NXDOMAIN if answer.authoritative => return found.findings.push(FindingKind::NoDelegation),
        other => return found.findings.push(FindingKind::Code(code(other))),
    }
    let Response { authoritative, answers, authorities, addresses, .. } = answer;
    // A referral has the name servers in the authority section and is without authority itself (RFC
    // 1034, section 4.3.2). A server that has the child zone as well answers from there: a resolver
    // that asks it has already arrived. Resolvers take the two other ways as well.
    let is_referral = answers.name_servers.is_empty();
    let servers = if is_referral { authorities.name_servers } else { answers.name_servers };
    if servers.is_empty() {
        return found.findings.push(FindingKind::NoDelegation);
    }
    if is_referral == authoritative {
        found.findings.push(FindingKind::OddReferral);
    }
    if is_referral || !authoritative {
        found.glue = Some(addresses);
    }
    if !servers.are(expected.name_servers.iter()) {
        found.findings.push(FindingKind::Refers(servers.cut()));
    }
}

/// The findings of a server that answered one question, and another one so.
fn in_part(heard: ProbeResult) -> Vec<FindingKind> {
    match heard {
        ProbeResult::Answers(answers) => answers.findings,
        ProbeResult::Silent | ProbeResult::NoRoute => vec![FindingKind::Silent],
        ProbeResult::Spent => vec![FindingKind::Spent],
    }
}
