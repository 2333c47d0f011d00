use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::*;
use crate::deployment::StackOutcome;
use crate::route53::RecordSet;

/// A type of resources whose physical id is its `Id`, and which fails the action in `FailsTo`.
#[derive(Default)]
struct Things(Mutex<Vec<String>>);

impl ResourceType for Things {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let verb = match &request.action {
            ResourceAction::Create => "create",
            ResourceAction::Update(..) => "update",
            ResourceAction::Delete(_) => "delete",
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

/// A Region with a type `Custom::Thing`.
struct Fixture {
    region: CloudFormation,
    things: Arc<Things>,
    aws: Sandbox,
}

impl Fixture {
    async fn new() -> Self {
        let (aws, bucket) = (
            Sandbox::start().await.expect("a port"),
            ResponseBucket::start().await.expect("a port"),
        );
        let region = CloudFormation::new(&aws, &bucket, None, &[]);
        let things = Arc::<Things>::default();
        region.register("Custom::Thing", Arc::clone(&things) as Arc<dyn ResourceType>);
        Self { region, things, aws }
    }
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
async fn a_resource_is_created_after_and_deleted_before_those_it_refers_to() {
    let Fixture { region, things, .. } = Fixture::new().await;
    let stack = region.stack("222222222222", "mine");
    let resources = json!({
        "A": {"Type": "Custom::Thing", "Properties": {"Id": {"Fn::Sub": "after-${B}-${B.Size}"}}},
        "B": {"Type": "Custom::Thing", "DependsOn": "C", "Properties": {"Id": "b"}},
        "C": thing("c"),
    });
    assert_eq!(stack.deploy(&template(resources), &[]).await, StackOutcome::Complete);
    assert_eq!(done(&things), ["create C c", "create B b", "create A after-b-3"]);
    assert_eq!(stack.delete().await, StackOutcome::Complete);
    assert_eq!(done(&things), ["delete A after-b-3", "delete B b", "delete C c"]);
}

#[tokio::test]
async fn the_deletion_policy_is_that_of_the_template_that_was_deployed_last() {
    let Fixture { region, things, .. } = Fixture::new().await;
    let stack = region.stack("222222222222", "mine");
    let both = |retained: &str| {
        template(
            json!({"Kept": with(thing("k"), "DeletionPolicy", json!(retained)), "Other": thing("o")}),
        )
    };
    let other = template(json!({"Other": thing("o")}));
    // An update of only the policy sends no request to any resource.
    stack.deploy(&both("Delete"), &[]).await;
    stack.deploy(&both("Retain"), &[]).await;
    done(&things);
    assert_eq!(stack.deploy(&other, &[]).await, StackOutcome::Complete);
    assert_eq!(done(&things), Vec::<String>::new());
    assert!(stack.events().contains(&"retained Kept".to_owned()));
    // A policy that is added in the update that removes the resource has no effect.
    stack.deploy(&both("Delete"), &[]).await;
    done(&things);
    stack.deploy(&other, &[]).await;
    assert_eq!(done(&things), ["delete Kept k"]);
}

#[tokio::test]
async fn a_replacement_is_created_first_and_the_old_resource_is_deleted_in_the_cleanup() {
    let Fixture { region, things, .. } = Fixture::new().await;
    let stack = region.stack("222222222222", "mine");
    stack.deploy(&template(json!({"A": thing("one"), "Z": thing("z")})), &[]).await;
    done(&things);
    assert_eq!(
        stack.deploy(&template(json!({"A": thing("two"), "B": thing("b")})), &[]).await,
        StackOutcome::Complete
    );
    assert_eq!(done(&things), ["update A two", "create B b", "delete A one", "delete Z z"]);
}

#[tokio::test]
async fn a_failed_update_is_rolled_back() {
    let Fixture { region, things, .. } = Fixture::new().await;
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
    assert_eq!(outcome, StackOutcome::RolledBack("it was told to fail".to_owned()));
    let undone = &done(&things)[4..];
    assert_eq!(undone[0], "update A one");
    assert!(
        undone.contains(&"delete B b".to_owned()) && undone.contains(&"delete A two".to_owned()),
        "{undone:?}"
    );
    assert!(!undone.contains(&"delete C k".to_owned()), "a rollback must retain it as well");
    assert_eq!(stack.resources(), ["A"]);
    assert_eq!(stack.physical_id("A").as_deref(), Some("one"));
}

#[tokio::test]
async fn the_type_of_a_resource_can_not_be_changed() {
    let Fixture { region, things, .. } = Fixture::new().await;
    let stack = region.stack("222222222222", "mine");
    stack.deploy(&template(json!({"A": thing("one")})), &[]).await;
    done(&things);
    let other = template(json!({"A": {"Type": "AWS::SQS::Queue"}}));
    assert!(
        matches!(stack.deploy(&other, &[]).await, StackOutcome::RolledBack(reason) if reason.contains("not permitted"))
    );
    assert_eq!(done(&things), Vec::<String>::new());
}

#[tokio::test]
async fn a_resource_that_fails_to_be_deleted_remains_with_its_stack_until_it_is_retained() {
    let Fixture { region, .. } = Fixture::new().await;
    let stack = region.stack("222222222222", "mine");
    let stubborn = json!({"Type": "Custom::Thing", "Properties": {"Id": "s", "FailsTo": "delete"}});
    stack.deploy(&template(json!({"A": thing("one"), "S": stubborn})), &[]).await;
    assert!(matches!(stack.delete().await, StackOutcome::Stuck(_)));
    assert_eq!(stack.resources(), ["A", "S"]);
    assert_eq!(stack.delete_retaining(&["S"]).await, StackOutcome::Complete);
    assert_eq!(stack.resources(), Vec::<String>::new());
}

#[tokio::test]
async fn record_sets_are_deleted_exactly_as_the_template_has_them() {
    let Fixture { region, aws, .. } = Fixture::new().await;
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
        matches!(stack.delete().await, StackOutcome::Stuck(reason) if reason.contains("do not match"))
    );
    zone.put(RecordSet::new("a.example.com", "NS", 60, ["ns1.example.net"]));
    assert_eq!(stack.delete().await, StackOutcome::Complete);
    assert!(zone.record("a.example.com", "NS").is_none());

