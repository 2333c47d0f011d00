//! The properties of the resource, from JSON to values.

mod reader;

use std::collections::BTreeSet;

use serde_json::Value;

use delegation_model::ids::{KeyName, ZoneId};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::role::Role;
use delegation_model::ttl::Ttl;
use reader::Reader;

use crate::error::{Code, Failure};

/// How the parent zone is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParentZone {
    /// By its id.
    Id(ZoneId),
    /// By its name: the one public zone of that name.
    Name(Name),
    /// Not at all: the closest enclosing public zone of the parent account.
    Closest,
}

/// The properties of a request, each valid by itself and all together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own, which a user sets")]
pub struct Properties {
    /// `ChildZoneId`.
    pub child_zone: Option<ZoneId>,
    /// `ChildRoleArn` and `ChildExternalId`.
    pub child_role: Option<Role>,
    /// `DomainName`.
    pub domain_name: Option<Name>,
    /// `NameServers`.
    pub name_servers: Option<NameServers>,
    /// `ParentZoneId` or `ParentZoneName`.
    pub parent_zone: ParentZone,
    /// `ParentRoleArn` and `ParentExternalId`.
    pub parent_role: Option<Role>,
    /// `TTL`.
    pub ttl: Ttl,
    /// `AllowOverwrite`.
    pub allow_overwrite: bool,
    /// `AllowOcclusion`.
    pub allow_occlusion: bool,
    /// `Dnssec`.
    pub dnssec: bool,
    /// `KeySigningKeys`; `None` for all that are ACTIVE.
    pub key_signing_keys: Option<BTreeSet<KeyName>>,
    /// `DsTTL`.
    pub ds_ttl: Ttl,
    /// `WaitForSync`.
    pub wait_for_sync: bool,
    /// `Verification`; `None` if it is not given.
    pub verification: Option<Verification>,
}

/// What the DNS check is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Nothing is asked.
    None,
    /// The finding is reported.
    Report,
    /// A bad finding fails a request that changed something.
    Require,
}

/// What is wrong with the properties: which one, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PropertyError {
    /// The stable code.
    pub code: Code,
    message: String,
}

impl PropertyError {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<PropertyError> for Failure {
    fn from(error: PropertyError) -> Self {
        Self::new(error.code, error.message)
    }
}

/// What `Custom::Delegation` takes.
pub const KNOWN: [&str; 19] = [
    "ChildZoneId",
    "ChildRoleArn",
    "ChildExternalId",
    "DomainName",
    "NameServers",
    "ParentZoneId",
    "ParentZoneName",
    "ParentRoleArn",
    "ParentExternalId",
    "AssumeRoleRegion",
    "TTL",
    "AllowOverwrite",
    "AllowOcclusion",
    "Dnssec",
    "KeySigningKeys",
    "DsTTL",
    "WaitForSync",
    "Verification",
    "Trigger",
];

impl Properties {
    /// Whether the name servers are asked, and what for.
    pub fn verifies(&self) -> Verification {
        self.verification.unwrap_or(Verification::Report)
    }

    /// Whether the answer waits until Route 53 reports the change `INSYNC`. A required check of what was changed needs that.
    pub fn waits(&self) -> bool {
        waits(self.wait_for_sync, self.verification)
    }

