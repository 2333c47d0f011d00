//! Requests that come after a later one.

use std::fmt;

use crate::name::Name;

/// Why a request has no place here any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overtaken {
    /// A later request of the same resource wrote its claim.
    ByLaterRequest {
        /// The zone cut.
        name: Name,
    },
    /// CloudFormation cancelled this Create, and its Delete was here.
    Cancelled {
        /// The zone cut.
        name: Name,
    },
}

impl Overtaken {
    /// Every code that [`Overtaken::code`] can return.
    pub const CODES: [&str; 2] = ["overtaken", "create-cancelled"];

    /// The stable code of the message.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ByLaterRequest { .. } => "overtaken",
            Self::Cancelled { .. } => "create-cancelled",
        }
    }
}

impl fmt::Display for Overtaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByLaterRequest { name } => write!(
                f,
                "A later request of this resource has already changed {name}. This one came too late \
                 and changed nothing."
            ),
            Self::Cancelled { name } => write!(
                f,
                "CloudFormation cancelled this Create of {name} and deleted the resource before the \
                 Create ran. Nothing was changed."
            ),
        }
    }
}

impl std::error::Error for Overtaken {}
