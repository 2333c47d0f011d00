//! `delegation plan`: shows what the function would change.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::args::Plan as Args;
use super::diff::diff;
use super::error::{ErrorCode, Unanswered};
use super::{Status, Tools, output};
use custom_delegation::cfn::envelope::{Request, RequestType};
use custom_delegation::error::{Failure, FailureKind};
use custom_delegation::handler::Services;
use custom_delegation::handler::preview::{Preview, preview};
use delegation_model::name::Name;
use delegation_model::reconcile::{Action, ReconciliationPlan};
use delegation_model::record_set::{Change, RecordType};
use inventory::batch::{batch, command_line, document_of};

/// The owner to plan for if none is given: a stack that does not exist yet.
const PLACEHOLDER_OWNER: (&str, &str) = ("your-stack", "Delegation");

pub(super) async fn run(tools: &Tools, args: &Args) -> Result<Status, Unanswered> {
    let file = args
        .properties
        .as_deref()
        .map(|path| read("--properties", path))
        .transpose()?
        .unwrap_or_default();
    let properties = args.properties(file);
    if let Some(owner) = &args.release {
        return super::release::run(tools, owner, &properties).await;
    }
    let old = args
        .old_properties
        .as_deref()
        .map(|path| read("--old-properties", path))
        .transpose()?
        .map(Value::Object);
    let request = Request {
        kind: if args.physical_id.is_some() { RequestType::Update } else { RequestType::Create },
        physical_id: args.physical_id.clone(),
        old_properties: old.unwrap_or_else(|| properties.clone()),
        properties,
        unreadable: None,
    };
    let named = args.stack_id.as_deref().zip(args.logical_id.as_deref());
    let (stack, logical) = named.unwrap_or(PLACEHOLDER_OWNER);
    let services =
        Services { config: &tools.config, accounts: tools.accounts()?, verifier: &tools.verifier };
    let result = preview(services, &request, stack, logical).await;
    let (preview, refused) = match result {
        Err(failure) if would_refuse(&failure) => (None, Some(failure)),
        Err(failure) => return Err(failure.into()),
        Ok(preview) => match preview.result.as_ref().err().cloned() {
            Some(failure) if !would_refuse(&failure) => return Err(failure.into()),
            refused => (Some(preview), refused),
        },
    };
    let owner = if named.is_some() { Owner::Flags } else { Owner::Placeholder };
    let report = Report::new(request.kind, preview.as_ref(), refused, owner);
    if tools.json {
        output::document(&report.document());
    } else {
        report.lines().iter().for_each(|line| output::line(line));
    }
    Ok(report.status())
}

fn read(flag: &str, path: &Path) -> Result<Map<String, Value>, Unanswered> {
    let failure =
        |code, why: String| Unanswered::new(code, format!("{flag} {}: {why}", path.display()));
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| failure(ErrorCode::FileNotRead, format!("can't read the file: {error}")))?;
    let expected = "a JSON object of properties, for instance {\"ChildZoneId\": \"Z...\"}";
    let document: Value = serde_json::from_str(&text).map_err(|error| {
        failure(ErrorCode::InvalidFile, format!("the file does not contain {expected}: {error}"))
    })?;
    // The message does not repeat the value, which may be an external id.
    let Value::Object(properties) = document else {
        let why = format!("the file does not contain {expected}");
        return Err(failure(ErrorCode::InvalidFile, why));
    };
    for (property, value) in &properties {
        if let Some(function) = template_function(value) {
            return Err(failure(
                ErrorCode::InvalidFile,
                format!(
                    "{property} has the template function {function}, which only CloudFormation \
                     can resolve. Replace it with its value."
                ),
            ));
        }
    }
    Ok(properties)
}

/// The first template function in a value, at any depth.
fn template_function(value: &Value) -> Option<&str> {
    match value {
        Value::Object(object) => object.iter().find_map(|(key, value)| {
            if key == "Ref" || key.starts_with("Fn::") {
                Some(key.as_str())
            } else {
                template_function(value)
            }
        }),
        Value::Array(items) => items.iter().find_map(template_function),
        _ => None,
    }
}

/// True if the function would refuse the request: by a rule, because of the DNS check, or because a
/// later request has run. False if the request is invalid or a call failed.
fn would_refuse(failure: &Failure) -> bool {
    matches!(failure.kind(), FailureKind::Refused | FailureKind::Unverified | FailureKind::Stale)
}

/// Whose claim a plan writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The stack and the resource that the flags name.
    Flags,
    /// [`PLACEHOLDER_OWNER`].
    Placeholder,
}

/// The output of a plan.
struct Report<'a> {
    kind: RequestType,
    preview: Option<&'a Preview>,
    plan: Option<&'a ReconciliationPlan>,
    refused: Option<Failure>,
    owner: Owner,
    batch: Option<Value>,
}

