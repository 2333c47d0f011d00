//! Thirty zones, good and ill, by this check and by unbound: `docs/dns-check.md` has the table, and who is right where they differ.

use std::time::Duration;

use delegation_model::ds::DsRecords;
use delegation_model::name_servers::NameServers;
use dns_check::{Expected, Timing, Verdict, Verifier};
use sandbox::unbound::{self, Security, Unbound};
use sandbox::{Account, Dns, DnsFault, OutsideZone, RecordSet, Sandbox, ZoneHandle};

use crate::fixture::{name, parent_zone};

const PARENT: &str = "example.com";

struct World {
    account: Account,
    dns: Dns,
    unbound: Unbound,
    parent: ZoneHandle,
}

/// What a zone is expected to come to.
struct Row {
    label: &'static str,
    ours: Verdict,
    theirs: Security,
}

/// A zone as it was made: where it is delegated to, with which DS records and glue.
struct Made {
    servers: Vec<String>,
    ds: Vec<String>,
    _kept: Vec<OutsideZone>,
}

impl World {
    async fn start() -> Option<Self> {
        let aws = Sandbox::start().await.unwrap();
        let account = aws.account("111111111111");
        let parent = account.hosted_zone(PARENT);
        parent.create_key("parent");
        parent.start_signing();
        let (dns, unbound) = unbound::start(&aws).await?;
        Some(Self { account, dns, unbound, parent })
    }

    /// A zone outside of Route 53 at these servers, with a host.
    fn outside(&self, zone: &str, servers: &[&str]) -> OutsideZone {
        let host = RecordSet::new(&format!("host.{zone}"), "A", 1, ["192.0.2.3"]);
        self.dns.zone(zone, servers.iter().copied(), [host])
    }

    /// A signed hosted zone with its DS record.
    fn signed(&self, zone: &str) -> (ZoneHandle, String) {
        let handle = self.account.hosted_zone(zone);
        handle.put(RecordSet::new(&format!("host.{zone}"), "A", 1, ["192.0.2.3"]));
        let ds = handle.create_key("one").ds_record();
        handle.start_signing();
        (handle, ds)
    }

    fn glue(&self, server: &str, address: &str) {
        self.parent.put(RecordSet::new(server, "A", 1, [address]));
    }

    fn address(&self, server: &str) -> String {
        self.dns.server(server).ip().to_string()
    }

