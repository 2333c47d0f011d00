//! Random events, hostile ones included: one answer or none, and never a panic, a leak, or a
//! foreign record touched.
//!
//! `EVENTS` sets their number and `EVENT_SEED` the first seed; a failure prints its seed and its
//! event.

use std::collections::BTreeMap;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use sandbox::Put;
use serde_json::Value;
use test_support::{setting, simulate_each};

use crate::faults::hostile::{self, Hostile};
use crate::faults::lane::Lane;
use crate::faults::story::TIMEOUT;

const EVENTS: u64 = 1000;
/// A host that no setting of the function names.
const FOREIGN: &str = "answers.example.net";

static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // The function's, and not those of a test that fails beside this one.
            if info.location().is_some_and(|location| location.file().starts_with("src/")) {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            default(info);
        }));
    });
}

#[test]
fn no_event_makes_it_panic_answer_twice_leak_or_touch_what_is_not_its_own() {
    count_panics();
    let (count, first) = (setting("EVENTS").unwrap_or(EVENTS), setting("EVENT_SEED").unwrap_or(1));
    let panics = PANICS.load(Ordering::Relaxed);
    let (mut tally, mut failures) = (BTreeMap::<String, usize>::new(), Vec::new());
    for (_, seed, result) in simulate_each(first..first + count, async |seed| play(*seed).await) {
        match result {
            Ok(ended) => *tally.entry(ended).or_default() += 1,
            Err(wrong) => failures.push(format!("EVENT_SEED={seed} EVENTS=1: {wrong}")),
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

async fn play(seed: u64) -> Result<String, String> {
    let mut rng = Rng::with_seed(seed);
    fastrand::seed(seed);
    let lane = Lane::new();
    let hostile = hostile::event(&lane, &mut rng, FOREIGN);
    send(&lane, &hostile).await.map_err(|wrong| format!("{wrong}\n{}", shown(&hostile.event)))
}

fn shown(event: &Value) -> String {
    event.to_string().chars().take(4000).collect()
}

async fn send(lane: &Lane, hostile: &Hostile) -> Result<String, String> {
    let result = lane.invoke(&hostile.event, TIMEOUT).await;
    let stored = lane.bucket.answers(&hostile.signed_for);
    if let Err(error) = &result
        && error.contains(&hostile.signature)
    {
        return Err(format!("the signature is in the error {error}"));
    }
    if let Some(host) = lane.strayed().first() {
        return Err(format!("a request went to {host}"));
    }
    let ended = match (&result, stored.as_slice()) {
        (_, [_, _, ..]) => return Err("several answers".to_owned()),
        (Ok(()), [put]) => check_answer(hostile, put)?,
        (Ok(()), []) if hostile.url_intact => {
            return Err("it ended well and without an answer".to_owned());
        }
        (Ok(()), []) => "not delivered".to_owned(),
        (Err(error), [_]) => return Err(format!("answered, and yet an error: {error}")),
        (Err(error), []) if error.contains("response bucket refused") => "not delivered".to_owned(),
        (Err(_), []) => "no request".to_owned(),
    };
    lane.check_others()?;
    undo(lane, hostile, &stored).await?;
    Ok(ended)
}

fn check_answer(hostile: &Hostile, put: &Put) -> Result<String, String> {
    let answer = put.json();
    if put.body.len() > 4096 {
        return Err(format!("an answer of {} bytes", put.body.len()));
    }
    let text = String::from_utf8_lossy(&put.body);
    if text.contains(&hostile.signature) || text.contains("panic") {
        return Err(format!("the answer {text}"));
    }
    match answer["Status"].as_str() {
        Some(status @ ("SUCCESS" | "FAILED")) => Ok(status.to_owned()),
        _ => Err(format!("the answer {text}")),
    }
}

/// What a Create made, CloudFormation's Delete removes.
async fn undo(lane: &Lane, hostile: &Hostile, stored: &[Put]) -> Result<(), String> {
    let Some(answer) = stored.first().map(Put::json) else { return Ok(()) };
    if hostile.request["RequestType"] != "Create" || answer["Data"]["Action"] != "CREATED" {
        return Ok(());
    }
    let id = answer["PhysicalResourceId"].as_str();
    let mut delete = lane.event("Delete", id, &hostile.request["ResourceProperties"], None);
    for field in ["StackId", "LogicalResourceId"] {
        delete[field] = hostile.request[field].clone();
    }
    let name = answer["Data"]["DomainName"].as_str().unwrap_or_default();
    let request = delete["RequestId"].as_str().unwrap_or_default().to_owned();
    lane.invoke(&delete, TIMEOUT).await?;
    let answers = lane.bucket.answers(&request);
    if answers.len() != 1
        || answers[0].json()["Status"] != "SUCCESS"
        || lane.parent.record(name, "NS").is_some()
    {
        return Err(format!(
            "its Delete was answered {answers:?}, and {:?} stands",
            lane.parent.record(name, "NS")
        ));
    }
    Ok(())
}
