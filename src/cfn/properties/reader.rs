//! Reads the properties one by one, and says what is wrong with an invalid one.

mod list;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use self::list::Item;
use super::forms::{hidden, is_blank, kind, number, quotes, whole_number};
use super::suggest::suggestion;
use super::{
    CLOUDFORMATION_PROPERTIES, KNOWN, MAX_SERVICE_TIMEOUT, ParentZone, PropertyError, Verification,
};
use crate::error::Code;
use delegation_model::ids::{KeyName, RoleArn, ZoneId};
use delegation_model::name::{Name, NameError};
use delegation_model::name_servers::{self, NameServers, NameServersError};
use delegation_model::role::{ExternalId, RegionName, Role};
use delegation_model::text::{
    hidden_character, is_invisible, may_be_secret, may_have_secret, not_repeated, quoted,
    quoted_word, shortened,
};
use delegation_model::ttl::Ttl;

/// How many characters of an unknown property's name a message repeats.
const MAX_NAME: usize = 100;
/// How many keys `KeySigningKeys` may name. A zone has at most two (Route 53 Developer Guide,
/// "Working with key-signing keys").
const MAX_KEYS: usize = 16;

/// Reads single properties, in each form that CloudFormation may send. `None` means that the
/// property is not set.
pub(super) struct Reader<'a>(Option<&'a Map<String, Value>>);

type Read<T> = Result<Option<T>, PropertyError>;

impl<'a> Reader<'a> {
    pub(super) fn new(properties: &'a Value) -> Result<Self, PropertyError> {
        match properties {
            Value::Object(map) => Ok(Self(Some(map))),
            Value::Null => Ok(Self(None)),
            other => {
                let message =
                    format!("ResourceProperties must be an object, but is {}.", kind(other));
                Err(PropertyError::new(Code::PropertiesNotAnObject, message))
            }
        }
    }

    pub(super) fn empty() -> Self {
        Self(None)
    }

    /// Fails if there is a property that is neither this resource's nor CloudFormation's.
    pub(super) fn reject_unknown(&self) -> Result<(), PropertyError> {
        let known = |key: &String| {
            KNOWN.contains(&key.as_str()) || CLOUDFORMATION_PROPERTIES.contains(&key.as_str())
        };
        let Some(key) = self.0.into_iter().flat_map(Map::keys).find(|key| !known(key)) else {
            return Ok(());
        };
        let hint = suggestion(key);
        let hint = hint.unwrap_or_else(|| "Remove it, or correct its name.".to_owned());
        // Quotation marks make a blank at the end, or an empty key, visible.
        let is_plain =
            !key.is_empty() && key.chars().all(|c| c.is_ascii_graphic() || is_invisible(c));
        let first: String = key.chars().take(MAX_NAME).collect();
        let named = match () {
            () if may_have_secret(key) => {
                format!("(a name of {} characters, not repeated here)", key.chars().count())
            }
            () if is_plain => first,
            () => format!("\"{first}\""),
        };
        let message = format!("{named} is not a property of Custom::Delegation. {hint}");
        Err(PropertyError::new(Code::UnknownProperty, message))
    }

