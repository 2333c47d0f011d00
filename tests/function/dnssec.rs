//! The DS record set.

use sandbox::{Fault, FaultKind, KeySigningKey, RecordSet, ZoneHandle};
use serde_json::{Value, json};

use crate::world::{Answer, NAME, World};

const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

fn key(name: &str, digest: &str) -> KeySigningKey {
    KeySigningKey::active(name, digest[..4].parse().unwrap(), digest)
}

fn record(digest: &str) -> String {
    key("any", digest).ds_record()
}

fn signed(changes: Value) -> Value {
    let mut properties = json!({"Dnssec": "true"});
    for (key, value) in changes.as_object().unwrap() {
        properties[key] = value.clone();
    }
    properties
}

/// Both zones sign, the child with key `one`.
async fn world() -> World {
    let world = World::new().await;
    world.parent.sign([key("parent", ONE)]);
    world.child.sign([key("one", ONE)]);
    world
}

impl World {
    fn ds(&self) -> Vec<String> {
        ds_of(&self.parent, NAME)
    }
}

fn ds_of(zone: &ZoneHandle, name: &str) -> Vec<String> {
    let mut values = zone.record(name, "DS").map(|set| set.values).unwrap_or_default();
    values.sort();
    values
}

fn quiet(answer: &Answer) {
    assert_eq!(answer.get("Warning"), "");
}

/// Its batch compares name servers and claims; the DS record set beside them may have gone since it was read.
#[tokio::test]
async fn regression_another_ttl_of_a_secured_delegation_is_written_after_a_second_look() {
    let world = world().await;
    let id = world.create(signed(json!({}))).await.success().id().to_owned();
    world.aws.clear_calls();
    world.update(&id, signed(json!({})), signed(json!({"TTL": "3600"}))).await.success();
    let calls = world.aws.calls();
    let listings = calls.iter().filter(|call| call.action == "ListResourceRecordSets");
    assert_eq!(listings.filter(|call| call.account == world.parent_account.id()).count(), 2);
}

#[tokio::test]
async fn the_ds_comes_with_the_delegation_and_goes_with_it() {
    let world = world().await;
    let answer = world.create(signed(json!({"DsTTL": "60"}))).await.success();
    assert_eq!((answer.get("Action"), answer.get("DsRecords")), ("CREATED", record(ONE).as_str()));
    assert_eq!((world.ds(), world.parent.record(NAME, "DS").unwrap().ttl), (vec![record(ONE)], Some(60)));
    assert_eq!(world.changes_sent(), 1, "in the same batch");
    quiet(&answer);
    let retimed = world.update(answer.id(), signed(json!({"DsTTL": "60"})), signed(json!({}))).await.success();
    assert_eq!((retimed.get("Action"), world.parent.record(NAME, "DS").unwrap().ttl), ("UPDATED", Some(3600)));
    world.delete(answer.id(), signed(json!({}))).await.success();
    assert_eq!((world.ds(), world.delegated_to(), world.claims()), (vec![], vec![], vec![]));
}

#[tokio::test]
async fn signing_is_switched_on_and_off() {
    let world = world().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let on = world.update(&id, json!({}), signed(json!({}))).await.success();
    assert_eq!((on.get("Action"), on.get("DsRecords")), ("UPDATED", record(ONE).as_str()));
    let off = world.update(&id, signed(json!({})), json!({})).await.success();
    assert_eq!((off.get("Action"), off.get("DsRecords"), world.ds()), ("UPDATED", "", vec![]));
    assert_eq!(world.delegated_to(), world.child_servers());
}

