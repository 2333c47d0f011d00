//! How the name servers that stand came, if no resource made them or if they displaced others.

use super::HERITAGE;
use super::text::{field, time};
use crate::digest::Digest;
use crate::name_servers::NameServers;
use crate::ttl::Ttl;

/// How the name servers that stand came, if that is not settled. The debt belongs to what stands
/// and not to a claim, so that the last holder to leave pays it (OWN-5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Before {
    /// The name servers that it is about. Once others stand it says nothing of these.
    pub of: Digest,
    /// What they displaced; `None` if they stood when a first holder came.
    pub displaced: Option<Displaced>,
}

/// Name servers that `AllowOverwrite` displaced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Displaced {
    /// The name servers.
    pub name_servers: NameServers,
    /// Their TTL.
    pub ttl: Ttl,
    /// The time of the request that displaced them.
    pub time: i64,
    /// True if a claim of somebody else named them then.
    pub claimed: bool,
}

impl Before {
    /// Reads the fields behind the heritage.
    pub(super) fn parse(fields: &str) -> Option<Self> {
        let of = Digest::parse(field(fields, "of")?)?;
        let displaced = match field(fields, "before")? {
            "same" => None,
            "displaced" => Some(Displaced::parse(fields)?),
            _ => return None,
        };
        Some(Self { of, displaced })
    }

    /// The text of the value.
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
