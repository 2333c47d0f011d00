//! The program behind `make bench`: it prints the tables of `docs/performance.md`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bench::Compare;
use clap::{Parser, Subcommand};

/// Compares the function with its peers on the same work and the same local AWS.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure time, CPU, memory and size of all programs, side by side
    Compare {
        /// The release build of the function
        #[arg(long, value_name = "PATH")]
        bootstrap: PathBuf,
        /// An empty function with the same runtime
        #[arg(long, value_name = "PATH")]
        baseline: PathBuf,
        /// The folder with the sources of the peers
        #[arg(long, value_name = "DIR")]
        sources: PathBuf,
        /// The folder in which the peers are installed
        #[arg(long, value_name = "DIR")]
        installed: PathBuf,
        /// The number of processes to start of each program
        #[arg(long, default_value_t = 15)]
        runs: usize,
        /// The round-trip latency of the distant AWS, in milliseconds
        #[arg(long, value_name = "MS", default_value_t = 100)]
        latency: u64,
    },
    /// Measure how time and calls grow with zones and requests
    Growth {
        /// The release build of the function
        #[arg(long, value_name = "PATH")]
        bootstrap: PathBuf,
        /// The folder in which the peers are installed
        #[arg(long, value_name = "DIR")]
        installed: PathBuf,
    },
    /// Measure `delegation list --check`, for zones of several sizes and with dead name servers
    Inventory {
        /// The command `delegation`
        #[arg(long, value_name = "PATH")]
        command: PathBuf,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(run(args.command)));
    match result {
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

async fn run(command: Command) -> Result<String, String> {
    match command {
        Command::Compare { bootstrap, baseline, sources, installed, runs, latency } => {
            let latency = Duration::from_millis(latency);
            let compare = Compare { bootstrap, baseline, sources, installed, runs, latency };
            bench::compare(&compare, |line| eprintln!("bench: {line}")).await
        }
        Command::Growth { bootstrap, installed } => {
            bench::growth(&bootstrap, &installed, |line| eprintln!("bench: {line}")).await
        }
        Command::Inventory { command } => {
            bench::inventory(&command, |line| eprintln!("bench: {line}")).await
        }
    }
}
