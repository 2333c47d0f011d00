use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::core::lock;
use crate::route53::RecordSet;

/// A type of resources whose physical id is its `Id`, and which fails if it is told to.
#[derive(Default)]
struct Things(Mutex<Vec<String>>);

impl ResourceType for Things {
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Physical, String>> {
        let verb = match &request.action {
            Action::Create => "create",
            Action::Update(..) => "update",
            Action::Delete(_) => "delete",
        };
        let id = request.properties["Id"].as_str().unwrap_or("none").to_owned();
        lock(&self.0).push(format!("{verb} {} {id}", request.logical_id));
        let fails = request.properties["FailsTo"] == verb;
        let result = if fails {
            Err("it was told to fail".to_owned())
        } else {
            Ok(Physical { id, attributes: json!({"Size": "3"}) })
        };
        futures::future::ready(result).boxed()
    }
}

async fn region() -> (CloudFormation, Arc<Things>, Sandbox) {
    let (aws, bucket) =
        (Sandbox::start().await.expect("a port"), ResponseBucket::start().await.expect("a port"));
    let region = CloudFormation::new(&aws, &bucket, None, &[]);
    let things = Arc::<Things>::default();
    region.register("Custom::Thing", Arc::clone(&things) as Arc<dyn ResourceType>);
    (region, things, aws)
}

#[allow(clippy::needless_pass_by_value, reason = "called with json!")]
fn template(resources: Value) -> Value {
    json!({ "Resources": resources })
}

fn thing(id: &str) -> Value {
    json!({"Type": "Custom::Thing", "Properties": {"Id": id}})
}

fn with(mut resource: Value, key: &str, value: Value) -> Value {
    resource[key] = value;
    resource
}

fn done(things: &Things) -> Vec<String> {
    std::mem::take(&mut *lock(&things.0))
}

#[tokio::test]
async fn what_is_referred_to_is_made_before_and_goes_after() {
    let (region, things, _aws) = region().await;
    let stack = region.stack("222222222222", "mine");
    let resources = json!({
        "A": {"Type": "Custom::Thing", "Properties": {"Id": {"Fn::Sub": "after-${B}-${B.Size}"}}},
        "B": {"Type": "Custom::Thing", "DependsOn": "C", "Properties": {"Id": "b"}},
        "C": thing("c"),
    });
    assert_eq!(stack.deploy(&template(resources), &[]).await, Outcome::Complete);
    assert_eq!(done(&things), ["create C c", "create B b", "create A after-b-3"]);
    assert_eq!(stack.delete().await, Outcome::Complete);
    assert_eq!(done(&things), ["delete A after-b-3", "delete B b", "delete C c"]);
}

#[tokio::test]
async fn a_resource_goes_with_the_policy_that_was_deployed_last() {
    let (region, things, _aws) = region().await;
    let stack = region.stack("222222222222", "mine");
    let both = |retained: &str| {
        template(
            json!({"Kept": with(thing("k"), "DeletionPolicy", json!(retained)), "Other": thing("o")}),
        )
    };
    let other = template(json!({"Other": thing("o")}));
    // The policy alone is an update; none of the resources is asked anything.
    stack.deploy(&both("Delete"), &[]).await;
    stack.deploy(&both("Retain"), &[]).await;
    done(&things);
    assert_eq!(stack.deploy(&other, &[]).await, Outcome::Complete);
    assert_eq!(done(&things), Vec::<String>::new());
    assert!(stack.events().contains(&"retained Kept".to_owned()));
    // Given and removed in one update it is of no use.
    stack.deploy(&both("Delete"), &[]).await;
    done(&things);
    stack.deploy(&other, &[]).await;
    assert_eq!(done(&things), ["delete Kept k"]);
}

#[tokio::test]
async fn a_replacement_is_made_first_and_the_old_one_goes_in_the_clean_up() {
    let (region, things, _aws) = region().await;
    let stack = region.stack("222222222222", "mine");
    stack.deploy(&template(json!({"A": thing("one"), "Z": thing("z")})), &[]).await;
    done(&things);
    assert_eq!(
        stack.deploy(&template(json!({"A": thing("two"), "B": thing("b")})), &[]).await,
        Outcome::Complete
    );
    assert_eq!(done(&things), ["update A two", "create B b", "delete A one", "delete Z z"]);
}

