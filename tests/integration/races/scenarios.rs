//! The races, and the checks at the end of each.

use sandbox::{RecordSet, ZoneHandle};
use serde_json::{Value, json};
use test_support::{NAME, plain};

use crate::races::fixture::{ONE, OTHER_NAME, RaceFixture, SIBLING, TWO, Who};
use crate::races::interleave::{Side, everywhere};

pub(crate) fn check(holds: bool, wrong: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

pub(crate) fn succeeded(answer: &Value) -> bool {
    answer["Status"] == "SUCCESS"
}

/// Returns true if the name is delegated to the child zone.
pub(crate) fn is_delegated_to(fixture: &RaceFixture, name: &str, child: &ZoneHandle) -> bool {
    fixture.delegated(name) == Some(plain(&child.name_servers()))
}

pub(crate) fn owner(who: Who) -> String {
    format!("{}/{}", who.stack, who.logical_id)
}

/// Returns true for the answer of a Create that was refused and left nothing.
pub(crate) fn refused(answer: &Value) -> bool {
    let unresolved =
        answer["PhysicalResourceId"].as_str().is_some_and(|id| id.starts_with("unresolved/"));
    answer["Status"] == "FAILED" && unresolved
}

fn one_wins(
    fixture: &RaceFixture,
    a: &Value,
    b: &Value,
    child_b: &ZoneHandle,
) -> Result<(), String> {
    let (winner, child, loser) =
        if succeeded(a) { (ONE, &fixture.children[0], b) } else { (TWO, child_b, a) };
    check(succeeded(a) != succeeded(b), "one wins")?;
    check(refused(loser), "the other refuses")?;
    check(is_delegated_to(fixture, NAME, child), "the zone is as the winner asks")?;
    check(fixture.claims(NAME) == [owner(winner)], "only the winner has a claim")
}

#[test]
fn two_creates_for_different_child_zones() {
    everywhere("Create, Create", 20, async || {
        let fixture = RaceFixture::new().await;
        let a = fixture.create(ONE, &fixture.properties(&fixture.children[0], &json!({})));
        let b = fixture.create(TWO, &fixture.properties(&fixture.foreign, &json!({})));
        fixture.race(a, b, |fixture, a, b| one_wins(fixture, a, b, &fixture.foreign))
    });
}

#[test]
fn two_creates_for_the_same_name_servers() {
    everywhere("Create, Create of the same", 20, async || {
        let fixture = RaceFixture::new().await;
        let given = json!({"NameServers": plain(&fixture.children[0].name_servers())});
        let a = fixture.create(ONE, &fixture.properties(&fixture.children[0], &json!({})));
        let b = fixture.create(TWO, &fixture.properties(&fixture.foreign, &given));
        fixture.race(a, b, |fixture, a, b| {
            check(succeeded(a) && succeeded(b), "both share")?;
            check(is_delegated_to(fixture, NAME, &fixture.children[0]), "the delegation exists")?;
            check(fixture.claims(NAME) == [owner(ONE), owner(TWO)], "with both claims")
        })
    });
}

#[test]
fn one_create_delivered_twice_at_once() {
    everywhere("Create, the same Create", 20, async || {
        let fixture = RaceFixture::new().await;
        let a = fixture.create(ONE, &fixture.properties(&fixture.children[0], &json!({})));
        fixture
            .race_of_one(a.clone(), a, |fixture, a, b| {
                check(succeeded(a) && succeeded(b), "both deliveries succeed")?;
                check(
                    is_delegated_to(fixture, NAME, &fixture.children[0]),
                    "the delegation exists",
                )?;
                check(fixture.claims(NAME) == [owner(ONE)], "with one claim")
            })
            .await
    });
}

#[test]
fn a_replacement_and_the_create_of_another_stack() {
    everywhere("Update to a name, Create there", 35, async || {
        let fixture = RaceFixture::new().await;
        let here = fixture.properties(&fixture.children[2], &json!({}));
        let there = fixture.properties(&fixture.children[0], &json!({}));
        let id = fixture.done(Side::A, fixture.create(ONE, &here)).await;
        let a = fixture.update(ONE, &id, &there, &here);
        let b = fixture.create(TWO, &fixture.properties(&fixture.foreign, &json!({})));
        fixture.race(a, b, move |fixture, a, b| {
            check(succeeded(a) != succeeded(b), "one wins")?;
            check(
                succeeded(a) || a["PhysicalResourceId"] == id.as_str(),
                "an Update that fails keeps its id",
            )?;
            let (child, winner) =
                if succeeded(a) { (&fixture.children[0], ONE) } else { (&fixture.foreign, TWO) };
            check(is_delegated_to(fixture, NAME, child), "the zone is as the winner asks")?;
            check(fixture.claims(NAME) == [owner(winner)], "only the winner has a claim")?;
            check(
                is_delegated_to(fixture, OTHER_NAME, &fixture.children[2]),
                "the old point is unchanged",
            )
        })
    });
}

#[test]
fn two_creates_that_may_overwrite() {
    everywhere("Create, Create, both with AllowOverwrite", 20, async || {
        let fixture = RaceFixture::new().await;
        let may = json!({"AllowOverwrite": "true"});
        let a = fixture.create(ONE, &fixture.properties(&fixture.children[0], &may));
        let b = fixture.create(TWO, &fixture.properties(&fixture.foreign, &may));
        fixture.race(a, b, |fixture, a, b| {
            check(succeeded(a) && succeeded(b), "both succeed, one after the other")?;
            let one_of_them = is_delegated_to(fixture, NAME, &fixture.children[0])
                || is_delegated_to(fixture, NAME, &fixture.foreign);
            check(one_of_them, "the zone is as the last one asks")?;
            // The checker has verified that the displacement is recorded.
            check(fixture.claims(NAME) == [owner(ONE), owner(TWO)], "no claim was removed")
        })
    });
}

#[test]
fn a_create_and_the_delete_of_the_sibling_that_it_renames() {
    everywhere("Create, Delete of a sibling", 20, async || {
        let fixture = RaceFixture::new().await;
        let properties = fixture.properties(&fixture.children[0], &json!({}));
        let id = fixture.done(Side::A, fixture.create(SIBLING, &properties)).await;
        let a = fixture.create(ONE, &properties);
        let b = fixture.delete(SIBLING, &id, &properties);
        fixture
            .race_of_one(a, b, |fixture, a, b| {
                check(succeeded(a) && succeeded(b), "both succeed")?;
                check(
                    is_delegated_to(fixture, NAME, &fixture.children[0]),
                    "the delegation exists",
                )?;
                check(fixture.claims(NAME) == [owner(ONE)], "only the new claim exists")
            })
            .await
    });
}

#[test]
fn deletes_of_two_siblings() {
    everywhere("Delete, Delete of a sibling", 20, async || {
        let fixture = RaceFixture::new().await;
        let properties = fixture.properties(&fixture.children[0], &json!({}));
        let id = fixture.done(Side::A, fixture.create(ONE, &properties)).await;
        fixture.done(Side::A, fixture.create(SIBLING, &properties)).await;
        let a = fixture.delete(ONE, &id, &properties);
        let b = fixture.delete(SIBLING, &id, &properties);
        fixture
            .race_of_one(a, b, |fixture, a, b| {
                check(succeeded(a) && succeeded(b), "both succeed")?;
                check(
                    fixture.delegated(NAME).is_none() && fixture.claims(NAME).is_empty(),
                    "nothing is left",
                )
            })
            .await
    });
}

#[test]
fn a_create_and_the_delete_of_another_stack() {
    everywhere("Create, Delete of another stack", 10, async || {
        let fixture = RaceFixture::new().await;
        let foreign = fixture.properties(&fixture.foreign, &json!({}));
        let id = fixture.done(Side::B, fixture.create(TWO, &foreign)).await;
        let a = fixture.create(ONE, &fixture.properties(&fixture.children[0], &json!({})));
        let b = fixture.delete(TWO, &id, &foreign);
        fixture.race(a, b, |fixture, a, b| {
            check(succeeded(b), "the Delete succeeds")?;
            if succeeded(a) {
                check(
                    is_delegated_to(fixture, NAME, &fixture.children[0]),
                    "the new delegation exists",
                )?;
                return check(fixture.claims(NAME) == [owner(ONE)], "with its claim");
            }
            check(refused(a), "the Create refuses")?;
            check(
                fixture.delegated(NAME).is_none() && fixture.claims(NAME).is_empty(),
                "nothing is left",
            )
        })
    });
}

#[test]
fn two_updates_in_place_of_one_resource() {
    everywhere("Update, later Update", 20, async || {
        let fixture = RaceFixture::new().await;
        let [first, second, third] = [(0, "300"), (1, "600"), (0, "900")]
            .map(|(child, ttl)| fixture.properties(&fixture.children[child], &json!({"TTL": ttl})));
        let id = fixture.done(Side::A, fixture.create(ONE, &first)).await;
        let a = fixture.update(ONE, &id, &second, &first);
        let b = fixture.update(ONE, &id, &third, &second);
        fixture
            .race_of_one(a, b, |fixture, _, b| {
                check(succeeded(b), "the later one succeeds")?;
                let ttl = fixture.parent.record(NAME, "NS").and_then(|set| set.ttl);
                check(ttl == Some(900), "the zone is as the later one asks")?;
                check(
                    is_delegated_to(fixture, NAME, &fixture.children[0]),
                    "with its name servers",
                )?;
                check(fixture.claims(NAME) == [owner(ONE)], "with one claim")
            })
            .await
    });
}

#[test]
fn an_update_in_place_and_its_rollback() {
    everywhere("Update, its rollback", 20, async || {
        let fixture = RaceFixture::new().await;
        let [first, second] =
            [0, 1].map(|child| fixture.properties(&fixture.children[child], &json!({})));
        let id = fixture.done(Side::A, fixture.create(ONE, &first)).await;
        let a = fixture.update(ONE, &id, &second, &first);
        let b = fixture.update(ONE, &id, &first, &second);
        fixture
            .race_of_one(a, b, |fixture, _, b| {
                check(succeeded(b), "the rollback succeeds")?;
                check(
                    is_delegated_to(fixture, NAME, &fixture.children[0]),
                    "everything is as before",
                )
            })
            .await
    });
}

#[test]
fn a_replacement_and_its_rollback() {
    everywhere("Update to another name, its rollback", 60, async || {
        let fixture = RaceFixture::new().await;
        let here = fixture.properties(&fixture.children[0], &json!({}));
        let there = fixture.properties(&fixture.children[2], &json!({}));
        let id = fixture.done(Side::A, fixture.create(ONE, &here)).await;
        let a = fixture.update(ONE, &id, &there, &here);
        let b = fixture.update(ONE, &id, &here, &there);
        fixture
            .race_of_one(a, b, |fixture, _, b| {
                check(succeeded(b), "the rollback succeeds")?;
                check(
                    is_delegated_to(fixture, NAME, &fixture.children[0]),
                    "the delegation is at the old point",
                )?;
                check(fixture.claims(NAME) == [owner(ONE)], "with its claim")?;
                let left = fixture.delegated(OTHER_NAME).is_some()
                    || !fixture.claims(OTHER_NAME).is_empty();
                check(!left, "nothing is left at the new point")
            })
            .await
    });
}

#[test]
fn a_create_and_somebody_elses_delegation() {
    everywhere("Create, somebody's NS", 4, async || {
        let fixture = RaceFixture::new().await;
        let a = fixture.create(ONE, &fixture.properties(&fixture.children[0], &json!({})));
        let put =
            |zone: &ZoneHandle| zone.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
        fixture.race_with_edit(a, put, |fixture, a| {
            // A manual edit obeys no rule, so its record is the last one.
            check(
                fixture.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]),
                "the record that was set by hand exists",
            )?;
            check(
                succeeded(a) || refused(a) && fixture.claims(NAME).is_empty(),
                "the Create came first, or refuses",
            )
        })
    });
}

