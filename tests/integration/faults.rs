//! Whatever goes wrong on the way of a request, CloudFormation gets its one answer, or the same
//! event is delivered again and then gets it; and nothing is left behind that no later Delete would
//! remove.
//!
//! Each case has a time and a randomness of its own: a failure names its `CASE`, which plays it
//! alone and the same way. `ALL_FAULTS=1` makes every form longer.

mod answer;
mod clock;
mod cut_off;
mod deadline;
mod hostile;
mod lane;
mod matrix;
mod random;
mod story;

/// Whether the long form is asked for.
fn long() -> bool {
    std::env::var("ALL_FAULTS").is_ok_and(|value| value == "1")
}
