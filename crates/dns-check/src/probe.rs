//! Queries one server, and finds what is wrong with its responses.

use std::net::{IpAddr, SocketAddr};

use domain::base::Rtype;
use futures_util::future::{OptionFuture, join, join3};

use super::Expected;
use super::dnssec::{self, Compared};
use super::finding::{FindingKind, ServerState, Tags};
use super::network::{Network, NoResponse};
use super::query::{NOERROR, NXDOMAIN, Query, code};
use super::response::{Response, Section, StartOfAuthority};
use delegation_model::ds::Ds;
use delegation_model::name::Name;

/// The result of querying one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ProbeResult {
    /// The server responded.
    Answers(Answers),
    /// There was no response.
    Silent,
    /// There is no route to it from here.
    NoRoute,
    /// It was not queried, or not completely: the check has reached its limit of queries.
    Spent,
}

/// What a server's responses contain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    /// What is wrong with them.
    pub(super) findings: Vec<FindingKind>,
    /// True if the zone validates with the DS records. `None` if there are none, or if they can't
    /// be checked.
    pub(super) is_secure: Option<bool>,
    /// The serial number of the zone. `None` if the server does not answer for its SOA.
    pub(super) serial: Option<u32>,
    /// For a server of the parent zone that refers to the child: the addresses in that referral
    /// for the expected name servers at or below the cut.
    pub(super) glue: Option<Vec<(Name, IpAddr)>>,
}

impl Answers {
    /// True if the server serves the zone at this address.
    pub(super) fn serves(&self) -> bool {
        !self.findings.iter().any(|kind| kind.state() == ServerState::Lame)
    }
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
    /// The responses, if there were any.
    pub(super) fn answers(&self) -> Option<&Answers> {
        match self {
            Self::Answers(answers) => Some(answers),
            _ => None,
        }
    }
}

/// Queries a server of the child zone: for its SOA, then for its name servers and keys.
pub(super) async fn child(
    net: &Network,
    address: SocketAddr,
    expected: &Expected,
    thorough: bool,
) -> ProbeResult {
    let (name, wants_ds) = (&expected.name, expected.ds.is_some());
    let soa = Query::direct(name, Rtype::SOA);
    let soa = if wants_ds { soa.signed() } else { soa };
    let (soa, signatures) = match apex(net, address, &soa).await {
        Ok(apex) => apex,
        Err(failed) => return failed,
    };
    let own = Query::direct(name, Rtype::NS);
    // Only the findings are kept while the keys are awaited.
    let own = async {
        match net.ask(address, &own).await.map_err(ProbeResult::from).and_then(authoritative) {
            Ok(answer) => {
                let servers = answer.answers.name_servers;
                let differs = !servers.are(expected.name_servers.iter());
                differs.then(|| FindingKind::OwnNameServers(servers.into())).into_iter().collect()
            }
            Err(failed) => partial_findings(failed),
        }
    };
    let keys = Query::direct(name, Rtype::DNSKEY).signed();
    let keys = (wants_ds || thorough).then(|| net.ask(address, &keys));
    let (own, keys) = join(own, OptionFuture::from(keys)).await;

    let serial = Some(soa.serial);
    let mut found = Answers { findings: own, serial, ..Answers::default() };
    match (keys.map(|keys| keys.map_err(ProbeResult::from).and_then(authoritative)), &expected.ds) {
        (Some(Ok(answer)), Some(ds)) => {
            // Digests and signatures take up to some milliseconds for a hostile zone. The responses
            // of other servers are received in between, so that they are not late.
            tokio::task::yield_now().await;
            let (answer, validation) = (&answer.answers, &net.validation());
            let Compared { findings, is_secure } = dnssec::compare(name, ds, answer, validation);
            found.findings.extend(findings);
            let data = || dnssec::data(name, &soa, &signatures, answer, validation);
            let of_data = if is_secure == Some(true) { data() } else { None };
            found.is_secure = match of_data {
                Some(FindingKind::Unverified) => None,
                _ => is_secure.map(|is_secure| is_secure && of_data.is_none()),
            };
            found.findings.extend(of_data);
        }
        (Some(Ok(answer)), None) if expected.check_ds && dnssec::is_signed(&answer.answers) => {
            found.findings.push(FindingKind::SignedWithoutDs);
        }
        // The result of this query is only a remark.
        (Some(Err(failed)), Some(_)) => found.findings.extend(partial_findings(failed)),
        _ => {}
    }
    found.findings.dedup();
    ProbeResult::Answers(found)
}

