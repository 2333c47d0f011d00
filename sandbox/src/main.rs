//! `sandbox serve [--port N]`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

use std::process::ExitCode;

const USAGE: &str = "usage: sandbox serve [--port N]    the local AWS (Route 53 and STS) until Ctrl-C";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["serve"] => run(serve(0)),
        ["serve", "--port", port] => match port.parse() {
            Ok(port) => run(serve(port)),
            Err(_) => Err(format!("'{port}' is not a port number\n{USAGE}")),
        },
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
    let (_aws, description) = sandbox::serve::start(port).await.map_err(|error| format!("can't listen: {error}"))?;
    print!("{description}");
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())
}
