//! The kit: compares the policies and settings of the template, the examples and the pages with
//! what the function does, on a strict IAM.

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
