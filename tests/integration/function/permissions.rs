//! The policies in `docs/permissions.md` are sufficient for the function, and allow no more than
//! the page says.

use std::time::Duration;

use sandbox::{Fault, FaultKind, KeySigningKey};
use serde_json::{Value, json};

use test_support::{EXTERNAL_ID, Fixture, NAME, pass};

/// Returns the policy under a heading of the page, with the ids of this fixture.
fn policy(fixture: &Fixture, heading: &str) -> Value {
    let page = std::fs::read_to_string("docs/permissions.md").unwrap();
    let (_, section) = page
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("no heading {heading:?}"));
    let (_, block) = section.split_once("```json\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let text = block
        .replace("Z0PARENTEXAMPLE", &fixture.parent.id())
        .replace("Z0CHILDEXAMPLE", &fixture.child.id())
        .replace(
            "arn:aws:iam::222222222222:role/route53-delegation-function-us-east-1",
            &fixture.function_role.arn(),
        )
        .replace(
            "arn:aws:iam::111111111111:role/route53-delegation-parent",
            &fixture.parent_role.arn(),
        )
        .replace("route53-delegation-example", EXTERNAL_ID);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{heading}: {error}"))
}

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    let parent = fixture.parent_role.clone().without_policies();
    parent
        .trust(policy(&fixture, "Parent role: trust policy"))
        .policy(policy(&fixture, "Parent role: permissions"));
    fixture
        .function_role
        .clone()
        .without_policies()
        .policy(policy(&fixture, "Function role: permissions"));
    fixture
}

#[tokio::test(start_paused = true)]
async fn the_policies_suffice_for_the_whole_life_of_a_delegation() {
    let fixture = fixture().await;
    let by_id = json!({"ParentZoneName": null, "ParentZoneId": fixture.parent.id()});
    for zone in [&fixture.parent, &fixture.child] {
        zone.sign([KeySigningKey::active("key", 1, &"AB".repeat(32))]);
    }
    for parent in [json!({}), by_id, json!({"ParentZoneName": null}), json!({"Dnssec": "true"})] {
        let id = fixture.create(parent.clone()).await.success().id().to_owned();
        let mut changed = parent.clone();
        changed["TTL"] = json!("60");
        assert_eq!(fixture.update(&id, parent, changed.clone()).await.success().get("Warning"), "");
        fixture.delete(&id, changed).await.success();
        assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
    }
    let deep = fixture.child_account.hosted_zone("a.dev.example.com");
    fixture.create(json!({"ChildZoneId": deep.id()})).await.success();
    assert!(fixture.aws.calls().iter().all(sandbox::Call::succeeded), "no call may be denied");
}

#[tokio::test(start_paused = true)]
async fn other_names_and_other_records_are_denied() {
    let fixture = fixture().await;
    for name in ["staging.example.com", "dev.example.com"] {
        let zone = fixture.child_account.hosted_zone(name);
        fixture.create(json!({"ChildZoneId": zone.id()})).await.failed(&["denied", name]);
    }
    fixture.create(json!({"ParentExternalId": "another-id"})).await.failed(&["sts:AssumeRole"]);
    assert_eq!(fixture.parent.revision(), 1, "only the record of the setup may have been written");
}

/// If a denial named only the missing permission, somebody would have to deploy once for each.
#[tokio::test(start_paused = true)]
async fn the_first_denial_names_all_missing_permissions_and_the_role() {
    let of_parent = [
        "route53:ListHostedZonesByName",
        "route53:GetHostedZone",
        "route53:ListResourceRecordSets",
        "route53:ChangeResourceRecordSets (CREATE and DELETE of NS, DS and TXT)",
        "route53:GetChange",
        "route53:GetDNSSEC",
    ];
    let denied =
        FaultKind::Error { status: 403, code: "AccessDenied".into(), message: "no".into() };
    for action in ["ListHostedZonesByName", "ListResourceRecordSets", "ChangeResourceRecordSets"] {
        let fixture = Fixture::new().await;
        fixture.aws.fault(Fault::on(action).account("111111111111").always().kind(denied.clone()));
        let answer = fixture
            .create(json!({}))
            .await
            .failed(&[&["was denied", "role in ParentRoleArn"], &of_parent[..]].concat());
        assert!(!answer.reason().contains("blank"), "{}", answer.reason());
    }
    // The function's own role is used, because no other is given.
    let own = json!({
        "ParentRoleArn": "",
        "ParentExternalId": null,
        "ParentZoneName": null,
        "ParentZoneId": "Z0",
    });
    let fixture = Fixture::new().await;
    fixture.aws.fault(Fault::on("GetHostedZone").zone("Z0").always().kind(denied.clone()));
    fixture.create(own).await.failed(
        &[&["ParentRoleArn is empty, so the function's own role was used"], &of_parent[..]]
            .concat(),
    );
    fixture.aws.clear_faults();
    fixture.aws.fault(Fault::on("GetHostedZone").zone(&fixture.child.id()).always().kind(denied));
    let answer = fixture.create(json!({})).await.failed(&[
        "ChildRoleArn is empty, so the function's own role was used",
        "route53:GetHostedZone, route53:ListResourceRecordSets, and route53:GetDNSSEC",
    ]);
    assert!(!answer.reason().contains("GetChange"), "{}", answer.reason());
}