#[tokio::test]
async fn a_failed_update_is_taken_back() {
    let (region, things, _aws) = region().await;
    let stack = region.stack("222222222222", "mine");
    stack.deploy(&template(json!({"A": thing("one")})), &[]).await;
    done(&things);
    let kept = with(thing("k"), "DeletionPolicy", json!("Retain"));
    let resources = json!({
        "A": thing("two"),
        "B": thing("b"),
        "C": kept,
        "D": {"Type": "Custom::Thing", "Properties": {"Id": "d", "FailsTo": "create"}},
    });
    let outcome = stack.deploy(&template(resources), &[]).await;
    assert_eq!(outcome, Outcome::RolledBack("it was told to fail".to_owned()));
    let taken_back = &done(&things)[4..];
    assert_eq!(taken_back[0], "update A one");
    assert!(
        taken_back.contains(&"delete B b".to_owned())
            && taken_back.contains(&"delete A two".to_owned()),
        "{taken_back:?}"
    );
    assert!(
        !taken_back.contains(&"delete C k".to_owned()),
        "what is to be retained is so in a rollback, too"
    );
    assert_eq!(stack.resources(), ["A"]);
    assert_eq!(stack.physical_id("A").as_deref(), Some("one"));
}

#[tokio::test]
async fn a_resource_keeps_its_type() {
    let (region, things, _aws) = region().await;
    let stack = region.stack("222222222222", "mine");
    stack.deploy(&template(json!({"A": thing("one")})), &[]).await;
    done(&things);
    let other = template(json!({"A": {"Type": "AWS::SQS::Queue"}}));
    assert!(
        matches!(stack.deploy(&other, &[]).await, Outcome::RolledBack(reason) if reason.contains("not permitted"))
    );
    assert_eq!(done(&things), Vec::<String>::new());
}

#[tokio::test]
async fn what_fails_to_go_keeps_its_stack_until_it_is_retained() {
    let (region, _things, _aws) = region().await;
    let stack = region.stack("222222222222", "mine");
    let stubborn = json!({"Type": "Custom::Thing", "Properties": {"Id": "s", "FailsTo": "delete"}});
    stack.deploy(&template(json!({"A": thing("one"), "S": stubborn})), &[]).await;
    assert!(matches!(stack.delete().await, Outcome::Stuck(_)));
    assert_eq!(stack.resources(), ["A", "S"]);
    assert_eq!(stack.delete_retaining(&["S"]).await, Outcome::Complete);
    assert_eq!(stack.resources(), Vec::<String>::new());
}

#[tokio::test]
async fn record_sets_go_exactly_as_they_were_written() {
    let (region, _things, aws) = region().await;
    let zone = aws.account("111111111111").hosted_zone("example.com");
    let stack = region.stack("111111111111", "dns");
    let set = |ttl: u32| json!({"Name": "a.example.com", "Type": "NS", "TTL": ttl, "HostedZoneId": zone.id(), "ResourceRecords": ["ns1.example.net"]});
    let one =
        |ttl| template(json!({"Set": {"Type": "AWS::Route53::RecordSet", "Properties": set(ttl)}}));
    stack.deploy(&one(300), &[]).await;
    assert_eq!(zone.record("a.example.com", "NS").and_then(|set| set.ttl), Some(300));
    stack.deploy(&one(60), &[]).await;
    assert_eq!(zone.record("a.example.com", "NS").and_then(|set| set.ttl), Some(60));
    zone.put(RecordSet::new("a.example.com", "NS", 3600, ["ns1.example.net"]));
    assert!(
        matches!(stack.delete().await, Outcome::Stuck(reason) if reason.contains("do not match"))
    );
    zone.put(RecordSet::new("a.example.com", "NS", 60, ["ns1.example.net"]));
    assert_eq!(stack.delete().await, Outcome::Complete);
    assert!(zone.record("a.example.com", "NS").is_none());

    let group = json!({"Group": {"Type": "AWS::Route53::RecordSetGroup", "Properties": {"HostedZoneId": zone.id(), "RecordSets": [
        {"Name": "b.example.com", "Type": "NS", "TTL": "300", "ResourceRecords": ["ns1.example.net"]},
        {"Name": "c.example.com", "Type": "A", "TTL": "300", "ResourceRecords": ["192.0.2.1"]},
    ]}}});
    let stack = region.stack("111111111111", "group");
    assert_eq!(stack.deploy(&template(group), &[]).await, Outcome::Complete);
    assert!(
        zone.record("b.example.com", "NS").is_some() && zone.record("c.example.com", "A").is_some()
    );
}

#[tokio::test]
async fn a_hosted_zone_goes_only_when_it_is_empty() {
    let (region, _things, aws) = region().await;
    let stack = region.stack("222222222222", "mine");
    let zone = json!({"Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "testing.example.com"}}});
    stack.deploy(&template(zone), &[]).await;
    let zone = aws.zone(&stack.physical_id("Zone").expect("a zone")).expect("a zone");
    zone.put(RecordSet::new("www.testing.example.com", "A", 60, ["192.0.2.1"]));
    assert!(
        matches!(stack.delete().await, Outcome::Stuck(reason) if reason.contains("HostedZoneNotEmpty"))
    );
    zone.remove("www.testing.example.com", "A");
    assert_eq!(stack.delete().await, Outcome::Complete);
    assert!(!zone.exists());
}
