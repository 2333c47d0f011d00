//! Checks over DNS whether a delegation resolves, as `dig +trace` would.
//!
//! Queries go directly to the authoritative servers. A resolver is only asked for the addresses of
//! name servers and for the name servers of the parent zone, never for the child's name or a name
//! below it: it would cache a "no such name" for as long as the parent zone's SOA says (RFC 2308),
//! and its users would not see the new delegation.
//!
//! A server may respond with anything, so everything is bounded: time (see
//! [`Timing::longest_round`]), sockets (64 to name servers, 64 to resolvers), the addresses that
//! packets are sent to, how much of a response is parsed and kept, for how many addresses at once,
//! and how much a [`Report`] keeps and displays.
//!
//! The check covers what resolvers rely on: RFC 1034 (section 4.3.2, referrals), RFC 2181 (section
//! 5.4.1, authority), RFC 4035 (sections 3.1.4.1 and 5.2, DS), RFC 6891 (EDNS), RFC 7766 (TCP), RFC
//! 9471 (glue).

mod address_filter;
mod display;
mod dns64;
mod dnssec;
mod finding;
mod network;
mod probe;
mod query;
mod referral;
mod report;
mod resolver;
mod response;
mod transport;
mod zone_check;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

pub use finding::{Finding, ServerState, Severity};
pub use network::Pace;
pub use referral::ReferralError;
pub use report::{Address, FindingGroup, Report, Server, Verdict};
pub use transport::{Datagrams, Transport};
pub use zone_check::{GLUE_ADDRESSES, SERVERS};

use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use finding::Family;
use network::{Budget, Memory, Network};
use resolver::Resolver;
use transport::Sockets;
use zone_check::ZoneCheck;

/// The port of DNS (RFC 1035, section 4.2).
const PORT: u16 = 53;

/// True if the resolver uses port 53 and an address that can be reached over the internet.
pub fn is_public_resolver(resolver: SocketAddr) -> bool {
    resolver.port() == PORT && address_filter::is_global(resolver.ip())
}

/// Checks delegations. Creating one sends no queries.
#[derive(Clone, Debug)]
pub struct Verifier {
    resolver: Option<SocketAddr>,
    timing: Timing,
    transport: Arc<dyn Transport>,
    /// What the checks of a run share.
    memory: Option<Arc<Memory>>,
    /// What the checks of a request share. `None` if each check has a budget of its own.
    budget: Option<Arc<Budget>>,
    any_address: bool,
    thorough: bool,
}

/// The expected state of a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The child's name, the zone cut.
    pub name: Name,
    /// The name servers, both in the parent zone's NS record set and in the one at the child zone's
    /// apex.
    pub name_servers: NameServers,
    /// The DS record set in the parent zone.
    pub ds: Option<DsRecords>,
    /// Without `ds`: whether a DS record set in the parent zone is a finding. With `ds`, it is
    /// always compared.
    pub check_ds: bool,
    /// The parent zone's glue: the addresses of name servers at or below `name`.
    pub glue: Vec<(Name, IpAddr)>,
}

impl Expected {
    /// True if one of the name servers is at or below the zone cut.
    fn has_servers_inside(&self) -> bool {
        self.name_servers.iter().any(|server| server.is_at_or_below(&self.name))
    }
}

/// The parent zone that a delegation is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentZone {
    /// Its name.
    pub name: Name,
    /// The name servers of exactly the zone that has the delegation, according to the service that
    /// hosts it. `None` if they are unknown.
    ///
    /// There may be several zones with this name. If resolvers query none of these name servers,
    /// they query another zone.
    pub name_servers: Option<NameServers>,
}

/// The timeouts of a check. The defaults are for the internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For a response of an authoritative server over UDP. There is one attempt per timeout. By
    /// default two of one second.
    pub datagrams: Vec<Duration>,
    /// For its response over TCP, including the connection. By default 1.5 seconds.
    pub tcp: Duration,
    /// For a response of a resolver, including a connection if it needs one. There are up to three
    /// attempts, each with the next resolver. By default 1.25 seconds.
    pub resolver: Duration,
    /// The pause between two rounds of queries, as long as there is patience left. By default one
    /// second.
    pub pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            datagrams: vec![Duration::from_secs(1); 2],
            tcp: Duration::from_millis(1500),
            resolver: Duration::from_millis(1250),
            pause: Duration::from_secs(1),
        }
    }
}