    /// Makes the zone of that label.
    #[expect(clippy::too_many_lines, reason = "a table: each arm makes one zone")]
    fn make(&self, label: &str, zone: &str) -> Made {
        let (one, two) = (
            format!("ns1.{}.net", zone.split('.').next().unwrap()),
            format!("ns2.{}.net", zone.split('.').next().unwrap()),
        );
        let both = [one.as_str(), two.as_str()];
        let inside = [format!("ns1.{zone}"), format!("ns2.{zone}")];
        let within = || [inside[0].as_str(), inside[1].as_str()];
        let made = |servers: &[&str], kept| Made {
            servers: servers.iter().map(|server| (*server).to_owned()).collect(),
            ds: Vec::new(),
            _kept: kept,
        };
        let ill = |faults: &[&str], fault: DnsFault| {
            let kept = self.outside(zone, &both);
            for server in faults {
                self.dns.fault(server, fault.clone());
            }
            made(&both, vec![kept])
        };
        let secured = |spoil: &dyn Fn(&ZoneHandle, String) -> Vec<String>| {
            let (handle, ds) = self.signed(zone);
            let ds = spoil(&handle, ds);
            Made { servers: handle.name_servers(), ds, _kept: Vec::new() }
        };
        let faulty = |fault: DnsFault| {
            secured(&|handle, ds| {
                for server in handle.name_servers() {
                    self.dns.fault(&server, fault.clone());
                }
                vec![ds]
            })
        };
        let stranger = |algorithm: u8| format!("4711 {algorithm} 2 {}", "AB".repeat(32));
        match label {
            "in order, not signed" => ill(&[], DnsFault::Truncated),
            "in order, signed" => secured(&|_, ds| vec![ds]),
            "signed, no DS" => secured(&|_, _| Vec::new()),
            "DS of a stand-by key beside the right one" => secured(&|_, ds| vec![ds, stranger(13)]),
            "DS of ED448 beside the right one" => secured(&|_, ds| vec![ds, stranger(16)]),
            "DS of nobody's key" => secured(&|_, _| vec![stranger(13)]),
            "DS of nobody's ED448 key" => secured(&|_, _| vec![stranger(16)]),
            "DS, and the zone is not signed" => secured(&|handle, ds| {
                handle.unsign();
                vec![ds]
            }),
            "DS of a key that no longer signs" => secured(&|handle, ds| {
                handle.create_key("two");
                handle.set_key_status("one", "INACTIVE");
                vec![ds]
            }),
            "no signature but that of the keys" => faulty(DnsFault::Unsigned),
            "signed, servers without EDNS" => faulty(DnsFault::NoEdns),
            "one of two servers refuses" => ill(&[&two], DnsFault::Refused),
            "both servers refuse" => ill(&both, DnsFault::Refused),
            "one of two servers is silent" => ill(&[&two], DnsFault::Silent),
            "both servers are silent" => ill(&both, DnsFault::Silent),
            "both servers fail" => ill(&both, DnsFault::ServFail),
            "one of two without authority" => ill(&[&two], DnsFault::NotAuthoritative),
            "both without authority" => ill(&both, DnsFault::NotAuthoritative),
            "answers over TCP alone" => ill(&both, DnsFault::Truncated),
            "truncated, and no TCP" => ill(&both, DnsFault::TruncatedWithoutTcp),
            "servers without EDNS" => ill(&both, DnsFault::NoEdns),
            "serial numbers differ" => {
                let soa = format!("{one}. hostmaster.{zone}. 7 7200 900 1209600 300");
                ill(&[&two], DnsFault::Soa(soa))
            }
            "own NS record set is another" => {
                let kept = self.outside(zone, &both);
                kept.put(RecordSet::new(zone, "NS", 1, [one.clone()]));
                made(&both, vec![kept])
            }
            "one of two servers in a free domain" => {
                let kept = self.outside(zone, &[&one]);
                kept.put(RecordSet::new(
                    zone,
                    "NS",
                    1,
                    [one.clone(), format!("ns.free-{label}.net", label = zone.len())],
                ));
                made(&[&one, &format!("ns.free-{}.net", zone.len())], vec![kept])
            }
            "the one server in a free domain" => made(&[&format!("ns.free-{}.org", zone.len())], Vec::new()),
            "glue in order" => {
                let kept = self.outside(zone, &within());
                for server in within() {
                    self.glue(server, &self.address(server));
                }
                made(&within(), vec![kept])
            }
            "glue of one of two servers is stale" => {
                let kept = self.outside(zone, &within());
                self.glue(&inside[0], &self.address(&inside[0]));
                self.glue(&inside[1], "127.0.0.99");
                made(&within(), vec![kept])
            }
            "glue of one of two servers is missing" => {
                let kept = self.outside(zone, &within());
                self.glue(&inside[0], &self.address(&inside[0]));
                made(&within(), vec![kept])
            }
            "no glue" => {
                let kept = self.outside(zone, &within());
                made(&within(), vec![kept])
            }
            "the parent zone refers to others" => {
                let kept = self.outside(zone, &both);
                self.parent.put(RecordSet::new(zone, "NS", 1, ["ns1.elsewhere.net", "ns2.elsewhere.net"]));
                made(&both, vec![kept])
            }
            "not delegated" => {
                let kept = self.outside(zone, &both);
                made(&both, vec![kept])
            }
            other => panic!("{other}"),
        }
    }
}

use Security::{Bogus, Insecure, Secure, Unreachable};
use Verdict::{Bad, Good};

const fn row(label: &'static str, ours: Verdict, theirs: Security) -> Row {
    Row { label, ours, theirs }
}

