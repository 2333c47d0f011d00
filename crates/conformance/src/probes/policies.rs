//! What policies allow and deny in Route 53, with the error messages.

use serde_json::json;

use crate::context::{
    Account, AssumeRoleRequest, ProbeContext, create, delete, error_text, set, upsert,
};
use crate::probe::Needs::Roles;
use crate::probe::{Probe, probe};

const DENIED: &str =
    "IAM User Guide, \"Troubleshoot access denied error messages\"; the words: no page";
const KEYS: &str = "Route 53 Developer Guide, \"Using IAM policy conditions for fine-grained access control to manage resource record sets\"";
const SETS: &str = "IAM User Guide, \"Set operators for multivalued context keys\"";
const EVALUATION: &str = "IAM User Guide, \"Policy evaluation logic\"";

/// A session of a role in the parent account.
async fn session(cx: &ProbeContext, name: &str) -> Result<Account, String> {
    cx.session(&cx.env.parent, &cx.env.parent, name).await
}

/// Shortens the ARN of the session in an error message.
fn short(account: &Account, answer: &str) -> String {
    answer.replace(&format!("arn:aws:sts::{}:assumed-role/", account.id), "")
}

/// Sends a batch. Returns "accepted", or the status and code of the error.
async fn send_for_code(
    cx: &ProbeContext,
    session: &Account,
    changes: Vec<aws_sdk_route53::types::Change>,
) -> String {
    let answer = cx
        .send(&session.route53, changes)
        .await
        .map_or_else(|answer| answer, |_| "accepted".to_owned());
    answer.split(": ").next().unwrap_or_default().to_owned()
}

async fn read(cx: &ProbeContext, session: &Account) -> String {
    let answer = session.route53.get_hosted_zone().id(&cx.env.zone.id).send().await;
    answer.map_or_else(|error| short(session, &error_text(&error)), |_| "read".to_owned())
}

