//! `sandbox serve [--port N]` and `sandbox demo --bootstrap PATH --events DIR`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

use std::io::IsTerminal;
use std::process::ExitCode;

use sandbox::demo::{self, Demo};

const USAGE: &str =
    "usage: sandbox serve [--port N]                         the local AWS (Route 53, STS, DNS) until Ctrl-C
       sandbox demo --bootstrap PATH --events DIR      the function at work, told step by step";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["serve"] => run(serve(0)),
        ["serve", "--port", port] => match port.parse() {
            Ok(port) => run(serve(port)),
            Err(_) => Err(format!("'{port}' is not a port number\n{USAGE}")),
        },
        ["demo", "--bootstrap", bootstrap, "--events", events] => {
            let colour = wants_colour();
            run(show(Demo { bootstrap: bootstrap.into(), events: events.into(), colour }))
        }
        _ => Err(USAGE.to_owned()),
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
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(command)
}

async fn serve(port: u16) -> Result<(), String> {
    let (_aws, _dns, description) =
        sandbox::serve::start(port).await.map_err(|error| format!("can't listen: {error}"))?;
    print!("{description}");
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())
}

async fn show(demo: Demo) -> Result<(), String> {
    let mut out = std::io::stdout();
    tokio::select! {
        told = demo::run(&demo, &mut out) => told,
        _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
    }
}

/// On a terminal, unless it is told otherwise (<https://no-color.org>).
fn wants_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
}
