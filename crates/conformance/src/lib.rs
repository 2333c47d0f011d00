//! What the code and the sandbox take for granted about AWS, each as a named probe.
//!
//! A [`probe::Probe`] does what it takes to see one fact through the AWS SDK or the AWS CLI, and
//! says what it saw in words that are compared with those that are expected. The same probes run
//! against the sandbox, which has to agree, against moto, which is known to be lax, and against
//! real AWS, which decides.

pub mod aws;
pub mod bench;
pub mod cleanup;
pub mod journal;
pub mod local;
pub mod page;
pub mod place;
pub mod probe;
pub mod probes;
pub mod recorder;
pub mod run;
pub mod setup;
pub mod stacks;
