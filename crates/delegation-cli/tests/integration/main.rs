//! Tests of the real command against the sandbox, over HTTP and DNS: its output, its exit status,
//! and that it changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test stops where something is missing; its helpers are called with json!"
)]

mod command_page;
mod flags;
mod html;
mod list;
mod list_many;
mod plan;
mod release;
mod shell;
mod verify;
