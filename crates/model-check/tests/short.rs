//! The short form of the exploration: every profile with smaller bounds. `make model` has the full ones.

use model_check::{EXCUSES, explore, profiles, replay};

/// Plays a trace again, as it is printed for a broken promise.
#[track_caller]
fn holds(profile: &str, trace: &[&str]) {
    let profiles = profiles::full();
    let profile = profiles.iter().find(|other| other.name == profile);
    assert_eq!(profile.map(|profile| replay(profile, trace)), Some(None));
}

#[test]
fn no_promise_is_broken_within_small_bounds() {
    for profile in profiles::short() {
        let report = explore(&profile, usize::MAX);
        println!("{report}");
        assert_eq!(report.violation, None, "{report}");
        assert!(report.complete && report.excused.iter().all(|(name, _)| EXCUSES.contains(name)));
    }
}

#[test]
fn two_deliveries_of_a_move_at_once_do_not_take_back_what_one_of_them_has_answered_for() {
    // The first delivery writes Q and stalls; the second finds that, and answers; the clean-up empties P.
    holds(
        "moves",
        &[
            "deploy S1: x@P, nothing",
            "deliver Create 1 of S1/A (x@P)",
            "Observe(Present) of Create 1 of S1/A (x@P)",
            "Write(Present) of Create 1 of S1/A (x@P)",
            "Answer of Create 1 of S1/A (x@P): success, and all is complete",
            "deploy S1: x@Q, nothing",
            "deliver Update 2 of S1/A of P (x@Q)",
            "deliver again Update 2 of S1/A of P (x@Q)",
            "Resolve of Update 2 of S1/A of P (x@Q)",
            "Observe(Present) of Update 2 of S1/A of P (x@Q)",
            "Write(Present) of Update 2 of S1/A of P (x@Q)",
            "Resolve of Update 2 of S1/A of P (x@Q), second delivery",
            "Observe(Present) of Update 2 of S1/A of P (x@Q), second delivery",
            "Write(Present) of Update 2 of S1/A of P (x@Q), second delivery",
            "LookBack of Update 2 of S1/A of P (x@Q), second delivery",
            "Answer of Update 2 of S1/A of P (x@Q), second delivery: success, and all is complete",
            "deliver Delete 3 of S1/A of P (x@P)",
            "Observe(Absent) of Delete 3 of S1/A of P (x@P)",
            "Write(Absent) of Delete 3 of S1/A of P (x@P)",
            "LookBack of Update 2 of S1/A of P (x@Q), late",
            "Observe(TakeBack) of Update 2 of S1/A of P (x@Q), late",
            "Answer of Update 2 of S1/A of P (x@Q), late: nobody waits",
        ],
    );
}
