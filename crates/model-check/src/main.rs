//! Explores the profiles and prints the results.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::process::ExitCode;

use model_check::{EXCUSES, explore, explore_until, profiles};

/// More states than any profile has. The limit ends a search that a change of the planner made
/// endless.
const MOST: usize = 12_000_000;

/// `model-check [short | first] [exploration | excuse]...`
///
/// Runs the named explorations, or all. `short` runs their short form; `short` and `first` stop at
/// the first broken promise. With an excuse, an exploration runs until the excuse is needed, and
/// the trace that needs it is printed.
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let form = words.first().map(String::as_str).filter(|word| ["short", "first"].contains(word));
    let profiles = if form == Some("short") { profiles::short() } else { profiles::full() };
    let words = words.iter().skip(usize::from(form.is_some())).map(String::as_str);
    let (excuses, names): (Vec<_>, Vec<_>) = words.partition(|word| EXCUSES.contains(word));
    if let Some(unknown) =
        names.iter().find(|name| profiles.iter().all(|profile| profile.name != **name))
    {
        println!("{unknown} is neither an exploration nor an excuse");
        return ExitCode::FAILURE;
    }
    let (mut states, mut broken) = (0, false);
    for profile in
        profiles.iter().filter(|profile| names.is_empty() || names.contains(&profile.name))
    {
        let started = std::time::Instant::now();
        let report = match excuses.first() {
            Some(excuse) => explore_until(profile, MOST, excuse),
            None => explore(profile, MOST),
        };
        println!("{report}");
        println!("  {} s", started.elapsed().as_secs());
        states += report.states;
        broken |= report.violation.is_some() || !report.complete;
        if form.is_some() && broken {
            break;
        }
    }
    println!("{states} states in all");
    if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
