//! The second table: how the cost of a delegation grows with the size of the zone and the account,
//! and with the number of delegations at once.

use std::fmt::{self, Display, Formatter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use sandbox::{Quota, RecordSet, ZoneHandle};
use serde_json::Value;

use crate::compare::absolute;
use crate::fixture::{Delegation, Dialect, Fixture, RequestType};
use crate::measure::{Invoked, deliver, milliseconds};
use crate::peers::{self, Program};
use crate::process::Process;
use crate::table::median;

/// The number of times that a delegation is created and deleted for a row.
const ROUNDS: usize = 9;

/// A way to name the parent zone.
#[derive(Clone, Copy)]
enum Named {
    ById,
    ByName,
    Closest,
}

/// Runs the function against zones and accounts of several sizes, and with many delegations at
/// once.
pub async fn growth(
    bootstrap: &Path,
    folder: &Path,
    progress: impl Fn(&str),
) -> Result<String, String> {
    let folder = absolute(folder)?;
    let program = peers::function(bootstrap)?;
    let mut text = String::from(
        "| what | parent zone | warm Create: calls | CPU, ms | to response, ms \
         | warm Delete: calls | CPU, ms | to response, ms |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for records in [10, 1_000, 10_000] {
        progress(&format!("a parent zone of {records} record sets"));
        let fixture = new_fixture(&folder).await?;
        fill(&fixture.parent, records);
        row(
            &mut text,
            &fixture,
            &program,
            &format!("parent zone of {records} record sets"),
            Named::ById,
        )
        .await?;
    }
    for zones in [1, 100, 500] {
        for (named, how) in
            [(Named::ById, "by id"), (Named::ByName, "by name"), (Named::Closest, "the closest")]
        {
            progress(&format!("a parent account of {zones} zones, {how}"));
            let fixture = new_fixture(&folder).await?;
            for number in 1..zones {
                // Half of them come before and half after the parent zone in Route 53's order.
                let side = if number % 2 == 0 { "a" } else { "z" };
                fixture.parent_account.hosted_zone(&format!("{side}{number}.com"));
            }
            row(&mut text, &fixture, &program, &format!("parent account of {zones} zones"), named)
                .await?;
        }
    }
    text.push_str(
        "\n| delegations at once | quota | calls of the parent account, each | throttled \
         | quota allows, s | took, s | ratio |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (delegations, quota) in
        [(1, None), (10, None), (100, None), (10, Some(QUOTA)), (100, Some(QUOTA))]
    {
        progress(&format!("{delegations} delegations at once, quota: {}", quota.is_some()));
        at_once(&mut text, &folder, &program, delegations, quota).await?;
    }
    Ok(text)
}

async fn new_fixture(folder: &Path) -> Result<Fixture, String> {
    Fixture::new(folder).await.map_err(|error| error.to_string())
}

/// Adds record sets whose names come before and after the delegation's in Route 53's order.
fn fill(zone: &ZoneHandle, records: usize) {
    for number in zone.records().len()..records {
        let side = if number % 2 == 0 { "a" } else { "z" };
        zone.put(RecordSet::new(&format!("{side}{number}.example.com"), "A", 300, ["192.0.2.1"]));
    }
}

async fn row(
    text: &mut String,
    fixture: &Fixture,
    program: &Program,
    what: &str,
    named: Named,
) -> Result<(), String> {
    let mut process = Process::start(&program.start_in(fixture)).await?;
    let (mut create, mut delete) = (Warm::default(), Warm::default());
    let mut how = "";
    for round in 0..ROUNDS {
        let (mut event, request) = fixture.event(Dialect::Delegation, RequestType::Create, None);
        how = rename(&mut event, named);
        let created = deliver(fixture, &mut process, &event, &request).await?;
        fixture.check(RequestType::Create)?;
        // The first invocation is cold, and assumes the role.
        if round > 0 {
            create.add(&created);
        }
        let (event, request) =
            fixture.event(Dialect::Delegation, RequestType::Delete, Some(&created.physical_id));
        delete.add(&deliver(fixture, &mut process, &event, &request).await?);
        fixture.check(RequestType::Delete)?;
    }
    let _ = writeln!(text, "| {what} | {how} | {create} | {delete} |");
    process.end().await;
    Ok(())
}

/// The costs of warm invocations of one kind.
#[derive(Default)]
struct Warm {
    calls: usize,
    cpu: Vec<f64>,
    took: Vec<f64>,
}

impl Warm {
    fn add(&mut self, invoked: &Invoked) {
        self.calls = invoked.calls;
        self.cpu.push(milliseconds(invoked.cpu));
        self.took.push(milliseconds(invoked.took));
    }
}

impl Display for Warm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [cpu, took] = [&self.cpu, &self.took].map(|values| median(values).unwrap_or_default());
        write!(f, "{} | {cpu:.1} | {took:.1}", self.calls)
    }
}

