//! The kit: what the template and the examples say, held against the function and a strict IAM.

mod call;
mod cloud;
mod commands;
mod documents;
mod facts;
mod life;
mod migrating;
mod mutations;
mod organization;
mod package;
mod probes;
mod roll_out;
mod shell;
mod sizes;
mod stacks;
mod watch;

/// The kit's function talks to a server, so that waiting would take real time.
fn at_once(config: &mut custom_delegation::config::Config) {
    config.propagation_wait = std::time::Duration::ZERO;
    config.sync_pause = std::time::Duration::ZERO;
}

mod world {
    pub(crate) use test_support::{Answer, EXTERNAL_ID, Fixture as World, NAME, plain};
}
