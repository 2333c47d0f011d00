//! The DNS check: does the delegation resolve, as `dig +trace` would see it?
//!
//! Questions go straight to the authoritative servers. A resolver is asked for the addresses of
//! name servers and for the name servers of the parent zone, never for the child's name or one
//! below it: it would keep the answer "no such name" for as long as the parent zone's SOA says (RFC
//! 2308), and those behind it would not see the new delegation.
//!
//! Everything is bounded: time (see [`Timing::longest_round`]), sockets (64), where packets go,
//! what is read of an answer, what a [`Report`] keeps and says. A server may answer whatever it
//! likes.
//!
//! What is checked is what resolvers rely on: RFC 1034 (section 4.3.2, referrals), RFC 2181
//! (section 5.4.1, authority), RFC 4035 (sections 3.1.4.1 and 5.2, DS), RFC 6891 (EDNS), RFC 7766
//! (TCP), RFC 9471 (glue).

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
pub use report::{Address, Report, Server, Verdict};
pub use transport::{Datagrams, Transport};

use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use finding::Family;
use network::{Memory, Network};
use resolver::Resolver;
use transport::Sockets;
use zone_check::ZoneCheck;

/// The port of DNS (RFC 1035, section 4.2).
const PORT: u16 = 53;

/// Whether a resolver is one that the internet can ask, at port 53.
pub fn is_public_resolver(resolver: SocketAddr) -> bool {
    resolver.port() == PORT && address_filter::is_global(resolver.ip())
}

/// The DNS check. It does nothing until asked.
#[derive(Clone, Debug)]
pub struct Verifier {
    resolver: Option<SocketAddr>,
    timing: Timing,
    transport: Arc<dyn Transport>,
    /// What the checks of a run share.
    memory: Option<Arc<Memory>>,
    anywhere: bool,
    thorough: bool,
}

/// What a delegation should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The child's name, the zone cut.
    pub name: Name,
    /// The name servers: of the NS record set in the parent zone, and of the one at the child
    /// zone's own apex.
    pub name_servers: NameServers,
    /// The DS record set in the parent zone.
    pub ds: Option<DsRecords>,
    /// Without `ds`: whether a DS record set in the parent zone is a finding. With `ds` it is
    /// compared anyway.
    pub check_ds: bool,
    /// The addresses that the parent zone has as glue, for name servers at or below `name`.
    pub glue: Vec<(Name, IpAddr)>,
}

impl Expected {
    /// True if one of the name servers lies at or below the zone cut.
    fn has_servers_inside(&self) -> bool {
        self.name_servers.iter().any(|server| server.is_at_or_below(&self.name))
    }
}

/// The parent zone in which a delegation was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentZone {
    /// Its name.
    pub name: Name,
    /// The name servers of the very zone that was written, as the service that holds it names them;
    /// `None` if nobody has told.
    ///
    /// There may be several zones of one name. If the world asks none of these name servers, it
    /// asks another zone.
    pub name_servers: Option<NameServers>,
}

/// How long to wait for what; the defaults are for the internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For an authoritative server's answer over UDP: asked once for each wait. Two of a second.
    pub datagrams: Vec<Duration>,
    /// For its answer over TCP, with the connection. A second and a half.
    pub tcp: Duration,
    /// For a resolver's answer, with the connection where it takes one; it is asked three times at
    /// most, one resolver after the other. A second and a quarter.
    pub resolver: Duration,
    /// Between two rounds of questions, while patience lasts. A second.
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
    /// What a round of questions takes at most: fourteen and a half seconds with the defaults.
    ///
    /// That is the longest way to an answer: a resolver is asked for the name servers of the parent
    /// zone and then for their addresses, each time in vain but for the last try; a server is asked
    /// for the zone and then for the rest, each time over UDP in vain and then over TCP. Name
    /// servers that together are asked more than there are sockets for could make it longer; then
    /// the round is cut.
    pub fn longest_round(&self) -> Duration {
        let datagrams: Duration = self.datagrams.iter().sum();
        (self.resolver * resolver::TRIES + datagrams + self.tcp) * 2
    }
}

impl Verifier {
    /// A check that asks this resolver, `ip:port`, in place of the system's (`/etc/resolv.conf`).
    ///
    /// Its port is then also the one of the authoritative servers that it leads to, 53 otherwise.
    ///
    /// Name servers are asked at addresses that the internet can reach, and at no other, wherever
    /// the resolver is: see [`Verifier::at_any_address`].
    pub fn new(resolver: Option<SocketAddr>) -> Self {
        let (timing, transport) = (Timing::default(), Arc::new(Sockets));
        Self { resolver, timing, transport, memory: None, anywhere: false, thorough: false }
    }

