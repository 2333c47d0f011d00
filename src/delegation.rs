//! The command `delegation`: wiring only.

use std::process::ExitCode;

use custom_delegation::command;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    command::run(std::env::args_os(), |name| std::env::var(name).ok()).await.into()
}
