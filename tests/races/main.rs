//! Two requests that race for one name, at every interleaving of the calls that can meet: the reads of records and the
//! changes, each held until its turn. Nothing sleeps: a turn ends when its call was carried out and its side has come to
//! the next one, or has ended.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test stops where something is missing, and says what it has done"
)]

mod arena;
#[path = "../laws/claims.rs"]
mod claims;
mod hand;
mod interleave;
mod scenarios;
#[path = "../laws/secure.rs"]
mod secure;
mod signed;
mod watch;
