//! `delegation plan --release`: shows how to remove the claim of a stack that no longer exists.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::diff::diff;
use super::error::{ErrorCode, Unanswered};
use super::{Status, Tools, output};
use custom_delegation::cfn::properties::{ParentZone, Partial};
use custom_delegation::handler::{expected, release};
use delegation_model::name::Name;
use delegation_model::ownership_record::{Claim, OwnershipRecord};
use delegation_model::reconcile::Action;
use delegation_model::record_set::Change;
use inventory::batch::{batch, command_line, document_of};

pub(super) async fn run(
    tools: &Tools,
    owner: &str,
    properties: &Value,
) -> Result<Status, Unanswered> {
    let (properties, errors) = Partial::parse(properties);
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    let name = properties.domain_name.ok_or_else(|| {
        Unanswered::new(
            ErrorCode::InvalidFlags,
            "--release requires the name of the delegation; set it with --domain-name \
             testing.example.com",
        )
    })?;
    let parent = properties.parent_zone.unwrap_or(ParentZone::Closest);
    let role = properties.parent_role.as_ref();
    let (session, zone) =
        expected::parent_zone(tools.accounts()?, role, &parent, Some(&name)).await?;
    let holders = release::holders(&session, &zone, &name).await?;
    let record = holders.record();
    let now = super::now();
    let claim = find(&record, owner, &name, now)?;
    let plan = holders.release(claim, properties.name_servers, now);
    let changes: Vec<&Change> = plan.changes.iter().collect();
    let batch = batch(&format!("removes the claim of {} on {name}", claim.owner), &changes);
    let command = batch.as_ref().map(|batch| command_line(&zone.id, batch));
    if tools.json {
        output::document(&json!({
            "request": "Release",
            "decision": if plan.changes.is_empty() { "NOTHING" } else { "CHANGE" },
            "owner": claim.owner.as_str(),
            "claim": claim.id.to_string(),
            "action": plan.action.map(Action::as_str),
            "name": name.as_str(),
            "parent_zone_id": zone.id.as_str(),
            "parent_zone_name": zone.name.as_str(),
            "changes": plan.changes.iter().map(document_of).collect::<Vec<_>>(),
            "warnings": plan.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "batch": batch,
            "command": command,
        }));
    } else {
        output::line(&format!(
            "Release of the claim of {} on {name} in the parent zone {} ({})",
            claim.owner, zone.id, zone.name
        ));
        output::line(match plan.action {
            Some(Action::Removed) => "This is the last claim: the delegation is removed with it.",
            Some(Action::PutBack) => "The displaced name servers are restored.",
            _ => "The claim is removed; the name servers stay.",
        });
        output::line("");
        for line in diff(&plan.changes) {
            output::line(&line);
        }
        output::line("");
        plan.warnings.iter().for_each(|warning| output::line(&format!("Warning: {warning}")));
        if let Some(command) = &command {
            output::line(
                "Do this only if the stack no longer exists. To do it by hand, with permissions in \
                 the parent account:",
            );
            output::line(command);
        }
    }
    Ok(if plan.changes.is_empty() { Status::AsExpected } else { Status::NotAsExpected })
}

/// Finds the one claim of this owner. `owner` is its name, or the digest of its claim.
fn find<'a>(
    record: &'a OwnershipRecord,
    owner: &str,
    name: &Name,
    now: i64,
) -> Result<&'a Claim, Unanswered> {
    let matches_owner =
        |claim: &&Claim| claim.owner.as_str() == Some(owner) || claim.id.to_string() == owner;
    let claims = || record.claims().filter(matches_owner);
    let ids: BTreeSet<String> = claims().map(|claim| claim.id.to_string()).collect();
    // A digest that is there twice was written by hand. The plan removes all values with it, and
    // follows the one that counts (TRUST-1).
    match claims().min_by_key(|claim| claim.precedence(now)) {
        Some(first) if ids.len() == 1 => Ok(first),
        None => {
            let known: Vec<String> =
                record.claims().map(|claim| format!("{} ({})", claim.owner, claim.id)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(Unanswered::new(
                ErrorCode::NoSuchClaim,
                format!(
                    "{} has no claim on {name}. The claims on it: {known}.",
                    output::typed(owner)
                ),
            ))
        }
        Some(_) => {
            let ids: Vec<String> = ids.into_iter().collect();
            let what =
                "several stacks with this name, in different accounts or Regions, have claims";
            Err(Unanswered::new(
                ErrorCode::AmbiguousOwner,
                format!("{what} on {name}; use the digest of one of them: {}", ids.join(", ")),
            ))
        }
    }
}
