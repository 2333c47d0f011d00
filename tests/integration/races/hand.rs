//! Races of a request for a name with a DS record set and a hand that edits the parent zone between
//! any two of its calls.

use sandbox::{RecordSet, ZoneHandle};
use serde_json::Value;
use test_support::NAME;

use crate::races::arena::{Arena, ONE, ds_of};
use crate::races::interleave::{Side, everywhere};
use crate::races::scenarios::{check, stands, succeeded};
use crate::races::signed::{secured, signed, unsigned};

const STRANGER: &str = "9999 13 2 9999999999999999999999999999999999999999999999999999999999999999";

/// What a hand does.
type Hand = fn(&ZoneHandle);

fn puts_ns(zone: &ZoneHandle) {
    zone.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
}

fn removes_ns(zone: &ZoneHandle) {
    zone.remove(NAME, "NS");
}

fn puts_ds(zone: &ZoneHandle) {
    zone.put(RecordSet::new(NAME, "DS", 60, [STRANGER]));
}

fn removes_ds(zone: &ZoneHandle) {
    zone.remove(NAME, "DS");
}

/// A request against a hand that edits between any two of its calls: an Update to `new`, or a
/// Delete.
fn against_a_hand(
    name: &str,
    old: fn() -> Value,
    new: Option<fn() -> Value>,
    hand: Hand,
    judge: fn(&Arena, &Value) -> Result<(), String>,
) {
    everywhere(name, 3, async || {
        let arena = Arena::new().await;
        let old = arena.asks(&arena.children[0], &old());
        let id = arena.done(Side::A, arena.request(ONE, "Create", None, &old, None)).await;
        let a = match new {
            Some(new) => {
                let new = arena.asks(&arena.children[0], &new());
                arena.request(ONE, "Update", Some(&id), &new, Some(&old))
            }
            None => arena.request(ONE, "Delete", Some(&id), &old, None),
        };
        arena.race_with_edit(a, hand, judge)
    });
}

#[test]
fn a_ds_is_added_and_a_hand_puts_name_servers() {
    against_a_hand(
        "Update adding a DS, somebody's NS",
        unsigned,
        Some(|| signed(&["one"])),
        puts_ns,
        |arena, a| {
            check(succeeded(a), "the Update succeeds")?;
            let back = stands(arena, NAME, &arena.children[0]);
            // What the hand puts last, stands.
            let last = arena.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]);
            check(
                back && arena.ds().is_empty() || last,
                "the name servers are put back without a DS, or were put last",
            )
        },
    );
}

#[test]
fn a_ds_is_added_and_a_hand_removes_the_name_servers() {
    against_a_hand(
        "Update adding a DS, NS removed",
        unsigned,
        Some(|| signed(&["one"])),
        removes_ns,
        |arena, a| {
            check(succeeded(a), "the Update succeeds")?;
            let all = stands(arena, NAME, &arena.children[0]) && arena.ds() == ds_of(&["one"]);
            check(
                all || arena.delegated(NAME).is_none(),
                "both stand, or the name servers went last",
            )
        },
    );
}

#[test]
fn a_ds_is_added_and_a_hand_puts_another() {
    against_a_hand(
        "Update adding a DS, somebody's DS",
        unsigned,
        Some(|| signed(&["one"])),
        puts_ds,
        |arena, a| {
            check(stands(arena, NAME, &arena.children[0]), "the delegation stands")?;
            check(arena.ds() == [STRANGER], "somebody's DS stands")?;
            check(
                succeeded(a)
                    || a["Reason"].as_str().is_some_and(|why| why.contains("AllowOverwrite")),
                "it came last, or is told",
            )
        },
    );
}

