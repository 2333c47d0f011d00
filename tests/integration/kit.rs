//! The kit: what the template and the examples say, held against the function and a strict IAM.

mod call;
mod cloud;
mod commands;
mod documents;
mod facts;
mod life;
mod mutations;
mod organization;
mod package;
mod probes;
mod roll_out;
mod shell;
mod sizes;
mod stacks;
mod watch;