/// Queries a server of the parent zone: for the zone's SOA, then for the referral at the cut, the
/// DS record set, and the keys to validate that.
pub(super) async fn parent(
    net: &Network,
    address: SocketAddr,
    zone: &Name,
    expected: &Expected,
) -> ProbeResult {
    let serial = match apex(net, address, &Query::direct(zone, Rtype::SOA)).await {
        Ok((soa, _)) => Some(soa.serial),
        Err(failed) => return failed,
    };
    let referral = Query::direct(&expected.name, Rtype::NS);
    // Only what is found in it is kept while the keys are awaited.
    let referral = async {
        match net.ask(address, &referral).await {
            Ok(answer) => delegation(answer, expected),
            Err(failure) => {
                Answers { findings: partial_findings(failure.into()), ..Answers::default() }
            }
        }
    };
    let ds = Query::direct(&expected.name, Rtype::DS).signed();
    let ds = (expected.ds.is_some() || expected.check_ds).then(|| net.ask(address, &ds));
    let keys = Query::direct(zone, Rtype::DNSKEY).signed();
    let keys = expected.ds.is_some().then(|| net.ask(address, &keys));
    let (referral, ds, keys) =
        join3(referral, OptionFuture::from(ds), OptionFuture::from(keys)).await;
    let mut found = Answers { serial, ..referral };
    match ds.map(|ds| ds.map_err(ProbeResult::from).and_then(ds_of)) {
        // Without a delegation, there is nothing to say about its DS records.
        Some(_) if found.findings == [FindingKind::NoDelegation] => {}
        Some(Ok(answer)) => {
            let records = answer.ds_records();
            if records != expected.ds {
                let tags = records.and_then(|records| Tags::new(records.iter().map(Ds::key_tag)));
                found.findings.push(FindingKind::Ds(tags));
            } else if let (Some(_), Some(Ok(keys))) = (records, keys) {
                let (above, validation) = (&keys.answers, &net.validation());
                let of_ds = dnssec::of_ds(zone, &expected.name, &answer, above, validation);
                found.findings.extend(of_ds.filter(|_| keys.code == NOERROR));
            }
        }
        Some(Err(failed)) => found.findings.extend(partial_findings(failed)),
        None => {}
    }
    found.findings.dedup();
    ProbeResult::Answers(found)
}

/// The addresses that a server of the zone has for a name in it. `None` if it does not answer.
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

/// Queries whether the server has the zone: it must answer authoritatively to this query for the
/// SOA at the apex. Returns that record and its signatures.
async fn apex(
    net: &Network,
    server: SocketAddr,
    soa: &Query,
) -> Result<(StartOfAuthority, Vec<Vec<u8>>), ProbeResult> {
    let answer = net.ask(server, soa).await.map_err(ProbeResult::from)?;
    let Section { soa, is_alias, signatures, .. } = authoritative(answer)?.answers;
    match soa {
        _ if is_alias => Err(FindingKind::Alias.into()),
        // The server may have an enclosing zone that contains the name.
        None => Err(FindingKind::NoZone.into()),
        Some(soa) => Ok((soa, signatures)),
    }
}

/// Returns the response if it comes from a server that has the zone (RFC 1035, section 4.1.1: the
/// flag AA).
fn authoritative(answer: Response) -> Result<Response, ProbeResult> {
    match answer.code {
        NOERROR if answer.authoritative => Ok(answer),
        NOERROR => Err(FindingKind::NotAuthoritative.into()),
        other => Err(FindingKind::Code(code(other)).into()),
    }
}

/// The DS record set. A server without DNSSEC support may refer to the child if there is none.
fn ds_of(answer: Response) -> Result<Section, ProbeResult> {
    if answer.code == NOERROR && answer.answers.ds.is_empty() {
        return Ok(answer.answers);
    }
    Ok(authoritative(answer)?.answers)
}

/// Finds what is wrong with the referral of a server of the parent zone.
fn delegation(answer: Response, expected: &Expected) -> Answers {
    let only = |kind| Answers { findings: vec![kind], ..Answers::default() };
    match answer.code {
        NOERROR => {}
        // With authority, this means that the parent zone has nothing at this name.
        NXDOMAIN if answer.authoritative => return only(FindingKind::NoDelegation),
        other => return only(FindingKind::Code(code(other))),
    }
    let Response { authoritative, answers, authorities, addresses, .. } = answer;
    // A referral has the name servers in the authority section, and is not authoritative (RFC 1034,
    // section 4.3.2). A server that also has the child zone answers from there, so a resolver that
    // queries it is already at its goal. Resolvers accept the two other forms as well.
    let is_referral = answers.name_servers.is_empty();
    let servers = if is_referral { authorities.name_servers } else { answers.name_servers };
    if servers.is_empty() {
        return only(FindingKind::NoDelegation);
    }
    let mut found = Answers::default();
    if is_referral == authoritative {
        found.findings.push(FindingKind::OddReferral);
    }
    if is_referral || !authoritative {
        let inside = |server: &Name| {
            server.is_at_or_below(&expected.name)
                && expected.name_servers.iter().any(|own| own == server)
        };
        found.glue = Some(addresses.into_iter().filter(|(server, _)| inside(server)).collect());
    }
    if !servers.are(expected.name_servers.iter()) {
        found.findings.push(FindingKind::Refers(servers.into()));
    }
    found
}

/// The findings of a server that responded to one query, for the result of another query.
fn partial_findings(result: ProbeResult) -> Vec<FindingKind> {
    match result {
        ProbeResult::Answers(answers) => answers.findings,
        ProbeResult::Silent | ProbeResult::NoRoute => vec![FindingKind::Silent],
        ProbeResult::Spent => vec![FindingKind::Spent],
    }
}
