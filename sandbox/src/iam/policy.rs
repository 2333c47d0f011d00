//! Parses policy documents.

use serde_json::{Map, Value};

use super::condition::Condition;
use super::{IamRequest, glob};

/// A parsed policy document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(super) statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) denies: bool,
    principals: Option<Vec<String>>,
    actions: Patterns,
    resources: Option<Patterns>,
    conditions: Vec<Condition>,
}

/// A list of patterns, or everything except them (`NotAction`, `NotResource`).
#[derive(Debug, Clone)]
struct Patterns {
    negated: bool,
    patterns: Vec<String>,
}

/// How a statement of a trust policy names a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PrincipalMatch {
    /// By its account, which leaves the decision to the account's own policies.
    Account,
    /// By the caller itself, or everybody.
    Direct,
}

impl Policy {
    /// Parses the document, or returns what is wrong with it (the service responds with
    /// `MalformedPolicyDocument`).
    pub(crate) fn parse(document: &Value) -> Result<Self, String> {
        let object = document.as_object().ok_or("a policy must be a JSON object")?;
        only(object, &["Version", "Id", "Statement"])?;
        let statements = match object.get("Statement").ok_or("a policy must have a Statement")? {
            Value::Array(list) => list.iter().map(Statement::parse).collect::<Result<_, _>>()?,
            one => vec![Statement::parse(one)?],
        };
        Ok(Self { statements })
    }

    /// How a trust policy admits a caller with these names (ARNs, and the account's id). `Err` for
    /// an explicit deny.
    pub(crate) fn admits(
        &self,
        account: &str,
        arns: &[&str],
        request: &IamRequest<'_>,
    ) -> Result<Option<PrincipalMatch>, ()> {
        let mut best = None;
        for statement in &self.statements {
            let Some(matched) = statement.principal(account, arns) else {
                continue;
            };
            if statement.applies(request) {
                if statement.denies {
                    return Err(());
                }
                best = best.max(Some(matched));
            }
        }
        Ok(best)
    }
}

impl Statement {
    fn parse(statement: &Value) -> Result<Self, String> {
        let object = statement.as_object().ok_or("a statement must be a JSON object")?;
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        only(object, &known)?;
        let denies = match object.get("Effect").and_then(Value::as_str) {
            Some("Allow") => false,
            Some("Deny") => true,
            _ => return Err("a statement must have the Effect Allow or Deny".to_owned()),
        };
        let principals = object.get("Principal").map(principals).transpose()?;
        let actions = Patterns::parse(object, "Action", "NotAction")?
            .ok_or("a statement must have an Action or NotAction")?;
        let resources = Patterns::parse(object, "Resource", "NotResource")?;
        if principals.is_none() && resources.is_none() {
            return Err(
                "a statement of an identity-based policy must have a Resource or NotResource"
                    .to_owned(),
            );
        }
        let conditions =
            object.get("Condition").map(Condition::parse_all).transpose()?.unwrap_or_default();
        Ok(Self { denies, principals, actions, resources, conditions })
    }

    pub(super) fn applies(&self, request: &IamRequest<'_>) -> bool {
        let action = request.action.to_ascii_lowercase();
        self.actions.matches(|pattern| glob(&pattern.to_ascii_lowercase(), &action))
            && self.resources.as_ref().is_none_or(|resources| {
                resources.matches(|pattern| glob(pattern, request.resource))
            })
            && self.conditions.iter().all(|condition| condition.holds(request.context))
    }

    fn principal(&self, account: &str, arns: &[&str]) -> Option<PrincipalMatch> {
        let root = format!("arn:aws:iam::{account}:root");
        self.principals
            .as_ref()?
            .iter()
            .filter_map(|principal| match principal.as_str() {
                "*" => Some(PrincipalMatch::Direct),
                named if named == account || named == root => Some(PrincipalMatch::Account),
                named => arns.contains(&named).then_some(PrincipalMatch::Direct),
            })
            .max()
    }
}

impl Patterns {
    fn parse(
        object: &Map<String, Value>,
        plain: &str,
        negated: &str,
    ) -> Result<Option<Self>, String> {
        match (object.get(plain), object.get(negated)) {
            (Some(_), Some(_)) => Err(format!("{plain} and {negated} exclude each other")),
            (Some(value), None) => Ok(Some(Self { negated: false, patterns: strings(value)? })),
            (None, Some(value)) => Ok(Some(Self { negated: true, patterns: strings(value)? })),
            (None, None) => Ok(None),
        }
    }

    fn matches(&self, matches: impl Fn(&str) -> bool) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern)) != self.negated
    }
}

fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("unknown element {key}")),
        None => Ok(()),
    }
}

/// Parses `"*"`, or an object with kinds of principals. Only `AWS` principals can call the sandbox;
/// others match nobody.
fn principals(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(star) if star == "*" => Ok(vec![star.clone()]),
        Value::Object(kinds) => {
            only(kinds, &["AWS", "Service", "Federated", "CanonicalUser"])?;
            kinds.get("AWS").map_or_else(|| Ok(Vec::new()), strings)
        }
        _ => Err("a Principal must be \"*\" or an object".to_owned()),
    }
}

/// A string, number or boolean, or a list of them, as strings.
pub(super) fn strings(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(one) if one.contains("${") => {
            Err(format!("policy variables are not supported: {one}"))
        }
        Value::String(one) => Ok(vec![one.clone()]),
        Value::Bool(one) => Ok(vec![one.to_string()]),
        Value::Number(one) => Ok(vec![one.to_string()]),
        Value::Array(list) => Ok(list
            .iter()
            .map(strings)
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect()),
        Value::Null | Value::Object(_) => Err("expected a string or a list of strings".to_owned()),
    }
}
