//! The requests that faults strike, with what CloudFormation does before and after each.

use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::lane::{Delivered, Lane};

/// A request that is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    Create,
    Update,
    Replacement,
    Delete,
    /// A Create with a DS record set.
    SignedCreate,
    /// An Update to the DS record set for another key.
    RollOver,
    /// A Delete of a delegation with a DS record set.
    SignedDelete,
    /// A Create that is refused for its properties.
    RefusedCreate,
    /// An Update that is refused for its properties.
    RefusedUpdate,
}

/// Those that succeed if nothing strikes them.
pub(crate) const STORIES: [Story; 7] = [
    Story::Create,
    Story::Update,
    Story::Replacement,
    Story::Delete,
    Story::SignedCreate,
    Story::RollOver,
    Story::SignedDelete,
];

/// As long as the template lets an invocation run.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(5);

impl Story {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Create | Self::SignedCreate | Self::RefusedCreate => "Create",
            Self::Update | Self::Replacement | Self::RollOver | Self::RefusedUpdate => "Update",
            Self::Delete | Self::SignedDelete => "Delete",
        }
    }

    /// The key that the DS record set is for, before the request and after it.
    fn keys(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::RollOver => (Some("one"), Some("two")),
            Self::SignedCreate | Self::SignedDelete => (Some("one"), Some("one")),
            _ => (None, None),
        }
    }

    fn properties_before(self, lane: &Lane) -> Value {
        lane.properties(self.keys().0.map_or_else(|| json!({}), signed))
    }

    fn properties(self, lane: &Lane) -> Value {
        match self {
            Self::Create | Self::Delete | Self::SignedCreate | Self::SignedDelete => {
                self.properties_before(lane)
            }
            Self::RollOver => lane.properties(signed("two")),
            Self::Update => lane.properties(json!({"TTL": "60"})),
            Self::RefusedCreate | Self::RefusedUpdate => lane.properties(json!({"TTL": "soon"})),
            Self::Replacement => lane.properties(json!({"ChildZoneId": lane.other.id()})),
        }
    }

    /// What comes before the request: the resource exists, unless it is created. Gives its physical
    /// id.
    pub(crate) async fn begin(self, lane: &Lane) -> Result<Option<String>, String> {
        if self.kind() == "Create" {
            return Ok(None);
        }
        let event = lane.event("Create", None, &self.properties_before(lane), None);
        let created = lane.deliver(&event, TIMEOUT, || {}).await?;
        must_succeed(&created)?;
        Ok(created.id().map(str::to_owned))
    }

    /// The request itself.
    pub(crate) fn event(self, lane: &Lane, id: Option<&str>) -> Value {
        let (new, old) = (self.properties(lane), self.properties_before(lane));
        let old = (self.kind() == "Update").then_some(&old);
        lane.event(self.kind(), id, &new, old)
    }

    /// What CloudFormation does after the request, until the resource is gone; what is wrong with
    /// the zone on the way.
    pub(crate) async fn end(
        self,
        lane: &Lane,
        id: Option<&str>,
        struck: &Delivered,
    ) -> Result<(), String> {
        let answered = struck.id();
        lane.check_others()?;
        match self {
            Self::Create | Self::SignedCreate | Self::RefusedCreate => {
                if struck.success() {
                    lane.check_delegated(&lane.child, 300)?;
                    lane.check_secured(self.keys().1)?;
                }
                match answered {
                    Some(answered) => delete(lane, answered, &self.properties_before(lane)).await?,
                    // After a Create without any answer CloudFormation deletes by an id of its own
                    // making; where nothing stood, that would leave a tombstone.
                    None if lane.check_as_before().is_ok() => {}
                    None => {
                        delete(lane, "mine-Delegation-1A2B3C4D5E6F", &self.properties_before(lane))
                            .await?;
                    }
                }
            }
            Self::Update | Self::Replacement | Self::RollOver | Self::RefusedUpdate => {
                let id = id.unwrap_or_default();
                let answered = answered.ok_or("an Update without an answer")?;
                let mut left = self.properties(lane);
                if struck.success() {
                    let zone = if self == Self::Replacement { &lane.other } else { &lane.child };
                    let ttl = if self == Self::Update { 60 } else { 300 };
                    lane.check_delegated(zone, ttl)?;
                    lane.check_secured(self.keys().1)?;
                    if answered != id {
                        delete(lane, id, &self.properties_before(lane)).await?;
                        lane.check_delegated(zone, ttl)?;
                    }
                } else {
                    if answered != id {
                        return Err(format!("a failed Update answered with {answered}"));
                    }
                    // The rollback: old and new swapped.
                    let event = lane.event(
                        "Update",
                        Some(id),
                        &self.properties_before(lane),
                        Some(&self.properties(lane)),
                    );
                    must_succeed(&lane.deliver(&event, TIMEOUT, || {}).await?)?;
                    lane.check_delegated(&lane.child, 300)?;
                    lane.check_secured(self.keys().0)?;
                    left = self.properties_before(lane);
                }
                delete(lane, answered, &left).await?;
            }
            Self::Delete | Self::SignedDelete => {
                if struck.success() {
                    lane.check_as_before()?;
                } else {
                    delete(lane, id.unwrap_or_default(), &self.properties_before(lane)).await?;
                }
            }
        }
        lane.check_as_before()
    }
}

fn signed(key: &str) -> Value {
    json!({"Dnssec": "true", "KeySigningKeys": [key]})
}

async fn delete(lane: &Lane, id: &str, properties: &Value) -> Result<(), String> {
    let event = lane.event("Delete", Some(id), properties, None);
    must_succeed(&lane.deliver(&event, TIMEOUT, || {}).await?)
}

fn must_succeed(delivered: &Delivered) -> Result<(), String> {
    if delivered.success() {
        Ok(())
    } else {
        Err(format!("a request without a fault is answered {delivered:?}"))
    }
}
