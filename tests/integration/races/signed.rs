//! Races for a name with a DS record set. The checker verifies every batch; the tests here check
//! the final state.

use sandbox::RecordSet;
use serde_json::{Value, json};
use test_support::NAME;

use crate::races::fixture::{ONE, RaceFixture, SIBLING, TWO, Who, ds_of};
use crate::races::interleave::{Side, everywhere};
use crate::races::scenarios::{check, is_delegated_to, owner, refused, succeeded};

/// `Dnssec` with one key or both.
pub(crate) fn signed(keys: &[&str]) -> Value {
    json!({"Dnssec": "true", "KeySigningKeys": keys})
}

pub(crate) fn unsigned() -> Value {
    json!({})
}

/// Checks that the name is delegated to the first child zone, with a DS record set for these keys
/// (or none), and claimed by these resources.
pub(crate) fn secured(
    fixture: &RaceFixture,
    keys: &[&str],
    claimants: &[Who],
) -> Result<(), String> {
    check(is_delegated_to(fixture, NAME, &fixture.children[0]), "the delegation exists")?;
    check(fixture.ds() == ds_of(keys), &format!("with DS records for {keys:?}"))?;
    let claimants: Vec<String> = claimants.iter().map(|who| owner(*who)).collect();
    check(fixture.claims(NAME) == claimants, &format!("claimed by {claimants:?}"))
}

fn nothing_left(fixture: &RaceFixture) -> Result<(), String> {
    let bare = fixture.delegated(NAME).is_none()
        && fixture.ds().is_empty()
        && fixture.claims(NAME).is_empty();
    check(bare, "nothing is left")
}

/// Races the two requests of a rename: the Create of the new resource with `new`, and the Delete of
/// the old one. The DS record set is for the first of `keys` if the Create shared the delegation,
/// and for the second if the Create came after the Delete.
fn renamed(name: &str, old: fn() -> Value, new: fn() -> Value, keys: [&'static [&'static str]; 2]) {
    everywhere(name, 20, async || {
        let fixture = RaceFixture::new().await;
        let (before, after) = (
            fixture.properties(&fixture.children[0], &old()),
            fixture.properties(&fixture.children[0], &new()),
        );
        let id = fixture.done(Side::A, fixture.create(SIBLING, &before)).await;
        let a = fixture.create(ONE, &after);
        let b = fixture.delete(SIBLING, &id, &before);
        fixture
            .race_of_one(a, b, move |fixture, a, b| {
                check(succeeded(a) && succeeded(b), "both succeed")?;
                let created = a["Data"]["Action"] == "CREATED";
                secured(fixture, keys[usize::from(created)], &[ONE])
            })
            .await
    });
}

#[test]
fn a_rename_keeps_the_ds() {
    renamed(
        "Create with DS, Delete of a sibling",
        || signed(&["one"]),
        || signed(&["one"]),
        [&["one"], &["one"]],
    );
}

#[test]
fn a_rename_with_other_keys_takes_the_ds_away_until_the_next_update() {
    renamed(
        "Create with another DS, Delete of a sibling",
        || signed(&["one"]),
        || signed(&["two"]),
        [&[], &["two"]],
    );
}

#[test]
fn a_rename_without_dnssec_takes_the_ds_away() {
    renamed(
        "Create without DS, Delete of a sibling with one",
        || signed(&["one"]),
        unsigned,
        [&[], &[]],
    );
}

#[test]
fn a_rename_with_dnssec_leaves_the_ds_to_the_next_update() {
    renamed(
        "Create with DS, Delete of a sibling without",
        unsigned,
        || signed(&["one"]),
        [&[], &["one"]],
    );
}

/// Races an Update from `old` to `new` with the Delete of a sibling that asks for `other`.
fn updated_beside(
    name: &str,
    old: fn() -> Value,
    new: fn() -> Value,
    other: fn() -> Value,
    keys: &'static [&'static str],
) {
    // A refused Update makes few calls.
    everywhere(name, 3, async || {
        let fixture = RaceFixture::new().await;
        let [old, new, other] =
            [old(), new(), other()].map(|more| fixture.properties(&fixture.children[0], &more));
        let id = fixture.done(Side::A, fixture.create(ONE, &old)).await;
        fixture.done(Side::A, fixture.create(SIBLING, &other)).await;
        let a = fixture.update(ONE, &id, &new, &old);
        let b = fixture.delete(SIBLING, &id, &other);
        fixture
            .race_of_one(a, b, move |fixture, a, b| {
                check(succeeded(b), "the Delete succeeds")?;
                // The Update may not replace what the sibling's claim names, until that is removed.
                let refused =
                    a["Reason"].as_str().is_some_and(|why| why.contains("ds-claimed-by-others"));
                check(
                    succeeded(a) || refused,
                    "the Update succeeds, or its answer says who manages the DS record set",
                )?;
                secured(fixture, if succeeded(a) { keys } else { &["one"] }, &[ONE])
            })
            .await
    });
}

