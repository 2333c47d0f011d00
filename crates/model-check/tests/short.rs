//! The short form of the exploration: every profile with smaller bounds. `make model` has the full
//! ones.

use model_check::{EXCUSES, explore, profiles, replay};

/// Plays a trace again, as it is printed for a broken promise.
#[track_caller]
fn holds(profile: &str, trace: &[&str]) {
    let profiles = profiles::full();
    let profile = profiles.iter().find(|other| other.name == profile);
    assert_eq!(profile.map(|profile| replay(profile, trace)), Some(None));
}

/// So many states each exploration has at least: fewer, and something happens no more.
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
    ("give-back", 60_000),
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
fn two_deliveries_of_a_move_at_once_do_not_take_back_what_one_of_them_has_answered_for() {
    // The first delivery writes Q and stalls; the second finds that, and answers; the clean-up
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
fn a_move_to_a_place_with_an_old_claim_can_be_rolled_back() {
    // Where the resource went, another stack has taken over. Without a note of where it came from,
    // the way back was refused.
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
fn what_a_refused_way_back_leaves_is_removed_by_the_next_delete() {
    // The claim named what was asked for, so that what was left was nobody's.
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
fn a_way_back_under_a_ds_record_set_does_not_put_other_name_servers_under_it_later() {
    // The claim named the name servers of before with the DS record set of the others.
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
