//! Deploys what the CDK's constructs synthesize to the local AWS: its roles on a strict IAM, its
//! function from the asset, its zones and its delegations. `make check-cdk` synthesizes the
//! assemblies, sets `CDK_BUILD` to their folder, and runs these tests. Without the variable they
//! are on the list of skipped checks.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use sandbox::template::Template;
use sandbox::{CloudFormation, StackOutcome, SyncRule, TemplateStack, ZoneHandle};
use serde_json::{Value, json};
use test_support::{CHILD_ACCOUNT, Environment, PARENT_ACCOUNT, plain};

/// An [`Environment`] with the parent zones of the examples, and the stacks of one assembly, which
/// create the roles and functions that they need.
struct AssemblyFixture {
    environment: Environment,
    region: CloudFormation,
    assembly: PathBuf,
    org: ZoneHandle,
}

impl Deref for AssemblyFixture {
    type Target = Environment;

    fn deref(&self) -> &Environment {
        &self.environment
    }
}

impl AssemblyFixture {
    /// Starts with the assembly of this number. `None` if the assemblies are not there.
    async fn new(number: u32) -> Option<Self> {
        let Some(build) = std::env::var_os("CDK_BUILD").filter(|folder| !folder.is_empty()) else {
            sandbox::not_checked("cdk-deploy", "CDK_BUILD is not set", "make check-cdk");
            return None;
        };
        let assembly = Path::new(&build).join(format!("assembly-{number}"));
        let environment =
            Environment::builder().parent_zone_id("Z0PARENTEXAMPLE").behind_sockets().await;
        let aws = &environment.aws;
        // Other tests cover the wait for Route 53.
        aws.sync_after(SyncRule::Immediately);
        let org = environment.child_account.hosted_zone_with_id("Z0ORGEXAMPLE", "example.org");
        let variables = environment.dns_variables();
        let mut env: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        env.push(("DELEGATION_PROPAGATION_WAIT", "0"));
        let region = CloudFormation::new(aws, &environment.bucket, Some(assembly.clone()), &env);
        Some(Self { environment, region, assembly, org })
    }

    fn template(&self, name: &str) -> Value {
        Template::source(&self.assembly.join(format!("{name}.template.json")).display().to_string())
    }

    /// Deploys a stack of the assembly.
    async fn deploy(&self, name: &str, account: &str) -> TemplateStack {
        let stack = self.region.stack(account, name);
        assert_eq!(
            stack.deploy(&self.template(name), &[]).await,
            StackOutcome::Complete,
            "{:?}",
            stack.events()
        );
        stack
    }

