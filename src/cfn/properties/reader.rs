//! Reads the properties one by one, and says what is wrong with an invalid one.

mod keys;
mod list;
mod role;
mod zone;

use serde_json::{Map, Value};

use self::list::Item;
use super::forms::{hidden, is_blank, kind, number, quotes, whole_number};
use super::suggest::suggestion;
use super::{CLOUDFORMATION_PROPERTIES, KNOWN, MAX_SERVICE_TIMEOUT, PropertyError, Verification};
use crate::error::Code;
use delegation_model::name_servers::{self, NameServers, NameServersError};
use delegation_model::text::{
    hidden_character, is_invisible, may_be_secret, may_have_secret, not_repeated, quoted_word,
};
use delegation_model::ttl::Ttl;

/// How many characters of an unknown property's name a message repeats.
const MAX_NAME: usize = 100;

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
