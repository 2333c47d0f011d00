//! Counts instructions with valgrind's callgrind: a figure that does not depend on the machine's
//! speed.

use std::path::Path;

use crate::fixture::{Dialect, Fixture, RequestType};
use crate::process::{Process, Start};

/// The instructions that the function executes.
#[derive(Clone, Copy, Debug)]
pub struct Instructions {
    /// From the start of the process until it requests its first event.
    pub ready: u64,
    /// From the event of a cold Create to the end of its invocation.
    pub cold_create: u64,
}

/// Counts both in two runs; the error says why it could not.
pub(crate) async fn count(fixture: &Fixture, program: &Start) -> Result<Instructions, String> {
    let ready = run(fixture, program, 0).await?;
    let whole = run(fixture, program, 1).await?;
    Ok(Instructions { ready, cold_create: whole.saturating_sub(ready) })
}

/// Returns the instructions of a process that is ended when it requests an event after this many
/// invocations.
async fn run(fixture: &Fixture, program: &Start, invocations: usize) -> Result<u64, String> {
    let mut start = program.clone();
    let profiled = start.program.display().to_string();
    start.program = "valgrind".into();
    let mut args =
        vec!["--tool=callgrind".to_owned(), "--callgrind-out-file=/dev/null".to_owned(), profiled];
    args.append(&mut start.args);
    start.args = args;
    start.env.extend(fixture.env());
    if invocations == 0 {
        // Without these variables, it uses the compiled-in root certificates, as on Lambda.
        start.env.retain(|(name, _)| !matches!(name.as_str(), "AWS_CA_BUNDLE" | "SSL_CERT_FILE"));
    }
    let mut process = Process::start(&start).await?;
    for _ in 0..invocations {
        let (event, request) = fixture.event(Dialect::Delegation, RequestType::Create, None);
        process.invoke(&event).await?;
        fixture.answer(&request)?;
        fixture.check(RequestType::Create)?;
        fixture.clear();
    }
    let lines = process.end().await;
    let collected = lines
        .iter()
        .find_map(|line| line.split_once("Collected :"))
        .map(|(_, number)| number.trim());
    collected.and_then(|number| number.parse().ok()).ok_or_else(|| {
        format!("valgrind did not print the number of instructions: {}", lines.join(" / "))
    })
}

/// Returns whether valgrind can be started.
pub(crate) fn available() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join("valgrind").is_file())
}