    /// Asserts that no call of the function was denied, and that its answer has no warning and a
    /// good DNS check.
    fn assert_all_is_well(&self, stack: &TemplateStack) {
        let failed: Vec<_> =
            self.aws.calls().into_iter().filter(|call| !call.succeeded()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        let delegation = stack.only("Custom::Delegation");
        assert_eq!(stack.attribute(&delegation, "Warning"), json!(""));
        assert_eq!(stack.attribute(&delegation, "ChangeStatus"), json!("INSYNC"));
        let finding = stack.attribute(&delegation, "Verification");
        assert!(finding.as_str().unwrap().ends_with("refer to them"), "{finding}");
    }
}

/// Returns the name servers of a name in a zone, sorted.
fn delegated_to(zone: &ZoneHandle, name: &str) -> Vec<String> {
    zone.record(name, "NS").map(|set| plain(&set.values)).unwrap_or_default()
}

/// Returns the hosted zone that a stack created.
fn zone_of(fixture: &AssemblyFixture, stack: &TemplateStack) -> ZoneHandle {
    fixture.aws.zone(&stack.physical_id(&stack.only("AWS::Route53::HostedZone")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_in_one_account_and_its_parent_zone_in_another() {
    let Some(fixture) = AssemblyFixture::new(1).await else { return };
    let before = fixture.parent.records();
    let parent = fixture.deploy("ParentDns", PARENT_ACCOUNT).await;
    let testing = fixture.deploy("TestingDns", CHILD_ACCOUNT).await;
    let zone = zone_of(&fixture, &testing);
    assert_eq!(delegated_to(&fixture.parent, "testing.example.com"), plain(&zone.name_servers()));
    fixture.assert_all_is_well(&testing);
    assert_eq!(testing.outputs()["NameServers"], json!(plain(&zone.name_servers()).join(",")));

    // The role is retained with its permissions: without its stack, it can remove the delegation.
    assert_eq!(parent.delete().await, StackOutcome::Complete);
    let retained =
        parent.events().into_iter().filter(|event| event.starts_with("retained")).count();
    assert_eq!(retained, 2, "role and policy must be retained: {:?}", parent.events());
    assert_eq!(testing.delete().await, StackOutcome::Complete, "{:?}", testing.events());
    assert_eq!(fixture.parent.records(), before);
    assert!(!zone.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn zone_and_parent_zone_in_one_account() {
    let Some(fixture) = AssemblyFixture::new(2).await else { return };
    let before = fixture.org.records();
    let stack = fixture.deploy("TeamDns", CHILD_ACCOUNT).await;
    let zone = zone_of(&fixture, &stack);
    assert_eq!(delegated_to(&fixture.org, "team.example.org"), plain(&zone.name_servers()));
    assert_eq!(fixture.org.record("team.example.org", "NS").unwrap().ttl, Some(300));
    fixture.assert_all_is_well(&stack);
    // The permissions are removed after the delegation.
    assert_eq!(stack.delete().await, StackOutcome::Complete, "{:?}", stack.events());
    assert_eq!(fixture.org.records(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_function_serves_many_stacks_and_a_certificate_waits_for_its_delegation() {
    let Some(fixture) = AssemblyFixture::new(3).await else { return };
    // The page presupposes this role.
    let template = Template::read(
        "examples/parent-role.yaml",
        &[
            ("ParentZoneId", "Z0PARENTEXAMPLE"),
            ("Names", "*.example.com"),
            ("FunctionAccounts", CHILD_ACCOUNT),
            ("ExternalId", "route53-delegation-example"),
            ("AWS::AccountId", PARENT_ACCOUNT),
        ],
    );
    let role = fixture.aws.account(PARENT_ACCOUNT).role("route53-delegation-parent");
    role.trust(template.resource("/ParentRole/Properties/AssumeRolePolicyDocument"))
        .policy(template.resource("/ParentRole/Properties/Policies/0/PolicyDocument"));

    let platform = fixture.deploy("DelegationFunction", CHILD_ACCOUNT).await;
    assert!(
        fixture.region.exported(CHILD_ACCOUNT, "route53-delegation-ServiceToken").is_some(),
        "{:?}",
        platform.events()
    );
    let shop = fixture.deploy("ShopDns", CHILD_ACCOUNT).await;
    assert_eq!(
        delegated_to(&fixture.parent, "shop.example.com"),
        plain(&zone_of(&fixture, &shop).name_servers())
    );
    fixture.assert_all_is_well(&shop);
    let events = shop.events();
    let at = |what: &str| {
        events.iter().position(|event| event.starts_with(&format!("Create {what}"))).unwrap()
    };
    assert!(at("Delegation") < at("Certificate"), "{events:?}");
    assert_eq!(shop.delete().await, StackOutcome::Complete, "{:?}", shop.events());
    assert!(delegated_to(&fixture.parent, "shop.example.com").is_empty());
}

/// The construct must create the same role as `examples/parent-role.yaml`.
#[tokio::test]
async fn the_parent_role_equals_that_of_the_template() {
    let Some(fixture) = AssemblyFixture::new(1).await else { return };
    let written = Template::read(
        "examples/parent-role.yaml",
        &[
            ("ParentZoneId", "Z0PARENTEXAMPLE"),
            ("Names", "testing.example.com"),
            ("FunctionAccounts", CHILD_ACCOUNT),
            ("ExternalId", "route53-delegation-example"),
            ("AWS::AccountId", PARENT_ACCOUNT),
        ],
    );
    let document = fixture.template("ParentDns");
    let synthesized = Template::new("ParentDns", document.clone(), &[("BootstrapVersion", "1")]);
    let id_of = |kind: &str| {
        let resources = document["Resources"].as_object().unwrap();
        resources.iter().find(|(_, resource)| resource["Type"] == kind).unwrap().0.clone()
    };
    let (role, policy) = (id_of("AWS::IAM::Role"), id_of("AWS::IAM::Policy"));
    assert_eq!(
        statements(&synthesized.resource(&format!("/{policy}/Properties/PolicyDocument"))),
        statements(&written.resource("/ParentRole/Properties/Policies/0/PolicyDocument")),
    );
    assert_eq!(
        statements(&synthesized.resource(&format!("/{role}/Properties/AssumeRolePolicyDocument"))),
        statements(&written.resource("/ParentRole/Properties/AssumeRolePolicyDocument")),
    );
    let name =
        |template: &Template, id: &str| template.resource(&format!("/{id}/Properties/RoleName"));
    assert_eq!(name(&synthesized, &role), name(&written, "ParentRole"));
    let retained = |document: &Value, id: &str| document["Resources"][id]["DeletionPolicy"].clone();
    for id in [&role, &policy] {
        assert_eq!(
            retained(&document, id),
            retained(&Template::source("examples/parent-role.yaml"), "ParentRole")
        );
    }
}

/// Returns the statements of a policy in a canonical form: independent of the order of lists, of a
/// list with one value instead of the value, of an account's root ARN instead of its id, and of the
/// names of statements.
fn statements(policy: &Value) -> BTreeSet<String> {
    fn plain(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.clone(), plain(value))).collect()
            }
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(plain).collect();
                items.sort_by_key(ToString::to_string);
                if items.len() == 1 { items.remove(0) } else { Value::Array(items) }
            }
            other => other.clone(),
        }
    }
    let listed = policy["Statement"].as_array().unwrap();
    listed
        .iter()
        .map(|statement| {
            let mut statement = plain(statement);
            statement.as_object_mut().unwrap().remove("Sid");
            statement
                .to_string()
                .replace(&format!("arn:aws:iam::{CHILD_ACCOUNT}:root"), CHILD_ACCOUNT)
        })
        .collect()
}
