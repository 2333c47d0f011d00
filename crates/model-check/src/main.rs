//! Explores the profiles and prints the results.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use model_check::{EXCUSES, explore, explore_until, profiles};

/// More states than any profile has. The limit ends a search that a change of the planner made
/// endless.
const MOST: usize = 12_000_000;

/// Explores every state of the planner within bounds.
#[derive(Debug, Parser)]
#[command(name = "model-check")]
struct Args {
    /// Explore with smaller bounds, and stop at the first broken promise
    #[arg(long)]
    short: bool,
    /// Stop at the first broken promise
    #[arg(long)]
    first: bool,
    /// Explore until this excuse is needed, and print the trace that needs it
    #[arg(long, value_name = "EXCUSE", value_parser = PossibleValuesParser::new(EXCUSES))]
    until: Option<String>,
    /// The explorations to run; all if none is named
    #[arg(value_name = "EXPLORATION", value_parser = PossibleValuesParser::new(names()))]
    explorations: Vec<String>,
}

fn names() -> Vec<&'static str> {
    profiles::full().iter().map(|profile| profile.name).collect()
}

fn main() -> ExitCode {
    let Args { short, first, until, explorations } = Args::parse();
    let profiles = if short { profiles::short() } else { profiles::full() };
    let is_chosen = |name: &str| {
        explorations.is_empty() || explorations.iter().any(|exploration| exploration == name)
    };
    let (mut states, mut broken) = (0, false);
    for profile in profiles.iter().filter(|profile| is_chosen(profile.name)) {
        let started = std::time::Instant::now();
        let report = match &until {
            Some(excuse) => explore_until(profile, MOST, excuse),
            None => explore(profile, MOST),
        };
        println!("{report}");
        println!("  {} s", started.elapsed().as_secs());
        states += report.states;
        broken |= report.violation.is_some() || !report.complete;
        if (short || first) && broken {
            break;
        }
    }
    println!("{states} states in all");
    if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
