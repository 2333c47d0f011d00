//! The function through the real AWS SDK over HTTP, against the sandbox, in process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test stops where something is missing; its helpers are called with json!"
)]

mod bad_input;
mod check;
mod create;
mod delete;
mod dnssec;
mod faults;
mod occlusion;
mod permissions;
mod sequences;
mod sns;
mod sync;
mod update;
mod world;