#[tokio::test(start_paused = true)]
async fn an_external_id_that_yaml_read_as_a_number_is_reported_but_not_quoted() {
    let fixture = Fixture::new().await;
    for (id, is_explained) in [
        ("1.2345678901E10", true),
        ("123456789012.0", true),
        ("12345678901", false),
        ("a.1E10", false),
    ] {
        let answer = fixture
            .create(json!({"ParentExternalId": id}))
            .await
            .failed(&["was denied", "[access-denied]"]);
        assert_eq!(
            answer.reason().contains("quotation marks"),
            is_explained,
            "{}",
            answer.reason()
        );
        assert!(!answer.reason().contains(id), "{}", answer.reason());
    }
}

#[tokio::test(start_paused = true)]
async fn the_child_role_reads_its_zone_and_no_other() {
    let fixture = fixture().await;
    let role = fixture.aws.account("333333333333").role("route53-delegation-child");
    let zone = fixture.aws.account("333333333333").hosted_zone(NAME);
    let mut own = policy(&fixture, "Child role: permissions");
    own["Statement"][0]["Resource"] = json!(format!("arn:aws:route53:::hostedzone/{}", zone.id()));
    role.clone().trust(policy(&fixture, "Parent role: trust policy")).policy(own);
    let child = |id: String| {
        json!({
            "ChildZoneId": id,
            "ChildRoleArn": role.arn(),
            "ChildExternalId": EXTERNAL_ID,
        })
    };
    let id = fixture.create(child(zone.id())).await.success().id().to_owned();
    fixture.delete(&id, child(zone.id())).await.success();
    let other = fixture.aws.account("333333333333").hosted_zone("dev.testing.example.com");
    fixture.create(child(other.id())).await.failed(&["GetHostedZone was denied"]);
}

/// The parent role trusts only a hub role, and not the function.
#[tokio::test(start_paused = true)]
async fn an_intermediate_role_is_assumed_first() {
    let fixture = Fixture::new().await;
    let hub_account = fixture.aws.account("333333333333");
    let hub = hub_account
        .role("hub")
        .trust_account("222222222222", None)
        .allow_assume(&fixture.parent_role.arn());
    fixture.parent_role.clone().trust_account("333333333333", Some(EXTERNAL_ID));
    fixture.function_role.clone().without_policies().allow_all_route53().allow_assume(&hub.arn());
    fixture.create(json!({})).await.failed(&[
        "STS AssumeRole of",
        &fixture.parent_role.arn(),
        "denied",
    ]);
    let chain = json!({"ParentRoleArn": [hub.arn(), fixture.parent_role.arn()]});
    let id = fixture.create(chain.clone()).await.success().id().to_owned();
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    fixture.delete(&id, chain.clone()).await.success();
    let mut wrong = chain.clone();
    wrong["ParentExternalId"] = json!("another-id");
    fixture.create(wrong).await.failed(&[
        "STS AssumeRole of",
        &fixture.parent_role.arn(),
        "denied",
    ]);
    hub.trust_account("444444444444", None);
    fixture.create(chain).await.failed(&["STS AssumeRole of", "role/hub", "denied"]);
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
}

/// Returns the Regions for which the calls of a service were signed, in the order of the calls.
fn regions(fixture: &Fixture, service: &str) -> Vec<String> {
    let calls = fixture.aws.calls();
    calls.iter().filter(|call| call.service == service).map(|call| call.region.clone()).collect()
}

async fn of_region(region: &str) -> Fixture {
    let fixture = Fixture::with(|config| config.region = Some(region.to_owned())).await;
    fixture.aws.clear_calls();
    fixture
}

