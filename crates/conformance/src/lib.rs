//! The facts about AWS that the code and the sandbox rely on, each as a named probe.
//!
//! A [`probe::Probe`] uses the AWS SDK or the AWS CLI to observe one fact, and describes it in
//! words that are compared with the expected ones. The same probes run against the sandbox, which
//! must agree; against moto, which is known to be lax; and against real AWS, which decides.
#![allow(missing_docs, reason = "the crate is not published, and most names say enough")]

pub mod aws;
pub mod backend;
pub mod cleanup;
pub mod context;
pub mod journal;
pub mod local;
pub mod page;
pub mod probe;
pub mod probes;
pub mod recorder;
pub mod run;
pub mod setup;
pub mod stacks;
