//! `sandbox demo`: runs the real function on the local AWS, explains each step and checks it.

mod check;
mod listing;
mod page;
mod scenario;
mod setup;
mod show;
mod style;
mod trace;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use check::{Check, Observed};
use page::Page;
use scenario::{Act, DemoEvent};
use setup::{HOST, Setup};
use style::Style;
use trace::Response;

/// How long the whole demo may take. It takes half a minute, which is the function's wait for Route
/// 53.
const LIMIT: Duration = Duration::from_mins(3);

#[derive(Debug, Clone)]
pub struct Demo {
    /// The program of the function.
    pub bootstrap: PathBuf,
    pub events: PathBuf,
    pub color: bool,
}

struct Row {
    step: usize,
    request: String,
    status: String,
    changes: String,
    took: Duration,
    failures: Vec<String>,
}

/// Starts everything, sends the events, and writes to `out` what each of them did.
///
/// # Errors
/// If something could not be started, or if an expectation was not met.
pub async fn run(demo: &Demo, out: &mut dyn Write) -> Result<(), String> {
    let style = if demo.color { Style::Color } else { Style::Plain };
    let mut page = Page::new(out, style);
    tokio::time::timeout(LIMIT, run_steps(demo, &mut page))
        .await
        .unwrap_or_else(|_| Err(format!("the demo took more than {} seconds", LIMIT.as_secs())))
}

async fn run_steps(demo: &Demo, page: &mut Page<'_>) -> Result<(), String> {
    let started = Instant::now();
    let setup = Setup::new(&demo.bootstrap).await?;
    page.title("Custom::Delegation: the real bootstrap on a local AWS")?;
    page.block("", &setup.description())?;
    let mut rows = Vec::new();
    for (number, step) in (1..).zip(scenario::steps()) {
        page.step(number, step.title, step.why)?;
        for act in &step.acts {
            match act {
                Act::Send(request) => rows.push(send(demo, &setup, page, number, request).await?),
                Act::SignZones => page.block("setting", &setup.sign_zones())?,
                Act::Follow => rows.push(follow(&setup, page, number).await?),
            }
        }
    }
    page.title("Summary")?;
    page.block("", &rows.iter().map(|row| line(row, page.style())).collect::<Vec<_>>())?;
    let failures: Vec<&String> = rows.iter().flat_map(|row| &row.failures).collect();
    if failures.is_empty() {
        let done = format!(
            "Everything went as expected, in {:.1} s. {} process of the function served all requests.",
            started.elapsed().as_secs_f64(),
            setup.function.starts()
        );
        return page.block("", &[String::new(), page.style().good(&done)]);
    }
    let log = setup.function.logs();
    page.block("", &["", "The last lines of the function's log:"].map(str::to_owned))?;
    page.block("", log.iter().rev().take(10).rev().cloned().collect::<Vec<_>>().as_slice())?;
    let failures: Vec<String> =
        failures.into_iter().map(|failure| format!("\n  {failure}")).collect();
    Err(format!("the demo did not go as expected:{}", failures.concat()))
}

async fn send(
    demo: &Demo,
    setup: &Setup,
    page: &mut Page<'_>,
    step: usize,
    request: &DemoEvent,
) -> Result<Row, String> {
    let event = setup.event(&demo.events, request.file)?;
    page.block("request", &show::request(&event, request.file, page.style()))?;
    let before = setup.parent.records();
    setup.aws.clear_calls();
    let sent = Instant::now();
    let invocation = setup.invoke(event.clone()).await;
    let took = sent.elapsed();
    let after = setup.parent.records();
    let answers: Vec<Value> = setup.answers(&event).iter().map(crate::bucket::Put::json).collect();
    let answer = answers.first().cloned().unwrap_or_default();

    let calls = setup.aws.calls();
    page.block("AWS calls", &show::calls(&calls, page.style()))?;
    let lines = listing::diff(&before, &after);
    page.block("records", &show::zone(&setup.parent.name(), &lines, page.style()))?;
    page.block("answer", &show::answer(&answer, took, page.style()))?;

    let mut checks = check::of_event(
        &request.expected,
        &Observed { setup, event: &event, answer: &answer, before, after },
    );
    checks.push(check::permitted(&calls));
    checks.push(check::delivery(&invocation, answers.len()));
    Ok(Row {
        step,
        failures: verdict(page, request.file, &checks)?,
        request: show::name(&event),
        status: show::status(&answer),
        changes: listing::count(&lines),
        took,
    })
}

/// Resolves the host in the child zone and shows the path.
async fn follow(setup: &Setup, page: &mut Page<'_>, step: usize) -> Result<Row, String> {
    let question = format!("{HOST} A, from the root at {}", setup.dns.root());
    page.block("question", &[question])?;
    let sent = Instant::now();
    let trace = trace::follow(&setup.dns, HOST).await;
    let took = sent.elapsed();
    page.block("trace", &show::trace(&trace, page.style()))?;
    let checks = check::of_trace(&trace, &setup.parent, &setup.child);
    let referrals =
        trace.hops.iter().filter(|hop| matches!(hop.response, Response::Referral { .. })).count();
    let secure = trace.hops.iter().all(|hop| hop.secure);
    Ok(Row {
        step,
        failures: verdict(page, "the trace", &checks)?,
        request: format!("A {HOST}"),
        status: if secure { "secure" } else { "insecure" }.to_owned(),
        changes: format!("{referrals} referrals"),
        took,
    })
}

/// Shows the checks. Returns those that failed, as text for the end of the demo.
fn verdict(page: &mut Page<'_>, what: &str, checks: &[Check]) -> Result<Vec<String>, String> {
    page.block(
        "checked",
        &checks.iter().map(|check| show::check(check, page.style())).collect::<Vec<_>>(),
    )?;
    let failed = checks.iter().filter(|check| !check.holds);
    Ok(failed.map(|check| format!("{what}: it is not true that {}", check.text)).collect())
}

fn line(row: &Row, style: Style) -> String {
    let verdict =
        if row.failures.is_empty() { style.good("ok") } else { style.bad("NOT AS EXPECTED") };
    let Row { step, request, status, changes, took, .. } = row;
    format!(
        "{step}  {request:<28}  {status:<16}  {changes:<26}  {:>5} ms  {verdict}",
        took.as_millis()
    )
}
