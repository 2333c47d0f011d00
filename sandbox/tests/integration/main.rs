//! The sandbox as its clients see it: the AWS SDK over HTTP, and DNS over UDP and TCP.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is missing"
)]

mod aws;
mod dns;