    let group = json!({"Group": {"Type": "AWS::Route53::RecordSetGroup", "Properties": {"HostedZoneId": zone.id(), "RecordSets": [
        {"Name": "b.example.com", "Type": "NS", "TTL": "300", "ResourceRecords": ["ns1.example.net"]},
        {"Name": "c.example.com", "Type": "A", "TTL": "300", "ResourceRecords": ["192.0.2.1"]},
    ]}}});
    let stack = region.stack("111111111111", "group");
    assert_eq!(stack.deploy(&template(group), &[]).await, StackOutcome::Complete);
    assert!(
        zone.record("b.example.com", "NS").is_some() && zone.record("c.example.com", "A").is_some()
    );
}

#[tokio::test]
async fn a_hosted_zone_is_deleted_only_if_it_is_empty() {
    let Fixture { region, aws, .. } = Fixture::new().await;
    let stack = region.stack("222222222222", "mine");
    let zone = json!({"Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "testing.example.com"}}});
    stack.deploy(&template(zone), &[]).await;
    let zone = aws.zone(&stack.physical_id("Zone").expect("a zone")).expect("a zone");
    zone.put(RecordSet::new("www.testing.example.com", "A", 60, ["192.0.2.1"]));
    assert!(
        matches!(stack.delete().await, StackOutcome::Stuck(reason) if reason.contains("HostedZoneNotEmpty"))
    );
    zone.remove("www.testing.example.com", "A");
    assert_eq!(stack.delete().await, StackOutcome::Complete);
    assert!(!zone.exists());
}

#[tokio::test]
async fn an_export_is_of_one_account_and_can_not_change_while_a_stack_imports_it() {
    let Fixture { region, .. } = Fixture::new().await;
    let mut exporting = template(json!({"A": thing("one")}));
    exporting["Outputs"] = json!({"Id": {"Value": {"Ref": "A"}, "Export": {"Name": "the-id"}}});
    let importing =
        json!({"Type": "Custom::Thing", "Properties": {"Id": {"Fn::ImportValue": "the-id"}}});
    let importing = template(json!({"B": importing}));
    let exporter = region.stack("222222222222", "exporter");
    let importer = region.stack("222222222222", "importer");
    assert_eq!(exporter.deploy(&exporting, &[]).await, StackOutcome::Complete);
    assert_eq!(region.exported("222222222222", "the-id"), Some(json!("one")));
    assert_eq!(region.exported("111111111111", "the-id"), None);
    assert_eq!(importer.deploy(&importing, &[]).await, StackOutcome::Complete);
    assert_eq!(importer.physical_id("B").as_deref(), Some("one"));
    let refused = "Cannot delete export the-id as it is in use by importer";
    assert_eq!(exporter.delete().await, StackOutcome::RolledBack(refused.to_owned()));
    assert_eq!(exporter.resources(), ["A"]);
    let mut other = exporting.clone();
    other["Outputs"]["Id"]["Value"] = json!("two");
    let mut without = exporting.clone();
    without["Outputs"]["Id"].as_object_mut().expect("an object").remove("Export");
    for (verb, changed) in [("update", &other), ("delete", &without)] {
        let refused = format!("Cannot {verb} export the-id as it is in use by importer");
        assert_eq!(exporter.deploy(changed, &[]).await, StackOutcome::RolledBack(refused));
    }
    assert_eq!(exporter.outputs()["Id"], json!("one"));
    assert_eq!(exporter.deploy(&exporting, &[]).await, StackOutcome::Complete);
    assert_eq!(importer.delete().await, StackOutcome::Complete);
    assert_eq!(exporter.deploy(&other, &[]).await, StackOutcome::Complete);
    assert_eq!(region.exported("222222222222", "the-id"), Some(json!("two")));
    assert_eq!(exporter.delete().await, StackOutcome::Complete);
    assert_eq!(region.exported("222222222222", "the-id"), None);
}

#[tokio::test]
async fn a_request_that_the_deployer_may_not_make_fails() {
    let Fixture { region, things, aws } = Fixture::new().await;
    region.check_permissions(Arc::new(|request: &ResourceRequest| {
        let deployer = request.deployer.as_ref().ok_or("no deployer")?;
        let allowed = deployer.may("thing:Create", &request.region);
        allowed.then_some(()).ok_or_else(|| format!("{} was denied", request.resource_type))
    }));
    let allows = json!({"Statement": {"Effect": "Allow", "Action": "thing:*", "Resource": "*"}});
    let account = aws.account("222222222222");
    let stack = region.stack("222222222222", "mine");
    let template = template(json!({"A": thing("one")}));
    let denied = stack.deployed_by(&account.role("nobody")).deploy(&template, &[]).await;
    assert_eq!(denied, StackOutcome::Stuck("Custom::Thing was denied".to_owned()));
    assert_eq!(done(&things), Vec::<String>::new());
    let admin = account.role("admin").policy(allows);
    assert_eq!(stack.deployed_by(&admin).deploy(&template, &[]).await, StackOutcome::Complete);
    assert_eq!(done(&things), ["create A one"]);
}

#[tokio::test]
async fn a_stack_knows_its_region() {
    let (aws, bucket) =
        (Sandbox::start().await.expect("a port"), ResponseBucket::start().await.expect("a port"));
    let region = CloudFormation::in_region("eu-west-1", &aws, &bucket);
    let stack = region.stack("222222222222", "mine");
    assert!(
        stack.stack_id().starts_with("arn:aws:cloudformation:eu-west-1:222222222222:stack/mine/")
    );
    let name = json!({"Fn::Sub": "${AWS::Region}.example.com"});
    let zone = json!({"Type": "AWS::Route53::HostedZone", "Properties": {"Name": name}});
    assert_eq!(stack.deploy(&template(json!({"Zone": zone})), &[]).await, StackOutcome::Complete);
    let zone = aws.zone(&stack.physical_id("Zone").expect("a zone")).expect("a zone");
    assert_eq!(zone.name().trim_end_matches('.'), "eu-west-1.example.com");
}