#[tokio::test(start_paused = true)]
async fn roles_are_assumed_in_the_functions_region_or_the_configured_one() {
    for (chosen, region) in
        [(json!({}), "eu-west-1"), (json!({"AssumeRoleRegion": "eu-central-1"}), "eu-central-1")]
    {
        let fixture = of_region("eu-west-1").await;
        fixture.create(chosen).await.success();
        assert_eq!(regions(&fixture, "sts"), [region]);
        assert!(regions(&fixture, "route53").iter().all(|region| region == "us-east-1"));
    }
}

#[tokio::test(start_paused = true)]
async fn another_region_is_tried_where_sts_fails() {
    let disabled = FaultKind::Error {
        status: 403,
        code: "RegionDisabledException".into(),
        message: "STS is not activated in this region for account: 111111111111".into(),
    };
    let denied = FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "a policy says no".into(),
    };
    for kind in [
        disabled,
        denied,
        FaultKind::ResetBefore,
        FaultKind::Status(503),
        FaultKind::Throttle,
        FaultKind::Hang,
    ] {
        let fixture = of_region("eu-west-1").await;
        fixture.aws.fault(Fault::on("AssumeRole").region("eu-west-1").always().kind(kind.clone()));
        let id = fixture.create(json!({})).await.success().id().to_owned();
        assert_eq!(regions(&fixture, "sts").last().unwrap(), "us-east-1", "{kind:?}");
        // While the function is warm, the Region that answered is tried first, also after the
        // session has expired.
        fixture.aws.clear_calls();
        pass(Duration::from_hours(2)).await;
        fixture.update(&id, json!({}), json!({"TTL": "60"})).await.success();
        assert_eq!(regions(&fixture, "sts"), ["us-east-1"], "{kind:?}");
    }
}

/// When STS throttles in both Regions, the function keeps trying until its time runs out, with
/// growing pauses.
#[tokio::test(start_paused = true)]
async fn regression_a_temporary_failure_of_every_region_is_waited_for() {
    for kind in [FaultKind::Throttle, FaultKind::Status(503), FaultKind::ResetBefore] {
        let fixture = of_region("eu-west-1").await;
        fixture.aws.fault(Fault::on("AssumeRole").times(30).kind(kind.clone()));
        fixture.create(json!({})).await.success();
        assert_eq!(fixture.count("AssumeRole"), 31, "{kind:?}");
        let fixture = of_region("eu-west-1").await;
        fixture.aws.fault(Fault::on("AssumeRole").always().kind(kind.clone()));
        fixture.create(json!({})).await.failed(&["ran out of time"]);
        let calls = fixture.count("AssumeRole");
        assert!((30..600).contains(&calls), "{kind:?}: {calls} calls in five minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_denial_in_every_region_names_them_all() {
    let fixture = of_region("eu-west-1").await;
    fixture.create(json!({"ParentExternalId": "another-id"})).await.failed(&[
        "STS AssumeRole of",
        "was denied",
        "in eu-west-1: ",
        "in us-east-1: ",
    ]);
    // An unreachable Region must not hide that the other one denies.
    fixture
        .aws
        .fault(Fault::on("AssumeRole").region("us-east-1").always().kind(FaultKind::ResetBefore));
    fixture
        .create(json!({"ParentExternalId": "another-id"}))
        .await
        .failed(&["was denied", "in us-east-1: "]);
}

#[tokio::test(start_paused = true)]
async fn the_session_name_names_function_and_stack() {
    let mut fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    fixture.stack = "arn:aws:cloudformation:us-east-1:222222222222:stack/other-stack/2".into();
    fixture.logical_id = "Other".into();
    fixture.create(json!({})).await.success();
    let calls = fixture.aws.calls();
    let sessions =
        calls.iter().filter_map(|call| call.principal.split_once(":assumed-role/parent/"));
    let mut names: Vec<&str> = sessions.map(|(_, name)| name).collect();
    names.dedup();
    assert_eq!(names, ["delegation.mine", "delegation.other-stack"]);
}

/// Each event may have another stack's name, and may name other roles.
#[tokio::test(start_paused = true)]
async fn the_number_of_cached_sessions_is_bounded() {
    let mut fixture = Fixture::new().await;
    let id = fixture.id();
    let mut asked = 0_usize;
    for stack in (0..100).chain([0, 100, 0]) {
        fixture.stack =
            format!("arn:aws:cloudformation:us-east-1:222222222222:stack/stack-{stack}/1");
        fixture.delete(&id, json!({})).await.success();
        asked += 1;
        let made = fixture.count("AssumeRole");
        // A hundred sessions are kept. The next one replaces all of them, and those that are still
        // needed are created again.
        assert_eq!(made, [asked, 100, 101, 102][asked.saturating_sub(100)], "{asked}");
    }
}
