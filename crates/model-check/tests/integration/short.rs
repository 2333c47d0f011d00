//! The short form of the exploration: every profile with smaller bounds. `make model` uses the full
//! bounds.

use model_check::{EXCUSES, explore, profiles, replay};

/// Replays a trace, in the form in which a broken promise is printed, and checks that none is
/// broken.
#[track_caller]
fn holds(profile: &str, trace: &[&str]) {
    let profiles = profiles::full();
    let profile = profiles.iter().find(|other| other.name == profile);
    assert_eq!(profile.map(|profile| replay(profile, trace)), Some(None));
}

/// The least number of states of each exploration. With fewer, some events no longer happen.
const AT_LEAST: [(&str, usize); 17] = [
    ("cancelled", 1_000),
    ("one-second", 1_000),
    ("skipped", 200),
    ("ttls", 700),
    ("contested", 2_000),
    ("dnssec", 600),
    ("retained", 1_100),
    ("together", 1_800),
    ("drift", 13_000),
    ("checks", 37_000),
    ("accounts", 27_000),
    ("sharing", 4_000),
    ("by-hand", 4_500),
    ("overwrite", 4_000),
    ("moves", 14_000),
    ("restore", 60_000),
    ("races", 11_000),
];

#[test]
fn no_promise_is_broken_within_small_bounds() {
    for (profile, (name, at_least)) in profiles::short().iter().zip(AT_LEAST) {
        let report = explore(profile, usize::MAX);
        println!("{report}");
        assert_eq!(report.violation, None, "{report}");
        assert!(report.complete && report.excused.iter().all(|(name, _)| EXCUSES.contains(name)));
        assert!(report.profile == name && report.states >= at_least, "{report}");
    }
}

#[test]
fn concurrent_deliveries_of_a_move_do_not_undo_what_one_of_them_has_answered() {
    // The first delivery writes Q and stalls. The second finds the claim and answers. The clean-up
    // empties P.
    holds(
        "moves",
        &[
            "deploy S1: x@P, nothing",
            "deliver Create 1 of S1/A (x@P)",
            "Observe(CreateUpdate) of Create 1 of S1/A (x@P)",
            "Write(CreateUpdate) of Create 1 of S1/A (x@P)",
            "Answer of Create 1 of S1/A (x@P): success, and all is complete",
            "deploy S1: x@Q, nothing",
            "deliver Update 2 of S1/A of P (x@Q)",
            "deliver again Update 2 of S1/A of P (x@Q)",
            "Resolve of Update 2 of S1/A of P (x@Q)",
            "Observe(CreateUpdate) of Update 2 of S1/A of P (x@Q)",
            "Write(CreateUpdate) of Update 2 of S1/A of P (x@Q)",
            "Resolve of Update 2 of S1/A of P (x@Q), second delivery",
            "Observe(CreateUpdate) of Update 2 of S1/A of P (x@Q), second delivery",
            "Write(CreateUpdate) of Update 2 of S1/A of P (x@Q), second delivery",
            "CheckOldPoint of Update 2 of S1/A of P (x@Q), second delivery",
            "Answer of Update 2 of S1/A of P (x@Q), second delivery: success, and all is complete",
            "deliver Delete 3 of S1/A of P (x@P)",
            "Observe(Delete) of Delete 3 of S1/A of P (x@P)",
            "Write(Delete) of Delete 3 of S1/A of P (x@P)",
            "CheckOldPoint of Update 2 of S1/A of P (x@Q), late",
            "Observe(Undo) of Update 2 of S1/A of P (x@Q), late",
            "Answer of Update 2 of S1/A of P (x@Q), late: nobody waits",
        ],
    );
}

#[test]
fn a_move_to_a_point_with_an_old_claim_can_be_rolled_back() {
    // Another stack has taken over the point that the resource had moved to. Without a record of
    // where the resource came from, its rollback was refused.
    holds(
        "together",
        &[
            "deploy S1: x@Q, nothing",
            "run Create 1 of S1/A (x@Q): success, and all is complete",
            "deploy S1: x@P, nothing",
            "run Update 2 of S1/A of Q (x@P): success, and all is complete",
            "give up Delete 3 of S1/A of Q (x@Q)",
            "deploy S2: z@P AO, nothing",
            "run Create 4 of S2/A (z@P AO): success, and all is complete",
            "deploy S1: x@Q, nothing",
            "run Update 5 of S1/A of P (x@Q): success, and another resource fails",
            "run Update 6 of S1/A of Q (x@P): success",
        ],
    );
}

#[test]
fn the_next_delete_removes_what_a_refused_rollback_left() {
    // The claim named the desired name servers, so no claim named the current ones.
    holds(
        "drift",
        &[
            "deploy S1: x@P, nothing",
            "run Create 1 of S1/A (x@P): success, and all is complete",
            "deploy S1: y@P, nothing",
            "run Update 2 of S1/A of P (y@P): success, and another resource fails",
            "by hand: set DS of x keys 1 in P",
            "run Update 3 of S1/A of P (x@P): success",
            "wait 172800 s",
            "deploy S1: nothing, nothing",
            "run Delete 4 of S1/A of P (x@P): success",
        ],
    );
}

#[test]
fn a_rollback_under_a_ds_record_set_does_not_put_other_name_servers_under_it_later() {
    // The claim named its earlier name servers together with the DS record set of the others.
    holds(
        "drift",
        &[
            "deploy S1: x@P, nothing",
            "run Create 1 of S1/A (x@P): success, and all is complete",
            "deploy S1: y@P keys 1, nothing",
            "by hand: set NS y in P",
            "run Update 2 of S1/A of P (y@P keys 1): success, and another resource fails",
            "run Update 3 of S1/A of P (x@P): success",
            "deploy S1: x@P keys 1, nothing",
            "run Update 4 of S1/A of P (x@P keys 1): failure",
        ],
    );
}
