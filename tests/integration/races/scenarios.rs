//! The races, and what must be true at the end of every one.

use sandbox::{RecordSet, ZoneHandle};
use serde_json::{Value, json};
use test_support::{NAME, plain};

use crate::races::arena::{Arena, ONE, OTHER_NAME, SIBLING, TWO, Who};
use crate::races::interleave::{Side, everywhere};

pub(crate) fn check(holds: bool, wrong: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong.to_owned()) }
}

pub(crate) fn succeeded(answer: &Value) -> bool {
    answer["Status"] == "SUCCESS"
}

/// True if the name is delegated to the child zone.
pub(crate) fn stands(arena: &Arena, name: &str, child: &ZoneHandle) -> bool {
    arena.delegated(name) == Some(plain(&child.name_servers()))
}

pub(crate) fn owner(who: Who) -> String {
    format!("{}/{}", who.stack, who.logical_id)
}

/// A Create that refused, and left nothing for its Delete to do.
pub(crate) fn refused(answer: &Value) -> bool {
    let marker =
        answer["PhysicalResourceId"].as_str().is_some_and(|id| id.starts_with("unresolved/"));
    answer["Status"] == "FAILED" && marker
}

fn one_wins(arena: &Arena, a: &Value, b: &Value, child_b: &ZoneHandle) -> Result<(), String> {
    let (winner, child, loser) =
        if succeeded(a) { (ONE, &arena.children[0], b) } else { (TWO, child_b, a) };
    check(succeeded(a) != succeeded(b), "one wins")?;
    check(refused(loser), "the other refuses")?;
    check(stands(arena, NAME, child), "the zone is as the winner asks")?;
    check(arena.claims(NAME) == [owner(winner)], "the winner's claim stands alone")
}

#[test]
fn two_creates_for_different_child_zones() {
    everywhere("Create, Create", 20, async || {
        let arena = Arena::new().await;
        let a =
            arena.request(ONE, "Create", None, &arena.asks(&arena.children[0], &json!({})), None);
        let b = arena.request(TWO, "Create", None, &arena.asks(&arena.foreign, &json!({})), None);
        arena.race(a, b, |arena, a, b| one_wins(arena, a, b, &arena.foreign))
    });
}

#[test]
fn two_creates_for_the_same_name_servers() {
    everywhere("Create, Create of the same", 20, async || {
        let arena = Arena::new().await;
        let given = json!({"NameServers": plain(&arena.children[0].name_servers())});
        let a =
            arena.request(ONE, "Create", None, &arena.asks(&arena.children[0], &json!({})), None);
        let b = arena.request(TWO, "Create", None, &arena.asks(&arena.foreign, &given), None);
        arena.race(a, b, |arena, a, b| {
            check(succeeded(a) && succeeded(b), "both share")?;
            check(stands(arena, NAME, &arena.children[0]), "the delegation stands")?;
            check(arena.claims(NAME) == [owner(ONE), owner(TWO)], "with both claims")
        })
    });
}

#[test]
fn one_create_delivered_twice_at_once() {
    everywhere("Create, the same Create", 20, async || {
        let arena = Arena::new().await;
        let a =
            arena.request(ONE, "Create", None, &arena.asks(&arena.children[0], &json!({})), None);
        arena
            .race_of_one(a.clone(), a, |arena, a, b| {
                check(succeeded(a) && succeeded(b), "both deliveries succeed")?;
                check(stands(arena, NAME, &arena.children[0]), "the delegation stands")?;
                check(arena.claims(NAME) == [owner(ONE)], "with one claim")
            })
            .await
    });
}

#[test]
fn a_replacement_and_the_create_of_another_stack() {
    everywhere("Update to a name, Create there", 35, async || {
        let arena = Arena::new().await;
        let here = arena.asks(&arena.children[2], &json!({}));
        let there = arena.asks(&arena.children[0], &json!({}));
        let id = arena.done(Side::A, arena.request(ONE, "Create", None, &here, None)).await;
        let a = arena.request(ONE, "Update", Some(&id), &there, Some(&here));
        let b = arena.request(TWO, "Create", None, &arena.asks(&arena.foreign, &json!({})), None);
        arena.race(a, b, move |arena, a, b| {
            check(succeeded(a) != succeeded(b), "one wins")?;
            check(
                succeeded(a) || a["PhysicalResourceId"] == id.as_str(),
                "an Update that fails keeps its id",
            )?;
            let (child, winner) =
                if succeeded(a) { (&arena.children[0], ONE) } else { (&arena.foreign, TWO) };
            check(stands(arena, NAME, child), "the zone is as the winner asks")?;
            check(arena.claims(NAME) == [owner(winner)], "the winner's claim stands alone")?;
            check(
                stands(arena, OTHER_NAME, &arena.children[2]),
                "where it came from, all is as it was",
            )
        })
    });
}

