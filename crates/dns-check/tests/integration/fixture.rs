//! The fixture: `example.com` and `testing.example.com` in two accounts, and a check that uses the
//! sandbox's resolver.

use std::time::Duration;

use delegation_model::ds::DsRecords;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use dns_check::{Expected, ParentZone, Report, ServerState, Timing, Verifier};
use sandbox::{Dns, RecordSet, Sandbox, ZoneHandle};

pub(crate) const CHILD: &str = "testing.example.com";
pub(crate) const PARENT: &str = "example.com";

/// Longer than any test takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// No patience: one round.
pub(crate) const NONE: Duration = Duration::ZERO;

pub(crate) struct Fixture {
    _aws: Sandbox,
    pub(crate) dns: Dns,
    pub(crate) parent: ZoneHandle,
    pub(crate) child: ZoneHandle,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let aws = Sandbox::start().await.unwrap();
        let parent = aws.account("111111111111").hosted_zone(PARENT);
        let child = aws.account("222222222222").hosted_zone(CHILD);
        let dns = aws.dns().await.unwrap();
        Self { _aws: aws, dns, parent, child }
    }

    /// The fixture with a delegation.
    pub(crate) async fn delegated() -> Self {
        let fixture = Self::new().await;
        fixture.delegate(&fixture.child.name_servers());
        fixture
    }

    pub(crate) fn delegate(&self, servers: &[String]) {
        self.parent.put(RecordSet::new(CHILD, "NS", 300, servers.iter().cloned()));
    }

    /// The expected delegation to the child zone, without DS records.
    pub(crate) fn expected(&self) -> Expected {
        Expected {
            name: name(CHILD),
            name_servers: NameServers::parse(&self.child.name_servers()).unwrap(),
            ds: None,
            check_ds: true,
            glue: Vec::new(),
        }
    }

    /// The expected delegation with these DS records.
    pub(crate) fn signed(&self, ds: &[String]) -> Expected {
        Expected { ds: Some(DsRecords::from_values(ds).unwrap()), ..self.expected() }
    }

    /// A check whose timeouts are longer than any machine is busy. A silent server would take that
    /// long.
    pub(crate) fn verifier(&self) -> Verifier {
        let long = Duration::from_mins(1);
        self.with(Timing {
            datagrams: vec![long],
            tcp: long,
            resolver: long,
            pause: Duration::ZERO,
        })
    }

    fn with(&self, timing: Timing) -> Verifier {
        Verifier::new(Some(self.dns.resolver())).at_any_address(true).with_timing(timing)
    }

    /// A check with a short timeout for datagrams, and this timeout for TCP.
    pub(crate) fn impatient(&self, tcp: Duration) -> Verifier {
        let (short, long) = (Duration::from_millis(50), Duration::from_mins(1));
        self.with(Timing {
            datagrams: vec![short, short],
            tcp,
            resolver: long,
            pause: Duration::from_millis(1),
        })
    }

    pub(crate) async fn before(&self, expected: &Expected, patience: Duration) -> Report {
        let report = self.one_round(patience).verify_child(expected, patience).await;
        self.assert_resolver_was_not_asked_below_the_cut();
        report
    }

    pub(crate) async fn after(&self, expected: &Expected, patience: Duration) -> Report {
        let report = self
            .one_round(patience)
            .verify_delegation(&parent_zone(PARENT), expected, patience)
            .await;
        self.assert_resolver_was_not_asked_below_the_cut();
        report
    }

    fn one_round(&self, patience: Duration) -> Verifier {
        if !patience.is_zero() {
            return self.verifier();
        }
        // A pause that exceeds the patience.
        let long = Duration::from_mins(1);
        self.with(Timing {
            datagrams: vec![long],
            tcp: long,
            resolver: long,
            pause: Duration::from_millis(1),
        })
    }

    fn assert_resolver_was_not_asked_below_the_cut(&self) {
        for query in self.dns.queries_to("resolver") {
            assert!(!name(&query.name).is_at_or_below(&name(CHILD)), "{query:?}");
        }
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn states(report: &Report) -> Vec<ServerState> {
    report.servers().iter().map(|server| server.state).collect()
}

/// A parent zone without information about its name servers.
pub(crate) fn parent_zone(text: &str) -> ParentZone {
    ParentZone { name: name(text), name_servers: None }
}
