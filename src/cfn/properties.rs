//! Parses the properties of the resource.

mod forms;
mod reader;
mod suggest;

use std::collections::BTreeSet;
use std::ops::Deref;

use serde_json::Value;

use delegation_model::digest::{Digest, Intent};
use delegation_model::ids::{KeyName, RoleArn, ZoneId};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
pub use delegation_model::parent::ParentZone;
use delegation_model::role::Role;
use delegation_model::ttl::Ttl;
use reader::Reader;

use crate::error::{Code, Failure};

/// The modes of the DNS check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// There is no DNS check.
    None,
    /// The finding is reported.
    Report,
    /// A bad finding fails a request that changed the delegation.
    Require,
}

/// The properties that could be parsed. An invalid property counts as missing, except for the
/// parent zone and the parent role, which must not be guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own, which a user sets"
)]
pub struct Partial {
    /// The child's hosted zone. `None` if the child is hosted elsewhere.
    pub child_zone: Option<ZoneId>,
    /// The role that reads the child zone. `None` for the function's own role.
    pub child_role: Option<Role>,
    /// The child's name. `None` if it is the name of the child zone.
    pub domain_name: Option<Name>,
    /// The desired name servers. `None` for those of the child zone.
    pub name_servers: Option<NameServers>,
    /// From `ParentZoneId` or `ParentZoneName`. `None` if they are invalid.
    pub parent_zone: Option<ParentZone>,
    /// The role that reads and changes the parent zone. `None` for the function's own role, or if
    /// it is invalid.
    pub parent_role: Option<Role>,
    /// True if the parent role is invalid, and must not count as not set.
    pub parent_role_unreadable: bool,
    /// True if a property that determines the delegation point is invalid.
    pub point_unreadable: bool,
    /// The TTL of the NS record set. The default is two days.
    pub ttl: Ttl,
    /// True if the request may replace the different values that others have set. The default is
    /// false.
    pub allow_overwrite: bool,
    /// True if the delegation may hide records of the parent zone. The default is false.
    pub allow_occlusion: bool,
    /// True if a DS record set is desired. The default is false.
    pub dnssec: bool,
    /// The keys that get a DS record. `None` for all ACTIVE keys.
    pub key_signing_keys: Option<BTreeSet<KeyName>>,
    /// The TTL of the DS record set. The default is an hour.
    pub ds_ttl: Ttl,
    /// True if the response waits until all of Route 53's servers have the change. The default is
    /// true.
    pub wait_for_sync: bool,
    /// The mode of the DNS check. `None` if it is not set, which counts as `REPORT`.
    pub verification: Option<Verification>,
}

/// The properties of a request, each valid and consistent with the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Properties(Partial);

impl Deref for Properties {
    type Target = Partial;

    fn deref(&self) -> &Partial {
        &self.0
    }
}

/// An invalid property. Its message says which property it is, its value, and what it must be.
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

/// The properties of `Custom::Delegation`.
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

/// CloudFormation's own properties, which it passes to the function.
pub(crate) const CLOUDFORMATION_PROPERTIES: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// The longest `ServiceTimeout` in seconds, and its default (CloudFormation Template Reference,
/// `AWS::CloudFormation::CustomResource`).
pub(crate) const MAX_SERVICE_TIMEOUT: i64 = 3600;

impl Partial {
    /// Parses leniently: invalid properties must never fail a Delete, nor an Update if they are old
    /// properties. Returns what was valid, and the errors.
    pub fn parse(properties: &Value) -> (Self, Vec<PropertyError>) {
        let mut errors = Vec::new();
        let reader = keep(Reader::new(properties), &mut errors);
        let unreadable = reader.is_none();
        let reader = reader.unwrap_or_else(Reader::empty);
        keep(reader.reject_unknown(), &mut errors);
        keep(reader.service_timeout(), &mut errors);
        let before = errors.len();
        let child_zone = keep(reader.child_zone(), &mut errors).flatten();
        let mut child_role =
            keep(reader.role("ChildRoleArn", "ChildExternalId"), &mut errors).flatten();
        let domain_name = keep(reader.domain_name(), &mut errors).flatten();
        let parent_zone = keep(reader.parent_zone(), &mut errors);
        let parent_role = keep(reader.role("ParentRoleArn", "ParentExternalId"), &mut errors);
        let point_unreadable = unreadable || errors.len() > before;
        let parent_role_unreadable = unreadable || parent_role.is_none();
        let mut parent_role = parent_role.flatten();
        let roles = [("ChildRoleArn", &child_role), ("ParentRoleArn", &parent_role)];
        let roles = roles.into_iter().filter_map(|(key, role)| Some((key, role.as_ref()?)));
        let region = keep(reader.region(roles), &mut errors).flatten();
        for role in [&mut child_role, &mut parent_role].into_iter().flatten() {
            role.region.clone_from(&region);
        }
        let partial = Self {
            point_unreadable,
            child_zone,
            child_role,
            domain_name,
            name_servers: keep(reader.name_servers(), &mut errors).flatten(),
            parent_zone: parent_zone.filter(|_| !unreadable),
            parent_role_unreadable,
            parent_role,
            ttl: keep(reader.ttl("TTL"), &mut errors).flatten().unwrap_or(Ttl::DELEGATION),
            allow_overwrite: keep(reader.boolean("AllowOverwrite"), &mut errors)
                .flatten()
                .unwrap_or(false),
            allow_occlusion: keep(reader.boolean("AllowOcclusion"), &mut errors)
                .flatten()
                .unwrap_or(false),
            dnssec: keep(reader.boolean("Dnssec"), &mut errors).flatten().unwrap_or(false),
            key_signing_keys: keep(reader.key_signing_keys(), &mut errors).flatten(),
            ds_ttl: keep(reader.ttl("DsTTL"), &mut errors).flatten().unwrap_or(Ttl::DS),
            wait_for_sync: keep(reader.boolean("WaitForSync"), &mut errors)
                .flatten()
                .unwrap_or(true),
            verification: keep(reader.verification(), &mut errors).flatten(),
        };
        (partial, errors)
    }

