//! The policies of `template.yaml` and `examples/`, attached to the roles of three kinds of setup.

use std::collections::BTreeMap;

use custom_delegation::http;
use sandbox::template::Template;
use sandbox::{Account, Role, ZoneHandle};
use serde_json::{Value, json};
use test_support::{EXTERNAL_ID, Fixture, NAME};

pub(crate) const ORGANIZATION: &str = "o-exampleorgid";
pub(crate) const FUNCTION_ROLE: &str = "route53-delegation-function-us-east-1";
/// A child zone's name in the account of the function, below its other child zone.
pub(crate) const LOWER: &str = "dev.testing.example.com";
/// The ownership record, in the same zone, of a name whose first label is long.
pub(crate) const LONG_RECORD: &str = "_delegationdigest-0123456789abcdef.testing.example.com";
/// A name in the account that has both the parent and the child zone.
pub(crate) const TEAM: &str = "team.example.org";
pub(crate) const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1";
pub(crate) const OTHER_KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/2";
pub(crate) const LOGS: &str = "arn:aws:logs:us-east-1:222222222222:log-group:LogGroup:*";
/// The digest of an empty file.
pub(crate) const DIGEST: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
pub(crate) const QUEUE: &str = "arn:aws:sqs:us-east-1:222222222222:FailedEvents";
pub(crate) const WATCH_ROLE: &str = "route53-delegation-watch-us-east-1";
pub(crate) const WATCH_LOGS: &str = "arn:aws:logs:us-east-1:222222222222:log-group:WatchLogGroup:*";
pub(crate) const WATCH: &str =
    "arn:aws:lambda:us-east-1:222222222222:function:route53-delegation-watch";
pub(crate) const BUS: &str = "arn:aws:events:us-east-1:222222222222:event-bus/findings";

/// The policy documents by name.
pub(crate) type Documents = BTreeMap<&'static str, Value>;

/// All roles, as the templates create them.
pub(crate) struct DeployedRoles {
    pub(crate) fixture: Fixture,
    pub(crate) http: http::Client,
    /// The account with the child zone that `child_role` reads.
    pub(crate) third: Account,
    pub(crate) third_zone: ZoneHandle,
    pub(crate) child_role: Role,
    /// The role of a function whose account has both the parent and the child zone.
    pub(crate) single_role: Role,
    pub(crate) single_parent: ZoneHandle,
    /// The role of a central function, in the account of the parent zone, that assumes parent roles
    /// there.
    pub(crate) central_role: Role,
    /// The role of the watch in the function's account; it assumes `auditor_role` in the account of
    /// the parent zone.
    pub(crate) watch_role: Role,
    pub(crate) auditor_role: Role,
    /// The role that starts the watch.
    pub(crate) timer_role: Role,
    /// The role of a watch that reads its own account.
    pub(crate) own_watch_role: Role,
    /// A DNS account with the service control policies. It is separate because they would hide what
    /// the parent role's own policy denies.
    pub(crate) guarded: Account,
    pub(crate) guarded_zone: ZoneHandle,
    pub(crate) documents: Documents,
}

impl DeployedRoles {
    pub(crate) async fn new() -> Self {
        let mut fixture = Fixture::behind_sockets().await;
        let account = |id: &str| fixture.aws.account(id);
        let (third, single) = (account("333333333333"), account("555555555555"));
        let guarded = account("777777777777");
        let third_zone = third.hosted_zone(NAME);
        let single_parent = single.hosted_zone("example.org");
        for member in [&fixture.parent_account, &fixture.child_account, &third, &single] {
            member.set_org(ORGANIZATION);
        }
        let parent_role = fixture.parent_account.role("route53-delegation-parent");
        let child_role = third.role("route53-delegation-child");
        let (single_role, central_role) =
            (single.role(FUNCTION_ROLE), fixture.parent_account.role(FUNCTION_ROLE));
        fixture.function_role = fixture.child_account.role(FUNCTION_ROLE);
        fixture.parent_role = parent_role;
        let auditor_role = fixture.parent_account.role("route53-delegation-auditor");
        let mut documents = documents(&fixture, &child_role, &third_zone, &single_parent);
        documents.extend(documents_of_the_watch(&auditor_role));
        let http = http::client(None).unwrap();
        let mut deployed = Self {
            http,
            third,
            third_zone,
            child_role,
            single_role,
            single_parent,
            central_role,
            watch_role: fixture.child_account.role(WATCH_ROLE),
            auditor_role,
            timer_role: fixture.child_account.role("timer"),
            own_watch_role: single.role(WATCH_ROLE),
            fixture,
            guarded_zone: guarded.hosted_zone("example.com"),
            guarded,
            documents: Documents::new(),
        };
        deployed.apply(&documents);
        deployed.documents = documents;
        deployed.fixture.restart(test_support::at_once).await;
        deployed
    }