impl Timing {
    /// The longest time that a round of queries takes: 14.5 seconds with the defaults.
    ///
    /// That is the slowest path to a result. A resolver is asked for the name servers of the parent
    /// zone and then for their addresses, and only the last attempt succeeds each time. A server is
    /// then queried for the zone and for the rest, each time without success over UDP and then over
    /// TCP. A round could only take longer if the name servers need more queries than there are
    /// sockets. It is then cut off.
    pub fn longest_round(&self) -> Duration {
        let datagrams: Duration = self.datagrams.iter().sum();
        (self.resolver * resolver::TRIES + datagrams + self.tcp) * 2
    }
}

impl Verifier {
    /// Creates a check with this resolver (`ip:port`) instead of the system's (`/etc/resolv.conf`).
    ///
    /// The resolver's port is also used for the authoritative servers. It is 53 for the system's
    /// resolver.
    ///
    /// Name servers are only queried at addresses that can be reached over the internet, whatever
    /// the resolver is: see [`Verifier::at_any_address`].
    pub fn new(resolver: Option<SocketAddr>) -> Self {
        let (timing, transport) = (Timing::default(), Arc::new(Sockets));
        let (memory, budget) = (None, None);
        Self { resolver, timing, transport, memory, budget, any_address: false, thorough: false }
    }

    /// Queries name servers at any address, if `any_address` is true. This is for private DNS:
    /// anybody who chooses the name servers could otherwise use the check to scan the network that
    /// it runs in.
    pub fn at_any_address(self, any_address: bool) -> Self {
        Self { any_address, ..self }
    }

    /// Replaces the timeouts.
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// Replaces the system's sockets with another transport.
    pub fn with_transport(self, transport: impl Transport + 'static) -> Self {
        Self { transport: Arc::new(transport), ..self }
    }

    /// Shares resources between many checks, of which at most `checks` are made at the same time.
    /// They share what they learn about addresses and about what can be reached from here. Together
    /// they have 720 sockets, and send at most 512 queries per second to resolvers.
    ///
    /// Each concurrent check has an equal share of both, so that one of them can't make another one
    /// late: the same number of sockets, and of turns to query a resolver.
    ///
    /// A failed lookup is not repeated before [`Verifier::next_pass`]. An address that has never
    /// responded gets a shorter timeout from the third query on.
    pub fn for_run(self, checks: usize) -> Self {
        Self { memory: Some(Arc::new(Memory::of_run(checks))), ..self }
    }

    /// Shares one budget of queries between all checks of a request, which may make several.
    /// Together they send no more datagrams and open no more connections than one check may.
    ///
    /// A check that begins with nothing left queries nobody, and its result is unknown.
    pub fn for_request(self) -> Self {
        Self { budget: Some(Arc::default()), ..self }
    }

    /// Starts another pass of a run: failed lookups are repeated once.
    pub fn next_pass(&self) {
        if let Some(run) = self.memory.as_ref().and_then(|memory| memory.run.as_ref()) {
            run.next_pass();
        }
    }

    /// Also sends queries whose results are only remarks: whether a zone without DS records is
    /// signed.
    pub fn thorough(self) -> Self {
        Self { thorough: true, ..self }
    }

    /// The resolver, and whether name servers may be queried at any address.
    fn resolver(&self) -> Resolver {
        let resolver = self.resolver.map_or_else(Resolver::system, Resolver::at);
        Resolver { any_address: self.any_address, ..resolver }
    }

    fn network(&self) -> Network {
        Network::new(
            self.timing.clone(),
            Arc::clone(&self.transport),
            self.memory.clone().unwrap_or_default(),
            self.budget.clone(),
        )
    }

