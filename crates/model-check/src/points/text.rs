//! Contents of delegation points as text, for traces.

use delegation_model::ownership_record::Value;
use delegation_model::ttl::Ttl;

use super::{PointId, Points};
use crate::values::{self, START};

impl Points {
    /// Returns the content in one line.
    pub(crate) fn text(&self, id: PointId) -> String {
        let observed = self.contents(id);
        let mut parts: Vec<String> = observed
            .at_cut
            .iter()
            .map(|set| {
                let ttl = set.ttl.map_or(0, Ttl::seconds);
                format!("{} {ttl} {}", set.record_type, set.values.join(","))
            })
            .collect();
        let record = observed.record();
        for value in record.iter() {
            parts.push(self.value_text(value));
        }
        if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
    }

    fn value_text(&self, value: &Value) -> String {
        let letter = |digest| self.values.letter_of(digest).map_or('?', values::letter);
        let owner = |id| {
            let index = self.values.claimants.iter().position(|claimant| claimant.id() == id);
            index
                .and_then(|index| u8::try_from(index).ok())
                .map_or("?".to_owned(), values::resource_text)
        };
        match value {
            Value::Claim(claim) => {
                let mut text = format!(
                    "{} claims {} at {} ({}",
                    owner(claim.id),
                    letter(claim.ns),
                    claim.stamp.time - START,
                    claim.basis
                );
                text.push_str(
                    &claim.saw.map(|saw| format!(", saw {}", saw - START)).unwrap_or_default(),
                );
                text.push_str(
                    &claim.from.as_ref().map(|from| format!(", from {from}")).unwrap_or_default(),
                );
                text.push_str(if claim.ds.is_some() { ", ds)" } else { ")" });
                text
            }
            Value::Origin(origin) => match &origin.displaced {
                None => format!("before: {} existed", letter(origin.of)),
                Some(displaced) => {
                    let claimed = if displaced.claimed { ", claimed" } else { "" };
                    let at = displaced.time - START;
                    format!(
                        "before: {} displaced {} at {at}{claimed}",
                        letter(origin.of),
                        displaced.name_servers
                    )
                }
            },
            Value::Tombstone(stone) => {
                format!("tombstone of {} at {}", owner(stone.id), stone.time - START)
            }
            Value::Unreadable => "unreadable".to_owned(),
            Value::Foreign => "foreign".to_owned(),
        }
    }
}