    /// Replaces the policies of all roles by these documents.
    pub(crate) fn apply(&self, documents: &Documents) {
        let document = |name: &str| documents[name].clone();
        let names = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
        let long_record = json!({"Statement": {
            "Effect": "Allow",
            "Action": "route53:ChangeResourceRecordSets",
            "Resource": format!("arn:aws:route53:::hostedzone/{}", self.fixture.child.id()),
            "Condition": {"ForAllValues:StringEquals": {names: LONG_RECORD}},
        }});
        let function = self.fixture.function_role.clone().without_policies();
        function.policy(document("function")).policy(document("nested")).policy(long_record);
        let parent = self.fixture.parent_role.clone().without_policies();
        parent.trust(document("parent trust")).policy(document("parent"));
        let child = self.child_role.clone().without_policies();
        child.trust(document("child trust")).policy(document("child"));
        let single = self.single_role.clone().without_policies();
        single.policy(document("function alone")).policy(document("same account"));
        let central = self.central_role.clone().without_policies();
        central.policy(document("central function"));
        let auditor = self.auditor_role.clone().without_policies();
        auditor.trust(document("auditor trust")).policy(document("auditor"));
        for (role, name) in [
            (&self.watch_role, "watch"),
            (&self.own_watch_role, "watch of one account"),
            (&self.timer_role, "timer of the watch"),
        ] {
            role.clone().without_policies().policy(document(name));
        }
        self.guarded.without_service_control_policies();
        for policy in ["scp zones", "scp roles"] {
            self.guarded.service_control_policy(document(policy));
        }
    }
}

/// Returns the inline policy of a role.
fn inline(template: &Template, role: &str) -> Value {
    template.resource(&format!("/{role}/Properties/Policies/0/PolicyDocument"))
}

fn trust(template: &Template, role: &str) -> Value {
    template.resource(&format!("/{role}/Properties/AssumeRolePolicyDocument"))
}

fn documents(
    fixture: &Fixture,
    child_role: &Role,
    third_zone: &ZoneHandle,
    single_parent: &ZoneHandle,
) -> Documents {
    let (parent_id, parent_arn, child_arn) =
        (fixture.parent.id(), fixture.parent_role.arn(), child_role.arn());
    let resources = [("LogGroup.Arn", LOGS), ("FailedEvents.Arn", QUEUE)];
    let full = [
        ("ParentRoleArns", parent_arn.as_str()),
        ("ChildRoleArns", &child_arn),
        ("KmsKey", "222222222222:key/1"),
        ("Tracing", "Active"),
    ];
    let function = Template::read("template.yaml", &[&full[..], &resources].concat());
    let alone = Template::read("template.yaml", &resources);
    let trusted = [
        ("OrganizationId", ORGANIZATION),
        ("FunctionAccounts", "111111111111,222222222222,444444444444"),
        ("ExternalId", EXTERNAL_ID),
    ];
    let names =
        [("ParentZoneId", parent_id.as_str()), ("Names", "testing.example.com,*.dev.example.com")];
    let underscore = [("UnderscoreNames", "_msdcs.example.com")];
    let parent =
        Template::read("examples/parent-role.yaml", &[&trusted[..], &names, &underscore].concat());
    let third_id = third_zone.id();
    let child = Template::read(
        "examples/child-role.yaml",
        &[&trusted[..], &[("ChildZoneId", &third_id)]].concat(),
    );
    let own_zone = single_parent.id();
    let same = Template::read(
        "examples/same-account.yaml",
        &[("ParentZoneId", &own_zone), ("DomainName", TEAM)],
    );
    let upper = fixture.child.id();
    let nested = [
        ("ParentRoleArn", parent_arn.as_str()),
        ("ParentExternalId", EXTERNAL_ID),
        ("Zone", &upper),
    ];
    let nested = Template::read("examples/nested.yaml", &nested);
    let package = [
        ("TemplateUrl", "https://example.com/t"),
        ("CodeBucketPrefix", "code"),
        ("CodeKey", "zip"),
    ];
    let own = [
        ("OrganizationId", ORGANIZATION),
        ("CodeSha256", DIGEST),
        ("AWS::AccountId", "111111111111"),
        ("Key", "1"),
    ];
    let central = Template::read("examples/sns-central.yaml", &[&own[..], &package].concat());
    let given = central.resource("/Function/Properties/Parameters");
    let given: Vec<(&str, &str)> =
        ["ParentRoleArns", "KmsKey"].map(|name| (name, given[name].as_str().unwrap())).into();
    let central = Template::read("template.yaml", &[&given[..], &resources].concat());
    let rights = |template: &Template| template.resource("/Rights/Properties/PolicyDocument");
    let scp = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(format!("examples/scp-{name}.json")).unwrap())
            .unwrap()
    };
    Documents::from([
        ("function", inline(&function, "FunctionRole")),
        ("function alone", inline(&alone, "FunctionRole")),
        ("parent", inline(&parent, "ParentRole")),
        ("parent trust", trust(&parent, "ParentRole")),
        ("child", inline(&child, "ChildRole")),
        ("child trust", trust(&child, "ChildRole")),
        ("same account", rights(&same)),
        ("nested", rights(&nested)),
        ("central function", inline(&central, "FunctionRole")),
        ("scp zones", scp("zones")),
        ("scp roles", scp("roles")),
    ])
}