    /// Returns the properties if none of them is invalid and they are consistent.
    ///
    /// # Errors
    /// The first of `errors`, or the inconsistency.
    pub fn validate(self, errors: Vec<PropertyError>) -> Result<Properties, PropertyError> {
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        let refuse = |code, message| Err(PropertyError::new(code, message));
        if self.child_zone.is_some() {
            return Ok(Properties(self));
        }
        if self.name_servers.is_none() {
            return refuse(
                Code::ChildZoneMissing,
                "ChildZoneId is missing. Set it to the id of the child hosted zone, or set \
                 NameServers and DomainName.",
            );
        }
        if self.domain_name.is_none() {
            return refuse(
                Code::DomainNameMissing,
                "DomainName is missing. NameServers without ChildZoneId requires it. Set it to the \
                 name of the child zone.",
            );
        }
        if self.child_role.is_some() {
            return refuse(
                Code::ChildRoleWithoutZone,
                "ChildRoleArn is set without ChildZoneId. There is no child zone to read with it. \
                 Remove it.",
            );
        }
        if self.dnssec {
            return refuse(
                Code::DnssecWithoutZone,
                "Dnssec is true without ChildZoneId. The key-signing keys are read from the child \
                 hosted zone. Set ChildZoneId, or remove Dnssec.",
            );
        }
        Ok(Properties(self))
    }

    /// The mode of the DNS check, or its default.
    pub(crate) fn verification_mode(&self) -> Verification {
        self.verification.unwrap_or(Verification::Report)
    }

    /// The digest of the properties that determine the desired name servers and DS records (OWN-1).
    pub fn intent(&self) -> Digest {
        Digest::from_intent(&Intent {
            child_zone: self.child_zone.as_ref(),
            name_servers: self.name_servers.as_ref(),
            dnssec: self.dnssec,
            key_signing_keys: self.key_signing_keys.as_ref(),
        })
    }

    /// The digest of the properties that lead to the delegation point of `name` (MOVE-3). An
    /// invalid parent zone leads nowhere: it counts as the child's own name, which can't be the
    /// parent's.
    pub fn route(&self, name: &Name) -> Digest {
        let nowhere = ParentZone::Name(name.clone());
        let parent = self.parent_zone.as_ref().unwrap_or(&nowhere);
        let roles = self.parent_role.iter().flat_map(Role::chain).map(RoleArn::as_str);
        let role = self.parent_role.as_ref().map(|_| roles.collect::<Vec<_>>().join(","));
        Digest::from_route(parent, role.as_deref(), name)
    }

    /// True if the response waits until Route 53 reports the change `INSYNC`. A required DNS check
    /// overrides `WaitForSync: false`.
    pub(crate) fn waits_for_sync(&self) -> bool {
        self.wait_for_sync || self.verification == Some(Verification::Require)
    }
}

impl Properties {
    /// Parses the `ResourceProperties` of a Create or Update.
    ///
    /// # Errors
    /// If one of them is invalid, or they are inconsistent.
    pub fn parse(properties: &Value) -> Result<Self, PropertyError> {
        let (partial, errors) = Partial::parse(properties);
        partial.validate(errors)
    }

    /// The parent zone, or the closest one if the properties name none.
    pub fn parent_zone(&self) -> &ParentZone {
        self.0.parent_zone.as_ref().unwrap_or(&ParentZone::Closest)
    }
}

/// Returns the value, or records the error.
fn keep<T>(result: Result<T, PropertyError>, errors: &mut Vec<PropertyError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// `ServiceTimeout` in seconds, if it is valid.
pub fn service_timeout(properties: &Value) -> Option<i64> {
    Reader::new(properties).ok()?.service_timeout().ok().flatten()
}

#[cfg(test)]
mod tests;
