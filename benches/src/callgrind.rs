//! Instructions, counted by valgrind's callgrind: a figure that does not depend on the machine's
//! speed.

use std::path::Path;

use crate::process::{Process, Start};
use crate::world::{Dialect, Kind, World};

/// What the function executes.
#[derive(Clone, Copy, Debug)]
pub struct Instructions {
    /// From the start of the process until it asks for its first event.
    pub ready: u64,
    /// From the event to the end of the invocation of a cold Create.
    pub cold_create: u64,
}

/// Counts both, in two runs; `Err` says why not.
pub(crate) async fn count(world: &World, program: &Start) -> Result<Instructions, String> {
    let ready = run(world, program, 0).await?;
    let whole = run(world, program, 1).await?;
    Ok(Instructions { ready, cold_create: whole.saturating_sub(ready) })
}

/// The instructions of a process that is ended when it asks for an event after so many invocations.
async fn run(world: &World, program: &Start, invocations: usize) -> Result<u64, String> {
    let mut start = program.clone();
    let profiled = start.program.display().to_string();
    start.program = "valgrind".into();
    let mut args =
        vec!["--tool=callgrind".to_owned(), "--callgrind-out-file=/dev/null".to_owned(), profiled];
    args.append(&mut start.args);
    start.args = args;
    start.env.extend(world.env());
    if invocations == 0 {
        // The compiled-in roots, as on Lambda.
        start.env.retain(|(name, _)| !matches!(name.as_str(), "AWS_CA_BUNDLE" | "SSL_CERT_FILE"));
    }
    let mut process = Process::start(&start).await?;
    for _ in 0..invocations {
        let (event, request) = world.event(Dialect::Delegation, Kind::Create, None);
        process.invoke(&event).await?;
        world.answer(&request)?;
        world.check(Kind::Create)?;
        world.clear();
    }
    let lines = process.end().await;
    let collected = lines
        .iter()
        .find_map(|line| line.split_once("Collected :"))
        .map(|(_, number)| number.trim());
    collected.and_then(|number| number.parse().ok()).ok_or_else(|| {
        format!("valgrind did not say how many instructions it counted: {}", lines.join(" / "))
    })
}

/// True if valgrind can be started.
pub(crate) fn available() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join("valgrind").is_file())
}
