//! Signatures, STS and IAM, called with the unmodified SDK.

use std::time::Duration;

use crate::aws::common::{CHILD, PARENT, batch, change, fixture, route53_client, set, sts_client};
use aws_sdk_route53::error::ProvideErrorMetadata;
use aws_sdk_route53::types::ChangeAction;
use sandbox::serve::RunningSandbox;
use sandbox::{Credentials, Sandbox};
use serde_json::json;

async fn assume(
    aws: &Sandbox,
    credentials: &Credentials,
    role: &str,
    id: Option<&str>,
) -> Result<Credentials, String> {
    let request = sts_client(aws, credentials)
        .assume_role()
        .role_arn(role)
        .role_session_name("session")
        .set_external_id(id.map(str::to_owned));
    let answer = request.send().await.map_err(|error| {
        let error = error.into_service_error();
        format!("{}: {}", error.code().unwrap(), error.message().unwrap())
    })?;
    let keys = answer.credentials().unwrap();
    Ok(Credentials {
        access_key_id: keys.access_key_id().to_owned(),
        secret_access_key: keys.secret_access_key().to_owned(),
        session_token: Some(keys.session_token().to_owned()),
    })
}

async fn get_zone(aws: &Sandbox, credentials: &Credentials, id: &str) -> Result<(), String> {
    let answer = route53_client(aws, credentials, 1).get_hosted_zone().id(id).send().await;
    answer.map(|_| ()).map_err(|error| {
        let error = error.into_service_error();
        format!("{}: {}", error.code().unwrap(), error.message().unwrap())
    })
}

#[tokio::test]
async fn an_assumed_role_sees_the_other_account() {
    let fixture = fixture().await;
    let session = assume(&fixture.aws, &fixture.function.credentials(), &fixture.role.arn(), None)
        .await
        .unwrap();
    get_zone(&fixture.aws, &session, &fixture.zone.id()).await.unwrap();
    let me = sts_client(&fixture.aws, &session).get_caller_identity().send().await.unwrap();
    assert_eq!(me.arn(), Some("arn:aws:sts::111111111111:assumed-role/parent/session"));
    assert_eq!(me.account(), Some(PARENT));
    let calls = fixture.aws.calls();
    assert_eq!(
        (calls[0].service, calls[0].action.as_str(), calls[0].account.as_str()),
        ("sts", "AssumeRole", CHILD)
    );
    assert_eq!(calls[0].role_arn, Some(fixture.role.arn()));
    assert_eq!((calls[1].action.as_str(), calls[1].account.as_str()), ("GetHostedZone", PARENT));
}

#[tokio::test]
async fn both_sides_must_allow_a_cross_account_session() {
    let fixture = fixture().await;
    let caller = "arn:aws:sts::222222222222:assumed-role/mute/sandbox";
    let denied = |role: &str| {
        Err(format!(
            "AccessDenied: User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"
        ))
    };
    let mute = fixture.child.role("mute");
    let arn = fixture.role.arn();
    assert_eq!(
        assume(&fixture.aws, &mute.credentials(), &arn, None).await,
        denied(&arn),
        "own policy"
    );
    let mute = mute.allow_assume("arn:aws:iam::*:role/parent");
    assume(&fixture.aws, &mute.credentials(), &arn, None).await.unwrap();
    let closed = fixture.parent.role("closed").allow_all_route53();
    let mute = mute.allow_assume("*");
    assert_eq!(
        assume(&fixture.aws, &mute.credentials(), &closed.arn(), None).await,
        denied(&closed.arn()),
        "trust"
    );
    let absent = "arn:aws:iam::111111111111:role/absent";
    assert_eq!(
        assume(&fixture.aws, &mute.credentials(), absent, None).await,
        denied(absent),
        "no such role"
    );
}

#[tokio::test]
async fn external_id_and_organization() {
    let fixture = fixture().await;
    let role = fixture.parent.role("guarded").trust_account(CHILD, Some("secret-id"));
    let caller = fixture.function.credentials();
    assume(&fixture.aws, &caller, &role.arn(), Some("secret-id")).await.unwrap();
    for id in [None, Some("other")] {
        assert!(
            assume(&fixture.aws, &caller, &role.arn(), id)
                .await
                .unwrap_err()
                .starts_with("AccessDenied: "),
            "{id:?}"
        );
    }
    let role = role.trust(json!({"Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:PrincipalOrgID": "o-example"},
            "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/function"},
        },
    }]}));
    assert!(assume(&fixture.aws, &caller, &role.arn(), None).await.is_err());
    fixture.child.set_org("o-example");
    assume(&fixture.aws, &caller, &role.arn(), None).await.unwrap();
    assert!(
        assume(
            &fixture.aws,
            &fixture.child.role("other").allow_assume("*").credentials(),
            &role.arn(),
            None
        )
        .await
        .is_err()
    );
}