#[tokio::test]
async fn a_key_is_rolled_over() {
    let world = world().await;
    let id = world.create(signed(json!({}))).await.success().id().to_owned();
    world.child.sign([key("one", ONE), key("two", TWO)]);
    let one = signed(json!({"KeySigningKeys": ["one"]}));
    let two = signed(json!({"KeySigningKeys": format!("{}|two", world.child.id())}));
    assert_eq!(world.update(&id, signed(json!({})), one.clone()).await.success().get("Action"), "UNCHANGED");
    let rolled = world.update(&id, one.clone(), two.clone()).await.success();
    assert_eq!((rolled.get("Action"), world.ds()), ("UPDATED", vec![record(TWO)]));
    // The old key is deactivated; an Update for another reason finds everything as wanted.
    world.child.sign([key("one", ONE).status("INACTIVE"), key("two", TWO)]);
    let mut later = two.clone();
    later["Trigger"] = json!("1");
    quiet(&world.update(&id, two, later).await.success());
    assert_eq!(world.ds(), [record(TWO)]);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_refused_and_nothing_changes() {
    let world = world().await;
    let id = world.create(signed(json!({}))).await.success().id().to_owned();
    world.child.sign([key("one", ONE), key("off", TWO).status("INACTIVE")]);
    for name in ["typo", "off"] {
        let asked = signed(json!({"KeySigningKeys": [name]}));
        let words = ["KeySigningKeys", name, "one (ACTIVE), off (INACTIVE)"];
        world.update(&id, signed(json!({})), asked.clone()).await.failed(&words);
        assert_eq!(world.ds(), [record(ONE)]);
        // Asked for before, it blocks nothing: a key may have been removed by hand since.
        let answer = world.update(&id, asked.clone(), asked).await.success();
        assert!(answer.get("Warning").contains("left as it is"), "{}", answer.get("Warning"));
    }
}

#[tokio::test]
async fn a_child_that_is_not_signing_gets_no_ds() {
    let world = World::new().await;
    let answer = world.create(signed(json!({}))).await.failed(&["not signing", "NOT_SIGNING", &world.child.id()]);
    assert!(answer.id().starts_with("unresolved/"));
    let id = world.create(json!({})).await.success().id().to_owned();
    world.update(&id, json!({}), signed(json!({}))).await.failed(&["not signing"]);
    assert_eq!(world.ds(), Vec::<String>::new());
}

#[tokio::test]
async fn a_ds_of_ours_stays_while_the_child_does_not_sign_or_can_not_be_read() {
    let world = world().await;
    let id = world.create(signed(json!({}))).await.success().id().to_owned();
    let denied = FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not authorized".into() };
    let faults = [
        Fault::on("GetDNSSEC").zone(&world.child.id()).kind(denied.clone()).always(),
        Fault::on("GetHostedZone").zone(&world.child.id()).kind(denied).always(),
    ];
    for fault in faults {
        world.aws.fault(fault);
        let answer = world.update(&id, signed(json!({})), signed(json!({"TTL": "60"}))).await.success();
        assert!(answer.get("Warning").contains("The DS record set of testing.example.com was left as it is"));
        assert_eq!((world.ds(), answer.get("DsRecords")), (vec![record(ONE)], record(ONE).as_str()));
        world.aws.clear_faults();
    }
    world.child.unsign();
    let answer = world.update(&id, signed(json!({})), signed(json!({"Trigger": "2"}))).await.success();
    assert!(answer.get("Warning").contains("not signing"), "{}", answer.get("Warning"));
    assert_eq!(world.ds(), [record(ONE)]);
}

#[tokio::test]
async fn a_create_waits_for_the_right_to_read_the_signing_state() {
    let mut world = world().await;
    world.restart(|config| config.propagation_wait = std::time::Duration::from_secs(20)).await;
    let denied = FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "not authorized".into() };
    world.aws.fault(Fault::on("GetDNSSEC").zone(&world.child.id()).kind(denied).times(2));
    quiet(&world.create(signed(json!({}))).await.success());
}

#[tokio::test]
async fn name_servers_do_not_change_under_the_ds_and_the_refusal_tells_the_sequence() {
    let world = world().await;
    let other = world.aws.account("333333333333").hosted_zone(NAME);
    other.sign([key("two", TWO)]);
    let role = world.aws.account("333333333333").role("child").trust_account("222222222222", None).allow_all_route53();
    world.function_role.clone().allow_assume(&role.arn());
    let moved = |dnssec: &str| json!({"ChildZoneId": other.id(), "ChildRoleArn": role.arn(), "Dnssec": dnssec});
    let id = world.create(signed(json!({}))).await.success().id().to_owned();

    let words = ["set Dnssec to false", "wait 7200 seconds", "set Dnssec to true again"];
    for dnssec in ["true", "false"] {
        world.update(&id, signed(json!({})), moved(dnssec)).await.failed(&words);
    }
    assert_eq!((world.delegated_to(), world.ds()), (world.child_servers(), vec![record(ONE)]));
    // The sequence.
    world.update(&id, signed(json!({})), json!({})).await.success();
    world.update(&id, json!({}), moved("true")).await.failed(&["together with the adding of its DS record set"]);
    world.update(&id, json!({}), moved("false")).await.success();
    world.update(&id, moved("false"), moved("true")).await.success();
    assert_eq!(world.ds(), [record(TWO)]);
}

