//! Requests that a later request has overtaken.

use crate::name::Name;

/// Why a request is overtaken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overtaken {
    /// A later request of the same resource has written the claim.
    #[error(
        "A later request of this resource has already changed {name}. This request came too late and \
         changed nothing."
    )]
    ByLaterRequest { name: Name },
    /// CloudFormation cancelled this Create, and its Delete has left a tombstone.
    #[error(
        "CloudFormation cancelled this Create of {name} and deleted the resource before the Create \
         ran. Nothing was changed."
    )]
    Cancelled { name: Name },
}

impl Overtaken {
    /// All codes that [`Overtaken::code`] can return.
    pub const CODES: [&str; 2] = ["overtaken", "create-cancelled"];

    /// Returns the stable code of the message.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ByLaterRequest { .. } => "overtaken",
            Self::Cancelled { .. } => "create-cancelled",
        }
    }
}
