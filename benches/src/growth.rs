//! The second table: how the cost of a delegation grows with the zone, the account and the number
//! at once.

use std::fmt::{self, Display, Formatter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use sandbox::{Quota, RecordSet, ZoneHandle};
use serde_json::Value;

use crate::compare::absolute;
use crate::measure::{Invoked, deliver, milliseconds};
use crate::peers::{self, Program};
use crate::process::Process;
use crate::table::median;
use crate::world::{Dialect, Kind, World};

/// How often a delegation is made and deleted for one row.
const ROUNDS: usize = 9;

/// One way to name the parent zone.
#[derive(Clone, Copy)]
enum Named {
    ById,
    ByName,
    Closest,
}

/// Runs the function against zones and accounts of several sizes, and many of it at once.
pub async fn growth(bootstrap: &Path, folder: &Path, say: impl Fn(&str)) -> Result<String, String> {
    let folder = absolute(folder)?;
    let program = peers::function(bootstrap)?;
    let mut text = String::from(
        "| what | parent zone | warm Create: calls | CPU, ms | to answer, ms | warm Delete: calls | CPU, ms | to answer, ms |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for records in [10, 1_000, 10_000] {
        say(&format!("a parent zone of {records} record sets"));
        let world = new_world(&folder).await?;
        fill(&world.parent, records);
        row(
            &mut text,
            &world,
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
            say(&format!("a parent account of {zones} zones, {how}"));
            let world = new_world(&folder).await?;
            for number in 1..zones {
                // Half of them before, half of them after the parent zone in Route 53's order.
                let side = if number % 2 == 0 { "a" } else { "z" };
                world.parent_account.hosted_zone(&format!("{side}{number}.com"));
            }
            row(&mut text, &world, &program, &format!("parent account of {zones} zones"), named)
                .await?;
        }
    }
    text.push_str("\n| delegations at once | quota | calls of the parent account, each | throttled | quota allows, s | took, s | ratio |\n|---|---|---|---|---|---|---|\n");
    for (delegations, quota) in [(1, false), (10, false), (100, false), (10, true), (100, true)] {
        say(&format!("{delegations} delegations at once, quota: {quota}"));
        at_once(&mut text, &folder, &program, delegations, quota).await?;
    }
    Ok(text)
}

async fn new_world(folder: &Path) -> Result<World, String> {
    World::new(folder).await.map_err(|error| error.to_string())
}

/// Names before and after the delegation's, in Route 53's order.
fn fill(zone: &ZoneHandle, records: usize) {
    for number in zone.records().len()..records {
        let side = if number % 2 == 0 { "a" } else { "z" };
        zone.put(RecordSet::new(&format!("{side}{number}.example.com"), "A", 300, ["192.0.2.1"]));
    }
}

async fn row(
    text: &mut String,
    world: &World,
    program: &Program,
    what: &str,
    named: Named,
) -> Result<(), String> {
    let mut process = Process::start(&program.start_in(world)).await?;
    let (mut create, mut delete) = (Warm::default(), Warm::default());
    let mut how = "";
    for round in 0..ROUNDS {
        let (mut event, request) = world.event(Dialect::Delegation, Kind::Create, None);
        how = rename(&mut event, named);
        let created = deliver(world, &mut process, &event, &request).await?;
        world.check(Kind::Create)?;
        // The first is cold, and assumes the role.
        if round > 0 {
            create.add(&created);
        }
        let (event, request) =
            world.event(Dialect::Delegation, Kind::Delete, Some(&created.physical_id));
        delete.add(&deliver(world, &mut process, &event, &request).await?);
        world.check(Kind::Delete)?;
    }
    let _ = writeln!(text, "| {what} | {how} | {create} | {delete} |");
    process.end().await;
    Ok(())
}

/// What warm invocations of one kind took.
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

/// Names the parent zone in another way.
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

/// So many cold functions, each with one Create, all at the same time.
async fn at_once(
    text: &mut String,
    folder: &Path,
    program: &Program,
    delegations: usize,
    limited: bool,
) -> Result<(), String> {
    /// The quota that the service has ("Quotas on API requests"), for each action and over all.
    const QUOTA: Quota = Quota { per_second: 10.0, burst: 50.0 };
    let world = new_world(folder).await?;
    let account = world.aws.account("222222222222");
    let children: Vec<ZoneHandle> = (0..delegations)
        .map(|number| account.hosted_zone(&format!("team-{number}.example.com")))
        .collect();
    let start = program.start_in(&world);
    let mut processes = Vec::new();
    for _ in 0..delegations {
        processes.push(Process::start(&start).await?);
    }
    // The child zones lie in one account here: only the parent's quota is looked at.
    if limited {
        world.aws.rate_limit(Some(QUOTA));
        world.aws.rate_limit_overall(Some(QUOTA));
    }
    world.forget();
    let began = Instant::now();
    let invoked =
        processes.iter_mut().zip(&children).enumerate().map(async |(number, (process, child))| {
            let name = format!("Delegation{number}");
            let (event, request) = world.event_for(
                Dialect::Delegation,
                Kind::Create,
                None,
                &world.parent,
                child,
                &name,
            );
            process.invoke(&event).await?;
            world.answer(&request)
        });
    let answers: Result<Vec<_>, String> = join_all(invoked).await.into_iter().collect();
    let took = began.elapsed();
    answers?;
    let calls = world.aws.calls();
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
    let (quota, allowed, ratio) = match limited {
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

/// The least time in which a quota lets so many calls pass.
#[expect(clippy::cast_precision_loss, reason = "some hundred calls")]
fn least(quota: Quota, calls: usize) -> Duration {
    Duration::from_secs_f64(((calls as f64 - quota.burst) / quota.per_second).max(0.0))
}
