//! Explores the profiles and prints what was found.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::process::ExitCode;

use model_check::{explore, profiles};

fn main() -> ExitCode {
    let most = 8_000_000;
    let names: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|other| other == name);
    let mut states = 0;
    let mut broken = false;
    for profile in profiles::full()
        .iter()
        .chain(profiles::open().iter().filter(|_| !names.is_empty()))
        .filter(|profile| wanted(profile.name))
    {
        let started = std::time::Instant::now();
        let report = explore(profile, most);
        println!("{report}");
        println!("  {} s", started.elapsed().as_secs());
        states += report.states;
        broken |= report.violation.is_some();
    }
    println!("{states} states in all");
    if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
