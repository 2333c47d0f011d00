//! Faults: whatever goes wrong while a request is handled, CloudFormation gets its one answer, from
//! this delivery of the event or from the next, and nothing is left behind that no later Delete
//! removes.
//!
//! Each case has its own clock and its own random numbers. A failure prints its `CASE`; setting
//! that variable runs this case alone, in the same way. `ALL_FAULTS=1` runs the long form of each
//! test.

mod answer;
mod clock;
mod cut_off;
mod deadline;
mod fixture;
mod hostile;
mod matrix;
mod random;
mod scenario;

/// Returns whether the long form was requested.
fn long() -> bool {
    std::env::var("ALL_FAULTS").is_ok_and(|value| value == "1")
}