/// "SCPs limit permissions for every IAM user and role in member accounts": also those of an
/// administrator, and none in other accounts.
#[tokio::test]
async fn service_control_policies_deny_all_who_are_not_exempt() {
    let fixture = fixture().await;
    fixture.parent.service_control_policy(json!({"Statement": {
        "Effect": "Deny",
        "Action": "route53:GetHostedZone",
        "Resource": "*",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/exempt"}},
    }}));
    let read = async |credentials: &Credentials| {
        let client = route53_client(&fixture.aws, credentials, 1);
        let answer = client.get_hosted_zone().id(fixture.zone.id()).send().await;
        answer
            .map(|_| ())
            .map_err(|error| error.into_service_error().message().unwrap_or_default().to_owned())
    };
    for credentials in [fixture.parent.user_credentials(), fixture.role.credentials()] {
        let denial = read(&credentials).await.unwrap_err();
        assert!(denial.ends_with("with an explicit deny in a service control policy"), "{denial}");
    }
    read(&fixture.parent.role("exempt").allow_all_route53().credentials()).await.unwrap();
    assert!(
        read(&fixture.parent.role("exempt").without_policies().credentials()).await.is_err(),
        "it allows nothing"
    );
    assert!(fixture.function.may("route53:GetHostedZone", "*"), "another account");
    fixture.parent.without_service_control_policies();
    read(&fixture.role.credentials()).await.unwrap();
}

