//! `AWS::Route53::HostedZone` (Template Reference).
//!
//! Probe: life/by-the-templates.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;

use crate::aws::Sandbox;
use crate::cloudformation::{Physical, ResourceAction, ResourceRequest, ResourceType};

/// Hosted zones. A zone is deleted only if it is empty.
pub(super) struct HostedZones(pub(super) Sandbox);

impl ResourceType for HostedZones {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let name = request.properties["Name"].as_str().unwrap_or_default();
        let new = || self.0.account(&request.account).hosted_zone(name);
        let zone = match &request.action {
            ResourceAction::Update(id, old) if old["Name"] == request.properties["Name"] => {
                self.0.zone(id)
            }
            ResourceAction::Create | ResourceAction::Update(..) => Some(new()),
            ResourceAction::Delete(id) => self.0.zone(id),
        };
        let result = match (zone, &request.action) {
            (Some(zone), ResourceAction::Delete(_)) if zone.records().len() > 2 => Err(format!(
                "The specified hosted zone contains non-required resource record sets and so cannot be deleted. \
                 (HostedZoneNotEmpty) {}",
                zone.id()
            )),
            (Some(zone), action) => {
                if matches!(action, ResourceAction::Delete(_)) {
                    zone.delete();
                }
                Ok(Physical {
                    id: zone.id(),
                    attributes: json!({"NameServers": zone.name_servers(), "Id": zone.id()}),
                })
            }
            (None, ResourceAction::Delete(id)) => {
                Ok(Physical { id: id.clone(), attributes: json!({}) })
            }
            (None, _) => Err("No hosted zone found".to_owned()),
        };
        futures::future::ready(result).boxed()
    }
}
