//! Races of a request for a name with a DS record set and a manual edit of the parent zone between
//! any two of its calls.

use sandbox::{RecordSet, ZoneHandle};
use serde_json::Value;
use test_support::NAME;

use crate::races::fixture::{ONE, RaceFixture, ds_of};
use crate::races::interleave::{Side, everywhere};
use crate::races::scenarios::{check, is_delegated_to, succeeded};
use crate::races::signed::{secured, signed, unsigned};

const STRANGER: &str = "9999 13 2 9999999999999999999999999999999999999999999999999999999999999999";

/// A manual edit.
type ManualEdit = fn(&ZoneHandle);

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

/// Races a request with a manual edit between any two of its calls. The request is an Update to
/// `new`, or a Delete.
fn against_a_manual_edit(
    name: &str,
    old: fn() -> Value,
    new: Option<fn() -> Value>,
    edit: ManualEdit,
    check_end: fn(&RaceFixture, &Value) -> Result<(), String>,
) {
    everywhere(name, 3, async || {
        let fixture = RaceFixture::new().await;
        let old = fixture.properties(&fixture.children[0], &old());
        let id = fixture.done(Side::A, fixture.create(ONE, &old)).await;
        let a = match new {
            Some(new) => {
                let new = fixture.properties(&fixture.children[0], &new());
                fixture.update(ONE, &id, &new, &old)
            }
            None => fixture.delete(ONE, &id, &old),
        };
        fixture.race_with_edit(a, edit, check_end)
    });
}

#[test]
fn a_ds_is_added_and_somebody_sets_name_servers() {
    against_a_manual_edit(
        "Update adding a DS, somebody's NS",
        unsigned,
        Some(|| signed(&["one"])),
        puts_ns,
        |fixture, a| {
            check(succeeded(a), "the Update succeeds")?;
            let back = is_delegated_to(fixture, NAME, &fixture.children[0]);
            // An edit after the last call stays.
            let last = fixture.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]);
            check(
                back && fixture.ds().is_empty() || last,
                "the name servers are restored without a DS record set, or were edited last",
            )
        },
    );
}

#[test]
fn a_ds_is_added_and_somebody_removes_the_name_servers() {
    against_a_manual_edit(
        "Update adding a DS, NS removed",
        unsigned,
        Some(|| signed(&["one"])),
        removes_ns,
        |fixture, a| {
            check(succeeded(a), "the Update succeeds")?;
            let all = is_delegated_to(fixture, NAME, &fixture.children[0])
                && fixture.ds() == ds_of(&["one"]);
            check(
                all || fixture.delegated(NAME).is_none(),
                "both exist, or the name servers were removed last",
            )
        },
    );
}

#[test]
fn a_ds_is_added_and_somebody_sets_another() {
    against_a_manual_edit(
        "Update adding a DS, somebody's DS",
        unsigned,
        Some(|| signed(&["one"])),
        puts_ds,
        |fixture, a| {
            check(is_delegated_to(fixture, NAME, &fixture.children[0]), "the delegation exists")?;
            check(fixture.ds() == [STRANGER], "the DS record set that was set by hand exists")?;
            check(
                succeeded(a)
                    || a["Reason"].as_str().is_some_and(|why| why.contains("AllowOverwrite")),
                "it was set last, or the answer names it",
            )
        },
    );
}

#[test]
fn a_ds_is_rolled_and_somebody_removes_it() {
    against_a_manual_edit(
        "Update rolling the DS, DS removed",
        || signed(&["one"]),
        Some(|| signed(&["two"])),
        removes_ds,
        |fixture, a| {
            check(
                succeeded(a) && is_delegated_to(fixture, NAME, &fixture.children[0]),
                "the Update succeeds",
            )?;
            check(
                fixture.ds() == ds_of(&["two"]) || fixture.ds().is_empty(),
                "the new DS record set exists, or it was removed last",
            )
        },
    );
}

#[test]
fn a_ds_is_rolled_and_somebody_sets_name_servers() {
    against_a_manual_edit(
        "Update rolling the DS, somebody's NS",
        || signed(&["one"]),
        Some(|| signed(&["two"])),
        puts_ns,
        |fixture, a| {
            check(succeeded(a), "the Update succeeds")?;
            let back = is_delegated_to(fixture, NAME, &fixture.children[0])
                && fixture.ds() == ds_of(&["one"]);
            let last = fixture.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]);
            check(
                back || last,
                "the name servers are restored under their DS record set, or were edited last",
            )
        },
    );
}

#[test]
fn the_name_servers_change_and_somebody_sets_a_ds() {
    everywhere("Update of the name servers, somebody's DS", 3, async || {
        let fixture = RaceFixture::new().await;
        let [old, new] =
            [0, 1].map(|child| fixture.properties(&fixture.children[child], &unsigned()));
        let id = fixture.done(Side::A, fixture.create(ONE, &old)).await;
        let a = fixture.update(ONE, &id, &new, &old);
        fixture.race_with_edit(a, puts_ds, |fixture, a| {
            check(fixture.ds() == [STRANGER], "the DS record set that was set by hand exists")?;
            check(
                is_delegated_to(fixture, NAME, &fixture.children[usize::from(succeeded(a))]),
                "the name servers changed, or the Update was refused",
            )
        })
    });
}

#[test]
fn a_signed_delegation_is_deleted_and_somebody_sets_name_servers() {
    against_a_manual_edit(
        "Delete with DS, somebody's NS",
        || signed(&["one"]),
        None,
        puts_ns,
        |fixture, a| {
            check(succeeded(a) && fixture.claims(NAME).is_empty(), "the Delete succeeds")?;
            check(
                fixture.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]),
                "the name servers that were set by hand exist",
            )?;
            check(fixture.ds().is_empty(), "without the DS record set of the resource")
        },
    );
}

#[test]
fn a_signed_delegation_is_deleted_and_somebody_sets_another_ds() {
    against_a_manual_edit(
        "Delete with DS, somebody's DS",
        || signed(&["one"]),
        None,
        puts_ds,
        |fixture, a| {
            check(
                succeeded(a)
                    && fixture.claims(NAME).is_empty()
                    && fixture.delegated(NAME).is_none(),
                "the Delete succeeds",
            )?;
            // Any DS record set is removed with the name servers.
            check(
                fixture.ds().is_empty() || fixture.ds() == [STRANGER],
                "the DS record set of the resource is removed",
            )
        },
    );
}

#[test]
fn a_delegation_with_a_ds_made_by_hand() {
    // The delegation is adopted with that DS record set, and then deleted. Everything that was
    // there before stays as it was.
    for (more, keys) in [(signed(&["one"]), &["one"][..]), (unsigned(), &["one"])] {
        everywhere("Create adopting a DS, its Delete by its own id", 1, async || {
            let fixture = RaceFixture::new().await;
            fixture.parent.put(RecordSet::new(
                NAME,
                "NS",
                300,
                fixture.children[0].name_servers().iter().map(|s| format!("{s}.")),
            ));
            fixture.parent.put(RecordSet::new(NAME, "DS", 3600, ds_of(keys)));
            fixture.checker.edited();
            let properties = fixture.properties(&fixture.children[0], &more);
            let id = fixture.done(Side::A, fixture.create(ONE, &properties)).await;
            let a = fixture.delete(ONE, &id, &properties);
            fixture
                .race_of_one(a.clone(), a, |fixture, a, b| {
                    check(succeeded(a) && succeeded(b), "both succeed")?;
                    secured(fixture, &["one"], &[])
                })
                .await
        });
    }
}
