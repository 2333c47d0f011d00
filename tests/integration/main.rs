//! Integration tests of the function, from the outside. Except for tests of real processes,
//! everything runs in one process and on a clock that the test controls: see `test_support`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    reason = "a panic fails the test, and tests print what they did; helpers take json! expressions"
)]

mod cdk_constructs;
mod deployment;
mod events;
mod faults;
mod function;
mod fuzz_regressions;
mod histories;
mod invariants;
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
