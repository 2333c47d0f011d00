//! `AWS::Route53::KeySigningKey` and `AWS::Route53::DNSSEC` (Template Reference), of zones that are
//! served by a [`Dns`].

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::json;

use crate::aws::Sandbox;
use crate::cloudformation::{Physical, ResourceAction, ResourceRequest, ResourceType};
use crate::dns::Dns;
use crate::handles::ZoneHandle;

fn zone(aws: &Sandbox, request: &ResourceRequest) -> Result<ZoneHandle, String> {
    let id = request.properties["HostedZoneId"].as_str().unwrap_or_default();
    aws.zone(id).ok_or_else(|| format!("No hosted zone found with ID: {id}"))
}

/// Keys. `Ref` returns `<zone id>|<name>`.
pub(super) struct KeySigningKeys(pub(super) Sandbox);

impl KeySigningKeys {
    /// Probe: life/signed-by-the-templates.
    fn carry_out(&self, request: &ResourceRequest) -> Result<Physical, String> {
        let zone = zone(&self.0, request)?;
        let text = |property: &str| request.properties[property].as_str().unwrap_or_default();
        let name = text("Name");
        let is_last = zone.is_signing()
            && zone.keys().iter().all(|key| key.name == name || key.status != "ACTIVE");
        let ends =
            matches!(request.action, ResourceAction::Delete(_)) || text("Status") == "INACTIVE";
        if ends && is_last {
            // API Reference, `DeactivateKeySigningKey`.
            return Err(format!(
                "KeySigningKeyInUse: {name} is the only active key of a zone that is signed"
            ));
        }
        let changes =
            || zone.keys().iter().any(|key| key.name == name && key.status != text("Status"));
        match &request.action {
            ResourceAction::Create => drop(zone.create_key(name)),
            ResourceAction::Update(..) => {}
            ResourceAction::Delete(_) => drop(zone.delete_key(name)),
        }
        if changes() {
            zone.set_key_status(name, text("Status"));
        }
        Ok(Physical { id: format!("{}|{name}", zone.id()), attributes: json!({}) })
    }
}

impl ResourceType for KeySigningKeys {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        futures::future::ready(self.carry_out(&request)).boxed()
    }
}

/// The signing of a zone. [`Dns::disable_signing`] says when it ends.
pub(super) struct Signing {
    pub(super) aws: Sandbox,
    pub(super) dns: Dns,
}

impl Signing {
    /// Probe: route53/dnssec-off-beside-ds, life/signed-by-the-templates.
    fn carry_out(&self, request: &ResourceRequest) -> Result<Physical, String> {
        let zone = zone(&self.aws, request)?;
        if matches!(request.action, ResourceAction::Delete(_)) {
            self.dns.disable_signing(&zone)?;
        } else if zone.keys().iter().any(|key| key.status == "ACTIVE") {
            zone.start_signing();
        } else {
            // API Reference, `EnableHostedZoneDNSSEC`.
            return Err(format!("KeySigningKeyWithActiveStatusNotFound: {}", zone.id()));
        }
        Ok(Physical { id: zone.id(), attributes: json!({}) })
    }
}

impl ResourceType for Signing {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        futures::future::ready(self.carry_out(&request)).boxed()
    }
}
