//! Requests that AWS refuses whenever they are sent, above all Deletes: a stack must be able to
//! leave. A Region without STS, a role or a name that AWS does not accept.

use std::time::Duration;

use sandbox::{Fault, FaultKind};
use serde_json::{Value, json};
use test_support::{Fixture, NAME, RECORD};
use tokio::time::Instant;

use super::scenario::INVENTED;

/// No host `sts.eu-east-1.amazonaws.com` exists.
const WITHOUT_HOST: &str = "eu-east-1";
/// The account has not activated STS there.
const DISABLED: &str = "eu-west-3";

fn refusal(status: u16, code: &str) -> FaultKind {
    FaultKind::Error { status, code: code.to_owned(), message: "not acceptable".to_owned() }
}

async fn without_sts_there() -> Fixture {
    let fixture = Fixture::new().await;
    let on = |region| Fault::on("AssumeRole").region(region).always();
    fixture.aws.fault(on(WITHOUT_HOST).kind(FaultKind::ResetBefore));
    fixture.aws.fault(on(DISABLED).kind(refusal(403, "RegionDisabledException")));
    fixture
}

/// Values of `AssumeRoleRegion` that assume no role. The others don't have the form of a Region.
fn wrong_regions() -> [Value; 5] {
    [WITHOUT_HOST, DISABLED, "eu-centrall-1", "correct-horse-battery-12", "cn-north-1"]
        .map(|region| json!({"AssumeRoleRegion": region}))
}

