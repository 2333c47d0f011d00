//! Compares the results of this check for 36 good and faulty zones with those of other programs:
//! unbound, delv and drill. `docs/dns-check.md` has the table, and says which is right if they
//! differ.

use std::time::Duration;

use futures_util::future::{join, join_all, join3};

use delegation_model::ds::DsRecords;
use delegation_model::name_servers::NameServers;
use dns_check::{Expected, Timing, Verdict, Verifier};
use sandbox::look_up::{LookUp, Program, Validation};
use sandbox::unbound::{self, Security, Unbound};
use sandbox::{Account, Dns, DnsFault, OutsideZone, RecordSet, Sandbox, ZoneHandle};
use tokio::time::timeout;

use crate::fixture::{name, parent_zone};

const PARENT: &str = "example.com";

/// Nothing changes while the zones are checked.
const TTL: u32 = 300;

struct ZonesFixture {
    account: Account,
    dns: Dns,
    unbound: Unbound,
    /// `None` if it is not installed.
    delv: Option<LookUp>,
    drill: Option<LookUp>,
    parent: ZoneHandle,
}

/// The expected results for a zone.
struct Row {
    label: &'static str,
    ours: Verdict,
    unbound: Validation,
    delv: Validation,
    drill: Validation,
    /// Which is right if they differ.
    why: &'static str,
}

/// The delegation of a zone: its name servers, DS records and glue.
struct CreatedZone {
    servers: Vec<String>,
    ds: Vec<String>,
    _kept: Vec<OutsideZone>,
}

impl ZonesFixture {
    async fn start() -> Option<Self> {
        let aws = Sandbox::start().await.unwrap();
        let account = aws.account("111111111111");
        let parent = account.hosted_zone(PARENT);
        parent.create_key("parent");
        parent.start_signing();
        let (dns, unbound) = unbound::start(&aws).await?;
        let program = |program| LookUp::start(program, &dns, unbound.address());
        let (delv, drill) = (program(Program::Delv), program(Program::Drill));
        Some(Self { account, dns, unbound, delv, drill, parent })
    }

    /// A zone outside of Route 53 at these servers, with one host.
    fn outside(&self, zone: &str, servers: &[&str]) -> OutsideZone {
        let host = RecordSet::new(&format!("host.{zone}"), "A", TTL, ["192.0.2.3"]);
        self.dns.zone(zone, servers.iter().copied(), [host])
    }

    /// A signed hosted zone, and its DS record.
    fn signed(&self, zone: &str) -> (ZoneHandle, String) {
        let handle = self.account.hosted_zone(zone);
        handle.put(RecordSet::new(&format!("host.{zone}"), "A", TTL, ["192.0.2.3"]));
        let ds = handle.create_key("one").ds_record();
        handle.start_signing();
        (handle, ds)
    }

    fn glue(&self, server: &str, address: &str) {
        self.parent.put(RecordSet::new(server, "A", TTL, [address]));
    }

    fn address(&self, server: &str) -> String {
        self.dns.server(server).ip().to_string()
    }

