//! Deletes what a run has created, according to its journal.

use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, HostedZone, ResourceRecordSet};

use serde_json::Value;

use crate::backend::{Backend, Side};
use crate::context::{Account, change, error_text};
use crate::journal::{Journal, Thing};
use crate::recorder::{Recorder, stack_name};
use crate::stacks::{GONE, Stack};

/// The most values in one batch. It is below the quota of 1,000 (Route 53 Developer Guide,
/// "Quotas").
const MAX_VALUES: usize = 900;
/// The most characters in the values of one batch. It is below the quota of 32,000.
const MAX_CHARACTERS: usize = 30_000;

/// Deletes what is in the journal.
#[derive(Debug)]
pub struct Cleaner<'a> {
    /// An administrator of the account with the parent zone.
    pub parent: &'a Account,
    /// An administrator of the account with the child zone.
    pub child: &'a Account,
    pub backend: &'a dyn Backend,
    pub journal: &'a Journal,
}

impl Cleaner<'_> {
    /// Deletes everything, the latest first, and continues after errors. Returns what is left, with
    /// the errors.
    pub async fn clean(&self) -> Vec<(Thing, String)> {
        let mut left = Vec::new();
        for thing in self.journal.left() {
            let gone = match self.remove(&thing).await {
                Ok(()) => self.journal.gone(&thing).map_err(|error| error.to_string()),
                Err(error) => Err(error),
            };
            if let Err(error) = gone {
                left.push((thing, error));
            }
        }
        left
    }

    async fn remove(&self, thing: &Thing) -> Result<(), String> {
        match thing {
            Thing::Zones { name } => {
                for account in [self.parent, self.child] {
                    for zone in zones(account, name).await? {
                        remove_zone(account, &zone).await?;
                    }
                }
                Ok(())
            }
            Thing::Delegation { zone, name } => {
                remove_records(self.parent, zone, |set| is(set.name(), name)).await
            }
            Thing::Stack { side, name } => self.remove_stack(*side, name).await,
            Thing::Role { side, name } => self.remove_role(*side, name).await,
            Thing::Bucket { side, name } => {
                let bucket = format!("s3://{name}");
                absent(
                    self.backend.aws(*side, &["s3", "rb", &bucket, "--force"]).await,
                    "NoSuchBucket",
                )
            }
            Thing::LogGroups { side, prefix } => self.remove_log_groups(*side, prefix).await,
        }
    }

    async fn remove_stack(&self, side: Side, name: &str) -> Result<(), String> {
        let stack = Stack { backend: self.backend, side, name };
        let prefix = self.journal.run().map(|run| run.prefix).unwrap_or_default();
        let recorder =
            Recorder::open(self.backend, &prefix).await?.filter(|_| name != stack_name(&prefix));
        // The custom resources of the probes need an answer to their Delete.
        let answers = async {
            match &recorder {
                Some(recorder) => recorder.agree().await,
                None => std::future::pending().await,
            }
        };
        let deleted = async {
            // A stack can't be deleted while an operation is in progress.
            stack.at_rest().await?;
            stack.delete().await
        };
        let status = tokio::select! {
            status = deleted => status?,
            stopped = answers => return stopped,
        };
        if status.status == GONE {
            return Ok(());
        }
        Err(format!("{}: {}", status.status, status.reason))
    }

    async fn remove_log_groups(&self, side: Side, prefix: &str) -> Result<(), String> {
        let words = ["logs", "describe-log-groups", "--log-group-name-prefix", prefix];
        let listed = self.backend.aws(side, &words).await?;
        let listed: Value = serde_json::from_str(&listed).map_err(|error| error.to_string())?;
        let groups = listed.get("logGroups").and_then(Value::as_array).cloned().unwrap_or_default();
        for name in
            groups.iter().filter_map(|group| group.get("logGroupName").and_then(Value::as_str))
        {
            let words = ["logs", "delete-log-group", "--log-group-name", name];
            absent(self.backend.aws(side, &words).await, "ResourceNotFoundException")?;
        }
        Ok(())
    }

    async fn remove_role(&self, side: Side, name: &str) -> Result<(), String> {
        const ABSENT: &str = "NoSuchEntity";
        let listed =
            self.backend.aws(side, &["iam", "list-role-policies", "--role-name", name]).await;
        let listed = match listed {
            Err(error) if error.contains(ABSENT) => return Ok(()),
            listed => listed?,
        };
        let listed: Value = serde_json::from_str(&listed).map_err(|error| error.to_string())?;
        let names =
            listed.get("PolicyNames").and_then(Value::as_array).cloned().unwrap_or_default();
        for policy in names.iter().filter_map(Value::as_str) {
            let words = ["iam", "delete-role-policy", "--role-name", name, "--policy-name", policy];
            absent(self.backend.aws(side, &words).await, ABSENT)?;
        }
        absent(self.backend.aws(side, &["iam", "delete-role", "--role-name", name]).await, ABSENT)
    }
}

