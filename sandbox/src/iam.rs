//! Evaluates policies (IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements
//! reference").
//!
//! Probe: those of iam/.

mod condition;
mod policy;

use std::collections::BTreeMap;

pub(crate) use policy::{Policy, PrincipalMatch};

/// The condition keys of a request: from lower-case keys to values. Missing keys are not in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    keys: BTreeMap<String, Vec<String>>,
}

impl Context {
    pub(crate) fn set(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        self.keys.insert(key.to_ascii_lowercase(), values.into_iter().collect());
    }

    pub(crate) fn get(&self, key: &str) -> Option<&[String]> {
        self.keys.get(&key.to_ascii_lowercase()).map(Vec::as_slice)
    }
}

/// A request to be authorized.
#[derive(Debug)]
pub(crate) struct IamRequest<'a> {
    /// For instance `route53:GetChange`.
    pub action: &'a str,
    /// An ARN, or `*` for an action without resource-level permissions.
    pub resource: &'a str,
    pub context: &'a Context,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    /// No statement applies: "an implicit deny".
    NotAllowed,
    /// "An explicit deny in any policy overrides any allows."
    Denied,
}

/// The decision of identity-based policies.
/// Probe: iam/denied-by-none, iam/denied-by-deny.
pub(crate) fn decide(policies: &[Policy], request: &IamRequest<'_>) -> Decision {
    let mut decision = Decision::NotAllowed;
    for statement in policies.iter().flat_map(|policy| &policy.statements) {
        if statement.applies(request) {
            if statement.denies {
                return Decision::Denied;
            }
            decision = Decision::Allowed;
        }
    }
    decision
}

/// The kinds of policies, as they are called in messages.
pub(crate) const IDENTITY: &str = "identity-based policy";
const BOUNDARY: &str = "permissions boundary";
const SESSION: &str = "session policy";
const SCP: &str = "service control policy";

/// All policies that apply to a caller.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policies {
    /// The service control policies, except `FullAWSAccess`, which AWS attaches everywhere ("SCP
    /// evaluation"). These can therefore only deny.
    pub scps: Vec<Policy>,
    pub identity: Vec<Policy>,
    pub boundary: Option<Policy>,
    pub session: Option<Policy>,
}

impl Policies {
    /// The decision, and the kind of policy that made it: "an explicit deny in any of these
    /// policies overrides the allow", and "the effective permissions are the intersection" ("Policy
    /// evaluation logic", "Permissions boundaries for IAM entities"). Probe:
    /// iam/denied-by-boundary, iam/denied-by-session-policy.
    pub(crate) fn decide(&self, request: &IamRequest<'_>) -> (Decision, &'static str) {
        if decide(&self.scps, request) == Decision::Denied {
            return (Decision::Denied, SCP);
        }
        let one = |policy: &Option<Policy>| {
            policy.as_ref().map(|policy| decide(std::slice::from_ref(policy), request))
        };
        let decisions = [
            (Some(decide(&self.identity, request)), IDENTITY),
            (one(&self.boundary), BOUNDARY),
            (one(&self.session), SESSION),
        ];
        let found = |decision| decisions.into_iter().find(|(made, _)| *made == Some(decision));
        let limit = found(Decision::Denied).or_else(|| found(Decision::NotAllowed));
        limit.map_or((Decision::Allowed, IDENTITY), |(made, kind)| {
            (made.unwrap_or(Decision::Denied), kind)
        })
    }
}

/// Matches a pattern: `*` is any text, `?` any one character ("IAM JSON policy elements:
/// Resource"). Probe: iam/allow-and-nothing-else.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || text.get(t) == Some(c) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
