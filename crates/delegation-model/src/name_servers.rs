//! The name servers of a delegation.

use std::collections::BTreeSet;
use std::fmt;

use super::name::{Name, NameError};

/// How many name servers a delegation may name.
pub const MAX: usize = 16;

/// The values of an NS record set as a set of names: case, trailing dot and order never matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameServers(BTreeSet<Name>);

/// Why a list of texts is not a set of name servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameServersError {
    /// No name at all.
    None,
    /// More than [`MAX`] names.
    TooMany(usize),
    /// One of them is not a domain name.
    Name(String, NameError),
    /// One of them has a character that no host name has.
    Host(String),
    /// One of them is an address; an NS record set holds names.
    Address(String),
    /// One of them is given twice.
    Twice(Name),
}

impl fmt::Display for NameServersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("it names no name server"),
            Self::TooMany(count) => write!(f, "it names {count} name servers and at most {MAX} are possible"),
            Self::Name(text, error) => write!(f, "{text:?} is not a domain name: {error}"),
            Self::Host(text) => write!(f, "{text:?} is not a host name; give the name of the name server alone"),
            Self::Address(text) => write!(f, "{text:?} is an address; give the name of the name server"),
            Self::Twice(name) => write!(f, "{name} is given twice"),
        }
    }
}

impl std::error::Error for NameServersError {}

impl NameServers {
    /// Name servers that a user gave: 1 to [`MAX`] different names, no addresses.
    pub fn given<T: AsRef<str>>(texts: &[T]) -> Result<Self, NameServersError> {
        if texts.len() > MAX {
            return Err(NameServersError::TooMany(texts.len()));
        }
        let mut names = BTreeSet::new();
        for text in texts {
            let text = text.as_ref().trim();
            // What an error repeats of it.
            let head = || text.chars().take(100).collect::<String>();
            if text.parse::<std::net::IpAddr>().is_ok() {
                return Err(NameServersError::Address(text.to_owned()));
            }
            let name: Name = text.parse().map_err(|error| NameServersError::Name(head(), error))?;
            // A host name has letters, digits and hyphens (RFC 1123, section 2.1); the underscore is common all the same, and
            // the slash below in-addr.arpa (RFC 2317, section 4).
            if name.as_str().replace("\\057", "").contains('\\') {
                return Err(NameServersError::Host(head()));
            }
            if let Some(twice) = names.replace(name) {
                return Err(NameServersError::Twice(twice));
            }
        }
        if names.is_empty() { Err(NameServersError::None) } else { Ok(Self(names)) }
    }

    /// The values of an NS record set as found; `None` if one of them is not a name that we could have written.
    pub fn found<T: AsRef<str>>(values: &[T]) -> Option<Self> {
        let names: Option<BTreeSet<Name>> = values.iter().map(|value| value.as_ref().parse().ok()).collect();
        names.filter(|names| !names.is_empty()).map(Self)
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &Name> {
        self.0.iter()
    }

    /// True if each of these names is one of `other`.
    pub fn is_subset(&self, other: &NameServers) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The names of both.
    pub fn union(&self, other: &NameServers) -> NameServers {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The values of the NS record set, with trailing dots.
    pub fn values(&self) -> Vec<String> {
        self.iter().map(Name::fqdn).collect()
    }
}

impl fmt::Display for NameServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            name.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