#[tokio::test(start_paused = true)]
async fn a_delete_does_not_depend_on_the_region_for_roles() {
    for wrong in wrong_regions() {
        for invented in [false, true] {
            let mut fixture = without_sts_there().await;
            let id = fixture.create(json!({})).await.success().id().to_owned();
            fixture.restart(|_| {}).await;
            let began = Instant::now();
            let id = if invented { INVENTED } else { &id };
            let answer = fixture.delete(id, wrong.clone()).await.success();
            assert_eq!(answer.get("Warning"), "", "{wrong}");
            assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]), "{wrong}");
            assert!(began.elapsed() < Duration::from_mins(2), "{wrong}: {:?}", began.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_fails_in_a_region_without_sts_and_can_be_deleted() {
    for wrong in wrong_regions() {
        let fixture = without_sts_there().await;
        let answer = fixture.create(wrong.clone()).await.failed(&[]);
        assert!(answer.id().starts_with("unresolved/"), "{wrong}");
        for id in [answer.id(), INVENTED] {
            fixture.delete(id, wrong.clone()).await.success();
        }
        assert_eq!(fixture.delegated_to(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_an_update_to_a_region_without_sts_does_not_ask_there() {
    for wrong in wrong_regions() {
        let mut fixture = without_sts_there().await;
        let id = fixture.create(json!({})).await.success().id().to_owned();
        fixture.restart(|_| {}).await;
        fixture.update(&id, json!({}), wrong.clone()).await.failed(&[]);
        fixture.update(&id, wrong, json!({})).await.success();
        assert_eq!(fixture.delegated_to(), fixture.child_servers());
    }
}

/// A session token and an external id go only to the partition of the function.
#[tokio::test(start_paused = true)]
async fn no_role_is_assumed_in_another_partition() {
    let chinese = "arn:aws-cn:iam::111111111111:role/parent";
    let fixture = Fixture::new().await;
    let created = fixture.create(json!({"AssumeRoleRegion": "cn-north-1"})).await;
    created.failed(&["cn-north-1", "partition aws-cn", "ParentRoleArn", "[invalid-region]"]);
    for region in [Value::Null, json!("cn-north-1")] {
        let given = json!({"ParentRoleArn": chinese, "AssumeRoleRegion": region});
        for id in [INVENTED.to_owned(), fixture.id()] {
            let answer = fixture.delete(&id, given.clone()).await.success();
            assert!(answer.get("Warning").contains("across partitions"), "{}", answer.0);
        }
    }
    assert_eq!(fixture.count("AssumeRole"), 0);
}

/// LEAVE-9.
#[tokio::test(start_paused = true)]
async fn a_cancelled_create_that_aws_refuses_for_good_can_be_deleted() {
    for (action, kind) in [
        ("AssumeRole", refusal(400, "ValidationError")),
        ("AssumeRole", refusal(403, "OptInRequired")),
        ("GetHostedZone", refusal(400, "InvalidInput")),
        ("ListHostedZonesByName", refusal(400, "InvalidDomainName")),
        ("ListResourceRecordSets", refusal(400, "InvalidInput")),
        ("ChangeResourceRecordSets", refusal(400, "InvalidInput")),
    ] {
        let fixture = Fixture::new().await;
        fixture.aws.fault(Fault::on(action).always().kind(kind));
        let answer = fixture.delete(INVENTED, json!({})).await.success();
        let warning = answer.get("Warning");
        assert!(warning.contains("left-unknown"), "{action}: {warning}");
        assert!(warning.contains("not acceptable"), "{action}: {warning}");
    }
    // A delegation that the Create made is not forgotten.
    let fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    let refused = refusal(400, "InvalidInput");
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").always().kind(refused));
    let words = [NAME, RECORD, "not acceptable", "retain", "by hand", "owner=mine/Delegation"];
    fixture.delete(INVENTED, json!({})).await.failed(&words);
}

/// LEAVE-10.
#[tokio::test(start_paused = true)]
async fn a_delete_with_a_role_that_sts_does_not_accept_names_what_it_leaves() {
    let mut fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.restart(|_| {}).await;
    let on = || Fault::on("AssumeRole").always();
    fixture.aws.fault(on().kind(refusal(400, "ValidationError")));
    let answer = fixture.delete(&id, json!({})).await.success();
    let warning = answer.get("Warning");
    for word in [NAME, "left in place", "not acceptable", "left-role-invalid"] {
        assert!(warning.contains(word), "{warning}");
    }
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    // A service that is not activated is not due to the properties, so the delegation is not
    // forgotten.
    fixture.aws.clear_faults();
    fixture.aws.fault(on().kind(refusal(403, "OptInRequired")));
    let words = [NAME, RECORD, "not acceptable", "retain", "by hand", "owner=mine/Delegation"];
    fixture.delete(&id, json!({})).await.failed(&words);
}

/// LEAVE-9 and LEAVE-10: a clock that is wrong for a while, or the page of a proxy.
#[tokio::test(start_paused = true)]
async fn a_delete_that_fails_for_a_reason_that_may_pass_forgets_no_delegation() {
    for (status, code) in
        [(403, "SignatureDoesNotMatch"), (403, "RequestExpired"), (429, ""), (403, "")]
    {
        for action in ["AssumeRole", "GetHostedZone", "ListResourceRecordSets"] {
            let mut fixture = Fixture::new().await;
            let id = fixture.create(json!({})).await.success().id().to_owned();
            fixture.restart(|_| {}).await;
            fixture.aws.fault(Fault::on(action).always().kind(refusal(status, code)));
            fixture.delete(INVENTED, json!({})).await.failed(&[]);
            // A Delete of the real id reads no child zone.
            if action != "GetHostedZone" {
                fixture.delete(&id, json!({})).await.failed(&[]);
            }
            fixture.aws.clear_faults();
            fixture.delete(&id, json!({})).await.success();
            assert_eq!(fixture.delegated_to(), Vec::<String>::new());
        }
    }
}

/// LEAVE-8.
#[tokio::test(start_paused = true)]
async fn a_delete_without_its_parent_zone_needs_no_other_one() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.parent.delete();
    let refused = refusal(400, "InvalidDomainName");
    fixture.aws.fault(Fault::on("ListHostedZonesByName").always().kind(refused));
    let answer = fixture.delete(&id, json!({})).await.success();
    assert!(answer.get("Warning").contains("parent-zone-gone"), "{}", answer.0);
}