/// "The effective permissions are the intersection of the identity-based policies and the
/// boundary."
#[tokio::test]
async fn a_permissions_boundary_limits_but_does_not_grant() {
    let fixture = fixture().await;
    let allow =
        |action: &str| json!({"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}});
    let role =
        fixture.child.role("bounded").boundary(allow("route53:Get*")).policy(allow("route53:*"));
    assert!(role.may("route53:GetChange", "*"));
    assert!(!role.may("route53:ListHostedZones", "*"), "the boundary lacks it");
    assert!(
        !role.clone().without_policies().may("route53:GetChange", "*"),
        "a boundary must not grant permissions"
    );
    let denial = assume(&fixture.aws, &role.credentials(), &fixture.role.arn(), None).await;
    assert!(denial.is_err());
    let client = route53_client(&fixture.aws, &role.policy(allow("route53:*")).credentials(), 1);
    let error = client.list_hosted_zones().send().await.unwrap_err().into_service_error();
    assert!(
        error
            .message()
            .unwrap()
            .ends_with("because no permissions boundary allows the route53:ListHostedZones action")
    );
}

/// For a caller in another account: "Both the identity-based policy and the resource-based policy
/// must allow the request".
#[tokio::test]
async fn a_resource_policy_and_the_callers_policy_must_both_allow() {
    let fixture = fixture().await;
    let policy = |condition: serde_json::Value| {
        json!({"Statement": {
            "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sns:Publish", "Resource": "topic", "Condition": condition,
        }})
    };
    let publisher = fixture.child.role("publisher");
    assert!(
        !publisher.may_by(policy(json!({})), "sns:Publish", "topic"),
        "the caller's own policies do not allow it"
    );
    let publisher = publisher
        .policy(json!({"Statement": {"Effect": "Allow", "Action": "sns:*", "Resource": "*"}}));
    assert!(publisher.may_by(policy(json!({})), "sns:Publish", "topic"));
    assert!(
        !publisher.may_by(policy(json!({})), "sns:Subscribe", "topic"),
        "the resource's policy does not allow it"
    );
    let inside = json!({"StringEquals": {"aws:PrincipalOrgID": "o-example"}});
    assert!(!publisher.may_by(policy(inside.clone()), "sns:Publish", "topic"));
    fixture.child.set_org("o-example");
    assert!(publisher.may_by(policy(inside), "sns:Publish", "topic"));
}

#[tokio::test]
async fn same_account_roles() {
    let fixture = fixture().await;
    let caller = fixture.parent.role("caller");
    let by_name = fixture.parent.role("by-name").trust(json!({"Statement": {
        "Effect": "Allow", "Principal": {"AWS": caller.arn()}, "Action": "sts:AssumeRole",
    }}));
    assume(&fixture.aws, &caller.credentials(), &by_name.arn(), None).await.unwrap();
    let by_account = fixture.parent.role("by-account").trust_account(PARENT, None);
    assert!(assume(&fixture.aws, &caller.credentials(), &by_account.arn(), None).await.is_err());
    let caller = caller.allow_assume(&by_account.arn());
    assume(&fixture.aws, &caller.credentials(), &by_account.arn(), None).await.unwrap();
}

#[tokio::test]
async fn session_durations() {
    let fixture = fixture().await;
    let role = fixture.role.clone().max_session(Duration::from_hours(2));
    let ask = async |credentials: &Credentials, seconds: i32| {
        let client = sts_client(&fixture.aws, credentials);
        let request = client
            .assume_role()
            .role_arn(role.arn())
            .role_session_name("session")
            .duration_seconds(seconds);
        request
            .send()
            .await
            .map(|_| ())
            .map_err(|error| error.into_service_error().message().unwrap().to_owned())
    };
    let user = fixture.child.user_credentials();
    ask(&user, 7200).await.unwrap();
    assert!(ask(&user, 7201).await.unwrap_err().contains("exceeds the MaxSessionDuration"));
    assert!(
        ask(&fixture.function.credentials(), 3601).await.unwrap_err().contains("role chaining")
    );
    assert!(ask(&user, 60).await.unwrap_err().contains("greater than or equal to 900"));
}

#[tokio::test]
async fn rejected_credentials() {
    let fixture = fixture().await;
    let id = fixture.zone.id();
    let good = fixture.parent.user_credentials();
    let unknown = Credentials { access_key_id: "AKIAUNKNOWN".to_owned(), ..good.clone() };
    let token = "The security token included in the request is invalid.";
    assert_eq!(
        get_zone(&fixture.aws, &unknown, &id).await,
        Err(format!("InvalidClientTokenId: {token}"))
    );
    let wrong = Credentials { secret_access_key: "wrong".to_owned(), ..good.clone() };
    assert!(
        get_zone(&fixture.aws, &wrong, &id)
            .await
            .unwrap_err()
            .starts_with("SignatureDoesNotMatch: The request signature")
    );
    let session = fixture.role.credentials_for(Duration::from_mins(15));
    let bare = Credentials { session_token: None, ..session.clone() };
    assert!(
        get_zone(&fixture.aws, &bare, &id).await.unwrap_err().starts_with("InvalidClientTokenId: ")
    );
    get_zone(&fixture.aws, &session, &id).await.unwrap();
    fixture.aws.clock().advance(Duration::from_mins(15));
    let expired = "ExpiredToken: The security token included in the request is expired";
    assert_eq!(get_zone(&fixture.aws, &session, &id).await, Err(expired.to_owned()));
    get_zone(&fixture.aws, &good, &id).await.unwrap();
    fixture.aws.clock().skew(-400);
    assert!(
        get_zone(&fixture.aws, &good, &id)
            .await
            .unwrap_err()
            .starts_with("SignatureDoesNotMatch: Signature not yet")
    );
    fixture.aws.clock().skew(400);
    assert!(
        get_zone(&fixture.aws, &good, &id)
            .await
            .unwrap_err()
            .starts_with("SignatureDoesNotMatch: Signature expired")
    );
    let last = fixture.aws.calls().pop().unwrap();
    assert_eq!((last.account.as_str(), last.status()), ("", Some(403)));
}

#[tokio::test]
async fn serve_prints_working_exports() {
    let RunningSandbox { aws, dns, description: text } = sandbox::serve::start(0).await.unwrap();
    let export = |name: &str| {
        let line = format!("export {name}=");
        text.lines().find_map(|text| text.strip_prefix(&line)).unwrap().to_owned()
    };
    assert_eq!(export("AWS_ENDPOINT_URL"), aws.endpoint_url());
    assert_eq!(export("DELEGATION_DNS_RESOLVER"), dns.resolver().to_string());
    let function = Credentials {
        access_key_id: export("AWS_ACCESS_KEY_ID"),
        secret_access_key: export("AWS_SECRET_ACCESS_KEY"),
        session_token: Some(export("AWS_SESSION_TOKEN")),
    };
    get_zone(&aws, &function, "Z0CHILDEXAMPLE").await.unwrap();
    let role = "arn:aws:iam::111111111111:role/route53-delegation-parent";
    let session = assume(&aws, &function, role, None).await.unwrap();
    get_zone(&aws, &session, "Z0PARENTEXAMPLE").await.unwrap();
}

#[tokio::test]
async fn wording_of_denials() {
    let fixture = fixture().await;
    let role = fixture.parent.role("reader");
    let id = fixture.zone.id();
    let user = "arn:aws:sts::111111111111:assumed-role/reader/sandbox";
    let resource = format!("arn:aws:route53:::hostedzone/{id}");
    assert_eq!(
        get_zone(&fixture.aws, &role.credentials(), &id).await,
        Err(format!(
            "AccessDenied: User: {user} is not authorized to perform: route53:GetHostedZone on resource: {resource} because \
             no identity-based policy allows the route53:GetHostedZone action"
        ))
    );
    let role = role.allow_all_route53().policy(json!({"Statement": {
        "Effect": "Deny", "Action": "route53:Get*", "Resource": resource,
    }}));
    assert!(
        get_zone(&fixture.aws, &role.credentials(), &id)
            .await
            .unwrap_err()
            .ends_with("with an explicit deny in an identity-based policy")
    );
    let credentials = role.credentials();
    role.delete();
    let error =
        route53_client(&fixture.aws, &credentials, 1).list_hosted_zones().send().await.unwrap_err();
    assert_eq!(error.into_service_error().code(), Some("AccessDenied"));
}

#[tokio::test]
async fn condition_keys_of_change_resource_record_sets() {
    let fixture = fixture().await;
    let all = |operator: &str, key: &str, values: serde_json::Value| json!({operator: {format!("route53:ChangeResourceRecordSets{key}"): values}});
    let names = all(
        "ForAllValues:StringLike",
        "NormalizedRecordNames",
        json!(["*.dev.example.com", "\\052.example.com"]),
    );
    let types = all("ForAllValues:StringEquals", "RecordTypes", json!(["NS", "TXT"]));
    let actions = all("ForAllValues:StringEquals", "Actions", json!(["CREATE", "DELETE"]));
    for (name, condition, changes, allowed) in [
        ("n1", &names, vec![(ChangeAction::Create, "A.Dev.Example.com.", "NS")], true),
        ("n2", &names, vec![(ChangeAction::Create, "*.example.com", "TXT")], true),
        (
            "n3",
            &names,
            vec![
                (ChangeAction::Create, "a.dev.example.com", "NS"),
                (ChangeAction::Create, "b.example.com", "NS"),
            ],
            false,
        ),
        (
            "t1",
            &types,
            vec![
                (ChangeAction::Create, "a.example.com", "NS"),
                (ChangeAction::Create, "b.example.com", "TXT"),
            ],
            true,
        ),
        ("t2", &types, vec![(ChangeAction::Create, "a.example.com", "CNAME")], false),
        ("a1", &actions, vec![(ChangeAction::Create, "a.example.com", "NS")], true),
        ("a2", &actions, vec![(ChangeAction::Upsert, "a.example.com", "NS")], false),
    ] {
        let zone = fixture.parent.hosted_zone("example.com");
        let role = fixture.parent.role(name).policy(json!({"Statement": {
            "Effect": "Allow", "Action": "route53:ChangeResourceRecordSets", "Resource": "*", "Condition": condition,
        }}));
        let client = route53_client(&fixture.aws, &role.credentials(), 1);
        let changes = changes.into_iter().map(|(action, name, rtype)| {
            let value = if rtype == "TXT" { "\"x\"" } else { "ns1.example.org." };
            change(action, set(name, rtype, 300, &[value]))
        });
        let request = client
            .change_resource_record_sets()
            .hosted_zone_id(zone.id())
            .change_batch(batch(changes.collect()));
        let code = request
            .send()
            .await
            .map(|_| ())
            .map_err(|error| error.into_service_error().code().unwrap().to_owned());
        assert_eq!(code, if allowed { Ok(()) } else { Err("AccessDenied".to_owned()) }, "{name}");
    }
}
