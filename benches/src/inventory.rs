//! The third table: the cost of `delegation list --check` for zones of several sizes, and with dead
//! name servers.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use sandbox::{Account, Dns, DnsFault, RecordSet, Sandbox, ZoneHandle};
use serde_json::Value;
use tokio::process::Command;

/// The number of providers that serve the child zones, with two name servers each.
const PROVIDERS: usize = 32;
/// One delegation in this many is broken.
const BROKEN: usize = 100;

/// Runs the command over inventories of several sizes.
pub async fn inventory(command: &Path, progress: impl Fn(&str)) -> Result<String, String> {
    let mut text = String::from(
        "| delegations | zones | broken | took, s | CPU, s | peak memory, MB | calls of AWS \
         | queries to the resolver | to name servers |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    progress("120 delegations to one dead pair of name servers");
    let fixture = Fixture::new().await?;
    fixture.dead_pair(120);
    let size = Size { delegations: "120, to one dead pair", zones: 1, broken: 120 };
    row(&mut text, &fixture, command, size).await?;
    for (delegations, zones) in [(100, 1), (1_000, 10), (5_000, 50)] {
        progress(&format!("{delegations} delegations of {zones} zones"));
        let fixture = Fixture::new().await?;
        let broken = fixture.fill(delegations, zones);
        let delegations = delegations.to_string();
        row(&mut text, &fixture, command, Size { delegations: &delegations, zones, broken })
            .await?;
    }
    Ok(text)
}

/// The local AWS with one account, and its name servers.
struct Fixture {
    aws: Sandbox,
    account: Account,
    dns: Dns,
}

impl Fixture {
    async fn new() -> Result<Self, String> {
        let aws = Sandbox::start().await.map_err(|error| error.to_string())?;
        let dns = aws.dns().await.map_err(|error| error.to_string())?;
        Ok(Self { account: aws.account("111111111111"), aws, dns })
    }

    fn put(zone: &ZoneHandle, name: &str, servers: &[String]) {
        zone.put(RecordSet::new(
            name,
            "NS",
            300,
            servers.iter().map(|server| format!("{server}.")),
        ));
    }

    fn dead_pair(&self, delegations: usize) {
        let zone = self.account.hosted_zone("example.com");
        let servers = ["ns1.dead.net", "ns2.dead.net"].map(str::to_owned);
        for number in 0..delegations {
            let name = format!("team{number}.example.com");
            Self::put(&zone, &name, &servers);
            self.dns.zone(&name, servers.clone(), []);
        }
        for server in &servers {
            self.dns.fault(server, DnsFault::Silent);
        }
    }

    /// Adds this many delegations, and returns how many of them are broken: in turn, their servers
    /// refuse, are silent or lame, or the delegation can be taken over.
    fn fill(&self, delegations: usize, zones: usize) -> usize {
        let zones: Vec<ZoneHandle> = (0..zones)
            .map(|number| self.account.hosted_zone(&format!("zone{number}.com")))
            .collect();
        let mut broken = 0;
        for (number, zone) in (0..delegations).zip(zones.iter().cycle()) {
            let name = format!("team{number}.{}", zone.name().trim_end_matches('.'));
            let of = |label: &str| [1, 2].map(|host| format!("ns{host}.{label}.net"));
            let good = of(&format!("provider{}", number % PROVIDERS));
            if number % BROKEN != 0 {
                Self::put(zone, &name, &good);
                self.dns.zone(&name, good, []);
                continue;
            }
            broken += 1;
            let [first, second] = good;
            match broken % 4 {
                0 => Self::put(zone, &name, &[first, second]),
                1 => {
                    Self::put(zone, &name, &of("silent"));
                    self.dns.zone(&name, of("silent"), []);
                }
                2 => {
                    let servers = [first.clone(), "ns1.refusing.net".to_owned()];
                    Self::put(zone, &name, &servers);
                    self.dns.zone(&name, servers, []);
                }
                _ => Self::put(zone, &name, &of("free")),
            }
        }
        for server in silent_servers() {
            self.dns.fault(&server, DnsFault::Silent);
        }
        self.dns.fault("ns1.refusing.net", DnsFault::Refused);
        broken
    }
}

fn silent_servers() -> [String; 2] {
    [1, 2].map(|host| format!("ns{host}.silent.net"))
}

/// Returns what the ended child processes have used: the CPU time, and the peak memory of any of
/// them in kilobytes.
fn used() -> Result<(Duration, i64), String> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| error.to_string())?;
    let time = |value: nix::sys::time::TimeVal| {
        Duration::from_micros(
            u64::try_from(value.tv_sec() * 1_000_000 + value.tv_usec()).unwrap_or_default(),
        )
    };
    Ok((time(usage.user_time()) + time(usage.system_time()), usage.max_rss()))
}

/// The size of an inventory.
struct Size<'a> {
    /// How many delegations there are, and what is special about them.
    delegations: &'a str,
    zones: usize,
    broken: usize,
}

/// Runs the command, and adds a row with its costs.
async fn row(
    text: &mut String,
    fixture: &Fixture,
    command: &Path,
    Size { delegations, zones, broken }: Size<'_>,
) -> Result<(), String> {
    fixture.aws.clear_calls();
    fixture.dns.clear_queries();
    let (cpu, _) = used()?;
    let mut program = Command::new(command);
    program.args(["list", "--all-zones", "--check", "--json-lines"]).env_clear();
    program.envs(fixture.aws.env(&fixture.account.user_credentials()));
    program
        .env("DELEGATION_DNS_RESOLVER", fixture.dns.resolver().to_string())
        .env("DELEGATION_DNS_ANY_ADDRESS", "true");
    program.env("AWS_EC2_METADATA_DISABLED", "true");
    let began = Instant::now();
    let output = program.stdin(Stdio::null()).output().await.map_err(|error| error.to_string())?;
    let took = began.elapsed();
    let last = output
        .stdout
        .split(|byte| *byte == b'\n')
        .rfind(|line| !line.is_empty())
        .unwrap_or_default();
    let sums: Value = serde_json::from_slice(last)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let found = sums.get("alarms").and_then(Value::as_u64);
    if found != Some(broken as u64) || sums.get("unknown").and_then(Value::as_u64) != Some(0) {
        return Err(format!("{broken} delegations are broken, but the command found {sums}"));
    }
    let (after, memory) = used()?;
    let calls = fixture.aws.calls().len();
    let queries = fixture.dns.queries();
    let of_resolver = queries.iter().filter(|query| query.server == "resolver").count();
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    let megabytes = memory as f64 / 1000.0;
    let _ = writeln!(
        text,
        "| {delegations} | {zones} | {broken} | {:.1} | {:.1} | {megabytes:.0} | {calls} \
         | {of_resolver} | {} |",
        took.as_secs_f64(),
        after.saturating_sub(cpu).as_secs_f64(),
        queries.len() - of_resolver,
    );
    Ok(())
}