#[test]
fn two_creates_that_may_overwrite() {
    everywhere("Create, Create, both with AllowOverwrite", 20, async || {
        let arena = Arena::new().await;
        let may = json!({"AllowOverwrite": "true"});
        let a = arena.request(ONE, "Create", None, &arena.asks(&arena.children[0], &may), None);
        let b = arena.request(TWO, "Create", None, &arena.asks(&arena.foreign, &may), None);
        arena.race(a, b, |arena, a, b| {
            check(succeeded(a) && succeeded(b), "both come through, one after the other")?;
            let one_of_them =
                stands(arena, NAME, &arena.children[0]) || stands(arena, NAME, &arena.foreign);
            check(one_of_them, "the zone is as the last one asks")?;
            // The watch has seen that what was displaced is remembered.
            check(arena.claims(NAME) == [owner(ONE), owner(TWO)], "nobody's claim was dropped")
        })
    });
}

#[test]
fn a_create_and_the_delete_of_the_sibling_that_it_renames() {
    everywhere("Create, Delete of a sibling", 20, async || {
        let arena = Arena::new().await;
        let asks = arena.asks(&arena.children[0], &json!({}));
        let id = arena.done(Side::A, arena.request(SIBLING, "Create", None, &asks, None)).await;
        let a = arena.request(ONE, "Create", None, &asks, None);
        let b = arena.request(SIBLING, "Delete", Some(&id), &asks, None);
        arena
            .race_of_one(a, b, |arena, a, b| {
                check(succeeded(a) && succeeded(b), "both succeed")?;
                check(stands(arena, NAME, &arena.children[0]), "the delegation stands")?;
                check(arena.claims(NAME) == [owner(ONE)], "the new claim stands alone")
            })
            .await
    });
}

#[test]
fn deletes_of_two_siblings() {
    everywhere("Delete, Delete of a sibling", 20, async || {
        let arena = Arena::new().await;
        let asks = arena.asks(&arena.children[0], &json!({}));
        let id = arena.done(Side::A, arena.request(ONE, "Create", None, &asks, None)).await;
        arena.done(Side::A, arena.request(SIBLING, "Create", None, &asks, None)).await;
        let a = arena.request(ONE, "Delete", Some(&id), &asks, None);
        let b = arena.request(SIBLING, "Delete", Some(&id), &asks, None);
        arena
            .race_of_one(a, b, |arena, a, b| {
                check(succeeded(a) && succeeded(b), "both succeed")?;
                check(
                    arena.delegated(NAME).is_none() && arena.claims(NAME).is_empty(),
                    "nothing is left",
                )
            })
            .await
    });
}

#[test]
fn a_create_and_the_delete_of_another_stack() {
    everywhere("Create, Delete of another stack", 10, async || {
        let arena = Arena::new().await;
        let foreign = arena.asks(&arena.foreign, &json!({}));
        let id = arena.done(Side::B, arena.request(TWO, "Create", None, &foreign, None)).await;
        let a =
            arena.request(ONE, "Create", None, &arena.asks(&arena.children[0], &json!({})), None);
        let b = arena.request(TWO, "Delete", Some(&id), &foreign, None);
        arena.race(a, b, |arena, a, b| {
            check(succeeded(b), "the Delete succeeds")?;
            if succeeded(a) {
                check(stands(arena, NAME, &arena.children[0]), "the new delegation stands")?;
                return check(arena.claims(NAME) == [owner(ONE)], "with its claim");
            }
            check(refused(a), "the Create refuses")?;
            check(
                arena.delegated(NAME).is_none() && arena.claims(NAME).is_empty(),
                "nothing is left",
            )
        })
    });
}

#[test]
fn two_updates_in_place_of_one_resource() {
    everywhere("Update, later Update", 20, async || {
        let arena = Arena::new().await;
        let [first, second, third] = [(0, "300"), (1, "600"), (0, "900")]
            .map(|(child, ttl)| arena.asks(&arena.children[child], &json!({"TTL": ttl})));
        let id = arena.done(Side::A, arena.request(ONE, "Create", None, &first, None)).await;
        let a = arena.request(ONE, "Update", Some(&id), &second, Some(&first));
        let b = arena.request(ONE, "Update", Some(&id), &third, Some(&second));
        arena
            .race_of_one(a, b, |arena, _, b| {
                check(succeeded(b), "the later one succeeds")?;
                let ttl = arena.parent.record(NAME, "NS").and_then(|set| set.ttl);
                check(ttl == Some(900), "the zone is as the later one asks")?;
                check(stands(arena, NAME, &arena.children[0]), "with its name servers")?;
                check(arena.claims(NAME) == [owner(ONE)], "one claim stands")
            })
            .await
    });
}

