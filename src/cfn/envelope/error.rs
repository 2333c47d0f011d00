//! Why an event is not a valid request, or why nobody can respond to it.

use super::{MAX_ITEMS, MAX_PROPERTIES};
use crate::cfn::response_url::ResponseUrlError;
use crate::error::{Code, Failure};

/// Why an event is not a valid request, or why nobody can respond to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The event is not a JSON object, or has a field twice.
    #[error(
        "The event is not a JSON object that has each field of a custom resource request only once."
    )]
    NoObject,
    /// A field is missing, empty, or not a string.
    #[error(
        "The event has no string {0}, so it is not a custom resource request from CloudFormation."
    )]
    Field(&'static str),
    /// One of the fields that say what is requested appears twice.
    #[error(
        "The event has RequestType, ResourceProperties or OldResourceProperties twice, so it is \
         ambiguous. It did not come from CloudFormation. Nothing was changed."
    )]
    Twice,
    /// The event is a request without a response URL.
    #[error(
        "The event has no ResponseURL. It did not come from CloudFormation directly: the CDK's \
         Provider framework removes the URL. Set ServiceToken to the ARN of the function itself, \
         or of its topic."
    )]
    NoResponseUrl,
    /// A field is longer than CloudFormation's ever are.
    #[error(
        "{field} has {bytes} bytes, but CloudFormation's has at most {most}. The event did not \
         come from CloudFormation."
    )]
    TooLong {
        /// The field.
        field: &'static str,
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        most: usize,
    },
    /// The response URL can't be used.
    #[error(transparent)]
    Url(#[from] ResponseUrlError),
    /// `RequestType` is unknown.
    #[error(
        "RequestType {0:?} must be Create, Update or Delete. The event did not come from \
         CloudFormation."
    )]
    RequestType(String),
    /// The event is not an SNS notification with a single message.
    #[error("The event is not an SNS notification of exactly one custom resource request.")]
    Message,
    /// The properties have too many bytes.
    #[error(
        "ResourceProperties has {0} bytes of JSON, and the function reads at most \
         {MAX_PROPERTIES}. Nothing was changed. Make it smaller."
    )]
    TooLarge(usize),
    /// The properties have too many items.
    #[error(
        "ResourceProperties has {0} items in its lists and objects, and the function has memory \
         for at most {MAX_ITEMS}. Nothing was changed. Make the lists and objects smaller, or \
         write them as one string."
    )]
    TooManyItems(usize),
    /// The properties can't be parsed.
    #[error(
        "ResourceProperties can't be parsed: {0}. Nothing was changed. Correct the properties."
    )]
    Unreadable(String),
}

impl EnvelopeError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NoObject
            | Self::Field(_)
            | Self::Twice
            | Self::NoResponseUrl
            | Self::TooLong { .. }
            | Self::Message => Code::NotARequest,
            Self::Url(_) => Code::InvalidResponseUrl,
            Self::RequestType(_) => Code::UnknownRequestType,
            Self::TooLarge(_) | Self::TooManyItems(_) | Self::Unreadable(_) => {
                Code::UnreadableProperties
            }
        }
    }
}

impl From<EnvelopeError> for Failure {
    fn from(error: EnvelopeError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
