//! Random events, including hostile ones. Each gets one answer or none, and none causes a panic, a
//! leaked secret, or a change of a foreign record set.
//!
//! `EVENTS` sets the number of events and `EVENT_SEED` the first seed. A failure prints its seed
//! and its event.

use std::collections::BTreeMap;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use sandbox::Put;
use serde_json::Value;
use test_support::{setting, simulate_each};

use crate::faults::fixture::ColdStartFixture;
use crate::faults::hostile::{self, Hostile};
use crate::faults::scenario::TIMEOUT;

const EVENTS: u64 = 1000;
/// A host that is not in the function's settings.
const FOREIGN: &str = "answers.example.net";

static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // Counts the function's panics only, and not those of tests that fail in parallel.
            if info.location().is_some_and(|location| location.file().starts_with("src/")) {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            default(info);
        }));
    });
}

#[test]
fn no_event_causes_a_panic_a_second_answer_a_leak_or_a_foreign_change() {
    count_panics();
    let (count, first) = (setting("EVENTS").unwrap_or(EVENTS), setting("EVENT_SEED").unwrap_or(1));
    let panics = PANICS.load(Ordering::Relaxed);
    let (mut tally, mut failures) = (BTreeMap::<String, usize>::new(), Vec::new());
    for event in simulate_each(first..first + count, async |seed| run(*seed).await) {
        match event.result {
            Ok(ended) => *tally.entry(ended).or_default() += 1,
            Err(error) => failures.push(format!("EVENT_SEED={} EVENTS=1: {error}", event.case)),
        }
    }
    eprintln!("{count} random events from seed {first}: {tally:?}");
    assert!(
        failures.is_empty(),
        "{} events:\n{}",
        failures.len(),
        failures[..failures.len().min(5)].join("\n\n")
    );
    assert_eq!(PANICS.load(Ordering::Relaxed), panics, "panics");
    if count >= EVENTS {
        for ended in ["SUCCESS", "FAILED", "no request", "not delivered"] {
            assert!(tally.contains_key(ended), "no event ended with {ended}");
        }
    }
}

async fn run(seed: u64) -> Result<String, String> {
    let mut rng = Rng::with_seed(seed);
    fastrand::seed(seed);
    let fixture = ColdStartFixture::new();
    let hostile = hostile::event(&fixture, &mut rng, FOREIGN);
    send(&fixture, &hostile).await.map_err(|error| format!("{error}\n{}", shown(&hostile.event)))
}

fn shown(event: &Value) -> String {
    event.to_string().chars().take(4000).collect()
}

async fn send(fixture: &ColdStartFixture, hostile: &Hostile) -> Result<String, String> {
    let result = fixture.invoke(&hostile.event, TIMEOUT).await;
    let stored = fixture.bucket.answers(&hostile.signed_for);
    if let Err(error) = &result
        && error.contains(&hostile.signature)
    {
        return Err(format!("the signature is in the error {error}"));
    }
    if let Some(host) = fixture.strayed().first() {
        return Err(format!("a request was sent to {host}"));
    }
    let ended = match (&result, stored.as_slice()) {
        (_, [_, _, ..]) => return Err("several answers".to_owned()),
        (Ok(()), [put]) => check_answer(hostile, put)?,
        (Ok(()), []) if hostile.url_intact => {
            return Err("the invocation succeeded without an answer".to_owned());
        }
        (Ok(()), []) => "not delivered".to_owned(),
        (Err(error), [_]) => return Err(format!("the invocation answered and failed: {error}")),
        (Err(error), []) if error.contains("response bucket refused") => "not delivered".to_owned(),
        (Err(_), []) => "no request".to_owned(),
    };
    fixture.check_others()?;
    undo(fixture, hostile, &stored).await?;
    Ok(ended)
}

fn check_answer(hostile: &Hostile, put: &Put) -> Result<String, String> {
    let answer = put.json();
    if put.body.len() > 4096 {
        return Err(format!("an answer of {} bytes", put.body.len()));
    }
    let text = String::from_utf8_lossy(&put.body);
    if text.contains(&hostile.signature) || text.contains("panic") {
        return Err(format!("the answer must not contain secrets or panics: {text}"));
    }
    match answer["Status"].as_str() {
        Some(status @ ("SUCCESS" | "FAILED")) => Ok(status.to_owned()),
        _ => Err(format!("the answer has an invalid Status: {text}")),
    }
}

/// Sends the Delete after a Create, and checks that it removed everything.
async fn undo(fixture: &ColdStartFixture, hostile: &Hostile, stored: &[Put]) -> Result<(), String> {
    let Some(answer) = stored.first().map(Put::json) else { return Ok(()) };
    if hostile.request["RequestType"] != "Create" || answer["Data"]["Action"] != "CREATED" {
        return Ok(());
    }
    let id = answer["PhysicalResourceId"].as_str();
    let mut delete = fixture.event("Delete", id, &hostile.request["ResourceProperties"], None);
    for field in ["StackId", "LogicalResourceId"] {
        delete[field] = hostile.request[field].clone();
    }
    let name = answer["Data"]["DomainName"].as_str().unwrap_or_default();
    let request = delete["RequestId"].as_str().unwrap_or_default().to_owned();
    fixture.invoke(&delete, TIMEOUT).await?;
    let answers = fixture.bucket.answers(&request);
    if answers.len() != 1
        || answers[0].json()["Status"] != "SUCCESS"
        || fixture.parent.record(name, "NS").is_some()
    {
        return Err(format!(
            "the Delete was answered {answers:?}, and the zone has {:?}",
            fixture.parent.record(name, "NS")
        ));
    }
    Ok(())
}