pub(super) const PROBES: &[Probe] = &[
    probe!(
        "iam/denied-by-none",
        Wording,
        Roles,
        DENIED,
        "The error of a call that no policy allows names the caller, the action, the resource, and \
         the kind of policy.",
        "403 AccessDenied: User: conformance-nothing/conformance is not authorized to perform: route53:GetHostedZone on \
         resource: arn:aws:route53:::hostedzone/Z0PARENTEXAMPLE because no identity-based policy allows the \
         route53:GetHostedZone action",
        |cx| Ok(read(cx, &session(cx, "nothing").await?).await)
    ),
    probe!(
        "iam/denied-by-deny",
        Wording,
        Roles,
        DENIED,
        "A call that a policy denies is denied even if another statement allows it, and the error \
         says that the deny is explicit.",
        "403 AccessDenied: User: conformance-denied/conformance is not authorized to perform: route53:GetHostedZone on resource: \
         arn:aws:route53:::hostedzone/Z0PARENTEXAMPLE with an explicit deny in an identity-based policy",
        |cx| Ok(read(cx, &session(cx, "denied").await?).await)
    ),
    probe!(
        "iam/denied-by-boundary",
        Wording,
        Roles,
        DENIED,
        "A call that the permissions boundary does not allow is denied, and the error says so.",
        "read; 403 AccessDenied: User: conformance-bounded/conformance is not authorized to perform: route53:GetDNSSEC on \
         resource: arn:aws:route53:::hostedzone/Z0PARENTEXAMPLE because no permissions boundary allows the route53:GetDNSSEC \
         action",
        |cx| {
            let session = session(cx, "bounded").await?;
            let first = read(cx, &session).await;
            let answer = session.route53.get_dnssec().hosted_zone_id(&cx.env.zone.id).send().await;
            let denied = answer
                .map_or_else(|error| short(&session, &error_text(&error)), |_| "read".to_owned());
            Ok(format!("{first}; {denied}"))
        }
    ),
    probe!(
        "iam/denied-by-session-policy",
        Wording,
        Roles,
        DENIED,
        "A call that the session policy does not allow is denied, and the error says so.",
        "403 AccessDenied: User: conformance-open/conformance is not authorized to perform: route53:GetHostedZone on resource: \
         arn:aws:route53:::hostedzone/Z0PARENTEXAMPLE because no session policy allows the route53:GetHostedZone action",
        |cx| {
            let policy = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "route53:GetChange", "Resource": "*"},
            ]});
            let request = AssumeRoleRequest {
                role: cx.role(&cx.env.parent, "open"),
                policy: Some(policy.to_string()),
                ..AssumeRoleRequest::default()
            };
            let caller = cx.session(&cx.env.child, &cx.env.child, "caller").await?;
            let session = cx.session_by(&caller, &cx.env.parent, &request).await?;
            Ok(read(cx, &session).await)
        }
    ),
    probe!(
        "iam/denied-without-resource",
        Wording,
        Roles,
        DENIED,
        "The error of a denied call that has no resource does not name one.",
        "403 AccessDenied: User: conformance-nothing/conformance is not authorized to perform: route53:ListHostedZonesByName \
         because no identity-based policy allows the route53:ListHostedZonesByName action",
        |cx| {
            let session = session(cx, "nothing").await?;
            let answer = session.route53.list_hosted_zones_by_name().send().await;
            Ok(answer
                .map_or_else(|error| short(&session, &error_text(&error)), |_| "listed".to_owned()))
        }
    ),
    probe!(
        "iam/denied-get-change",
        Page,
        Roles,
        "Service Authorization Reference, \"Actions, resources, and condition keys for Amazon Route 53\"",
        "GetChange needs a permission of its own, on arn:aws:route53:::change/<id>.",
        "with it: read; without: 403 AccessDenied",
        |cx| {
            let info = cx.change_or_fail([create(set(&cx.name("a"), "A", &["192.0.2.1"]))]).await?;
            let id = info.id().trim_start_matches("/change/").to_owned();
            let get_change = |session: Account| {
                let id = id.clone();
                async move {
                    let answer = session.route53.get_change().id(&id).send().await;
                    let answer =
                        answer.map_or_else(|error| error_text(&error), |_| "read".to_owned());
                    answer.split(": ").next().unwrap_or_default().to_owned()
                }
            };
            let with = get_change(session(cx, "limited").await?).await;
            Ok(format!(
                "with it: {with}; without: {}",
                get_change(session(cx, "nothing").await?).await
            ))
        }
    ),
    probe!(
        "iam/allow-and-nothing-else",
        Page,
        Roles,
        EVALUATION,
        "A permission on one hosted zone does not apply to another.",
        "read; 403 AccessDenied",
        |cx| {
            let session = session(cx, "limited").await?;
            let first = read(cx, &session).await;
            let other = session.route53.get_hosted_zone().id("Z0UNKNOWNEXAMPLE").send().await;
            let other = other.map_or_else(|error| error_text(&error), |_| "read".to_owned());
            Ok(format!("{first}; {}", other.split(": ").next().unwrap_or_default()))
        }
    ),
    probe!(
        "iam/key-names",
        Page,
        Roles,
        KEYS,
        "NormalizedRecordNames has the names in lower case, without the trailing dot: a condition \
         allows the names that it lists, in any case, and nothing else.",
        "ok: accepted; OK and a dot: accepted; other: 403 AccessDenied",
        |cx| {
            let session = session(cx, "limited").await?;
            let txt =
                |label: &str| set(&format!("{label}.{}", cx.env.zone.name), "TXT", &["\"a\""]);
            let ok = send_for_code(cx, &session, vec![create(txt("ok"))]).await;
            let mut upper = txt("OK");
            upper.name.push('.');
            let upper = send_for_code(cx, &session, vec![delete(upper)]).await;
            let other = send_for_code(cx, &session, vec![create(txt("other"))]).await;
            Ok(format!("ok: {ok}; OK and a dot: {upper}; other: {other}"))
        }
    ),
    probe!(
        "iam/key-names-escaped",
        Page,
        Roles,
        KEYS,
        r"NormalizedRecordNames has octal escapes: `*` is `\052`.",
        "accepted",
        |cx| {
            let session = session(cx, "limited").await?;
            let wildcard = set(&format!("*.wild.{}", cx.env.zone.name), "TXT", &["\"a\""]);
            let answer = send_for_code(cx, &session, vec![create(wildcard.clone())]).await;
            if answer == "accepted" {
                cx.change_or_fail([delete(wildcard)]).await?;
            }
            Ok(answer)
        }
    ),
    probe!(
        "iam/key-types",
        Page,
        Roles,
        KEYS,
        "RecordTypes has the types of all changes.",
        "403 AccessDenied",
        |cx| {
            let session = session(cx, "limited").await?;
            let one = set(&format!("ok.{}", cx.env.zone.name), "A", &["192.0.2.1"]);
            Ok(send_for_code(cx, &session, vec![create(one)]).await)
        }
    ),
    probe!(
        "iam/key-actions",
        Page,
        Roles,
        KEYS,
        "Actions has the actions of all changes.",
        "403 AccessDenied",
        |cx| {
            let session = session(cx, "limited").await?;
            let one = set(&format!("ok.{}", cx.env.zone.name), "TXT", &["\"a\""]);
            Ok(send_for_code(cx, &session, vec![upsert(one)]).await)
        }
    ),
    probe!(
        "iam/for-all-values",
        Page,
        Roles,
        SETS,
        "ForAllValues allows a batch only if every name is allowed.",
        "403 AccessDenied",
        |cx| {
            let session = session(cx, "limited").await?;
            let txt =
                |label: &str| set(&format!("{label}.{}", cx.env.zone.name), "TXT", &["\"a\""]);
            Ok(send_for_code(cx, &session, vec![create(txt("ok")), create(txt("other"))]).await)
        }
    ),
    probe!(
        "iam/for-any-value",
        Page,
        Roles,
        SETS,
        "A Deny with ForAnyValue:StringNotLike denies a batch if one of its names matches none of \
         the patterns.",
        "a and b: accepted; a and _x: 403 AccessDenied",
        |cx| {
            let session = session(cx, "unlike").await?;
            let txt = |label: &str| {
                set(&format!("{label}.unlike.{}", cx.env.zone.name), "TXT", &["\"a\""])
            };
            let both = send_for_code(cx, &session, vec![create(txt("a")), create(txt("b"))]).await;
            let one = send_for_code(cx, &session, vec![delete(txt("a")), create(txt("_x"))]).await;
            if both == "accepted" {
                cx.change_or_fail([delete(txt("a")), delete(txt("b"))]).await?;
            }
            Ok(format!("a and b: {both}; a and _x: {one}"))
        }
    ),
];
