//! `sandbox demo`: the real function at work on the local AWS, told step by step and checked.

mod check;
mod listing;
mod page;
mod paint;
mod show;
mod stage;
mod story;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::function::Invocation;
use check::Seen;
use page::Page;
use paint::Paint;
use stage::Stage;
use story::Request;

/// How long the whole demo may take; it needs a second or two.
const LIMIT: Duration = Duration::from_mins(3);

/// What to run, and how to show it.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The program of the function.
    pub bootstrap: PathBuf,
    /// The folder of the events.
    pub events: PathBuf,
    /// Whether to use colour.
    pub colour: bool,
}

/// One line of the summary.
struct Row {
    step: usize,
    request: String,
    status: String,
    changes: String,
    took: Duration,
    failures: Vec<String>,
}

/// Starts everything, sends the events and tells on `out` what each did.
///
/// # Errors
/// What went wrong, in words for the user: something could not be started, or an expectation did not hold.
pub async fn run(demo: &Demo, out: &mut dyn Write) -> Result<(), String> {
    let mut page = Page::new(out, Paint::new(demo.colour));
    tokio::time::timeout(LIMIT, tell(demo, &mut page))
        .await
        .unwrap_or_else(|_| Err(format!("the demo took more than {} seconds", LIMIT.as_secs())))
}

async fn tell(demo: &Demo, page: &mut Page<'_>) -> Result<(), String> {
    let started = Instant::now();
    let stage = Stage::set(&demo.bootstrap).await?;
    page.title("Custom::Delegation: the real bootstrap on a local AWS")?;
    page.block("", &stage.description())?;
    let mut rows = Vec::new();
    for (number, step) in (1..).zip(story::steps()) {
        page.step(number, step.title, step.why)?;
        for request in &step.requests {
            rows.push(play(demo, &stage, page, number, request).await?);
        }
    }
    page.title("Summary")?;
    page.block("", &rows.iter().map(|row| line(row, page.paint())).collect::<Vec<_>>())?;
    let failures: Vec<&String> = rows.iter().flat_map(|row| &row.failures).collect();
    if failures.is_empty() {
        let done = format!(
            "All {} requests did what they should, in {:.1} s, served by {} process.",
            rows.len(),
            started.elapsed().as_secs_f64(),
            stage.function.starts()
        );
        return page.block("", &[String::new(), page.paint().good(&done)]);
    }
    let log = stage.function.logs();
    page.block("", &["", "The last lines of the function's log:"].map(str::to_owned))?;
    page.block("", log.iter().rev().take(10).rev().cloned().collect::<Vec<_>>().as_slice())?;
    let failures: Vec<String> = failures.into_iter().map(|failure| format!("\n  {failure}")).collect();
    Err(format!("the demo did not go as it should:{}", failures.concat()))
}

/// Sends one event and shows what came of it.
async fn play(demo: &Demo, stage: &Stage, page: &mut Page<'_>, step: usize, request: &Request) -> Result<Row, String> {
    let event = stage.event(&demo.events, request.file)?;
    page.block("request", &show::request(&event, request.file, page.paint()))?;
    let before = stage.parent.records();
    stage.aws.clear_calls();
    let sent = Instant::now();
    let invocation = stage.invoke(event.clone()).await;
    let took = sent.elapsed();
    let after = stage.parent.records();
    let answers: Vec<Value> = stage.answers(&event).iter().map(crate::bucket::Put::json).collect();
    let answer = answers.first().cloned().unwrap_or_default();

    page.block("AWS calls", &show::calls(&stage.aws.calls(), page.paint()))?;
    let lines = listing::diff(&before, &after);
    page.block("records", &show::zone(&stage.parent.name(), &lines, page.paint()))?;
    page.block("answer", &show::answer(&answer, took, page.paint()))?;

    let mut checks = check::of(&request.expected, &Seen { stage, event: &event, answer: &answer, before, after });
    checks.push(check::delivery(matches!(invocation, Invocation::Returned(_)), answers.len()));
    page.block("checked", &checks.iter().map(|check| show::check(check, page.paint())).collect::<Vec<_>>())?;
    let name = show::name(&event);
    let failed = checks.iter().filter(|check| !check.holds);
    Ok(Row {
        step,
        failures: failed.map(|check| format!("{}: not true that {}", request.file, check.text)).collect(),
        request: name,
        status: show::status(&answer),
        changes: listing::count(&lines),
        took,
    })
}

fn line(row: &Row, paint: Paint) -> String {
    let verdict = if row.failures.is_empty() { paint.good("ok") } else { paint.bad("NOT AS EXPECTED") };
    let Row { step, request, status, changes, took, .. } = row;
    format!("{step}  {request:<28}  {status:<16}  {changes:<26}  {:>5} ms  {verdict}", took.as_millis())
}