    /// Checks the child zone, before the parent zone is changed.
    ///
    /// Every expected name server must answer authoritatively for the child's SOA, and its own NS
    /// record set must have exactly the expected name servers. With `ds`, each DS record must be
    /// the digest (SHA-256 or SHA-384) of a key that the server serves and that signs the zone's
    /// key set with a currently valid signature. Any other digest type is a finding, because it
    /// can't be checked.
    ///
    /// Findings that a new zone explains (REFUSED, SERVFAIL, NXDOMAIN, not authoritative, a name
    /// server's name that does not resolve, old name servers or keys) are checked again for at most
    /// `patience`, plus the current round. A server that does not respond is not. So the check ends
    /// at the latest after `patience` and [`Timing::longest_round`], with the findings up to then.
    pub async fn verify_child(&self, expected: &Expected, patience: Duration) -> Report {
        self.check(None, expected, patience).await
    }

    /// Checks the delegation, after the change is in sync.
    ///
    /// Every name server of `parent_zone`, according to the resolver, must have that zone, must
    /// refer to exactly the expected name servers, and must have exactly the expected DS records.
    /// The checks of [`Verifier::verify_child`] apply as well. A server with both zones answers for
    /// the child itself, which is equally good.
    ///
    /// If the name servers of the changed zone are given, resolvers must query at least one of
    /// them. It is a remark if they query others as well.
    ///
    /// Findings are checked again for at most `patience`, plus the current round. This includes
    /// servers of the parent zone that don't respond, unless nothing responds at all. The check
    /// ends as [`Verifier::verify_child`] does.
    pub async fn verify_delegation(
        &self,
        parent_zone: &ParentZone,
        expected: &Expected,
        patience: Duration,
    ) -> Report {
        self.check(Some(parent_zone), expected, patience).await
    }

    async fn check(
        &self,
        parent: Option<&ParentZone>,
        expected: &Expected,
        patience: Duration,
    ) -> Report {
        let net = self.network();
        let resolver = self.resolver();
        let port = self.resolver.map_or(PORT, |resolver| resolver.port());
        Check { net, resolver, port, expected, thorough: self.thorough }.run(parent, patience).await
    }
}

/// A check in progress.
#[derive(Debug)]
struct Check<'a> {
    net: Network,
    resolver: Resolver,
    port: u16,
    expected: &'a Expected,
    thorough: bool,
}

/// The longest pause between two rounds.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

impl Check<'_> {
    async fn run(&self, parent: Option<&ParentZone>, patience: Duration) -> Report {
        let mut pause = self.net.timing.pause;
        let (begun, most) =
            (Instant::now(), patience.saturating_add(self.net.timing.longest_round()));
        let (mut child, mut above) =
            (ZoneCheck::child(self.expected), parent.map(ZoneCheck::parent));
        loop {
            let round = self.ask_all(&mut child, above.as_mut());
            // If the round is cut off, its findings so far count.
            let is_cut = timeout(most.saturating_sub(begun.elapsed()), round).await.is_err();
            if let Some(above) = &mut above {
                above.conclude(&self.net, None);
            }
            child.conclude(&self.net, above.as_ref());
            let report = zone_check::report(self, &child, above.as_ref());
            let is_transient =
                child.is_transient() || above.as_ref().is_some_and(ZoneCheck::is_transient);
            let left = patience.saturating_sub(begun.elapsed());
            let ends = is_cut || !is_transient || report.no_egress() || self.net.is_spent();
            if ends || left < self.net.timing.pause || left.is_zero() {
                return report;
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Queries every server once.
    async fn ask_all(&self, child: &mut ZoneCheck, above: Option<&mut ZoneCheck>) {
        let done = Notify::new();
        let round = async {
            match above {
                // If a name server is in the child zone, the parent's servers have its address.
                Some(above) if self.expected.has_servers_inside() => {
                    self.round(above, None).await;
                    self.round(child, Some(above)).await;
                }
                Some(above) => drop(join(self.round(child, None), self.round(above, None)).await),
                None => self.round(child, None).await,
            }
            done.notify_one();
        };
        let wait = self.net.timing.datagrams.first().copied().unwrap_or_default();
        let early = async {
            let _ = timeout(wait, done.notified()).await;
            self.test_silent_families().await;
        };
        join(round, early).await;
        self.test_silent_families().await;
    }

    /// Tests for each address family without any response whether the network is the cause.
    async fn test_silent_families(&self) {
        let test = async |family| {
            if self.net.has_no_response_over(family) {
                self.try_egress(family).await;
            }
        };
        join(test(Family::V4), test(Family::V6)).await;
    }
}

#[cfg(test)]
mod tests;
