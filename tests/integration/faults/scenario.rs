//! The requests that faults strike, and what CloudFormation does before and after each.

use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::fixture::{ColdStartFixture, Delivered};

/// A request that a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Create,
    Update,
    Replacement,
    Delete,
    /// A Create with a DS record set.
    SignedCreate,
    /// An Update to the DS record set of another key.
    RollOver,
    /// A Delete of a delegation with a DS record set.
    SignedDelete,
    /// A Create that is refused because of its properties.
    RefusedCreate,
    /// An Update that is refused because of its properties.
    RefusedUpdate,
}

/// The scenarios whose request succeeds without faults.
pub(crate) const SCENARIOS: [Scenario; 7] = [
    Scenario::Create,
    Scenario::Update,
    Scenario::Replacement,
    Scenario::Delete,
    Scenario::SignedCreate,
    Scenario::RollOver,
    Scenario::SignedDelete,
];

/// The timeout of an invocation in the template.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(5);

impl Scenario {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Create | Self::SignedCreate | Self::RefusedCreate => "Create",
            Self::Update | Self::Replacement | Self::RollOver | Self::RefusedUpdate => "Update",
            Self::Delete | Self::SignedDelete => "Delete",
        }
    }

    /// The keys of the DS record set before and after the request.
    fn keys(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::RollOver => (Some("one"), Some("two")),
            Self::SignedCreate | Self::SignedDelete => (Some("one"), Some("one")),
            _ => (None, None),
        }
    }

    fn properties_before(self, fixture: &ColdStartFixture) -> Value {
        fixture.properties(self.keys().0.map_or_else(|| json!({}), signed))
    }

    fn properties(self, fixture: &ColdStartFixture) -> Value {
        match self {
            Self::Create | Self::Delete | Self::SignedCreate | Self::SignedDelete => {
                self.properties_before(fixture)
            }
            Self::RollOver => fixture.properties(signed("two")),
            Self::Update => fixture.properties(json!({"TTL": "60"})),
            Self::RefusedCreate | Self::RefusedUpdate => fixture.properties(json!({"TTL": "soon"})),
            Self::Replacement => fixture.properties(json!({"ChildZoneId": fixture.other.id()})),
        }
    }

    /// Prepares the request: creates the resource, unless the request is a Create. Returns its
    /// physical id.
    pub(crate) async fn begin(self, fixture: &ColdStartFixture) -> Result<Option<String>, String> {
        if self.kind() == "Create" {
            return Ok(None);
        }
        let event = fixture.event("Create", None, &self.properties_before(fixture), None);
        let created = fixture.deliver(&event, TIMEOUT, || {}).await?;
        must_succeed(&created)?;
        Ok(created.id().map(str::to_owned))
    }

    /// Returns the event of the request.
    pub(crate) fn event(self, fixture: &ColdStartFixture, id: Option<&str>) -> Value {
        let (new, old) = (self.properties(fixture), self.properties_before(fixture));
        let old = (self.kind() == "Update").then_some(&old);
        fixture.event(self.kind(), id, &new, old)
    }

    /// Does what CloudFormation does after the request, until the resource is deleted, and checks
    /// the zone on the way.
    pub(crate) async fn end(
        self,
        fixture: &ColdStartFixture,
        id: Option<&str>,
        delivered: &Delivered,
    ) -> Result<(), String> {
        let answered = delivered.id();
        fixture.check_others()?;
        match self {
            Self::Create | Self::SignedCreate | Self::RefusedCreate => {
                if delivered.success() {
                    fixture.check_delegated(&fixture.child, 300)?;
                    fixture.check_secured(self.keys().1)?;
                }
                match answered {
                    Some(answered) => {
                        delete(fixture, answered, &self.properties_before(fixture)).await?;
                    }
                    // After a Create without an answer, CloudFormation sends a Delete with an id
                    // that it invented. Where nothing was created, the Delete would leave a
                    // tombstone.
                    None if fixture.check_as_before().is_ok() => {}
                    None => {
                        delete(
                            fixture,
                            "mine-Delegation-1A2B3C4D5E6F",
                            &self.properties_before(fixture),
                        )
                        .await?;
                    }
                }
            }
            Self::Update | Self::Replacement | Self::RollOver | Self::RefusedUpdate => {
                let id = id.unwrap_or_default();
                let answered = answered.ok_or("an Update without an answer")?;
                let mut left = self.properties(fixture);
                if delivered.success() {
                    let zone =
                        if self == Self::Replacement { &fixture.other } else { &fixture.child };
                    let ttl = if self == Self::Update { 60 } else { 300 };
                    fixture.check_delegated(zone, ttl)?;
                    fixture.check_secured(self.keys().1)?;
                    if answered != id {
                        delete(fixture, id, &self.properties_before(fixture)).await?;
                        fixture.check_delegated(zone, ttl)?;
                    }
                } else {
                    if answered != id {
                        return Err(format!("a failed Update answered with {answered}"));
                    }
                    // The rollback: the old and the new properties are swapped.
                    let event = fixture.event(
                        "Update",
                        Some(id),
                        &self.properties_before(fixture),
                        Some(&self.properties(fixture)),
                    );
                    must_succeed(&fixture.deliver(&event, TIMEOUT, || {}).await?)?;
                    fixture.check_delegated(&fixture.child, 300)?;
                    fixture.check_secured(self.keys().0)?;
                    left = self.properties_before(fixture);
                }
                delete(fixture, answered, &left).await?;
            }
            Self::Delete | Self::SignedDelete => {
                if delivered.success() {
                    fixture.check_as_before()?;
                } else {
                    delete(fixture, id.unwrap_or_default(), &self.properties_before(fixture))
                        .await?;
                }
            }
        }
        fixture.check_as_before()
    }
}

fn signed(key: &str) -> Value {
    json!({"Dnssec": "true", "KeySigningKeys": [key]})
}

async fn delete(fixture: &ColdStartFixture, id: &str, properties: &Value) -> Result<(), String> {
    let event = fixture.event("Delete", Some(id), properties, None);
    must_succeed(&fixture.deliver(&event, TIMEOUT, || {}).await?)
}

fn must_succeed(delivered: &Delivered) -> Result<(), String> {
    if delivered.success() {
        Ok(())
    } else {
        Err(format!("a request without a fault failed: {delivered:?}"))
    }
}
