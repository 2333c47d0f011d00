//! Reads the ids and names of zones.

use super::{Read, Reader};
use crate::cfn::properties::{ParentZone, PropertyError};
use crate::error::Code;
use delegation_model::ids::ZoneId;
use delegation_model::name::{Name, NameError};
use delegation_model::text::{hidden_character, may_be_secret, quoted};

impl Reader<'_> {
    pub(in crate::cfn::properties) fn child_zone(&self) -> Read<ZoneId> {
        self.zone_id("ChildZoneId", "DomainName")
    }

    pub(in crate::cfn::properties) fn domain_name(&self) -> Read<Name> {
        self.name("DomainName", "ChildZoneId")
    }

    pub(in crate::cfn::properties) fn parent_zone(&self) -> Result<ParentZone, PropertyError> {
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
}

/// Parses the id of a zone in the form that Route 53 gives out.
pub(super) fn usual_zone_id(text: &str) -> Option<ZoneId> {
    text.parse().ok().filter(ZoneId::has_usual_form)
}

fn looks_like_zone_id(text: &str) -> bool {
    usual_zone_id(text).is_some_and(|id| id.as_str().len() >= 10)
}

/// True for the characters of domain names, as people write them.
fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || "-_.\\*/".contains(c)
}