    /// Creates the zone for this label.
    #[expect(clippy::too_many_lines, reason = "a table: each arm creates one zone")]
    fn create(&self, label: &str, zone: &str) -> CreatedZone {
        let (one, two) = (
            format!("ns1.{}.net", zone.split('.').next().unwrap()),
            format!("ns2.{}.net", zone.split('.').next().unwrap()),
        );
        let both = [one.as_str(), two.as_str()];
        let inside = [format!("ns1.{zone}"), format!("ns2.{zone}")];
        let within = || [inside[0].as_str(), inside[1].as_str()];
        let made = |servers: &[&str], kept| CreatedZone {
            servers: servers.iter().map(|server| (*server).to_owned()).collect(),
            ds: Vec::new(),
            _kept: kept,
        };
        let broken = |faults: &[&str], fault: DnsFault| {
            let kept = self.outside(zone, &both);
            for server in faults {
                self.dns.fault(server, fault.clone());
            }
            made(&both, vec![kept])
        };
        let secured = |spoil: &dyn Fn(&ZoneHandle, String) -> Vec<String>| {
            let (handle, ds) = self.signed(zone);
            let ds = spoil(&handle, ds);
            CreatedZone { servers: handle.name_servers(), ds, _kept: Vec::new() }
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
            "in order, not signed" => broken(&[], DnsFault::Truncated),
            "in order, signed" => secured(&|_, ds| vec![ds]),
            "signed, no DS" => secured(&|_, _| Vec::new()),
            "DS of a standby key and of the current key" => {
                secured(&|_, ds| vec![ds, stranger(13)])
            }
            "DS of an ED448 key and of the current key" => secured(&|_, ds| vec![ds, stranger(16)]),
            "DS of an unknown key" => secured(&|_, _| vec![stranger(13)]),
            "DS of an unknown ED448 key" => secured(&|_, _| vec![stranger(16)]),
            "DS, but the zone is not signed" => secured(&|handle, ds| {
                handle.unsign();
                vec![ds]
            }),
            "DS of a key that no longer signs" => secured(&|handle, ds| {
                handle.create_key("two");
                handle.set_key_status("one", "INACTIVE");
                vec![ds]
            }),
            "DS with SHA-1 and DS with SHA-256" => {
                secured(&|handle, ds| vec![ds, handle.keys()[0].sha1_ds_record().unwrap()])
            }
            "only a DS with SHA-1" => {
                secured(&|handle, _| vec![handle.keys()[0].sha1_ds_record().unwrap()])
            }
            "DS with an unknown algorithm" => secured(&|_, _| vec![stranger(253)]),
            "no signatures except that of the keys" => faulty(DnsFault::Unsigned),
            "signed, servers without EDNS" => faulty(DnsFault::NoEdns),
            "one of two servers refuses" => broken(&[&two], DnsFault::Refused),
            "both servers refuse" => broken(&both, DnsFault::Refused),
            "one of two servers is silent" => broken(&[&two], DnsFault::Silent),
            "both servers are silent" => broken(&both, DnsFault::Silent),
            "both servers fail" => broken(&both, DnsFault::ServFail),
            "one of two servers not authoritative" => broken(&[&two], DnsFault::NotAuthoritative),
            "both servers not authoritative" => broken(&both, DnsFault::NotAuthoritative),
            "answers only over TCP" => broken(&both, DnsFault::Truncated),
            "truncated, but no TCP" => broken(&both, DnsFault::TruncatedWithoutTcp),
            "servers without EDNS" => broken(&both, DnsFault::NoEdns),
            "serial numbers differ" => {
                let soa = format!("{one}. hostmaster.{zone}. 7 7200 900 1209600 300");
                broken(&[&two], DnsFault::Soa(soa))
            }
            "answers with the id of another query" => broken(&both, DnsFault::WrongId),
            "the name of the only server is an alias" => {
                let alias = format!("alias-{zone}");
                self.parent.put(RecordSet::new(&alias, "CNAME", TTL, [one.clone()]));
                let kept = self.outside(zone, &[&one]);
                kept.put(RecordSet::new(zone, "NS", TTL, [alias.clone()]));
                made(&[&alias], vec![kept])
            }
            "own NS record set differs" => {
                let kept = self.outside(zone, &both);
                kept.put(RecordSet::new(zone, "NS", TTL, [one.clone()]));
                made(&both, vec![kept])
            }
            "one of two servers in an unregistered domain" => {
                let kept = self.outside(zone, &[&one]);
                kept.put(RecordSet::new(
                    zone,
                    "NS",
                    TTL,
                    [one.clone(), format!("ns.free-{label}.net", label = zone.len())],
                ));
                made(&[&one, &format!("ns.free-{}.net", zone.len())], vec![kept])
            }
            "the only server in an unregistered domain" => {
                made(&[&format!("ns.free-{}.org", zone.len())], Vec::new())
            }
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
            "the parent zone refers to other servers" => {
                let kept = self.outside(zone, &both);
                self.parent.put(RecordSet::new(
                    zone,
                    "NS",
                    TTL,
                    ["ns1.elsewhere.net", "ns2.elsewhere.net"],
                ));
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

use Validation::{Bogus, Fails, Insecure, NoSuchName, Secure, Unchained, Unsigned};
use Verdict::{Bad, Good};

const fn row(
    label: &'static str,
    ours: Verdict,
    [unbound, delv, drill]: [Validation; 3],
    why: &'static str,
) -> Row {
    Row { label, ours, unbound, delv, drill, why }
}

/// The results of the three programs for a zone that resolves and is not signed.
const RESOLVES: [Validation; 3] = [Insecure, Insecure, Unsigned];
const SECURE: [Validation; 3] = [Secure; 3];
/// For a bogus zone, or a signed zone without a chain of trust.
const BOGUS: [Validation; 3] = [Bogus, Bogus, Unchained];
/// For a zone that is bogus because it has no signatures.
const STRIPPED: [Validation; 3] = [Bogus, Bogus, Unsigned];
const FAILS: [Validation; 3] = [Fails; 3];

/// Instead of a reason: the zone resolves because one server is good.
const ONE_IS_GOOD: &str = "*";
/// For a signed zone without a DS record set.
const ISLAND: &str = "RFC 4035, section 4.3: the zone is insecure, because the parent zone proves that it has no DS record set. \
                      drill does not request that proof";

const ROWS: [Row; 36] = [
    row("in order, not signed", Good, RESOLVES, ""),
    row("in order, signed", Good, SECURE, ""),
    row("signed, no DS", Good, [Insecure, Insecure, Unchained], ISLAND),
    row("DS of a standby key and of the current key", Good, SECURE, ""),
    row("DS of an ED448 key and of the current key", Good, SECURE, ""),
    row("DS of an unknown key", Bad, BOGUS, ""),
    row("DS of an unknown ED448 key", Bad, BOGUS, ""),
    row("DS, but the zone is not signed", Bad, STRIPPED, ""),
    row("DS with SHA-1 and DS with SHA-256", Good, SECURE, ""),
    row("only a DS with SHA-1", Good, SECURE, ""),
    row(
        "DS with an unknown algorithm",
        Bad,
        [Insecure, Insecure, Unchained],
        "RFC 4035, section 5.2: a validator that supports none of the algorithms treats the zone as unsigned. But the record \
         matches no key, and a validator that supports the algorithm considers the zone bogus",
    ),
    row("DS of a key that no longer signs", Bad, BOGUS, ""),
    row("no signatures except that of the keys", Bad, STRIPPED, ""),
    row("signed, servers without EDNS", Bad, STRIPPED, ""),
    row("one of two servers refuses", Bad, RESOLVES, ONE_IS_GOOD),
    row("both servers refuse", Bad, FAILS, ""),
    row("one of two servers is silent", Bad, RESOLVES, ONE_IS_GOOD),
    row("both servers are silent", Bad, FAILS, ""),
    row("both servers fail", Bad, FAILS, ""),
    row("one of two servers not authoritative", Bad, RESOLVES, ONE_IS_GOOD),
    row(
        "both servers not authoritative",
        Bad,
        RESOLVES,
        "RFC 1034, section 4.2.2: a server of the zone answers with authority. unbound accepts the answer nevertheless; others \
         do not",
    ),
    row("answers only over TCP", Good, RESOLVES, ""),
    row("truncated, but no TCP", Bad, FAILS, ""),
    row("answers with the id of another query", Bad, FAILS, ""),
    row(
        "the name of the only server is an alias",
        Bad,
        RESOLVES,
        "RFC 2181, section 10.3: the name of a name server must not be an alias. unbound follows it nevertheless; others do not",
    ),
    row("servers without EDNS", Good, RESOLVES, ""),
    row("serial numbers differ", Good, RESOLVES, ""),
    row(
        "own NS record set differs",
        Bad,
        RESOLVES,
        "RFC 1034, section 4.2.2: both sets must be the same. The zone resolves until a resolver uses the other set",
    ),
    row(
        "one of two servers in an unregistered domain",
        Bad,
        RESOLVES,
        "*, but it can be taken over",
    ),
    row("the only server in an unregistered domain", Bad, FAILS, ""),
    row("glue in order", Good, RESOLVES, ""),
    row("glue of one of two servers is stale", Bad, RESOLVES, ONE_IS_GOOD),
    row(
        "glue of one of two servers is missing",
        Bad,
        RESOLVES,
        "RFC 9471, section 3.1: a referral includes all glue. The zone resolves through the other server",
    ),
    row("no glue", Bad, FAILS, ""),
    row("the parent zone refers to other servers", Bad, FAILS, ""),
    row("not delegated", Bad, [NoSuchName; 3], "the expected delegation is missing: all are right"),
];

fn words(validation: Validation) -> &'static str {
    match validation {
        Secure => "secure",
        Insecure => "resolves",
        Unsigned => "no signature",
        Unchained => "no chain",
        Bogus => "bogus",
        Fails => "fails",
        NoSuchName => "proves that the name does not exist",
    }
}

/// The table of the page, in Markdown.
fn table() -> String {
    let head = ["zone", "this check", "unbound", "delv", "drill", "if they differ"];
    let mut lines =
        vec![format!("| {} |", head.join(" | ")), format!("|{}", "---|".repeat(head.len()))];
    for row in &ROWS {
        let ours = if row.ours == Good { "good" } else { "bad" };
        let theirs = [row.unbound, row.delv, row.drill].map(words).join(" | ");
        lines.push(format!("| {} | {ours} | {theirs} | {} |", row.label, row.why));
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_page_has_the_table() {
    let page = include_str!("../../../../docs/dns-check.md");
    assert!(page.contains(&table()), "docs/dns-check.md lacks this table:\n{}", table());
}

/// How often unbound is queried for a zone that it can reach: it starts with a random server, and
/// may wait for a silent one until it gives up.
const TRIES: usize = 5;

/// How long to wait for a zone that is expected to fail: a program that keeps trying silent servers
/// never has a result. Usually, a result arrives within a second.
const SILENCE: Duration = Duration::from_secs(20);

/// The timeout for a response that arrives: longer than any machine is busy.
const PATIENCE: Duration = Duration::from_mins(5);

/// True if a server of the zone sends no response that a program accepts, so that it is waited for.
fn has_silence(row: &Row) -> bool {
    ["silent", "another query"].iter().any(|word| row.label.contains(word))
}

/// The results for a zone, and the programs' output.
struct Compared {
    ours: Verdict,
    /// `None` for a program that is not installed.
    theirs: [Option<Validation>; 3],
    output: String,
}

impl ZonesFixture {
    /// This check, with one timeout for all responses of name servers, for this number of zones.
    fn verifier(&self, response: Duration, zones: usize) -> Verifier {
        let timing = Timing {
            datagrams: vec![response],
            tcp: response,
            resolver: PATIENCE,
            pause: PATIENCE,
        };
        Verifier::new(Some(self.dns.resolver()))
            .at_any_address(true)
            .with_timing(timing)
            .for_run(zones)
    }

    async fn compare(
        &self,
        verifier: &Verifier,
        row: &Row,
        zone: &str,
        made: &CreatedZone,
    ) -> Compared {
        let expected = Expected {
            name: name(zone),
            name_servers: NameServers::from_values(&made.servers).unwrap(),
            ds: DsRecords::from_values(&made.ds),
            check_ds: false,
            glue: Vec::new(),
        };
        let (parent, host) = (parent_zone(PARENT), format!("host.{zone}"));
        let ours = verifier.verify_delegation(&parent, &expected, Duration::ZERO);
        let theirs = async {
            let unbound = self.by_unbound(&host, row.unbound);
            let delv = look_up(self.delv.as_ref(), &host, row.delv);
            let drill = look_up(self.drill.as_ref(), &host, row.drill);
            if row.unbound == Fails {
                // Each waits for silent servers, whatever the other programs find.
                return join3(unbound, delv, drill).await;
            }
            // The other programs use what unbound has found.
            (unbound.await, delv.await, drill.await)
        };
        let (report, (unbound, delv, drill)) = join(ours, theirs).await;
        let output = [&delv, &drill].into_iter().flatten().map(|(_, printed)| printed.as_str());
        let output =
            [report.to_string().as_str()].into_iter().chain(output).collect::<Vec<_>>().join("\n");
        let theirs = [
            Some(unbound),
            delv.map(|(validation, _)| validation),
            drill.map(|(validation, _)| validation),
        ];
        Compared { ours: report.verdict(), theirs, output }
    }

    async fn by_unbound(&self, host: &str, expected: Validation) -> Validation {
        let mut validation = Fails;
        for _ in 0..TRIES {
            let found = self.unbound.resolve(host, "A");
            let found =
                if expected == Fails { timeout(SILENCE, found).await } else { Ok(found.await) };
            validation = match found {
                Ok(Ok(found)) => match found.security {
                    Security::Secure if found.data.is_empty() => NoSuchName,
                    Security::Secure => Secure,
                    Security::Insecure => Insecure,
                    Security::Bogus => Bogus,
                    Security::Unreachable => Fails,
                },
                Ok(Err(_)) | Err(_) => Fails,
            };
            if validation != Fails || expected == Fails {
                break;
            }
        }
        validation
    }
}

/// A program's result for a host, and its output. `None` if it is not installed.
async fn look_up(
    program: Option<&LookUp>,
    host: &str,
    expected: Validation,
) -> Option<(Validation, String)> {
    let validated = program?.look_up(host, "A");
    if expected != Fails {
        return Some(validated.await.unwrap());
    }
    let validated = timeout(SILENCE, validated).await;
    Some(validated.map_or_else(|_| (Fails, "nothing".to_owned()), Result::unwrap))
}

#[tokio::test]
async fn the_check_agrees_with_other_programs_or_has_a_reason() {
    let Some(fixture) = ZonesFixture::start().await else { return };
    let mut zones = Vec::new();
    for (at, row) in ROWS.iter().enumerate() {
        let zone = format!("z{at:02}{}.{PARENT}", "x".repeat(at));
        let made = fixture.create(row.label, &zone);
        if !matches!(row.label, "the parent zone refers to other servers" | "not delegated") {
            fixture.parent.put(RecordSet::new(&zone, "NS", TTL, made.servers.clone()));
        }
        if !made.ds.is_empty() {
            fixture.parent.put(RecordSet::new(&zone, "DS", TTL, made.ds.clone()));
        }
        zones.push((row, zone, made));
    }
    // A zone with a silent server is bad, whether the other one responds in time or not.
    let impatient = fixture.verifier(Duration::from_secs(5), zones.len());
    let patient = fixture.verifier(PATIENCE, zones.len());
    let compare = async |(row, zone, made): &(&Row, String, CreatedZone)| {
        let verifier = if has_silence(row) { &impatient } else { &patient };
        let found = fixture.compare(verifier, row, zone, made).await;
        let expected = [row.unbound, row.delv, row.drill];
        let differ = |(found, expected): (&Option<Validation>, Validation)| {
            found.is_some_and(|found| found != expected)
        };
        let is_wrong = found.ours != row.ours || found.theirs.iter().zip(expected).any(differ);
        is_wrong.then(|| {
            format!("{}: {:?}, {:?}: {}", row.label, found.ours, found.theirs, found.output)
        })
    };
    // The zones with silent servers are checked concurrently, the others one after the other.
    let (silent, quick): (Vec<_>, Vec<_>) = zones.iter().partition(|(row, ..)| has_silence(row));
    let one_by_one = async {
        let mut wrong = Vec::new();
        for zone in quick {
            wrong.push(compare(zone).await);
        }
        wrong
    };
    let (one, other) = join(join_all(silent.into_iter().map(&compare)), one_by_one).await;
    let wrong: Vec<String> = one.into_iter().chain(other).flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