#[test]
fn a_ds_is_added_while_a_sibling_goes() {
    updated_beside(
        "Update adding a DS, Delete of a sibling",
        unsigned,
        || signed(&["one"]),
        unsigned,
        &["one"],
    );
}

#[test]
fn a_ds_is_rolled_while_a_sibling_goes() {
    let one = || signed(&["one"]);
    updated_beside(
        "Update rolling the DS, Delete of a sibling",
        one,
        || signed(&["one", "two"]),
        one,
        &["one", "two"],
    );
}

#[test]
fn a_ds_is_given_up_by_two_siblings_at_once() {
    let one = || signed(&["one"]);
    updated_beside("Update removing the DS, Delete of a sibling", one, unsigned, one, &[]);
}

#[test]
fn a_sibling_with_a_ds_comes_while_name_servers_are_put_back() {
    everywhere("Update putting name servers back, Create of a sibling with DS", 12, async || {
        let fixture = RaceFixture::new().await;
        let [old, new] = [unsigned(), signed(&["one"])]
            .map(|more| fixture.properties(&fixture.children[0], &more));
        let id = fixture.done(Side::A, fixture.create(ONE, &old)).await;
        fixture.parent.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
        fixture.checker.edited();
        let a = fixture.update(ONE, &id, &old, &old);
        let b = fixture.create(SIBLING, &new);
        fixture
            .race_of_one(a, b, |fixture, a, b| {
                check(succeeded(a), "the Update succeeds")?;
                // Before the name servers are restored, the sibling may not replace them.
                let who: &[Who] = if succeeded(b) { &[ONE, SIBLING] } else { &[ONE] };
                check(succeeded(b) || refused(b), "the Create shares or refuses")?;
                secured(fixture, &[], who)
            })
            .await
    });
}

#[test]
fn a_ds_is_rolled_while_a_sibling_comes() {
    everywhere("Update rolling the DS, Create of a sibling", 20, async || {
        let fixture = RaceFixture::new().await;
        let [old, new] =
            [["one"], ["two"]].map(|keys| fixture.properties(&fixture.children[0], &signed(&keys)));
        let id = fixture.done(Side::A, fixture.create(ONE, &old)).await;
        let a = fixture.update(ONE, &id, &new, &old);
        let b = fixture.create(SIBLING, &new);
        fixture
            .race_of_one(a, b, |fixture, a, b| {
                check(succeeded(a) && succeeded(b), "both succeed")?;
                secured(fixture, &["two"], &[ONE, SIBLING])
            })
            .await
    });
}

#[test]
fn deletes_of_two_siblings_with_a_ds() {
    everywhere("Delete, Delete of a sibling, with DS", 20, async || {
        let fixture = RaceFixture::new().await;
        let properties = fixture.properties(&fixture.children[0], &signed(&["one"]));
        let id = fixture.done(Side::A, fixture.create(ONE, &properties)).await;
        fixture.done(Side::A, fixture.create(SIBLING, &properties)).await;
        let a = fixture.delete(ONE, &id, &properties);
        let b = fixture.delete(SIBLING, &id, &properties);
        fixture
            .race_of_one(a, b, |fixture, a, b| {
                check(succeeded(a) && succeeded(b), "both succeed")?;
                nothing_left(fixture)
            })
            .await
    });
}

#[test]
fn two_creates_with_different_keys() {
    everywhere("Create with DS, Create with another", 20, async || {
        let fixture = RaceFixture::new().await;
        let a = fixture.create(ONE, &fixture.properties(&fixture.children[0], &signed(&["one"])));
        let b = fixture.create(TWO, &fixture.properties(&fixture.foreign, &signed(&["two"])));
        fixture.race(a, b, |fixture, a, b| {
            check(succeeded(a) != succeeded(b), "one wins")?;
            let (child, key, loser) = if succeeded(a) {
                (&fixture.children[0], "one", b)
            } else {
                (&fixture.foreign, "two", a)
            };
            check(refused(loser), "the other refuses")?;
            check(
                is_delegated_to(fixture, NAME, child) && fixture.ds() == ds_of(&[key]),
                "the zone is as the winner asks",
            )
        })
    });
}