    /// The value of a property. A blank one counts as not set: `!If` and parameters without a value
    /// produce those.
    fn value(&self, key: &str) -> Option<&'a Value> {
        self.0.and_then(|map| map.get(key)).filter(|value| !is_blank(value))
    }

    fn text(&self, key: &str) -> Read<&'a str> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim())),
            Some(other) => {
                let message =
                    format!("{key} must be a string, but is {}.{}", kind(other), quotes(other));
                Err(PropertyError::new(Code::InvalidText, message))
            }
        }
    }

    pub(super) fn child_zone(&self) -> Read<ZoneId> {
        self.zone_id("ChildZoneId", "DomainName")
    }

    pub(super) fn domain_name(&self) -> Read<Name> {
        self.name("DomainName", "ChildZoneId")
    }

    pub(super) fn parent_zone(&self) -> Result<ParentZone, PropertyError> {
        let id = self.zone_id("ParentZoneId", "ParentZoneName")?;
        let name = self.name("ParentZoneName", "ParentZoneId")?;
        match (id, name) {
            (Some(_), Some(_)) => Err(PropertyError::new(
                Code::TwoParentZones,
                "ParentZoneId and ParentZoneName are both set, and could contradict each other. \
                 Remove one of them.",
            )),
            (Some(id), None) => Ok(ParentZone::Id(id)),
            (None, Some(name)) => Ok(ParentZone::Name(name)),
            (None, None) => Ok(ParentZone::Closest),
        }
    }

    /// Reads the id of a zone. `other` is the property for its name. Many messages repeat an id,
    /// but none repeats a value that can't be one: it may be an external id.
    fn zone_id(&self, key: &str, other: &str) -> Read<ZoneId> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let id = usual_zone_id(text).ok_or_else(|| {
            let value = quoted(text, |_| false);
            let is_name = text.contains('.') && text.parse::<Name>().is_ok();
            let hint = if is_name {
                format!(" It looks like a name: use {other} for it.")
            } else {
                hidden_character(text)
            };
            let message = format!(
                "{key} {value} must be the id of a hosted zone: Z and 1 to 31 upper-case letters \
                 and digits, such as Z0123456789ABCDEFGHIJ.{hint}"
            );
            PropertyError::new(Code::InvalidZoneId, message)
        })?;
        Ok(Some(id))
    }

    /// Reads the name of a zone. `other` is the property for its id.
    fn name(&self, key: &str, other: &str) -> Read<Name> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        if looks_like_zone_id(text) {
            let message = format!(
                "{key} {} must be a domain name. It looks like the id of a hosted zone: use \
                 {other} for it.",
                quoted(text, is_name_char)
            );
            return Err(PropertyError::new(Code::InvalidName, message));
        }
        let invalid = |why: String| {
            let message =
                format!("{key} {} is not a domain name: {why}.", quoted(text, is_name_char));
            PropertyError::new(Code::InvalidName, message)
        };
        // A value with one of these characters is more likely an external id, which a message must
        // not repeat.
        if let Some((at, c)) = text.char_indices().find(|(_, c)| ":+=,@".contains(*c)) {
            let escape = format!("write it as \\{:03o} if it is part of the name", u32::from(c));
            return Err(invalid(format!(
                "it contains the character U+{:04X} at position {}; {escape}",
                u32::from(c),
                at + 1
            )));
        }
        let name: Name = text.parse().map_err(|error: NameError| invalid(error.to_string()))?;
        if may_be_secret(text) {
            return Err(invalid("it has only one label".to_owned()));
        }
        Ok(Some(name))
    }

    /// Reads a role, or a chain of two roles of which the first assumes the second, and the
    /// external id for the last role. No message repeats their values: somebody may have put the
    /// external id into the wrong property.
    pub(super) fn role(&self, arn_key: &str, id_key: &str) -> Read<Role> {
        let mut arns = self.role_arns(arn_key)?;
        let external_id = self.external_id(id_key)?;
        let region = self.region()?;
        match (arns.pop(), external_id) {
            (None, Some(_)) => {
                let message = format!(
                    "{id_key} is set without {arn_key}. Set {arn_key}, or remove {id_key}."
                );
                Err(PropertyError::new(Code::ExternalIdWithoutRole, message))
            }
            (None, None) => Ok(None),
            (Some(arn), external_id) => {
                Ok(Some(Role { arn, through: arns.pop(), external_id, region }))
            }
        }
    }

    fn role_arns(&self, key: &str) -> Result<Vec<RoleArn>, PropertyError> {
        let invalid = |message: String| PropertyError::new(Code::InvalidRoleArn, message);
        let values = self.list(key, arns_of)?.into_iter().flatten().flatten();
        // A comma may be in a role's name, or between a role and its external id, which may have
        // commas itself, or another item behind it. An external id behind one of `/`, `+`, `=`,
        // `.`, `@`, `_` and `-` can't be told from the name. Behind any other character it makes
        // the ARN invalid.
        let has_secret =
            |text: &str| text.split_once(',').is_some_and(|(_, rest)| may_have_secret(rest));
        let parse = |text: String| {
            let arn = text.parse().ok().filter(|_| !has_secret(&text));
            arn.ok_or_else(|| {
                invalid(format!(
                    "{key} must be the ARN of a role, such as arn:aws:iam::111111111111:role/name, \
                     or a list of two. Its value is not repeated here.{}",
                    hidden_character(&text)
                ))
            })
        };
        let arns: Vec<RoleArn> = values.map(parse).collect::<Result<_, _>>()?;
        if arns.len() > 2 {
            let count = arns.len();
            return Err(invalid(format!(
                "{key} lists {count} roles. Use at most two: a role that the function assumes, and \
                 the role that it assumes next."
            )));
        }
        Ok(arns)
    }

    fn external_id(&self, key: &str) -> Read<ExternalId> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        if let Some(id) = ExternalId::parse(text) {
            return Ok(Some(id));
        }
        let message = format!(
            "{key} must have 2 to 1224 characters, each a letter, a digit or one of _+=,.@:/-. Its \
             value is not repeated here.{}",
            hidden_character(text)
        );
        Err(PropertyError::new(Code::InvalidExternalId, message))
    }

    fn region(&self) -> Read<RegionName> {
        const KEY: &str = "AssumeRoleRegion";
        let Some(text) = self.text(KEY)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let value = quoted_word(text, |c| c.is_ascii_alphanumeric() || c == '-');
            let hint = hidden_character(text);
            let message =
                format!("{KEY} {value} must be the name of a Region, such as eu-central-1.{hint}");
            PropertyError::new(Code::InvalidRegion, message)
        })
    }

    pub(super) fn name_servers(&self) -> Read<NameServers> {
        const KEY: &str = "NameServers";
        let invalid = |why: &str| {
            PropertyError::new(
                Code::InvalidNameServers,
                format!("{KEY} must be a list of name server names. {why}"),
            )
        };
        let too_many = |count| invalid(&NameServersError::TooMany(count).to_string());
        let Some(items) = self.comma_list(KEY, name_servers::MAX, too_many)? else {
            return Ok(None);
        };
        let is_split_secret =
            |item: &&Item<'_>| item.whole.contains(',') && may_be_secret(item.whole);
        if let Some(item) = items.iter().find(is_split_secret) {
            return Err(invalid(&format!(
                "{} has no dot. Give the full name of each name server, such as ns1.example.net.",
                not_repeated(item.whole)
            )));
        }
        let names: Vec<&str> = items.iter().map(|item| item.text).collect();
        NameServers::parse(&names).map(Some).map_err(|error| invalid(&error.to_string()))
    }

    pub(super) fn key_signing_keys(&self) -> Read<BTreeSet<KeyName>> {
        const KEY: &str = "KeySigningKeys";
        let too_many = |count: usize| {
            let message = format!(
                "{KEY} names {count} keys. Name at most {MAX_KEYS}: a hosted zone has at most two \
                 key-signing keys."
            );
            PropertyError::new(Code::InvalidKeyName, message)
        };
        let Some(items) = self.comma_list(KEY, MAX_KEYS, too_many)? else { return Ok(None) };
        let secures = self.boolean("Dnssec").ok().flatten().unwrap_or(false);
        let child = self.child_zone().ok().flatten().filter(|_| secures);
        let name = |item: &Item<'_>| {
            let (text, value) = (item.text, quoted_key(item));
            // The value of `Ref` includes the zone of the key.
            let zone = text.split_once('|').and_then(|(zone, _)| usual_zone_id(zone.trim()));
            if let (Some(zone), Some(child)) = (zone, &child)
                && zone != *child
            {
                let message = format!("{KEY} {value} is not a key of ChildZoneId, {child}.");
                return Err(PropertyError::new(Code::KeyOfAnotherZone, message));
            }
            text.parse().map_err(|_| {
                let message = format!(
                    "{KEY} {value} must be the name of a key-signing key: 3 to 128 letters, digits \
                     and underscores. Separate several with commas.{}",
                    hidden_character(text)
                );
                PropertyError::new(Code::InvalidKeyName, message)
            })
        };
        items.iter().map(name).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn verification(&self) -> Read<Verification> {
        const KEY: &str = "Verification";
        let Some(text) = self.text(KEY)? else { return Ok(None) };
        match text.to_ascii_uppercase().as_str() {
            "NONE" => Ok(Some(Verification::None)),
            "REPORT" => Ok(Some(Verification::Report)),
            "REQUIRE" => Ok(Some(Verification::Require)),
            _ => {
                let value = quoted_word(text, |c| c.is_ascii_alphabetic());
                let message = format!(
                    "{KEY} {value} must be NONE, REPORT or REQUIRE.{}",
                    hidden_character(text)
                );
                Err(PropertyError::new(Code::InvalidVerification, message))
            }
        }
    }

    pub(super) fn ttl(&self, key: &str) -> Read<Ttl> {
        let Some(value) = self.value(key) else { return Ok(None) };
        whole_number(value).and_then(Ttl::new).map(Some).ok_or_else(|| {
            let range = format!("must be a whole number of seconds from 0 to {}", Ttl::MAX);
            PropertyError::new(
                Code::InvalidTtl,
                format!("{key} {} {range}.{}", number(value), hidden(value)),
            )
        })
    }

    pub(super) fn service_timeout(&self) -> Read<i64> {
        const KEY: &str = "ServiceTimeout";
        let Some(value) = self.value(KEY) else { return Ok(None) };
        let seconds =
            whole_number(value).filter(|seconds| (1..=MAX_SERVICE_TIMEOUT).contains(seconds));
        seconds.map(Some).ok_or_else(|| {
            let range =
                format!("must be a whole number of seconds from 1 to {MAX_SERVICE_TIMEOUT}");
            PropertyError::new(
                Code::InvalidServiceTimeout,
                format!("{KEY} {} {range}.{}", number(value), hidden(value)),
            )
        })
    }

    pub(super) fn boolean(&self, key: &str) -> Read<bool> {
        let value = match self.value(key) {
            None => return Ok(None),
            Some(Value::Bool(value)) => return Ok(Some(*value)),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("false") => {
                return Ok(Some(false));
            }
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("true") => {
                return Ok(Some(true));
            }
            Some(Value::String(text)) => quoted_word(text.trim(), |c| c.is_ascii_alphabetic()),
            Some(other) => format!("({})", kind(other)),
        };
        let hint = self.value(key).map(hidden).unwrap_or_default();
        Err(PropertyError::new(
            Code::InvalidBoolean,
            format!("{key} {value} must be true or false.{hint}"),
        ))
    }
}

