//! Why a request failed, in words for the user.

use std::fmt;

/// What kind of failure it is, for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The event or its properties are wrong.
    Input,
    /// The planner or a check refused.
    Refused,
    /// AWS denied a call.
    Denied,
    /// A hosted zone is not there.
    NoSuchZone,
    /// The DNS check found something wrong.
    Unverified,
    /// The request is older than what stands.
    Stale,
    /// The invocation ran out of time.
    Timeout,
    /// AWS failed.
    Aws,
    /// This program failed.
    Internal,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::NoSuchZone => "no_such_zone",
            Self::Unverified => "unverified",
            Self::Stale => "stale",
            Self::Timeout => "timeout",
            Self::Aws => "aws",
            Self::Internal => "internal",
        })
    }
}

/// Why a request failed: one sentence that says what, where and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: Kind,
    /// The sentence.
    pub message: String,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
