//! Why a request failed: a stable code, and words for a person.
//!
//! `docs/troubleshooting.md` has a heading for each code, and the wording may change without it.

use std::fmt;

use delegation_model::reconcile::{self, Overtaken, Refusal};
use strum::VariantNames as _;

/// Who has to act on a failure: for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// The event or its properties are wrong.
    Input,
    /// The planner or a check refused.
    Refused,
    /// AWS denied a call.
    Denied,
    /// A hosted zone does not exist.
    NoSuchZone,
    /// The DNS check found something wrong.
    Unverified,
    /// A later request has done the work, or CloudFormation no longer waits.
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
        f.write_str(self.into())
    }
}

/// The stable code of a failure: the variant's name in kebab case.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantNames,
)]
#[strum(serialize_all = "kebab-case")]
#[expect(missing_docs, reason = "the troubleshooting page explains each under its code")]
pub enum Code {
    UnknownProperty,
    PropertiesNotAnObject,
    UnreadableProperties,
    InvalidText,
    InvalidList,
    InvalidName,
    InvalidNameServers,
    InvalidZoneId,
    InvalidRoleArn,
    InvalidRegion,
    InvalidExternalId,
    ExternalIdWithoutRole,
    InvalidTtl,
    InvalidServiceTimeout,
    InvalidBoolean,
    InvalidVerification,
    InvalidKeyName,
    KeyOfAnotherZone,
    ChildZoneMissing,
    DomainNameMissing,
    ChildRoleWithoutZone,
    DnssecWithoutZone,
    TwoParentZones,
    RoleOfAnotherPartition,
    DomainNameMismatch,
    InvalidSettings,
    NotARequest,
    UnknownRequestType,
    InvalidResponseUrl,
    WildcardName,
    ChildZonePrivate,
    ChildApexDiffers,
    ParentZoneAmbiguous,
    ParentZonePrivate,
    NotBelowParentZone,
    NameTooLong,
    AnswerTooLong,
    AccessDenied,
    HostedZoneNotFound,
    ParentZoneNotFound,
    NoEnclosingZone,
    VerificationFailed,
    VerificationFailedAfterChange,
    NotVerified,
    Overtaken,
    RequestExpired,
    OutOfTime,
    TooLittleTime,
    AwsCallFailed,
    ZoneKeepsChanging,
    AnswerNotDelivered,
    InternalError,
}

impl Code {
    /// The code itself, `access-denied` for instance.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Who has to act on such a failure.
    pub fn kind(self) -> Kind {
        match self {
            Self::UnknownProperty
            | Self::PropertiesNotAnObject
            | Self::UnreadableProperties
            | Self::InvalidText
            | Self::InvalidList
            | Self::InvalidName
            | Self::InvalidNameServers
            | Self::InvalidZoneId
            | Self::InvalidRoleArn
            | Self::InvalidRegion
            | Self::InvalidExternalId
            | Self::ExternalIdWithoutRole
            | Self::InvalidTtl
            | Self::InvalidServiceTimeout
            | Self::InvalidBoolean
            | Self::InvalidVerification
            | Self::InvalidKeyName
            | Self::KeyOfAnotherZone
            | Self::ChildZoneMissing
            | Self::DomainNameMissing
            | Self::ChildRoleWithoutZone
            | Self::DnssecWithoutZone
            | Self::TwoParentZones
            | Self::RoleOfAnotherPartition
            | Self::DomainNameMismatch
            | Self::InvalidSettings
            | Self::NotARequest
            | Self::UnknownRequestType
            | Self::InvalidResponseUrl => Kind::Input,
            Self::WildcardName
            | Self::ChildZonePrivate
            | Self::ChildApexDiffers
            | Self::ParentZoneAmbiguous
            | Self::ParentZonePrivate
            | Self::NotBelowParentZone
            | Self::NameTooLong
            | Self::AnswerTooLong => Kind::Refused,
            Self::AccessDenied => Kind::Denied,
            Self::HostedZoneNotFound | Self::ParentZoneNotFound | Self::NoEnclosingZone => {
                Kind::NoSuchZone
            }
            Self::VerificationFailed | Self::VerificationFailedAfterChange | Self::NotVerified => {
                Kind::Unverified
            }
            Self::Overtaken | Self::RequestExpired => Kind::Stale,
            Self::OutOfTime | Self::TooLittleTime => Kind::Timeout,
            Self::AwsCallFailed | Self::ZoneKeepsChanging | Self::AnswerNotDelivered => Kind::Aws,
            Self::InternalError => Kind::Internal,
        }
    }
}

/// The stable code of what the function itself warns of; the planner has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[expect(missing_docs, reason = "the troubleshooting page explains each under its code")]
pub enum WarningCode {
    ChildZoneNotRead,
    ParentZoneNotSigned,
    ParentSigningUnknown,
    VerificationFailedUnchanged,
    Ipv6Unreachable,
    OwnershipNotRefreshed,
    SyncUnknown,
    OldPropertiesInvalid,
    OldPointNotFound,
    ReplacementLeft,
    StepSkipped,
    LeftUnknown,
    LeftRoleInvalid,
    ParentZoneGone,
}

/// Every code that can leave the function, each once.
pub fn codes() -> Vec<&'static str> {
    let mut codes = [Code::VARIANTS, WarningCode::VARIANTS].concat();
    codes.extend(Refusal::CODES);
    codes.extend(Overtaken::CODES);
    codes.extend(reconcile::Warning::CODES);
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// Why a request failed. Displayed as words for a person: what is wrong, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    kind: Kind,
    code: &'static str,
    message: String,
}

impl Failure {
    /// A failure of this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { kind: code.kind(), code: code.as_str(), message: message.into() }
    }

    /// The same failure, told with more words.
    #[must_use]
    pub fn told(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// The same failure with one more sentence.
    #[must_use]
    pub fn followed_by(self, sentence: &str) -> Self {
        let stop = if self.message.ends_with('.') { "" } else { "." };
        let message = format!("{}{stop} {sentence}", self.message);
        self.told(message)
    }

    /// The words with the code behind them, as they leave the function.
    pub fn coded(&self) -> String {
        coded(&self.message, self.code)
    }

    /// Who has to act on it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The words.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// A message as it leaves the function: its code at the end, for the troubleshooting page.
pub fn coded(message: &str, code: &str) -> String {
    format!("{message} [{code}]")
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        // A check that failed before the change keeps the kind of its own failure.
        let kind = refusal.code().parse::<Code>().map_or(Kind::Refused, Code::kind);
        Self { kind, code: refusal.code(), message: refusal.to_string() }
    }
}

impl From<Overtaken> for Failure {
    fn from(overtaken: Overtaken) -> Self {
        Self { kind: Kind::Stale, code: overtaken.code(), message: overtaken.to_string() }
    }
}

/// What the user should know of a request that succeeds. Displayed as words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The stable code.
    pub code: &'static str,
    /// A sentence or several, with a full stop.
    pub message: String,
}

impl Warning {
    /// A warning of the function itself.
    pub fn new(code: WarningCode, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<reconcile::Warning> for Warning {
    fn from(warning: reconcile::Warning) -> Self {
        Self { code: warning.code(), message: warning.to_string() }
    }
}

impl From<Failure> for Warning {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code, message: failure.message }
    }
}
