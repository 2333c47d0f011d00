//! What users deploy: the template, the examples, the released files and the commands of the pages.
//! Their policies and settings must agree with what the function does, on a strict IAM.

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
