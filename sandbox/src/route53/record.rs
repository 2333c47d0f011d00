//! Record sets and the changes to them.

use std::fmt;

use super::name;

/// A resource record set. Its name is normalized, as the service returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSet {
    /// The name: lower case, with a trailing dot and octal escapes.
    pub name: String,
    pub rtype: String,
    /// The TTL in seconds; `None` for an alias.
    pub ttl: Option<u32>,
    /// The values as the client wrote them.
    pub values: Vec<String>,
    /// Distinguishes record sets of the same name and type that have a routing policy.
    pub set_identifier: Option<String>,
    pub weight: Option<i64>,
    pub alias: Option<AliasTarget>,
    /// The health check, if there is one. The API here does not accept any.
    pub health_check: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasTarget {
    pub hosted_zone_id: String,
    pub dns_name: String,
    /// Whether the alias follows the health of its target.
    pub evaluate_target_health: bool,
}

impl RecordSet {
    /// A record set without a routing policy. Name and type are normalized; an invalid name is kept
    /// as it is.
    pub fn new<V: Into<String>>(
        name: &str,
        rtype: &str,
        ttl: u32,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self {
            name: name::normalize_lossy(name),
            rtype: rtype.to_ascii_uppercase(),
            ttl: Some(ttl),
            values: values.into_iter().map(Into::into).collect(),
            set_identifier: None,
            weight: None,
            alias: None,
            health_check: None,
        }
    }

    pub fn alias(name: &str, rtype: &str, zone_id: &str, target: &str) -> Self {
        let alias = AliasTarget {
            hosted_zone_id: zone_id.to_owned(),
            dns_name: target.to_owned(),
            evaluate_target_health: false,
        };
        Self { ttl: None, alias: Some(alias), ..Self::new(name, rtype, 0, Vec::<String>::new()) }
    }

    /// Makes it one of several record sets with weighted routing.
    #[must_use]
    pub fn weighted(mut self, set_identifier: &str, weight: i64) -> Self {
        self.set_identifier = Some(set_identifier.to_owned());
        self.weight = Some(weight);
        self
    }

    #[must_use]
    pub fn with_health_check(mut self, id: &str) -> Self {
        self.health_check = Some(id.to_owned());
        self
    }

    pub(crate) fn sorted_values(&self) -> Vec<String> {
        let mut values = self.values.clone();
        values.sort();
        values
    }

    /// Returns whether a DELETE of `other` deletes this record set: "To delete a resource record
    /// set, you must specify all the same values that you specified when you created it" (API
    /// reference, "`ChangeResourceRecordSets`"). The order of the values does not matter. Probe:
    /// route53/delete-some-values, route53/delete-other-ttl, route53/delete-other-order,
    /// route53/delete-other-dot, route53/delete-other-case, route53/delete-as-listed.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let same_alias = match (&self.alias, &other.alias) {
            (Some(one), Some(two)) => {
                one.hosted_zone_id == two.hosted_zone_id
                    && one.evaluate_target_health == two.evaluate_target_health
                    && name::normalize_lossy(&one.dns_name) == name::normalize_lossy(&two.dns_name)
            }
            (one, two) => one.is_none() && two.is_none(),
        };
        same_alias
            && self.ttl == other.ttl
            && self.weight == other.weight
            && self.set_identifier == other.set_identifier
            && self.health_check == other.health_check
            && self.sorted_values() == other.sorted_values()
    }
}

impl fmt::Display for RecordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(ttl) = self.ttl {
            write!(f, " {ttl}")?;
        }
        write!(f, " {}", self.rtype)?;
        if let Some(identifier) = &self.set_identifier {
            write!(f, " ({identifier})")?;
        }
        match &self.alias {
            Some(alias) => write!(f, " ALIAS {}", alias.dns_name),
            None => write!(f, " {}", self.values.join(" ")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Creates a record set, which must not exist.
    Create,
    /// Deletes a record set, which must equal the existing one.
    Delete,
    /// Creates or replaces a record set.
    Upsert,
}

impl Action {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "CREATE" => Some(Self::Create),
            "DELETE" => Some(Self::Delete),
            "UPSERT" => Some(Self::Upsert),
            _ => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "CREATE",
            Self::Delete => "DELETE",
            Self::Upsert => "UPSERT",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub action: Action,
    /// The record set to create, delete or replace. In the journal, it is as the client wrote it.
    pub record: RecordSet,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.record)
    }
}