#[test]
fn a_create_and_a_strangers_value_in_the_ownership_record() {
    everywhere("Create, a stranger's TXT", 4, async || {
        let fixture = RaceFixture::new().await;
        let a = fixture.create(ONE, &fixture.properties(&fixture.children[0], &json!({})));
        let put = |zone: &ZoneHandle| {
            let name = format!("_delegation-{NAME}");
            let mut set = zone
                .record(&name, "TXT")
                .unwrap_or_else(|| RecordSet::new(&name, "TXT", 60, [""; 0]));
            set.values.push("\"somebody's\"".into());
            zone.put(set);
        };
        fixture.race_with_edit(a, put, |fixture, a| {
            check(succeeded(a), "the Create succeeds")?;
            let set = fixture.parent.record(&format!("_delegation-{NAME}"), "TXT");
            let kept =
                set.is_some_and(|set| set.values.iter().any(|value| value == "\"somebody's\""));
            check(kept, "the value of the other program exists")?;
            check(fixture.claims(NAME) == [owner(ONE)], "and the claim")
        })
    });
}

#[test]
fn a_delete_and_somebody_elses_change() {
    everywhere("Delete, somebody's NS", 4, async || {
        let fixture = RaceFixture::new().await;
        let properties = fixture.properties(&fixture.children[0], &json!({}));
        let id = fixture.done(Side::A, fixture.create(ONE, &properties)).await;
        let a = fixture.delete(ONE, &id, &properties);
        let put =
            |zone: &ZoneHandle| zone.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
        fixture.race_with_edit(a, put, |fixture, a| {
            check(succeeded(a), "the Delete succeeds")?;
            check(
                fixture.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]),
                "the record that was set by hand exists",
            )?;
            check(fixture.claims(NAME).is_empty(), "no claim is left")
        })
    });
}