impl<'a> Report<'a> {
    fn new(
        kind: RequestType,
        preview: Option<&'a Preview>,
        refused: Option<Failure>,
        owner: Owner,
    ) -> Self {
        let plan = preview.and_then(|preview| preview.result.as_ref().ok());
        // A claim belongs to a stack. Without a stack, only the delegation itself is created by
        // hand.
        let by_hand = |change: &&Change| {
            owner == Owner::Flags || change.record_set().record_type != RecordType::Txt
        };
        let by_hand: Vec<&Change> = match plan {
            Some(plan) if !plan.only_refreshes => plan.changes.iter().filter(by_hand).collect(),
            _ => Vec::new(),
        };
        let comment = preview
            .map(|preview| format!("delegation of {}, as planned by hand", preview.point.name));
        let batch = batch(&comment.unwrap_or_default(), &by_hand);
        Self { kind, preview, plan, refused, owner, batch }
    }

    fn status(&self) -> Status {
        match self.plan {
            None => Status::Refused,
            Some(plan) if plan.only_refreshes || plan.changes.is_empty() => Status::AsExpected,
            Some(_) => Status::NotAsExpected,
        }
    }

    fn command(&self) -> Option<String> {
        Some(command_line(&self.preview?.point.zone, self.batch.as_ref()?))
    }

    fn document(&self) -> Value {
        let preview = self.preview;
        let parent_zone = preview.and_then(|preview| preview.parent_zone.as_ref());
        let changes: Vec<Value> =
            self.plan.iter().flat_map(|plan| &plan.changes).map(document_of).collect();
        let warnings: Vec<String> =
            preview.iter().flat_map(|preview| &preview.warnings).map(ToString::to_string).collect();
        let finding = preview.and_then(|preview| preview.finding.as_ref());
        json!({
            "request": self.kind.to_string(),
            "decision": match self.status() {
                Status::AsExpected => "NOTHING",
                Status::NotAsExpected => "CHANGE",
                Status::Refused | Status::Error => "REFUSED",
            },
            "reason": self.refused.as_ref().map(Failure::coded),
            "action": self.plan.and_then(|plan| plan.action).map(Action::as_str),
            "physical_id": preview.map(|preview| &preview.physical_id),
            "replaces": preview.and_then(|preview| preview.replaces.as_ref()),
            "name": preview.map(|preview| preview.point.name.as_str()),
            "parent_zone_id": preview.map(|preview| preview.point.zone.as_str()),
            "parent_zone_name": parent_zone.map(Name::as_str),
            "changes": changes,
            "warnings": warnings,
            "verification": finding.map(|finding| json!({
                "good": finding.is_good(),
                "finding": finding.to_string(),
            })),
            "batch": self.batch,
            "command": self.command(),
        })
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let kind = self.kind;
        if let Some(preview) = self.preview {
            let zone =
                preview.parent_zone.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            lines.push(format!(
                "{kind} of {} in the parent zone {}{zone}",
                preview.point.name, preview.point.zone
            ));
        }
        if let Some(failure) = &self.refused {
            lines.push(format!("Refused: {}", failure.coded()));
        }
        if let Some(plan) = self.plan {
            match plan.action.filter(|_| self.status() == Status::NotAsExpected) {
                Some(action) => lines.push(format!("Action: {action}")),
                None if plan.changes.is_empty() => lines.push("Nothing to change.".into()),
                None => lines.push(
                    "Nothing to change; the stack would write the time of its request into its \
                     claim."
                        .into(),
                ),
            }
            if self.status() == Status::NotAsExpected {
                lines.push(String::new());
                lines.extend(diff(&plan.changes));
                lines.push(String::new());
            }
        }
        let Some(preview) = self.preview else { return lines };
        if let Some(old) = &preview.replaces {
            lines.push(format!(
                "CloudFormation then deletes the old delegation, {old}; that is not part of this \
                 plan."
            ));
        }
        lines.extend(preview.warnings.iter().map(|warning| format!("Warning: {warning}")));
        lines.extend(preview.finding.as_ref().map(|finding| format!("Name servers: {finding}.")));
        let claims = self.plan.is_some_and(|plan| {
            plan.changes.iter().any(|change| change.record_set().record_type == RecordType::Txt)
        });
        if self.status() == Status::NotAsExpected && claims && self.owner == Owner::Placeholder {
            lines.push(
                "The claim in the TXT record set is shown as a new stack named your-stack would \
                 write it."
                    .into(),
            );
        }
        if let Some(command) = self.command() {
            let by_hand = match self.owner {
                Owner::Flags => "To do this by hand",
                Owner::Placeholder => "To do this by hand, without the claim",
            };
            lines.push(format!("{by_hand}, with permissions in the parent account:"));
            lines.push(command);
        }
        lines
    }
}
