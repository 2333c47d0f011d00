//! The sandbox's zones over DNS, asked with hickory's messages over UDP and TCP.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is missing"
)]

mod answers;
mod common;
mod dnssec;
mod faults;
mod propagation;
mod resolver;
mod transport;
mod tree;
mod validation;
