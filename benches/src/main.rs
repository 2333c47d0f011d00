//! `bench compare` and `bench growth`: the two tables of `docs/performance.md`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bench::Compare;

const USAGE: &str = "usage: bench compare bootstrap=PATH floor=PATH sources=DIR installed=DIR [runs=N] [latency=MS]
       bench growth  bootstrap=PATH installed=DIR";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let settings: BTreeMap<String, String> =
        words.filter_map(|word| word.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))).collect();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&command, &settings)) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &str, settings: &BTreeMap<String, String>) -> Result<String, String> {
    let path = |key: &str| settings.get(key).map(PathBuf::from).ok_or_else(|| format!("{key} is missing\n{USAGE}"));
    let number =
        |key: &str, default: u64| settings.get(key).map_or(Ok(default), |text| text.parse()).map_err(|_| USAGE);
    match command {
        "compare" => {
            let compare = Compare {
                bootstrap: path("bootstrap")?,
                floor: path("floor")?,
                sources: path("sources")?,
                installed: path("installed")?,
                runs: usize::try_from(number("runs", 15)?).unwrap_or(usize::MAX),
                latency: Duration::from_millis(number("latency", 100)?),
            };
            bench::compare(&compare, |line| eprintln!("bench: {line}")).await
        }
        "growth" => bench::growth(&path("bootstrap")?, &path("installed")?, |line| eprintln!("bench: {line}")).await,
        _ => Err(USAGE.to_owned()),
    }
}
