//! Tests of the DNS check against the sandbox's zones, which hickory's server serves from their own
//! root down.
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
