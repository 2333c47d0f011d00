//! The program of the local AWS: `sandbox serve` and `sandbox demo`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sandbox::demo::{self, Demo};

/// A strict local AWS for `Custom::Delegation`.
#[derive(Debug, Parser)]
#[command(name = "sandbox")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the local AWS (Route 53, STS, DNS) until Ctrl-C, and print settings for any AWS client
    Serve {
        /// The port to listen on, or 0 for any free port
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Send the example events to the real function, and print the result of each
    Demo {
        /// The program of the function
        #[arg(long, value_name = "PATH")]
        bootstrap: PathBuf,
        /// The folder with the example events
        #[arg(long, value_name = "DIR")]
        events: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Serve { port } => run(serve(port)),
        Command::Demo { bootstrap, events } => {
            run(show(Demo { bootstrap, events, color: wants_color() }))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(command)
}

async fn serve(port: u16) -> Result<(), String> {
    let started = sandbox::serve::start(port).await;
    let served = started.map_err(|error| {
        format!("Can't listen on 127.0.0.1:{port}: {error}. Use another --port.")
    })?;
    print!("{}", served.description);
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())
}

async fn show(demo: Demo) -> Result<(), String> {
    let mut out = std::io::stdout();
    tokio::select! {
        result = demo::run(&demo, &mut out) => result,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    }
}

/// Color is only used on a terminal, and if nothing forbids it (<https://no-color.org>).
fn wants_color() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
}