const ROWS: [Row; 31] = [
    row("in order, not signed", Good, Insecure),
    row("in order, signed", Good, Secure),
    row("signed, no DS", Good, Insecure),
    row("DS of a stand-by key beside the right one", Good, Secure),
    row("DS of ED448 beside the right one", Good, Secure),
    row("DS of nobody's key", Bad, Bogus),
    row("DS of nobody's ED448 key", Bad, Bogus),
    row("DS, and the zone is not signed", Bad, Bogus),
    row("DS of a key that no longer signs", Bad, Bogus),
    row("no signature but that of the keys", Bad, Bogus),
    row("signed, servers without EDNS", Bad, Bogus),
    row("one of two servers refuses", Bad, Insecure),
    row("both servers refuse", Bad, Unreachable),
    row("one of two servers is silent", Bad, Insecure),
    row("both servers are silent", Bad, Unreachable),
    row("both servers fail", Bad, Unreachable),
    row("one of two without authority", Bad, Insecure),
    row("both without authority", Bad, Insecure),
    row("answers over TCP alone", Good, Insecure),
    row("truncated, and no TCP", Bad, Unreachable),
    row("servers without EDNS", Good, Insecure),
    row("serial numbers differ", Good, Insecure),
    row("own NS record set is another", Bad, Insecure),
    row("one of two servers in a free domain", Bad, Insecure),
    row("the one server in a free domain", Bad, Unreachable),
    row("glue in order", Good, Insecure),
    row("glue of one of two servers is stale", Bad, Insecure),
    row("glue of one of two servers is missing", Bad, Insecure),
    row("no glue", Bad, Unreachable),
    row("the parent zone refers to others", Bad, Unreachable),
    row("not delegated", Bad, Secure),
];

/// How often unbound is asked for a zone that it can reach: it begins with a server of its own choice, and may wait for a silent one
/// until its time is over.
const TRIES: usize = 5;

#[tokio::test]
async fn thirty_zones_by_this_check_and_by_unbound() {
    let Some(world) = World::start().await else { return };
    let mut zones = Vec::new();
    for (at, row) in ROWS.iter().enumerate() {
        let zone = format!("z{at:02}{}.{PARENT}", "x".repeat(at));
        let made = world.make(row.label, &zone);
        if !matches!(row.label, "the parent zone refers to others" | "not delegated") {
            world.parent.put(RecordSet::new(&zone, "NS", 1, made.servers.clone()));
        }
        if !made.ds.is_empty() {
            world.parent.put(RecordSet::new(&zone, "DS", 1, made.ds.clone()));
        }
        zones.push((row, zone, made));
    }
    let long = Duration::from_mins(1);
    // Silence is waited for; an answer has five times as long as it takes on a busy machine.
    let timing =
        Timing { datagrams: vec![Duration::from_secs(5)], tcp: Duration::from_secs(5), resolver: long, pause: long };
    let verifier = Verifier::new(Some(world.dns.resolver())).at_any_address(true).with_timing(timing).for_run();
    let mut wrong = Vec::new();
    for (row, zone, made) in &zones {
        let expected = Expected {
            name: name(zone),
            name_servers: NameServers::found(&made.servers).unwrap(),
            ds: DsRecords::found(&made.ds),
            check_ds: false,
            glue: Vec::new(),
        };
        let report = verifier.verify_delegation(&parent_zone(PARENT), &expected, Duration::ZERO).await;
        // It tries servers that are silent for longer than anybody waits.
        let mut security = Unreachable;
        for _ in 0..TRIES {
            let found = world.unbound.resolve(&format!("host.{zone}"), "A").await;
            security = found.map_or(Unreachable, |found| found.security);
            if security != Unreachable || row.theirs == Unreachable {
                break;
            }
        }
        if (report.verdict(), security) != (row.ours, row.theirs) {
            wrong.push(format!("{}: {:?}, unbound {security:?}: {report}", row.label, report.verdict()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