#[test]
fn a_ds_is_rolled_and_a_hand_removes_it() {
    against_a_hand(
        "Update rolling the DS, DS removed",
        || signed(&["one"]),
        Some(|| signed(&["two"])),
        removes_ds,
        |arena, a| {
            check(succeeded(a) && stands(arena, NAME, &arena.children[0]), "the Update succeeds")?;
            check(
                arena.ds() == ds_of(&["two"]) || arena.ds().is_empty(),
                "the new DS stands, or it was removed last",
            )
        },
    );
}

#[test]
fn a_ds_is_rolled_and_a_hand_puts_name_servers() {
    against_a_hand(
        "Update rolling the DS, somebody's NS",
        || signed(&["one"]),
        Some(|| signed(&["two"])),
        puts_ns,
        |arena, a| {
            check(succeeded(a), "the Update succeeds")?;
            let back = stands(arena, NAME, &arena.children[0]) && arena.ds() == ds_of(&["one"]);
            let last = arena.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]);
            check(
                back || last,
                "the name servers are put back under the DS that is for them, or were put last",
            )
        },
    );
}

#[test]
fn the_name_servers_change_and_a_hand_puts_a_ds() {
    everywhere("Update of the name servers, somebody's DS", 3, async || {
        let arena = Arena::new().await;
        let [old, new] = [0, 1].map(|child| arena.asks(&arena.children[child], &unsigned()));
        let id = arena.done(Side::A, arena.request(ONE, "Create", None, &old, None)).await;
        let a = arena.request(ONE, "Update", Some(&id), &new, Some(&old));
        arena.race_with_edit(a, puts_ds, |arena, a| {
            check(arena.ds() == [STRANGER], "somebody's DS stands")?;
            check(
                stands(arena, NAME, &arena.children[usize::from(succeeded(a))]),
                "moved, or refused and nothing changed",
            )
        })
    });
}

#[test]
fn a_signed_delegation_is_deleted_and_a_hand_puts_name_servers() {
    against_a_hand(
        "Delete with DS, somebody's NS",
        || signed(&["one"]),
        None,
        puts_ns,
        |arena, a| {
            check(succeeded(a) && arena.claims(NAME).is_empty(), "the Delete succeeds")?;
            check(
                arena.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]),
                "somebody's name servers stand",
            )?;
            check(arena.ds().is_empty(), "without our DS")
        },
    );
}

#[test]
fn a_signed_delegation_is_deleted_and_a_hand_puts_another_ds() {
    against_a_hand(
        "Delete with DS, somebody's DS",
        || signed(&["one"]),
        None,
        puts_ds,
        |arena, a| {
            check(
                succeeded(a) && arena.claims(NAME).is_empty() && arena.delegated(NAME).is_none(),
                "the Delete succeeds",
            )?;
            // With the name servers goes whatever stands beside them.
            check(arena.ds().is_empty() || arena.ds() == [STRANGER], "our DS is gone")
        },
    );
}

#[test]
fn a_delegation_beside_a_ds_made_by_hand() {
    // Adopted with that DS record set, and deleted: what was there before stays, and as it was.
    for (more, keys) in [(signed(&["one"]), &["one"][..]), (unsigned(), &["one"])] {
        everywhere("Create adopting a DS, its Delete by its own id", 1, async || {
            let arena = Arena::new().await;
            arena.parent.put(RecordSet::new(
                NAME,
                "NS",
                300,
                arena.children[0].name_servers().iter().map(|s| format!("{s}.")),
            ));
            arena.parent.put(RecordSet::new(NAME, "DS", 3600, ds_of(keys)));
            arena.watch.edited();
            let asks = arena.asks(&arena.children[0], &more);
            let id = arena.done(Side::A, arena.request(ONE, "Create", None, &asks, None)).await;
            let a = arena.request(ONE, "Delete", Some(&id), &asks, None);
            arena
                .race_of_one(a.clone(), a, |arena, a, b| {
                    check(succeeded(a) && succeeded(b), "both succeed")?;
                    secured(arena, &["one"], &[])
                })
                .await
        });
    }
}
