//! The DNS check against the sandbox's zones, which are served from a root of their own down by
//! hickory's server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is missing"
)]

mod after;
mod before;
mod dnssec;
mod faults;
mod fixture;
mod zones;