    /// Reads `ResourceProperties` of a Create or Update, or those of the old resource.
    pub fn parse(properties: &Value) -> Result<Self, PropertyError> {
        let reader = Reader::new(properties)?;
        reader.refuse_unknown()?;
        let parsed = Self {
            child_zone: reader.child_zone()?,
            child_role: reader.role("ChildRoleArn", "ChildExternalId")?,
            domain_name: reader.domain_name()?,
            name_servers: reader.name_servers()?,
            parent_zone: reader.parent_zone()?,
            parent_role: reader.role("ParentRoleArn", "ParentExternalId")?,
            ttl: reader.ttl("TTL", Ttl::DELEGATION)?,
            allow_overwrite: reader.boolean("AllowOverwrite", false)?,
            allow_occlusion: reader.boolean("AllowOcclusion", false)?,
            dnssec: reader.boolean("Dnssec", false)?,
            key_signing_keys: reader.key_signing_keys()?,
            ds_ttl: reader.ttl("DsTTL", Ttl::DS)?,
            wait_for_sync: reader.boolean("WaitForSync", true)?,
            verification: reader.verification()?,
        };
        if parsed.child_zone.is_none() {
            if parsed.name_servers.is_none() {
                return Err(PropertyError::new(
                    Code::ChildZoneMissing,
                    "ChildZoneId is missing: give the id of the child hosted zone, or NameServers with DomainName",
                ));
            }
            if parsed.domain_name.is_none() {
                return Err(PropertyError::new(
                    Code::DomainNameMissing,
                    "DomainName is missing: NameServers without ChildZoneId needs the child's name",
                ));
            }
            if parsed.child_role.is_some() {
                return Err(PropertyError::new(
                    Code::ChildRoleWithoutZone,
                    "ChildRoleArn is given without ChildZoneId: there is no child zone to read; remove it",
                ));
            }
            if parsed.dnssec {
                return Err(PropertyError::new(
                    Code::DnssecWithoutZone,
                    "Dnssec is true without ChildZoneId: the key-signing keys are those of the child hosted zone; give \
                     ChildZoneId, or remove Dnssec",
                ));
            }
        }
        Ok(parsed)
    }

    /// Reads what can be read of the properties of a Delete, which nothing about them may fail, and says what can't.
    pub fn salvage(properties: &Value) -> (Salvage, Vec<PropertyError>) {
        let mut errors = Vec::new();
        let reader = Reader::new(properties).unwrap_or_else(|error| {
            errors.push(error);
            Reader::empty()
        });
        let child_zone = keep(reader.child_zone(), &mut errors).flatten();
        let child_role = keep(reader.role("ChildRoleArn", "ChildExternalId"), &mut errors).flatten();
        let domain_name = keep(reader.domain_name(), &mut errors).flatten();
        let name_servers = keep(reader.name_servers(), &mut errors).flatten();
        let parent_zone = keep(reader.parent_zone(), &mut errors);
        let parent_role = reader.role("ParentRoleArn", "ParentExternalId");
        let parent_role_unreadable = parent_role.is_err();
        let parent_role = keep(parent_role, &mut errors).flatten();
        let dnssec = keep(reader.boolean("Dnssec", false), &mut errors).unwrap_or(false);
        let key_signing_keys = keep(reader.key_signing_keys(), &mut errors).flatten();
        let wait_for_sync = keep(reader.boolean("WaitForSync", true), &mut errors).unwrap_or(true);
        let verification = keep(reader.verification(), &mut errors).flatten();
        let salvage = Salvage {
            child_zone,
            child_role,
            domain_name,
            name_servers,
            parent_zone,
            parent_role,
            parent_role_unreadable,
            dnssec,
            key_signing_keys,
            waits: waits(wait_for_sync, verification),
        };
        (salvage, errors)
    }
}

/// What can be read of properties that need not be valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvage {
    /// `ChildZoneId`.
    pub child_zone: Option<ZoneId>,
    /// `ChildRoleArn` and `ChildExternalId`.
    pub child_role: Option<Role>,
    /// `DomainName`.
    pub domain_name: Option<Name>,
    /// `NameServers`.
    pub name_servers: Option<NameServers>,
    /// `ParentZoneId` or `ParentZoneName`; `None` if what they say is unreadable.
    pub parent_zone: Option<ParentZone>,
    /// `ParentRoleArn` and `ParentExternalId`.
    pub parent_role: Option<Role>,
    /// True if a parent role is given that no account can have.
    pub parent_role_unreadable: bool,
    /// `Dnssec`.
    pub dnssec: bool,
    /// `KeySigningKeys`.
    pub key_signing_keys: Option<BTreeSet<KeyName>>,
    /// Whether the answer waits for `INSYNC`.
    pub waits: bool,
}

fn waits(wait_for_sync: bool, verification: Option<Verification>) -> bool {
    wait_for_sync || verification == Some(Verification::Require)
}

fn keep<T>(result: Result<T, PropertyError>, errors: &mut Vec<PropertyError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// `ServiceTimeout` in seconds, if the properties give it; CloudFormation's own property, 1 to 3600.
pub fn service_timeout(properties: &Value) -> Option<i64> {
    let seconds = match properties.get("ServiceTimeout")? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    seconds.filter(|seconds| (1..=3600).contains(seconds))
}

#[cfg(test)]
mod tests;