fn documents_of_the_watch(auditor: &Role) -> Documents {
    let account = ("AWS::AccountId", "222222222222");
    let resources = [("WatchLogGroup.Arn", WATCH_LOGS), ("WatchFunction.Arn", WATCH), account];
    let (arn, schedule) = (auditor.arn(), ("WatchSchedule", "rate(1 day)"));
    let full = [
        schedule,
        ("WatchRoleArns", arn.as_str()),
        ("WatchEventBus", "findings"),
        ("KmsKey", "222222222222:key/1"),
        ("Tracing", "Active"),
    ];
    let watch = Template::read("template.yaml", &[&full[..], &resources].concat());
    // This role does not need what the other one has as well.
    let mut own = inline(
        &Template::read("template.yaml", &[&[schedule][..], &resources].concat()),
        "WatchRole",
    );
    own["Statement"]
        .as_array_mut()
        .unwrap()
        .retain(|one| one["Sid"].as_str().unwrap().ends_with("OwnZones"));
    let trusted = [
        ("OrganizationId", ORGANIZATION),
        ("WatchAccounts", "222222222222,444444444444"),
        ("ExternalId", EXTERNAL_ID),
    ];
    let auditor = Template::read("examples/auditor-role.yaml", &trusted);
    Documents::from([
        ("watch", inline(&watch, "WatchRole")),
        ("watch of one account", own),
        ("timer of the watch", inline(&watch, "WatchTimerRole")),
        ("auditor", inline(&auditor, "AuditorRole")),
        ("auditor trust", trust(&auditor, "AuditorRole")),
    ])
}

/// A policy that allows everything.
pub(crate) fn everything() -> Value {
    json!({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

/// The parent role's policy in `docs/permissions.md` must be that of the template.
#[test]
fn the_page_on_permissions_shows_the_policy_of_the_parent_role() {
    const NAMES: &str =
        "/Condition/ForAllValues:StringLike/route53:ChangeResourceRecordSetsNormalizedRecordNames";
    let values = [
        ("ParentZoneId", "Z0PARENTEXAMPLE"),
        ("Names", "testing.example.com,*.dev.example.com"),
        ("FunctionAccounts", "222222222222"),
        ("ExternalId", EXTERNAL_ID),
    ];
    let policy = inline(&Template::read("examples/parent-role.yaml", &values), "ParentRole");
    let page = std::fs::read_to_string("docs/permissions.md").unwrap();
    let (_, section) = page.split_once("\n## Parent role: permissions\n").unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    let shown: Value = serde_json::from_str(block.split_once("```").unwrap().0).unwrap();
    // The order is irrelevant, and the page omits names that a pattern covers.
    let sorted = |policy: &Value| {
        let mut statements = policy["Statement"].clone();
        for statement in statements.as_array_mut().unwrap() {
            let lists = [
                statement.pointer("/Action").map(|_| "/Action"),
                statement.pointer(NAMES).map(|_| NAMES),
            ];
            for list in lists.into_iter().flatten() {
                if let Some(items) = statement.pointer_mut(list).and_then(Value::as_array_mut) {
                    items.retain(|item| item != "_delegation-*.dev.example.com");
                    items.sort_by_key(Value::to_string);
                }
            }
        }
        statements
    };
    assert_eq!(sorted(&shown), sorted(&policy));
}
