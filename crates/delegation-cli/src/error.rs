//! Why the command could not answer: a stable code, and a message for a person.

use std::fmt;

use super::args;
use custom_delegation::cfn::properties::PropertyError;
use custom_delegation::error::{Code, Failure, FailureKind, coded};

/// The stable code of an error of the command itself. `docs/command.md` has a row for each. Errors
/// that the function has too keep the function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorCode {
    InvalidFlags,
    InvalidFile,
    FileNotRead,
    FileNotWritten,
    InvalidDs,
    NoKeys,
    NoCredentials,
    NoSuchClaim,
    AmbiguousOwner,
    NoResolver,
    NoReferral,
    NameServersNotQueried,
}

impl ErrorCode {
    #[cfg(test)]
    const ALL: [Self; 12] = [
        Self::InvalidFlags,
        Self::InvalidFile,
        Self::FileNotRead,
        Self::FileNotWritten,
        Self::InvalidDs,
        Self::NoKeys,
        Self::NoCredentials,
        Self::NoSuchClaim,
        Self::AmbiguousOwner,
        Self::NoResolver,
        Self::NoReferral,
        Self::NameServersNotQueried,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFlags => "invalid-flags",
            Self::InvalidFile => "invalid-file",
            Self::FileNotRead => "file-not-read",
            Self::FileNotWritten => "file-not-written",
            Self::InvalidDs => "invalid-ds",
            Self::NoKeys => "no-keys",
            Self::NoCredentials => "no-credentials",
            Self::NoSuchClaim => "no-such-claim",
            Self::AmbiguousOwner => "ambiguous-owner",
            Self::NoResolver => "no-resolver",
            Self::NoReferral => "no-referral",
            Self::NameServersNotQueried => "name-servers-not-queried",
        }
    }
}

/// Why the command could not answer.
#[derive(Debug)]
pub(super) struct Unanswered {
    code: &'static str,
    message: String,
    /// True if a call of AWS failed.
    pub(super) by_aws: bool,
}

impl Unanswered {
    /// Creates an error of the command itself.
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: code.as_str(), message: message.into(), by_aws: false }
    }

    /// Creates an error with a code of the function.
    pub(super) fn of_function(code: Code, message: impl Into<String>) -> Self {
        Failure::new(code, message).into()
    }

    /// The message, without the code.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Adds a sentence to the message.
    pub(super) fn followed_by(self, sentence: &str) -> Self {
        let stop = if self.message.ends_with('.') { "" } else { "." };
        Self { message: format!("{}{stop} {sentence}", self.message), ..self }
    }

    /// Replaces the names of properties with those of flags.
    pub(super) fn in_flags(self) -> Self {
        Self { message: args::in_flags(&self.message), ..self }
    }

    /// Replaces the names of properties with those of the flags of `plan`.
    pub(super) fn in_flags_of_plan(self) -> Self {
        Self { message: args::in_flags_of_plan(&self.message), ..self }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&coded(&self.message, self.code))
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code(),
            message: failure.message().to_owned(),
            by_aws: failure.kind() == FailureKind::Aws,
        }
    }
}

impl From<PropertyError> for Unanswered {
    fn from(error: PropertyError) -> Self {
        Failure::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_each_code() {
        let page = include_str!("../../../docs/command.md");
        let (_, errors) = page.split_once("\n## Errors\n").unwrap();
        let (errors, _) = errors.split_once("\n## ").unwrap();
        let rows: Vec<&str> =
            errors.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(rows, ErrorCode::ALL.map(ErrorCode::as_str));
    }
}
