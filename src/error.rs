//! Failures and warnings of requests: a stable code, and a message for people.
//!
//! `docs/troubleshooting.md` has a heading for each code. Messages may change without changing that
//! page.

use std::fmt;

use delegation_model::reconcile::{self, Overtaken, Refusal};
use strum::VariantNames as _;

/// The class of a failure, for logs and metrics. It says who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum FailureKind {
    /// The event or its properties are invalid.
    Input,
    /// The planner or a check refused.
    Refused,
    /// AWS denied a call.
    Denied,
    /// A hosted zone does not exist.
    NoSuchZone,
    /// The DNS check found something wrong.
    Unverified,
    /// A later request has already run, or CloudFormation no longer waits.
    Stale,
    /// The invocation ran out of time.
    Timeout,
    /// An AWS call failed.
    Aws,
    /// The function itself failed.
    Internal,
}

impl fmt::Display for FailureKind {
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
    ResponseTooLong,
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
    ZoneTooLarge,
    ResponseNotDelivered,
    InternalError,
}

impl Code {
    /// The code, for instance `access-denied`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The class of a failure with this code.
    pub fn kind(self) -> FailureKind {
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
            | Self::InvalidResponseUrl => FailureKind::Input,
            Self::WildcardName
            | Self::ChildZonePrivate
            | Self::ChildApexDiffers
            | Self::ParentZoneAmbiguous
            | Self::ParentZonePrivate
            | Self::NotBelowParentZone
            | Self::NameTooLong
            | Self::ResponseTooLong
            | Self::ZoneTooLarge => FailureKind::Refused,
            Self::AccessDenied => FailureKind::Denied,
            Self::HostedZoneNotFound | Self::ParentZoneNotFound | Self::NoEnclosingZone => {
                FailureKind::NoSuchZone
            }
            Self::VerificationFailed | Self::VerificationFailedAfterChange | Self::NotVerified => {
                FailureKind::Unverified
            }
            Self::Overtaken | Self::RequestExpired => FailureKind::Stale,
            Self::OutOfTime | Self::TooLittleTime => FailureKind::Timeout,
            Self::AwsCallFailed | Self::ZoneKeepsChanging | Self::ResponseNotDelivered => {
                FailureKind::Aws
            }
            Self::InternalError => FailureKind::Internal,
        }
    }
}

/// The stable code of a warning of the function itself. The planner has its own codes.
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

/// Every code that the function can return, once.
pub fn codes() -> Vec<&'static str> {
    let mut codes = [Code::VARIANTS, WarningCode::VARIANTS].concat();
    codes.extend(Refusal::CODES);
    codes.extend(Overtaken::CODES);
    codes.extend(reconcile::Warning::CODES);
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// Why a request failed. The message says what is wrong, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    kind: FailureKind,
    code: &'static str,
    message: String,
    is_permanent: bool,
}

impl Failure {
    /// Creates a failure with this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let (kind, code) = (code.kind(), code.as_str());
        Self { kind, code, message: message.into(), is_permanent: false }
    }

    /// Records whether AWS is certain to fail the same call again.
    #[must_use]
    pub(crate) fn permanent(self, is_permanent: bool) -> Self {
        Self { is_permanent, ..self }
    }

    /// True if AWS is certain to fail the same call again.
    pub(crate) fn is_permanent(&self) -> bool {
        self.is_permanent
    }

    /// Replaces the message.
    #[must_use]
    pub(crate) fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// Adds a sentence to the message.
    #[must_use]
    pub fn followed_by(self, sentence: &str) -> Self {
        let stop = if self.message.ends_with('.') { "" } else { "." };
        let message = format!("{}{stop} {sentence}", self.message);
        self.with_message(message)
    }

    /// The message with its code, as the function returns it.
    pub fn coded(&self) -> String {
        coded(&self.message, self.code)
    }

    /// The class of the failure.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The message, without the code.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Adds the code to a message, for the troubleshooting page.
pub fn coded(message: &str, code: &str) -> String {
    format!("{message} [{code}]")
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        // A failed check keeps the class of its own failure.
        let kind = refusal.code().parse::<Code>().map_or(FailureKind::Refused, Code::kind);
        let (code, message) = (refusal.code(), refusal.to_string());
        Self { kind, code, message, is_permanent: false }
    }
}

impl From<Overtaken> for Failure {
    fn from(overtaken: Overtaken) -> Self {
        let (code, message) = (overtaken.code(), overtaken.to_string());
        Self { kind: FailureKind::Stale, code, message, is_permanent: false }
    }
}

/// A warning about a request that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The stable code.
    pub code: &'static str,
    /// One or more sentences.
    pub message: String,
}

impl Warning {
    /// Creates a warning of the function itself.
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
