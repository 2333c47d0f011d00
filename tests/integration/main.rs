//! The product from outside. Everything but the real processes is in process and in a time that the
//! test owns: see `test_support`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    reason = "a test stops where something is missing, and says what it has done; its helpers are called with json!"
)]

mod events;
mod faults;
mod function;
mod fuzz_regressions;
mod histories;
mod invariants;
mod kit;
mod lambda;
mod load;
mod migrations;
mod moto;
mod pages;
mod program;
mod races;
mod scan;
mod simulation;
mod watch;
