//! The origin of the current name servers, if no resource made them or if they displaced others.

use super::HERITAGE;
use super::text::{field, time};
use crate::digest::Digest;
use crate::name_servers::NameServers;
use crate::ttl::Ttl;

/// The origin of the current name servers, while the delegation is unsettled. It belongs to the
/// delegation and not to a claim, so that the last holder restores or leaves them, whichever
/// resource that is (OWN-5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The name servers that it is about. If they are not the current ones, it is left over.
    pub of: Digest,
    /// What they displaced; `None` if they existed when their first holder arrived.
    pub displaced: Option<Displaced>,
}

/// Name servers that `AllowOverwrite` displaced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Displaced {
    pub name_servers: NameServers,
    pub ttl: Ttl,
    /// The time of the request that displaced them.
    pub time: i64,
    /// True if the claim of another resource named them at that time.
    pub claimed: bool,
}

impl Origin {
    /// Parses the fields after the heritage.
    pub(super) fn parse(fields: &str) -> Option<Self> {
        let of = Digest::parse(field(fields, "of")?)?;
        let displaced = match field(fields, "before")? {
            "same" => None,
            "displaced" => Some(Displaced::parse(fields)?),
            _ => return None,
        };
        Some(Self { of, displaced })
    }

    /// Returns true if the displaced name servers, which others may have written, are shown to
    /// people (TRUST-3).
    pub(super) fn is_repeatable(&self) -> bool {
        let displaced = self.displaced.as_ref();
        displaced.is_none_or(|displaced| displaced.name_servers.are_host_names())
    }

    /// Returns the text of the value.
    pub(super) fn text(&self) -> String {
        let of = self.of;
        match &self.displaced {
            None => format!("{HERITAGE},before=same,of={of}"),
            Some(Displaced { name_servers, ttl, time, claimed }) => {
                let claimed = if *claimed { "yes" } else { "no" };
                let names = name_servers.values().join("+").replace('\\', "%5C");
                format!(
                    "{HERITAGE},before=displaced,of={of},at={time},claimed={claimed},ttl={ttl},ns={names}"
                )
            }
        }
    }
}

impl Displaced {
    fn parse(fields: &str) -> Option<Self> {
        let names = field(fields, "ns")?.replace("%5C", "\\");
        Some(Self {
            name_servers: NameServers::from_values(&names.split('+').collect::<Vec<_>>())?,
            ttl: Ttl::new(field(fields, "ttl")?.parse().ok()?)?,
            time: time(field(fields, "at")?)?,
            claimed: match field(fields, "claimed")? {
                "yes" => true,
                "no" => false,
                _ => return None,
            },
        })
    }
}
