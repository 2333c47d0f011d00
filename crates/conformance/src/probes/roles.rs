//! `AssumeRole`: who may assume a role, and how others are denied.

use serde_json::json;

use crate::context::{Account, AssumeRoleRequest, ProbeContext, error_text};
use crate::probe::Needs::{Api, RealAws, Roles};
use crate::probe::{Observed, Probe, probe};

const ASSUME: &str = "STS API Reference, AssumeRole; the words: no page";
const DENIED: &str =
    "IAM User Guide, \"Troubleshoot access denied error messages\"; the words: no page";
const CROSS: &str = "IAM User Guide, \"Cross-account policy evaluation logic\"";
const EXTERNAL: &str = "IAM User Guide, \"Access to AWS accounts owned by third parties\"";

/// A session of the role in the child account that assumes the others.
async fn caller(cx: &ProbeContext) -> Result<Account, String> {
    cx.session(&cx.env.child, &cx.env.child, "caller").await
}

/// Returns "assumed", or the error with the ARN of the session shortened.
async fn assumed(cx: &ProbeContext, caller: &Account, request: &AssumeRoleRequest) -> String {
    let answer =
        cx.assume(caller, request).await.map_or_else(|answer| answer, |_| "assumed".to_owned());
    answer.replace(&format!("arn:aws:sts::{}:assumed-role/", caller.id), "")
}

fn role(cx: &ProbeContext, name: &str) -> AssumeRoleRequest {
    AssumeRoleRequest { role: cx.role(&cx.env.parent, name), ..AssumeRoleRequest::default() }
}