#[tokio::test]
async fn a_ds_that_somebody_else_made_is_not_touched() {
    let world = world().await;
    world.put_ns(&world.child_servers().iter().map(String::as_str).collect::<Vec<_>>());
    world.parent.put(RecordSet::new(NAME, "DS", 300, [record(TWO)]));
    let words = [record(TWO), record(ONE)];
    let answer = world.create(signed(json!({}))).await.failed(&[&words[0], &words[1], "AllowOverwrite"]);
    assert!(answer.id().starts_with("unresolved/"));
    assert_eq!(world.ds(), [record(TWO)]);
    let taken = world.create(signed(json!({"AllowOverwrite": "true"}))).await.success();
    assert_eq!((taken.get("Action"), world.ds()), ("ADOPTED", vec![record(ONE)]));
}

#[tokio::test]
async fn an_unsigned_parent_zone_is_told() {
    let world = World::new().await;
    world.child.sign([key("one", ONE)]);
    let answer = world.create(signed(json!({}))).await.success();
    assert!(answer.get("Warning").contains("The parent zone") && answer.get("Warning").contains("is not signed"));
    assert_eq!(world.ds(), [record(ONE)]);
}

#[tokio::test]
async fn a_renamed_resource_keeps_the_ds() {
    let mut world = world().await;
    let id = world.create(signed(json!({}))).await.success().id().to_owned();
    world.logical_id = "Renamed".into();
    assert_eq!(world.create(signed(json!({}))).await.success().get("Action"), "SHARED");
    world.logical_id = "Delegation".into();
    world.delete(&id, signed(json!({}))).await.success();
    assert_eq!(world.ds(), [record(ONE)]);
    world.logical_id = "Renamed".into();
    world.delete(&id, signed(json!({}))).await.success();
    assert_eq!((world.ds(), world.delegated_to()), (vec![], vec![]));
}

#[tokio::test]
async fn regression_a_ds_goes_with_the_claim_that_allow_overwrite_drops() {
    let mut world = world().await;
    let id = world.create(signed(json!({}))).await.success().id().to_owned();
    world.stack = "arn:aws:cloudformation:us-east-1:222222222222:stack/other/0".into();
    // It wants no DS record set and drops the only claim that covers this one: nobody would keep it in step with the keys.
    let taken = world.create(json!({"AllowOverwrite": "true"})).await.success();
    assert_eq!((taken.get("Action"), taken.get("DsRecords"), world.ds()), ("ADOPTED", "", vec![]));
    assert_eq!((world.delegated_to(), world.claims().len()), (world.child_servers(), 1));
    world.delete(&id, json!({})).await.success();
    assert_eq!(world.delegated_to(), Vec::<String>::new());
}

#[tokio::test]
async fn regression_the_rollback_of_a_rename_leaves_a_ds_made_by_hand() {
    let mut world = world().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    world.parent.put(RecordSet::new(NAME, "DS", 3600, [record(ONE)]));
    world.logical_id = "Renamed".into();
    // It finds the DS record set that it wants, and no sibling's claim covers that.
    let shared = world.create(signed(json!({}))).await.success();
    assert_eq!((shared.get("Action"), world.ds()), ("SHARED", vec![record(ONE)]));
    world.delete(&id, signed(json!({}))).await.success();
    assert_eq!(world.ds(), [record(ONE)]);
    // Once the renamed resource has come to stay, its next Update takes it.
    world.create(signed(json!({}))).await.success();
    world.update(&id, signed(json!({})), signed(json!({"Trigger": "1"}))).await.success();
    world.delete(&id, signed(json!({}))).await.success();
    assert_eq!((world.ds(), world.delegated_to()), (vec![], world.child_servers()));
}

#[tokio::test]
async fn a_name_server_edited_between_reading_and_adding_the_ds_is_noticed() {
    let world = world().await;
    let id = world.create(json!({})).await.success().id().to_owned();
    let (zone, reads) = (world.parent.clone(), std::sync::atomic::AtomicUsize::new(0));
    // The batch that adds a DS does not compare the name servers, so they are read once more before it.
    world.aws.after_call(std::sync::Arc::new(move |call| {
        if call.action == "GetDNSSEC"
            && call.account == "111111111111"
            && reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0
        {
            zone.put(RecordSet::new(NAME, "NS", 300, ["ns1.somebody.net."]));
        }
    }));
    let answer = world.update(&id, json!({}), signed(json!({}))).await.success();
    assert_eq!(world.delegated_to(), world.child_servers(), "put back");
    assert_eq!((world.ds(), answer.get("DsRecords")), (vec![], ""));
    assert!(answer.get("Warning").contains("was not brought to"), "{}", answer.get("Warning"));
}
