//! The roles that give access to the zones of another account.

use std::fmt;
use std::str::FromStr;

use crate::ids::RoleArn;
use crate::text::SECRET;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Role {
    pub arn: RoleArn,
    /// The role that assumes it, in a chain of two; `None` if the function itself does.
    pub through: Option<RoleArn>,
    /// The value that its trust policy requires as `sts:ExternalId`.
    pub external_id: Option<ExternalId>,
    /// The Region whose STS endpoint is called, if not that of Route 53 in its partition.
    pub region: Option<RegionName>,
}

impl Role {
    /// Returns the roles in the order in which they are assumed.
    pub fn chain(&self) -> impl Iterator<Item = &RoleArn> {
        self.through.iter().chain([&self.arn])
    }
}

/// The name of a Region, such as `eu-central-1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegionName(String);

impl RegionName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the name of each Region has before its number.
const DIRECTIONS: [&str; 9] = [
    "north",
    "south",
    "east",
    "west",
    "central",
    "northeast",
    "northwest",
    "southeast",
    "southwest",
];

impl FromStr for RegionName {
    type Err = &'static str;

    /// Accepts only the form of a Region name, because it becomes part of a host name: one or two
    /// short words, a direction and a number. Messages repeat it, so a passphrase of words and a
    /// number must not pass, and neither must a value that is long enough for an external id.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('-').collect();
        let is_word = |part: &&str| {
            (2..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        let fits = match parts.as_slice() {
            [words @ .., direction, number] => {
                (1..=2).contains(&words.len())
                    && words.iter().all(is_word)
                    && DIRECTIONS.contains(direction)
                    && (1..=2).contains(&number.len())
                    && number.bytes().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        };
        if fits && text.len() < SECRET {
            Ok(Self(text.to_owned()))
        } else {
            Err("it must be the name of a Region, such as eu-central-1")
        }
    }
}

/// An external id. It is a secret of the two accounts, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ExternalId(String);

impl ExternalId {
    /// Parses an external id: 2 to 1224 characters (STS API Reference, `AssumeRole`). The result
    /// does not say what is wrong with an invalid text, which may be a secret all the same.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
        ((2..=1224).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self::new(text))
    }

    /// Wraps the text of an external id that the caller has checked.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, only for sending it to STS.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(…)")
    }
}
