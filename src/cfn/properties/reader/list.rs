//! Reads a list in each form that CloudFormation may send.

use serde_json::Value;

use super::{Read, Reader};
use crate::cfn::properties::PropertyError;
use crate::cfn::properties::forms::{holds_list, is_blank, kind, quotes};
use crate::error::Code;

/// An item of a list.
pub(super) struct Item<'a> {
    pub(super) text: &'a str,
    /// The string from which it was split at commas. It may be an external id that has commas.
    pub(super) whole: &'a str,
}

impl<'a> Reader<'a> {
    /// Reads the items of a list, each split by `split`. The value may be a list, a list in a list
    /// (as a dash before `!GetAtt Zone.NameServers` produces it), or one string. Blank items are
    /// dropped.
    pub(super) fn list<T>(&self, key: &str, split: impl Fn(&'a str) -> T) -> Read<Vec<T>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let invalid = |why: String| {
            PropertyError::new(Code::InvalidList, format!("{key} must be a list. {why}"))
        };
        let mut items = Vec::new();
        let mut add = |position: String, item: &'a Value| match item {
            Value::String(text) if holds_list(text) => Err(invalid(format!(
                "{position} is a string that contains a list. Use the list itself."
            ))),
            item if is_blank(item) => Ok(()),
            Value::String(text) => {
                items.push(split(text));
                Ok(())
            }
            other => Err(invalid(format!(
                "{position} must be a string, but is {}.{}",
                kind(other),
                quotes(other)
            ))),
        };
        let Value::Array(outer) = value else {
            add("Its value".to_owned(), value)?;
            return Ok(Some(items));
        };
        for (index, item) in outer.iter().enumerate() {
            let position = index + 1;
            match item {
                Value::Array(inner) => {
                    for (index, item) in inner.iter().enumerate() {
                        add(format!("Item {} of the list in item {position}", index + 1), item)?;
                    }
                }
                item => add(format!("Item {position}"), item)?,
            }
        }
        Ok(Some(items))
    }

    /// Reads the items of a list, which may also be separated by commas within a string. `None` if
    /// all are blank. If there are more than `most`, they are counted and not stored, because each
    /// takes many times as much memory as its text.
    pub(super) fn comma_list(
        &self,
        key: &str,
        most: usize,
        too_many: impl FnOnce(usize) -> PropertyError,
    ) -> Read<Vec<Item<'a>>> {
        let strings = self.list(key, |text| text)?.unwrap_or_default();
        let items = || {
            let parts = strings.iter().copied().flat_map(|whole| {
                whole.split(',').map(move |part| Item { text: part.trim(), whole })
            });
            parts.filter(|item| !item.text.is_empty())
        };
        match items().count() {
            0 => Ok(None),
            count if count > most => Err(too_many(count)),
            _ => Ok(Some(items().collect())),
        }
    }
}