/// Splits a string of comma-separated ARNs. The name of a role may contain a comma, but no colon.
fn arns_of(text: &str) -> Vec<String> {
    let mut arns: Vec<String> = Vec::new();
    for part in text.split(',') {
        match arns.last_mut() {
            Some(last) if !part.trim_start().starts_with("arn:") => {
                last.push(',');
                last.push_str(part);
            }
            _ => arns.push(part.to_owned()),
        }
    }
    arns.into_iter().map(|arn| arn.trim().to_owned()).filter(|arn| !arn.is_empty()).collect()
}

/// Parses the id of a zone in the form that Route 53 gives out.
fn usual_zone_id(text: &str) -> Option<ZoneId> {
    text.parse().ok().filter(ZoneId::has_usual_form)
}

fn looks_like_zone_id(text: &str) -> bool {
    usual_zone_id(text).is_some_and(|id| id.as_str().len() >= 10)
}

/// Returns how a message shows an item of `KeySigningKeys`. Its name may be an external id or a
/// part of one, and so may what should be its zone.
fn quoted_key(item: &Item<'_>) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match item.text.split_once('|') {
        // The zone's id looks like an external id, but is known to be none.
        Some((zone, name)) => {
            let (zone, name) = (zone.trim(), name.trim());
            let is_plain =
                zone.chars().all(fits) && usual_zone_id(zone).is_some() && name.chars().all(fits);
            if is_plain && !may_be_secret(name) {
                shortened(item.text)
            } else {
                not_repeated(item.text)
            }
        }
        None if may_be_secret(item.whole) => not_repeated(item.text),
        None => quoted(item.text, fits),
    }
}

/// True for the characters of domain names, as people write them.
fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || "-_.\\*/".contains(c)
}
