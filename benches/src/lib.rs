//! Compares `Custom::Delegation` with its peers (the AWS CDK's handler, and a crhelper function):
//! the same work, against the same local AWS, with the same TLS and latency.
//!
//! `docs/performance.md` explains the figures, and how to run this.
#![allow(unreachable_pub, reason = "a separate tool")]

mod callgrind;
mod compare;
mod fixture;
mod growth;
mod inventory;
mod measure;
mod package;
mod peers;
mod process;
mod runtime;
mod table;
mod tls_proxy;

pub mod guard;

pub use compare::{Compare, compare};
pub use growth::growth;
pub use inventory::inventory;