#[test]
fn an_update_in_place_and_its_rollback() {
    everywhere("Update, its rollback", 20, async || {
        let arena = Arena::new().await;
        let [first, second] = [0, 1].map(|child| arena.asks(&arena.children[child], &json!({})));
        let id = arena.done(Side::A, arena.request(ONE, "Create", None, &first, None)).await;
        let a = arena.request(ONE, "Update", Some(&id), &second, Some(&first));
        let b = arena.request(ONE, "Update", Some(&id), &first, Some(&second));
        arena
            .race_of_one(a, b, |arena, _, b| {
                check(succeeded(b), "the rollback succeeds")?;
                check(stands(arena, NAME, &arena.children[0]), "and everything is as before")
            })
            .await
    });
}

#[test]
fn a_replacement_and_its_rollback() {
    everywhere("Update to another name, its rollback", 60, async || {
        let arena = Arena::new().await;
        let here = arena.asks(&arena.children[0], &json!({}));
        let there = arena.asks(&arena.children[2], &json!({}));
        let id = arena.done(Side::A, arena.request(ONE, "Create", None, &here, None)).await;
        let a = arena.request(ONE, "Update", Some(&id), &there, Some(&here));
        let b = arena.request(ONE, "Update", Some(&id), &here, Some(&there));
        arena
            .race_of_one(a, b, |arena, _, b| {
                check(succeeded(b), "the rollback succeeds")?;
                check(
                    stands(arena, NAME, &arena.children[0]),
                    "the delegation stands where it was",
                )?;
                check(arena.claims(NAME) == [owner(ONE)], "with its claim")?;
                let left =
                    arena.delegated(OTHER_NAME).is_some() || !arena.claims(OTHER_NAME).is_empty();
                check(!left, "nothing is left at the new place")
            })
            .await
    });
}

#[test]
fn a_create_and_somebody_elses_delegation() {
    everywhere("Create, somebody's NS", 4, async || {
        let arena = Arena::new().await;
        let a =
            arena.request(ONE, "Create", None, &arena.asks(&arena.children[0], &json!({})), None);
        let put =
            |zone: &ZoneHandle| zone.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
        arena.race_with_edit(a, put, |arena, a| {
            // The outside actor obeys no rule: what it puts last, stands.
            check(
                arena.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]),
                "somebody's record stands",
            )?;
            check(
                succeeded(a) || refused(a) && arena.claims(NAME).is_empty(),
                "the Create came first, or refuses",
            )
        })
    });
}

#[test]
fn a_create_and_a_strangers_value_in_the_ownership_record() {
    everywhere("Create, a stranger's TXT", 4, async || {
        let arena = Arena::new().await;
        let a =
            arena.request(ONE, "Create", None, &arena.asks(&arena.children[0], &json!({})), None);
        let put = |zone: &ZoneHandle| {
            let name = format!("_delegation-{NAME}");
            let mut set = zone
                .record(&name, "TXT")
                .unwrap_or_else(|| RecordSet::new(&name, "TXT", 60, [""; 0]));
            set.values.push("\"somebody's\"".into());
            zone.put(set);
        };
        arena.race_with_edit(a, put, |arena, a| {
            check(succeeded(a), "the Create succeeds")?;
            let set = arena.parent.record(&format!("_delegation-{NAME}"), "TXT");
            let kept =
                set.is_some_and(|set| set.values.iter().any(|value| value == "\"somebody's\""));
            check(kept, "the stranger's value stands")?;
            check(arena.claims(NAME) == [owner(ONE)], "and the claim")
        })
    });
}

#[test]
fn a_delete_and_somebody_elses_change() {
    everywhere("Delete, somebody's NS", 4, async || {
        let arena = Arena::new().await;
        let asks = arena.asks(&arena.children[0], &json!({}));
        let id = arena.done(Side::A, arena.request(ONE, "Create", None, &asks, None)).await;
        let a = arena.request(ONE, "Delete", Some(&id), &asks, None);
        let put =
            |zone: &ZoneHandle| zone.put(RecordSet::new(NAME, "NS", 60, ["ns1.somebody.net."]));
        arena.race_with_edit(a, put, |arena, a| {
            check(succeeded(a), "the Delete succeeds")?;
            check(
                arena.delegated(NAME) == Some(vec!["ns1.somebody.net".into()]),
                "somebody's record stands",
            )?;
            check(arena.claims(NAME).is_empty(), "no claim is left")
        })
    });
}
