//! STS: `AssumeRole` and `GetCallerIdentity` (query protocol).

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::clock::iso8601;
use crate::error::ApiError;
use crate::iam::{self, Decision, Policy, PrincipalMatch};
use crate::identities::{Caller, Session};
use crate::query::Query;
use crate::route53::xml::Element;
use crate::shared_state::SharedState;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Carries out the request. Returns the document of the response.
/// Probe: sts/caller-identity.
pub(crate) fn serve(
    shared: &SharedState,
    caller: &Caller,
    query: &Query,
    request_id: &str,
) -> Result<Element, ApiError> {
    let result = match query.action() {
        "AssumeRole" => assume_role(shared, caller, query)?,
        "GetCallerIdentity" => Element::new("GetCallerIdentityResult")
            .text("Arn", &caller.arn)
            .text("UserId", &caller.user_id)
            .text("Account", &caller.account),
        other => {
            let message = format!("Could not find operation {other} for version 2011-06-15");
            return Err(ApiError::new(400, "InvalidAction", message));
        }
    };
    let metadata = Element::new("ResponseMetadata").text("RequestId", request_id);
    Ok(Element::new(&format!("{}Response", query.action()))
        .attribute("xmlns", NAMESPACE)
        .child(result)
        .child(metadata))
}

pub(crate) fn error(error: &ApiError, request_id: &str) -> Element {
    Element::error_response(NAMESPACE, error, request_id)
}

struct Ask<'a> {
    arn: &'a str,
    account: String,
    role: String,
    session: &'a str,
    external_id: Option<&'a str>,
    duration: Option<u64>,
    policy: Option<Policy>,
}

/// Probe: sts/denied-words, sts/role-unknown, sts/role-chaining, sts/max-session.
fn assume_role(shared: &SharedState, caller: &Caller, query: &Query) -> Result<Element, ApiError> {
    let ask = validate(query)?;
    let mut identities = shared.identities();
    let role = identities.role(&ask.account, &ask.role);
    // The error for a role that does not exist is the same: "the error doesn't tell whether the
    // role exists".
    let admitted = role.as_ref().is_some_and(|role| is_admitted(&role.trust, caller, &ask));
    let Some(role) = role.filter(|_| admitted) else {
        return Err(ApiError::access_denied(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
            caller.arn, ask.arn
        )));
    };
    let seconds = ask.duration.unwrap_or(3600);
    // "Role chaining limits your AWS CLI or AWS API role session to a maximum of one hour" (IAM
    // User Guide, "Roles terms").
    if caller.is_session && seconds > 3600 {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(ApiError::new(400, "ValidationError", message));
    }
    if seconds > role.max_session {
        let message =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(ApiError::new(400, "ValidationError", message));
    }
    let expires = shared.clock.now() + Duration::from_secs(seconds);
    let session = Session { account: &ask.account, role: &ask.role, name: ask.session };
    let credentials = identities.session_key(&shared.ids, session, expires, ask.policy);
    let role_name = ask.role.rsplit('/').next().unwrap_or(&ask.role);
    let user = Element::new("AssumedRoleUser")
        .text("AssumedRoleId", &format!("AROA{}:{}", ask.role.len(), ask.session))
        .text(
            "Arn",
            &format!("arn:aws:sts::{}:assumed-role/{role_name}/{}", ask.account, ask.session),
        );
    let keys = Element::new("Credentials")
        .text("AccessKeyId", &credentials.access_key_id)
        .text("SecretAccessKey", &credentials.secret_access_key)
        .text("SessionToken", credentials.session_token.as_deref().unwrap_or(""))
        .text("Expiration", &iso8601(expires));
    Ok(Element::new("AssumeRoleResult").child(user).child(keys))
}