    /// The same, asking name servers at any address if so said, as in a DNS of one's own. Who
    /// chooses the name servers can then look around in the network of who asks.
    pub fn at_any_address(self, anywhere: bool) -> Self {
        Self { anywhere, ..self }
    }

    /// The same with other waits.
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// The same over another network than the system's sockets.
    pub fn with_transport(self, transport: impl Transport + 'static) -> Self {
        Self { transport: Arc::new(transport), ..self }
    }

    /// The same for many checks in a row or side by side. What one has found of addresses, and of
    /// what can be reached from here, the others go by; they have 480 sockets together, and ask
    /// resolvers 512 questions a second at most.
    ///
    /// What failed is not tried again before [`Verifier::look_again`]. An address from which
    /// nothing has ever come is asked more briefly from the third question on.
    pub fn for_run(self) -> Self {
        Self { memory: Some(Arc::new(Memory::of_run())), ..self }
    }

    /// Begins another look of a run: names that could not be looked up are looked up once more.
    pub fn look_again(&self) {
        if let Some(run) = self.memory.as_ref().and_then(|memory| memory.run.as_ref()) {
            run.look_again();
        }
    }

    /// The same, with questions that are only of interest: whether a zone without DS records is
    /// signed.
    pub fn thorough(self) -> Self {
        Self { thorough: true, ..self }
    }

    /// Whom to ask for addresses, and which of them may be asked in turn.
    fn resolver(&self) -> Resolver {
        let resolver = self.resolver.map_or_else(Resolver::system, Resolver::at);
        Resolver { anywhere: self.anywhere, ..resolver }
    }

    fn network(&self) -> Network {
        Network::new(
            self.timing.clone(),
            Arc::clone(&self.transport),
            self.memory.clone().unwrap_or_default(),
        )
    }

    /// Checks the child zone, before the parent zone is touched.
    ///
    /// Every wanted name server answers authoritatively for the child's SOA, and its own NS record
    /// set has exactly the wanted name servers. With `ds`, each DS record is the digest (SHA-256 or
    /// SHA-384) of a key that the server serves and that signs the zone's key set, validly now; any
    /// other digest type is a finding, since nothing is known of it.
    ///
    /// What a fresh zone shows (REFUSED, SERVFAIL, NXDOMAIN, not authoritative, a name server's
    /// name that does not resolve, old name servers or keys) is asked again for at most `patience`,
    /// plus the round that has begun; silence is not. So it ends after `patience` and
    /// [`Timing::longest_round`] at the latest, with what was found until then.
    pub async fn verify_child(&self, expected: &Expected, patience: Duration) -> Report {
        self.check(None, expected, patience).await
    }

    /// Checks the delegation, after the change is in sync.
    ///
    /// Every name server of `parent_zone`, as the resolver names them, has that zone and refers to
    /// exactly the wanted name servers, and has exactly the wanted DS records; and what
    /// [`Verifier::verify_child`] checks holds. A server that has both zones answers for the child
    /// itself, which is as good.
    ///
    /// If the name servers of the zone that was written are given, the world must ask at least one
    /// of them. That it asks others as well is a remark.
    ///
    /// What is not so is asked again for at most `patience`, plus the round that has begun; the
    /// silence of a server of the parent zone too, unless nothing answers at all. It ends when
    /// [`Verifier::verify_child`] does.
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

/// A check under way.
#[derive(Debug)]
struct Check<'a> {
    net: Network,
    resolver: Resolver,
    port: u16,
    expected: &'a Expected,
    thorough: bool,
}

/// No pause between two rounds is longer.
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
            // Where it is cut, what was found before stands.
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

    /// Asks everybody once.
    async fn ask_all(&self, child: &mut ZoneCheck, above: Option<&mut ZoneCheck>) {
        let done = Notify::new();
        let round = async {
            match above {
                // Where a server lies in the child zone, the parent's servers tell its address.
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
            self.try_egress_where_in_vain().await;
        };
        join(round, early).await;
        self.try_egress_where_in_vain().await;
    }

    /// Where nothing was heard, is it the network?
    async fn try_egress_where_in_vain(&self) {
        let of = async |family| {
            if self.net.is_in_vain(family) {
                self.try_egress(family).await;
            }
        };
        join(of(Family::V4), of(Family::V6)).await;
    }
}

#[cfg(test)]
mod tests;