/// Races two deliveries of one request: a Create, or an Update from `old`, to `new`.
fn delivered_twice(
    name: &str,
    old: Option<fn() -> Value>,
    new: fn() -> Value,
    keys: &'static [&'static str],
) {
    everywhere(name, 20, async || {
        let fixture = RaceFixture::new().await;
        let new = fixture.properties(&fixture.children[0], &new());
        let a = match old.map(|old| fixture.properties(&fixture.children[0], &old())) {
            None => fixture.create(ONE, &new),
            Some(old) => {
                let id = fixture.done(Side::A, fixture.create(ONE, &old)).await;
                fixture.update(ONE, &id, &new, &old)
            }
        };
        fixture
            .race_of_one(a.clone(), a, move |fixture, a, b| {
                check(succeeded(a) && succeeded(b), "both deliveries succeed")?;
                secured(fixture, keys, &[ONE])
            })
            .await
    });
}

#[test]
fn one_create_with_a_ds_delivered_twice_at_once() {
    delivered_twice("Create with DS, the same Create", None, || signed(&["one"]), &["one"]);
}

#[test]
fn one_update_that_rolls_the_ds_delivered_twice_at_once() {
    delivered_twice(
        "Update rolling the DS, the same",
        Some(|| signed(&["one"])),
        || signed(&["two"]),
        &["two"],
    );
}

#[test]
fn one_update_that_removes_the_ds_delivered_twice_at_once() {
    delivered_twice("Update removing the DS, the same", Some(|| signed(&["one"])), unsigned, &[]);
}

/// Races an Update from `old` to `new` with its rollback.
fn overtaken(name: &str, old: fn() -> Value, new: fn() -> Value, keys: &'static [&'static str]) {
    everywhere(name, 20, async || {
        let fixture = RaceFixture::new().await;
        let [old, new] = [old(), new()].map(|more| fixture.properties(&fixture.children[0], &more));
        let id = fixture.done(Side::A, fixture.create(ONE, &old)).await;
        let a = fixture.update(ONE, &id, &new, &old);
        let b = fixture.update(ONE, &id, &old, &new);
        fixture
            .race_of_one(a, b, move |fixture, _, b| {
                check(succeeded(b), "the rollback succeeds")?;
                secured(fixture, keys, &[ONE])
            })
            .await
    });
}

#[test]
fn an_update_that_adds_a_ds_and_its_rollback() {
    overtaken("Update adding a DS, its rollback", unsigned, || signed(&["one"]), &[]);
}

#[test]
fn an_update_that_removes_the_ds_and_its_rollback() {
    overtaken("Update removing the DS, its rollback", || signed(&["one"]), unsigned, &["one"]);
}

#[test]
fn an_update_that_rolls_the_ds_and_its_rollback() {
    overtaken(
        "Update rolling the DS, its rollback",
        || signed(&["one"]),
        || signed(&["two"]),
        &["one"],
    );
}

#[test]
fn an_update_to_another_child_zone_and_the_ds_of_a_sibling() {
    everywhere("Update of the name servers, a sibling adding a DS", 20, async || {
        let fixture = RaceFixture::new().await;
        let [first, second] =
            [0, 1].map(|child| fixture.properties(&fixture.children[child], &unsigned()));
        let secure = fixture.properties(&fixture.children[0], &signed(&["one"]));
        let id = fixture.done(Side::A, fixture.create(ONE, &first)).await;
        fixture.done(Side::A, fixture.create(SIBLING, &first)).await;
        let a = fixture.update(ONE, &id, &second, &first);
        let b = fixture.update(SIBLING, &id, &secure, &first);
        fixture
            .race_of_one(a, b, |fixture, a, _| {
                let moved = is_delegated_to(fixture, NAME, &fixture.children[1]);
                check(
                    !moved || fixture.ds().is_empty(),
                    "no DS record set for other name servers",
                )?;
                // If the name servers changed first, the sibling restores them without a DS record
                // set.
                let secured = fixture.ds() == ds_of(&["one"])
                    && is_delegated_to(fixture, NAME, &fixture.children[0]);
                check(
                    fixture.ds().is_empty() || secured && !succeeded(a),
                    "the Update under a DS is refused",
                )
            })
            .await
    });
}