pub(super) const PROBES: &[Probe] = &[
    probe!(
        "sts/caller-identity",
        Page,
        Roles,
        "STS API Reference, GetCallerIdentity",
        "The session of a role is arn:aws:sts::<account>:assumed-role/<role>/<session>.",
        "arn:aws:sts::222222222222:assumed-role/conformance-caller/conformance",
        |cx| {
            let answer = caller(cx)
                .await?
                .sts
                .get_caller_identity()
                .send()
                .await
                .map_err(|error| error_text(&error))?;
            Ok(answer.arn().unwrap_or_default().to_owned())
        }
    ),
    probe!(
        "sts/cross-account",
        Page,
        Roles,
        CROSS,
        "A role of another account is assumed if its trust policy names the caller's account and the caller's own policy allows it.",
        "assumed; without a policy of its own: 403 AccessDenied",
        |cx| {
            let open = role(cx, "open");
            cx.session_by(&caller(cx).await?, &cx.env.parent, &open).await?;
            let bare = cx.session(&cx.env.child, &cx.env.child, "bare").await?;
            let answer = assumed(cx, &bare, &open).await;
            Ok(format!(
                "assumed; without a policy of its own: {}",
                answer.split(": ").next().unwrap_or_default()
            ))
        }
    ),
    probe!(
        "sts/external-id",
        Page,
        Roles,
        EXTERNAL,
        "A trust policy can require an external id: with it the role is assumed; without it, or \
         with another one, it is not.",
        "assumed; without: 403 AccessDenied; another: 403 AccessDenied",
        |cx| {
            let caller = caller(cx).await?;
            let with = |id: Option<&str>| AssumeRoleRequest {
                external_id: id.map(str::to_owned),
                ..role(cx, "external")
            };
            cx.session_by(&caller, &cx.env.parent, &with(Some("an-external-id"))).await?;
            let code = |answer: String| answer.split(": ").next().unwrap_or_default().to_owned();
            let without = code(assumed(cx, &caller, &with(None)).await);
            let another = code(assumed(cx, &caller, &with(Some("another-id"))).await);
            Ok(format!("assumed; without: {without}; another: {another}"))
        }
    ),
    probe!(
        "sts/denied-words",
        Wording,
        Roles,
        DENIED,
        "The error of a denied AssumeRole names the caller, the action and the role, but not the \
         reason.",
        "403 AccessDenied: User: conformance-caller/conformance is not authorized to perform: sts:AssumeRole on resource: \
         arn:aws:iam::111111111111:role/conformance-external",
        |cx| Ok(assumed(cx, &caller(cx).await?, &role(cx, "external")).await)
    ),
    probe!(
        "sts/role-unknown",
        Wording,
        Roles,
        ASSUME,
        "Assuming a role that does not exist is denied with the same words as for one that exists.",
        "403 AccessDenied: User: conformance-caller/conformance is not authorized to perform: sts:AssumeRole on resource: \
         arn:aws:iam::111111111111:role/conformance-unknown",
        |cx| Ok(assumed(cx, &caller(cx).await?, &role(cx, "unknown")).await)
    ),
    probe!(
        "sts/principal-arn",
        Page,
        Roles,
        "IAM User Guide, \"AWS global condition context keys\" (aws:PrincipalArn)",
        "aws:PrincipalArn of a session is the ARN of its role.",
        "assumed; another role: 403 AccessDenied",
        |cx| {
            let named = role(cx, "named");
            cx.session_by(&caller(cx).await?, &cx.env.parent, &named).await?;
            let stranger = cx.session(&cx.env.child, &cx.env.child, "stranger").await?;
            let answer = assumed(cx, &stranger, &named).await;
            Ok(format!("assumed; another role: {}", answer.split(": ").next().unwrap_or_default()))
        }
    ),
    probe!(
        "sts/same-account-by-name",
        Page,
        Roles,
        "IAM User Guide, \"Policy evaluation logic\"",
        "Within one account, a trust policy that names the caller's role is enough; one that names \
         the account is not.",
        "by name: assumed; by account: 403 AccessDenied",
        |cx| {
            let local = cx.session(&cx.env.parent, &cx.env.parent, "local").await?;
            cx.session_by(&local, &cx.env.parent, &role(cx, "by-name")).await?;
            let answer = assumed(cx, &local, &role(cx, "by-account")).await;
            Ok(format!(
                "by name: assumed; by account: {}",
                answer.split(": ").next().unwrap_or_default()
            ))
        }
    ),
    probe!(
        "sts/duration",
        Wording,
        Api,
        ASSUME,
        "DurationSeconds is at least 900 and at most 43200.",
        "400 ValidationError: 1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member \
         must have value greater than or equal to 900 | 400 ValidationError: 1 validation error detected: Value '43201' at \
         'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
        |cx| {
            let mut observed = Vec::new();
            for seconds in [899, 43201] {
                let request = AssumeRoleRequest { seconds: Some(seconds), ..role(cx, "open") };
                observed.push(assumed(cx, &cx.env.child, &request).await);
            }
            Ok(observed.join(" | "))
        }
    ),
    probe!(
        "sts/role-chaining",
        Wording,
        Roles,
        "IAM User Guide, \"Roles terms and concepts\"; the words: no page",
        "The session of a role can assume another role for an hour, and no longer.",
        "3600: assumed; 3601: 400 ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles \
         assumed by role chaining",
        |cx| {
            let caller = caller(cx).await?;
            let hour = AssumeRoleRequest { seconds: Some(3600), ..role(cx, "open") };
            cx.session_by(&caller, &cx.env.parent, &hour).await?;
            let longer = AssumeRoleRequest { seconds: Some(3601), ..role(cx, "open") };
            Ok(format!("3600: assumed; 3601: {}", assumed(cx, &caller, &longer).await))
        }
    ),
    probe!(
        "sts/max-session",
        Wording,
        Roles,
        ASSUME,
        "A session longer than the role's MaxSessionDuration is refused.",
        "400 ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        |cx| {
            if cx.env.child.arn.contains(":assumed-role/") {
                return Ok(Observed::Nothing(
                    "the profile of the child account is a role, and its sessions are of an hour anyway".into(),
                ));
            }
            cx.session(&cx.env.child, &cx.env.parent, "open").await?;
            let request = AssumeRoleRequest { seconds: Some(3601), ..role(cx, "open") };
            Ok(Observed::Text(assumed(cx, &cx.env.child, &request).await))
        }
    ),
    probe!(
        "sts/session-name",
        Wording,
        Api,
        ASSUME,
        "A session's name has 2 to 64 characters of \\w+=,.@-.",
        "400 ValidationError; 400 ValidationError; 400 ValidationError",
        |cx| {
            let mut observed = Vec::new();
            for name in ["a", &"a".repeat(65), "a b"] {
                let request =
                    AssumeRoleRequest { session: Some(name.to_owned()), ..role(cx, "open") };
                let answer = assumed(cx, &cx.env.child, &request).await;
                observed.push(answer.split(": ").next().unwrap_or_default().to_owned());
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "sts/external-id-form",
        Wording,
        Api,
        ASSUME,
        "An external id has 2 to 1224 characters of \\w+=,.@:/-.",
        "400 ValidationError; 400 ValidationError; 400 ValidationError",
        |cx| {
            let mut observed = Vec::new();
            for id in ["a", &"a".repeat(1225), "a b"] {
                let request =
                    AssumeRoleRequest { external_id: Some(id.to_owned()), ..role(cx, "open") };
                let answer = assumed(cx, &cx.env.child, &request).await;
                observed.push(answer.split(": ").next().unwrap_or_default().to_owned());
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "sts/not-a-role",
        Wording,
        Api,
        ASSUME,
        "An ARN that is not that of a role is refused.",
        "400 ValidationError: arn:aws:iam::111111111111:user/nobody is invalid",
        |cx| {
            let request = AssumeRoleRequest {
                role: format!("arn:aws:iam::{}:user/nobody", cx.env.parent.id),
                ..AssumeRoleRequest::default()
            };
            Ok(assumed(cx, &cx.env.child, &request).await)
        }
    ),
    probe!(
        "sts/policy-malformed",
        Wording,
        Api,
        ASSUME,
        "A malformed session policy is refused.",
        "400 MalformedPolicyDocument",
        |cx| {
            let request = AssumeRoleRequest {
                policy: Some(json!({"Statement": []}).to_string() + "x"),
                ..role(cx, "open")
            };
            let answer = assumed(cx, &cx.env.child, &request).await;
            Ok(answer.split(": ").next().unwrap_or_default().to_owned())
        }
    ),
    probe!(
        "sts/every-region",
        Page,
        Roles,
        "IAM User Guide, \"Manage AWS STS in an AWS Region\"",
        "STS assumes roles in each Region that is enabled by default, and Route 53 accepts the \
         session.",
        "us-east-1: example.com.; eu-west-1: example.com.",
        |cx| {
            let caller = caller(cx).await?;
            let mut observed = Vec::new();
            for region in ["us-east-1", "eu-west-1"] {
                let session = cx
                    .session_by(&caller.in_region(region), &cx.env.parent, &role(cx, "open"))
                    .await?;
                let answer = session.route53.get_hosted_zone().id(&cx.env.zone.id).send().await;
                let name = answer.map_or_else(
                    |error| error_text(&error),
                    |zone| zone.hosted_zone.map(|zone| zone.name).unwrap_or_default(),
                );
                observed.push(format!("{region}: {name}"));
            }
            Ok(observed.join("; "))
        }
    ),
    probe!(
        "sts/opt-in-region",
        Guess,
        RealAws("one STS for all Regions"),
        "IAM User Guide, \"Manage AWS STS in an AWS Region\"; the words: no page",
        "STS in a Region that the account has not enabled refuses its credentials.",
        "403 InvalidClientTokenId: The security token included in the request is invalid",
        |cx| {
            let answer =
                cx.env.child.in_region("af-south-1").sts.get_caller_identity().send().await;
            Ok(match answer {
                Ok(_) => Observed::Nothing("the child account has opted in to af-south-1".into()),
                Err(error) => Observed::Text(error_text(&error)),
            })
        }
    ),
];
