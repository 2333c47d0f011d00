//! The probes: against the sandbox, moto and scripts, and the program that runs them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is missing"
)]

mod broken;
mod fixture;
mod moto;
mod page;
mod real;
mod rules;
mod sandbox;
mod scripted;
