//! The real `bootstrap`, driven through the Lambda Runtime API by whole lives of stacks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test stops where something is missing; its helpers are called with json!"
)]

mod delivery;
mod demo;
mod life;
mod logs;
mod memory;
mod network;
mod rename;
mod rollback;
mod secrets;
mod signed;
mod watch;
mod world;
