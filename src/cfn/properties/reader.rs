//! The forms of the properties: texts, lists, numbers, true and false, as CloudFormation sends them.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::{KNOWN, ParentZone, PropertyError, Verification};
use crate::error::Code;
use delegation_model::ids::{KeyName, RoleArn, ZoneId};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::role::{ExternalId, Role};
use delegation_model::ttl::Ttl;

/// Reads one property at a time, in each of the forms in which CloudFormation may send it.
pub(super) struct Reader<'a>(Option<&'a Map<String, Value>>);

impl<'a> Reader<'a> {
    pub(super) fn new(properties: &'a Value) -> Result<Self, PropertyError> {
        match properties {
            Value::Object(map) => Ok(Self(Some(map))),
            Value::Null => Ok(Self(None)),
            _ => Err(PropertyError::new(Code::PropertiesNotAnObject, "ResourceProperties is not an object")),
        }
    }

    pub(super) fn empty() -> Self {
        Self(None)
    }

    pub(super) fn refuse_unknown(&self) -> Result<(), PropertyError> {
        // What starts with `Service` is CloudFormation's own: ServiceToken, ServiceTimeout.
        let unknown = |key: &&String| !KNOWN.contains(&key.as_str()) && !key.starts_with("Service");
        let Some(key) = self.0.into_iter().flat_map(Map::keys).find(unknown) else {
            return Ok(());
        };
        let similarity = |known: &str| strsim::jaro_winkler(&key.to_ascii_lowercase(), &known.to_ascii_lowercase());
        let nearest = KNOWN.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b))).copied().unwrap_or_default();
        let key: String = key.chars().take(100).collect();
        Err(PropertyError::new(
            Code::UnknownProperty,
            format!("{key} is not a property of Custom::Delegation; did you mean {nearest}?"),
        ))
    }

    /// A text; an empty one counts as not given, as `!If` and parameters without a value make it.
    fn text(&self, key: &str) -> Result<Option<&'a str>, PropertyError> {
        match self.0.and_then(|map| map.get(key)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(_) => Err(PropertyError::new(Code::InvalidText, format!("{key} is not a text"))),
        }
    }

    fn parsed<T: std::str::FromStr<Err: fmt::Display>>(
        &self,
        key: &str,
        code: Code,
    ) -> Result<Option<T>, PropertyError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        text.parse().map(Some).map_err(|error| invalid(code, key, text, &error))
    }

    pub(super) fn child_zone(&self) -> Result<Option<ZoneId>, PropertyError> {
        self.parsed("ChildZoneId", Code::InvalidZoneId)
    }

    pub(super) fn domain_name(&self) -> Result<Option<Name>, PropertyError> {
        self.parsed("DomainName", Code::InvalidName)
    }

    pub(super) fn parent_zone(&self) -> Result<ParentZone, PropertyError> {
        let id: Option<ZoneId> = self.parsed("ParentZoneId", Code::InvalidZoneId)?;
        let name: Option<Name> = self.parsed("ParentZoneName", Code::InvalidName)?;
        match (id, name) {
            (Some(_), Some(_)) => Err(PropertyError::new(
                Code::TwoParentZones,
                "ParentZoneId and ParentZoneName are both given; give one of them",
            )),
            (Some(id), None) => Ok(ParentZone::Id(id)),
            (None, Some(name)) => Ok(ParentZone::Name(name)),
            (None, None) => Ok(ParentZone::Closest),
        }
    }

    pub(super) fn role(&self, arn_key: &str, id_key: &str) -> Result<Option<Role>, PropertyError> {
        let arn: Option<RoleArn> = self.parsed(arn_key, Code::InvalidRoleArn)?;
        let external_id = self.text(id_key)?;
        let fits = |id: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
            (2..=1224).contains(&id.len()) && id.bytes().all(allowed)
        };
        if external_id.is_some_and(|id| !fits(id)) {
            // STS API Reference, AssumeRole. The value itself is a secret.
            let message = format!("{id_key} is invalid: it has 2 to 1224 letters, digits and _+=,.@:/-");
            return Err(PropertyError::new(Code::InvalidExternalId, message));
        }
        match (arn, external_id) {
            (None, Some(_)) => {
                let message = format!("{id_key} is given without {arn_key}; give the role, or remove it");
                Err(PropertyError::new(Code::ExternalIdWithoutRole, message))
            }
            (None, None) => Ok(None),
            (Some(arn), id) => Ok(Some(Role {
                arn,
                external_id: id.map(|id| ExternalId::new(id.to_owned())),
                region: self.parsed("AssumeRoleRegion", Code::InvalidRegion)?,
            })),
        }
    }

    /// A list, or one comma-joined text as `Fn::Join` and parameters make it; an empty text is "not given".
    fn list(&self, key: &str) -> Result<Option<Vec<&'a str>>, PropertyError> {
        match self.0.and_then(|map| map.get(key)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(joined)) if joined.trim().is_empty() => Ok(None),
            Some(Value::String(joined)) => Ok(Some(joined.split(',').collect())),
            Some(Value::Array(values)) => {
                let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
                let texts = texts
                    .ok_or_else(|| PropertyError::new(Code::InvalidList, format!("{key} is not a list of texts")))?;
                Ok(Some(texts.into_iter().flat_map(|text| text.split(',')).collect()))
            }
            Some(_) => {
                Err(PropertyError::new(Code::InvalidList, format!("{key} is neither a list nor a comma-joined text")))
            }
        }
    }

    pub(super) fn name_servers(&self) -> Result<Option<NameServers>, PropertyError> {
        const KEY: &str = "NameServers";
        let Some(texts) = self.list(KEY)? else { return Ok(None) };
        NameServers::given(&texts)
            .map(Some)
            .map_err(|error| PropertyError::new(Code::InvalidNameServers, format!("{KEY} is invalid: {error}")))
    }

    pub(super) fn key_signing_keys(&self) -> Result<Option<BTreeSet<KeyName>>, PropertyError> {
        const KEY: &str = "KeySigningKeys";
        let Some(texts) = self.list(KEY)? else { return Ok(None) };
        if texts.is_empty() {
            let message = format!("{KEY} names no key; name at least one, or leave it out for all that are ACTIVE");
            return Err(PropertyError::new(Code::NoKeysNamed, message));
        }
        let secures = self.boolean("Dnssec", false).unwrap_or(false);
        let child = self.child_zone().ok().flatten().filter(|_| secures);
        let name = |text: &str| {
            // What `Ref` gives has the zone that the key belongs to.
            let zone: Option<ZoneId> = text.split_once('|').and_then(|(zone, _)| zone.trim().parse().ok());
            if let (Some(zone), Some(child)) = (zone, &child)
                && zone != *child
            {
                return Err(invalid(
                    Code::KeyOfAnotherZone,
                    KEY,
                    text,
                    &format!("it is a key of another zone than ChildZoneId, {child}"),
                ));
            }
            text.trim().parse().map_err(|error| invalid(Code::InvalidKeyName, KEY, text, &error))
        };
        texts.into_iter().map(name).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn verification(&self) -> Result<Option<Verification>, PropertyError> {
        const KEY: &str = "Verification";
        let Some(text) = self.text(KEY)? else { return Ok(None) };
        match text.to_ascii_uppercase().as_str() {
            "NONE" => Ok(Some(Verification::None)),
            "REPORT" => Ok(Some(Verification::Report)),
            "REQUIRE" => Ok(Some(Verification::Require)),
            _ => Err(invalid(Code::InvalidVerification, KEY, text, &"it is NONE, REPORT or REQUIRE")),
        }
    }

    pub(super) fn ttl(&self, key: &str, default: Ttl) -> Result<Ttl, PropertyError> {
        let value = match self.0.and_then(|map| map.get(key)) {
            None | Some(Value::Null) => return Ok(default),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(default),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(other) => other.as_i64(),
        };
        let ttl = value.and_then(Ttl::new);
        ttl.ok_or_else(|| {
            let message = format!("{key} is invalid: it is a whole number of seconds from 0 to {}", Ttl::MAX);
            PropertyError::new(Code::InvalidTtl, message)
        })
    }

    pub(super) fn boolean(&self, key: &str, default: bool) -> Result<bool, PropertyError> {
        match self.0.and_then(|map| map.get(key)) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(default),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
            Some(_) => Err(PropertyError::new(Code::InvalidBoolean, format!("{key} is invalid: it is true or false"))),
        }
    }
}

fn invalid(code: Code, key: &str, text: &str, error: &dyn fmt::Display) -> PropertyError {
    let text: String = text.chars().take(100).collect();
    PropertyError::new(code, format!("{key} {text:?} is invalid: {error}"))
}