/// Changes how the event names the parent zone.
fn rename(event: &mut Value, named: Named) -> &'static str {
    let properties = event.get_mut("ResourceProperties").and_then(Value::as_object_mut);
    let Some(properties) = properties else { return "" };
    match named {
        Named::ById => "by id",
        Named::ByName => {
            properties.remove("ParentZoneId");
            properties.insert("ParentZoneName".to_owned(), "example.com".into());
            "by name"
        }
        Named::Closest => {
            properties.remove("ParentZoneId");
            "the closest"
        }
    }
}

/// The service's quota ("Quotas on API requests"), which holds per action and in total.
const QUOTA: Quota = Quota { per_second: 10.0, burst: 50.0 };

/// Runs this many cold functions at the same time, each with one Create.
async fn at_once(
    text: &mut String,
    folder: &Path,
    program: &Program,
    delegations: usize,
    quota: Option<Quota>,
) -> Result<(), String> {
    let fixture = new_fixture(folder).await?;
    let account = fixture.aws.account("222222222222");
    let children: Vec<ZoneHandle> = (0..delegations)
        .map(|number| account.hosted_zone(&format!("team-{number}.example.com")))
        .collect();
    let start = program.start_in(&fixture);
    let mut processes = Vec::new();
    for _ in 0..delegations {
        processes.push(Process::start(&start).await?);
    }
    // All child zones are in one account here, because only the parent account's quota matters.
    fixture.aws.rate_limit(quota);
    fixture.aws.rate_limit_overall(quota);
    fixture.clear_calls();
    let began = Instant::now();
    let invoked =
        processes.iter_mut().zip(&children).enumerate().map(async |(number, (process, child))| {
            let name = format!("Delegation{number}");
            let delegation = Delegation { parent: &fixture.parent, child, logical_id: &name };
            let (event, request) =
                fixture.event_for(Dialect::Delegation, RequestType::Create, None, delegation);
            process.invoke(&event).await?;
            fixture.answer(&request)
        });
    let answers: Result<Vec<_>, String> = join_all(invoked).await.into_iter().collect();
    let took = began.elapsed();
    answers?;
    let calls = fixture.aws.calls();
    let (mut allowed, mut parents, mut throttled) = (Duration::ZERO, 0, 0);
    for account in ["111111111111", "222222222222"] {
        let of_account: Vec<_> = calls
            .iter()
            .filter(|call| call.service == "route53" && call.account == account)
            .collect();
        let passed = of_account.iter().filter(|call| call.code() != Some("Throttling")).count();
        throttled += of_account.len() - passed;
        if account == "111111111111" {
            parents = passed;
        }
        allowed = allowed.max(least(QUOTA, passed));
    }
    for process in processes {
        process.end().await;
    }
    #[expect(clippy::cast_precision_loss, reason = "some hundred calls")]
    let each = parents as f64 / delegations as f64;
    let (took, allowed) = (took.as_secs_f64(), allowed.as_secs_f64());
    let (quota, allowed, ratio) = match quota.is_some() {
        false => ("none", "-".to_owned(), "-".to_owned()),
        true if allowed == 0.0 => ("10/s, 50", "0.0".to_owned(), "-".to_owned()),
        true => ("10/s, 50", format!("{allowed:.1}"), format!("{:.2}", took / allowed)),
    };
    let _ = writeln!(
        text,
        "| {delegations} | {quota} | {each:.2} | {throttled} | {allowed} | {took:.2} | {ratio} |"
    );
    Ok(())
}

/// Returns the least time in which a quota admits this many calls.
#[expect(clippy::cast_precision_loss, reason = "some hundred calls")]
fn least(quota: Quota, calls: usize) -> Duration {
    Duration::from_secs_f64(((calls as f64 - quota.burst) / quota.per_second).max(0.0))
}