/// Treats the error of a missing resource as success.
fn absent(result: Result<String, String>, code: &str) -> Result<(), String> {
    match result {
        Err(error) if error.contains(code) => Ok(()),
        result => result.map(drop),
    }
}

/// Returns whether a name as Route 53 returns it is `name`.
fn is(returned: &str, name: &str) -> bool {
    returned.trim_end_matches('.') == name
}

/// Returns the hosted zones with this name and below it.
pub async fn zones(account: &Account, name: &str) -> Result<Vec<HostedZone>, String> {
    let (mut found, mut next) = (Vec::new(), None::<String>);
    let mut start = name.to_owned();
    // A page has 100 zones. The bound only prevents an endless loop: a run creates a few dozen
    // zones.
    for _ in 0..100 {
        let call = account
            .route53
            .list_hosted_zones_by_name()
            .dns_name(&start)
            .set_hosted_zone_id(next.take());
        let page = call
            .send()
            .await
            .map_err(|error| format!("Route 53 ListHostedZonesByName: {}", error_text(&error)))?;
        let own = |zone: &HostedZone| {
            is(zone.name(), name)
                || zone.name().trim_end_matches('.').ends_with(&format!(".{name}"))
        };
        let count = page.hosted_zones().len();
        let ours: Vec<HostedZone> =
            page.hosted_zones().iter().filter(|zone| own(zone)).cloned().collect();
        let all_ours = ours.len() == count;
        found.extend(ours);
        match (page.next_dns_name, page.next_hosted_zone_id) {
            (Some(name), id) if all_ours && page.is_truncated => {
                start = name;
                next = id.map(|id| id.trim_start_matches("/hostedzone/").to_owned());
            }
            _ => break,
        }
    }
    Ok(found)
}

/// Deletes a hosted zone with all of its record sets.
pub(crate) async fn remove_zone(account: &Account, zone: &HostedZone) -> Result<(), String> {
    let id = zone.id().trim_start_matches("/hostedzone/");
    let apex = |set: &ResourceRecordSet| {
        set.name() == zone.name() && matches!(set.r#type().as_str(), "NS" | "SOA")
    };
    remove_records(account, id, |set| !apex(set)).await?;
    match account
        .route53
        .delete_hosted_zone()
        .id(id)
        .send()
        .await
        .map_err(|error| error_text(&error))
    {
        Err(answer) if answer.starts_with("404 NoSuchHostedZone") => Ok(()),
        result => result
            .map(drop)
            .map_err(|answer| format!("Route 53 DeleteHostedZone of {}: {answer}", zone.name())),
    }
}

/// Deletes the record sets of a zone for which `gone` is true.
async fn remove_records(
    account: &Account,
    zone: &str,
    gone: impl Fn(&ResourceRecordSet) -> bool,
) -> Result<(), String> {
    let mut sets = Vec::new();
    let list = || account.route53.list_resource_record_sets().hosted_zone_id(zone);
    let mut call = list();
    // A page has 300 record sets; a zone has at most 10,000 unless the quota was raised.
    for _ in 0..200 {
        let page = call.send().await;
        let page = match page.map_err(|error| error_text(&error)) {
            Err(answer) if answer.starts_with("404 NoSuchHostedZone") => return Ok(()),
            page => page
                .map_err(|answer| format!("Route 53 ListResourceRecordSets of {zone}: {answer}"))?,
        };
        sets.extend(page.resource_record_sets.into_iter().filter(|set| gone(set)));
        if !page.is_truncated {
            break;
        }
        call = list()
            .set_start_record_name(page.next_record_name)
            .set_start_record_type(page.next_record_type)
            .set_start_record_identifier(page.next_record_identifier);
    }
    for batch in batches(sets) {
        let batch = ChangeBatch::builder()
            .comment("custom-delegation conformance: cleanup")
            .set_changes(Some(batch));
        let batch = batch.build().map_err(|error| error.to_string())?;
        let call =
            account.route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
        call.send().await.map_err(|error| {
            format!("Route 53 ChangeResourceRecordSets of {zone}: {}", error_text(&error))
        })?;
    }
    Ok(())
}

/// Splits deletions into batches within the service's limits.
fn batches(sets: Vec<ResourceRecordSet>) -> Vec<Vec<Change>> {
    let (mut batches, mut values, mut characters) = (vec![Vec::new()], 0, 0);
    for set in sets {
        let own = set.resource_records().len().max(1);
        let length: usize =
            set.resource_records().iter().map(|record| record.value().chars().count()).sum();
        if values + own > MAX_VALUES || characters + length > MAX_CHARACTERS {
            batches.push(Vec::new());
            (values, characters) = (0, 0);
        }
        values += own;
        characters += length;
        if let Some(batch) = batches.last_mut() {
            batch.push(change(ChangeAction::Delete, set));
        }
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}