/// "Cross-account access: the trust policy of the role must allow the principal, and an
/// identity-based policy of the principal must allow `sts:AssumeRole` on the role. In the same
/// account, a trust policy that names the principal itself is enough" (IAM User Guide,
/// "Cross-account policy evaluation logic" and "Policy evaluation logic"). Probe:
/// sts/cross-account, sts/external-id, sts/same-account-by-name.
fn is_admitted(trust: &Policy, caller: &Caller, ask: &Ask<'_>) -> bool {
    let mut context = caller.context();
    context.set("sts:RoleSessionName", [ask.session.to_owned()]);
    if let Some(id) = ask.external_id {
        context.set("sts:ExternalId", [id.to_owned()]);
    }
    let request =
        iam::IamRequest { action: "sts:AssumeRole", resource: ask.arn, context: &context };
    let names = [caller.arn.as_str(), caller.principal_arn.as_str()];
    let Ok(Some(matched)) = trust.admits(&caller.account, &names, &request) else {
        return false;
    };
    match caller.decide(&request) {
        (Decision::Allowed, _) => true,
        // A permissions boundary or session policy limits what the trust policy allows
        // ("Permissions boundaries for IAM entities").
        (Decision::NotAllowed, kind) => {
            kind == iam::IDENTITY
                && matched == PrincipalMatch::Direct
                && caller.account == ask.account
        }
        (Decision::Denied, _) => false,
    }
}

/// Validates the parameters (API reference, "`AssumeRole`").
/// Probe: sts/duration, sts/policy-malformed, sts/not-a-role.
fn validate(query: &Query) -> Result<Ask<'_>, ApiError> {
    let arn = ROLE_ARN.value_in(query)?;
    let session = SESSION_NAME.value_in(query)?;
    let external_id = query.get("ExternalId").map(|_| EXTERNAL_ID.value_in(query));
    let duration = query.get("DurationSeconds").map(|text| {
        text.parse::<u64>().ok().filter(|seconds| (900..=43_200).contains(seconds)).ok_or_else(
            || {
                let bound = if text.parse::<u64>().is_ok_and(|seconds| seconds > 43_200) {
                    "have value less than or equal to 43200"
                } else {
                    "have value greater than or equal to 900"
                };
                ApiError::constraint("ValidationError", text, "durationSeconds", bound)
            },
        )
    });
    let policy = query.get("Policy").map(|text| {
        let document = serde_json::from_str(text).map_err(|error| error.to_string());
        document
            .and_then(|document| Policy::parse(&document))
            .map_err(|problem| ApiError::new(400, "MalformedPolicyDocument", problem))
    });
    let (account, role) = role_of(arn)
        .ok_or_else(|| ApiError::new(400, "ValidationError", format!("{arn} is invalid")))?;
    Ok(Ask {
        arn,
        account,
        role,
        session,
        external_id: external_id.transpose()?,
        duration: duration.transpose()?,
        policy: policy.transpose()?,
    })
}

/// The account and name in the ARN of a role.
fn role_of(arn: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
        return None;
    };
    let role = resource.strip_prefix("role/").filter(|role| !role.is_empty())?;
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (digits && partition.starts_with("aws")).then(|| ((*account).to_owned(), role.to_owned()))
}

/// A required parameter of a call, and the values that STS accepts.
struct Parameter {
    name: &'static str,
    /// Its name in error messages.
    member: &'static str,
    length: RangeInclusive<usize>,
    allowed: fn(char) -> bool,
}

const ROLE_ARN: Parameter =
    Parameter { name: "RoleArn", member: "roleArn", length: 20..=2048, allowed: |_| true };
const SESSION_NAME: Parameter = Parameter {
    name: "RoleSessionName",
    member: "roleSessionName",
    length: 2..=64,
    allowed: |c| is_word(c) || "=,.@-".contains(c),
};
const EXTERNAL_ID: Parameter = Parameter {
    name: "ExternalId",
    member: "externalId",
    length: 2..=1224,
    allowed: |c| is_word(c) || "=,.@:/-".contains(c),
};

impl Parameter {
    /// Probe: sts/session-name, sts/external-id-form.
    fn value_in<'a>(&self, query: &'a Query) -> Result<&'a str, ApiError> {
        const CODE: &str = "ValidationError";
        let member = self.member;
        let Some(value) = query.get(self.name) else {
            return Err(ApiError::new(
                400,
                CODE,
                format!(
                    "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
                ),
            ));
        };
        let (min, max) = (self.length.start(), self.length.end());
        let length = value.chars().count();
        if length < *min {
            let bound = format!("have length greater than or equal to {min}");
            return Err(ApiError::constraint(CODE, value, member, &bound));
        }
        if length > *max {
            let bound = format!("have length less than or equal to {max}");
            return Err(ApiError::constraint(CODE, value, member, &bound));
        }
        if !value.chars().all(self.allowed) {
            let pattern = "satisfy regular expression pattern: [\\w+=,.@-]*";
            return Err(ApiError::constraint(CODE, value, member, pattern));
        }
        Ok(value)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '+'
}

#[cfg(test)]
mod tests;
