//! The name servers of a delegation.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::name::{Name, NameError};
use super::text::quoted;

/// How many name servers a delegation may have.
pub const MAX: usize = 16;

/// The values of an NS record set as a set of names. Case, trailing dot and order never matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameServers(BTreeSet<Name>);

/// The error for a list of strings that is not a valid set of name servers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameServersError {
    /// No name at all.
    #[error("It names no name server.")]
    None,
    /// More than [`MAX`] names.
    #[error("It names {0} name servers. A delegation has at most {MAX}.")]
    TooMany(usize),
    /// One of them is not a domain name.
    #[error("{value} is not a domain name: {1}.", value = quoted(.0, in_names))]
    Name(String, NameError),
    /// One of them has a character that no host name can have.
    #[error("{} is not a host name. Give the name of the name server alone.", quoted(.0, in_names))]
    Host(String),
    /// One of them is an address. An NS record set has names.
    #[error("{} is an address. Give the name of the name server.", quoted(.0, in_addresses))]
    Address(String),
    /// One of them has a single label. It is an empty parameter of some program, or a local name.
    #[error(
        "{} has only one label. Give the full name of the name server, such as ns1.example.net.",
        quoted(.0, in_names)
    )]
    OneLabel(String),
    /// One item contains several names.
    #[error("Item {0} contains several names. Separate them with commas, or give a list.")]
    Separator(usize),
    /// One of them is given twice.
    #[error("{0} is given twice.")]
    Twice(Name),
}

/// The characters that people write between names, in addition to a comma and white space. The last
/// four are commas and semicolons of other scripts, which would join two names into one
/// international name.
const SEPARATORS: [char; 6] = [';', '|', '\u{60c}', '\u{61b}', '\u{3001}', '\u{ff64}'];

/// Returns true for the characters of names, as people write them.
fn in_names(c: char) -> bool {
    c.is_alphanumeric() || "-_.\\*/".contains(c)
}

fn in_addresses(c: char) -> bool {
    c.is_ascii_hexdigit() || "xX.:/[]".contains(c)
}

/// Returns true for an address, also with a trailing dot, a prefix length or a port. This includes
/// every text whose last label is a number, because no name in the public DNS has such a label (RFC
/// 3696, section 2).
fn is_address(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let bare = text.trim_start_matches('[').split([']', '/']).next().unwrap_or_default();
    let last = text.rsplit('.').next().unwrap_or_default();
    let number = match last.strip_prefix("0x").or_else(|| last.strip_prefix("0X")) {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    };
    number || bare.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

impl NameServers {
    /// Parses name servers that a user specified: 1 to [`MAX`] different names of at least two
    /// labels.
    pub fn parse<T: AsRef<str>>(values: &[T]) -> Result<Self, NameServersError> {
        if values.len() > MAX {
            return Err(NameServersError::TooMany(values.len()));
        }
        let mut names = BTreeSet::new();
        for (index, text) in values.iter().enumerate() {
            let text = text.as_ref().trim();
            if text.contains(|c: char| c.is_whitespace() || SEPARATORS.contains(&c)) {
                return Err(NameServersError::Separator(index + 1));
            }
            if is_address(text) {
                return Err(NameServersError::Address(text.to_owned()));
            }
            let name: Name =
                text.parse().map_err(|error| NameServersError::Name(text.to_owned(), error))?;
            // A host name has letters, digits and hyphens (RFC 1123, section 2.1). The underscore
            // is common nevertheless, and so is the slash below in-addr.arpa (RFC 2317, section 4).
            let text_of_name = name.as_str();
            let slashes = if text_of_name.ends_with(".in-addr.arpa") {
                text_of_name.matches("\\057").count()
            } else {
                0
            };
            if text_of_name.matches('\\').count() > slashes {
                return Err(NameServersError::Host(text.to_owned()));
            }
            if name.parent().is_none() {
                return Err(NameServersError::OneLabel(text.to_owned()));
            }
            if let Some(twice) = names.replace(name) {
                return Err(NameServersError::Twice(twice));
            }
        }
        if names.is_empty() { Err(NameServersError::None) } else { Ok(Self(names)) }
    }

    /// Parses the values of an existing NS record set; `None` if one of them is not a name that
    /// this program could have written.
    pub fn from_values<T: AsRef<str>>(values: &[T]) -> Option<Self> {
        let names: Option<BTreeSet<Name>> =
            values.iter().map(|value| value.as_ref().parse().ok()).collect();
        names.filter(|names| !names.is_empty()).map(Self)
    }

    /// Parses those values of an existing NS record set that are names; `None` if there is none.
    pub fn of_names(values: &[String]) -> Option<Self> {
        let names: BTreeSet<Name> = values.iter().filter_map(|value| value.parse().ok()).collect();
        Some(names).filter(|names| !names.is_empty()).map(Self)
    }

    /// Iterates over the names in order.
    pub fn iter(&self) -> impl Iterator<Item = &Name> {
        self.0.iter()
    }

    /// Returns true if each of these names is one of `other`.
    pub fn is_subset(&self, other: &NameServers) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Returns these names without those of `other`; `None` if none is left.
    pub fn without(&self, other: &NameServers) -> Option<NameServers> {
        let left: BTreeSet<Name> = self.0.difference(&other.0).cloned().collect();
        Some(left).filter(|left| !left.is_empty()).map(Self)
    }

    /// Returns the names of both sets.
    pub fn union(&self, other: &NameServers) -> NameServers {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Returns the names for a message about a record that others may be able to write. Names that
    /// are not 1 to [`MAX`] host names are only counted (TRUST-3).
    pub fn for_people(&self) -> String {
        if self.are_host_names() { self.to_string() } else { not_shown(self.0.len()) }
    }

    /// Like [`Self::for_people`], for the values of an NS record set: they may have been restored
    /// from such a record.
    pub fn values_for_people(values: &[String]) -> String {
        Self::from_values(values)
            .map_or_else(|| not_shown(values.len()), |servers| servers.for_people())
    }

    /// Returns true if a user could have specified these names: 1 to [`MAX`] host names.
    pub fn are_host_names(&self) -> bool {
        Self::parse(&self.values()).is_ok()
    }

    /// Returns the values of the NS record set, with trailing dots.
    pub fn values(&self) -> Vec<String> {
        self.iter().map(Name::fqdn).collect()
    }
}

fn not_shown(count: usize) -> String {
    match count {
        1 => "a name server that is not shown here".to_owned(),
        count => format!("{count} name servers that are not shown here"),
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
