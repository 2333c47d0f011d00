//! The roles through which another account's zones are reached.

use std::fmt;

use crate::ids::RoleArn;

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Role {
    /// Its ARN.
    pub arn: RoleArn,
    /// What its trust policy asks for in `sts:ExternalId`.
    pub external_id: Option<ExternalId>,
}

/// An external id: a secret of the two accounts, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ExternalId(String);

impl ExternalId {
    /// Wraps the text of an external id, which the caller has checked.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, to send to STS and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(…)")
    }
}
