//! `Custom::Delegation` beside its peers: the same work, against the same local AWS, behind the
//! same TLS and latency.
//!
//! `docs/performance.md` says what each figure means and how to run this.
#![allow(unreachable_pub, reason = "a tool of its own")]

mod callgrind;
mod compare;
mod growth;
mod inventory;
mod measure;
mod package;
mod peers;
mod process;
mod runtime;
mod table;
mod tls_proxy;
mod world;

pub mod guard;

pub use compare::{Compare, compare};
pub use growth::growth;
pub use inventory::inventory;
