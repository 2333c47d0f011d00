//! Whatever goes wrong on the way of a request, CloudFormation gets its one answer, or the same event is delivered again and
//! then gets it; and nothing is left behind that no later Delete would remove.
//!
//! `ALL_FAULTS=1` makes every form longer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::print_stderr,
    reason = "a test stops where something is missing, and says what it has done; its helpers are called with json!"
)]

mod answer;
mod clock;
mod deadline;
mod hostile;
mod killed;
mod lane;
mod matrix;
mod pool;
mod random;
mod story;
