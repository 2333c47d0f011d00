//! `delegation verify`: checks whether a delegation resolves.

mod report;
mod subject;

use std::time::Duration;

use serde_json::{Value, json};

use super::args::Verify as Args;
use super::error::Unanswered;
use super::{Status, Tools, output};
use custom_delegation::error::Code;
use delegation_model::name::Name;
use dns_check::{Verdict, Verifier};
use subject::{Delegation, NotDelegated, Subject};

/// Findings are not rechecked: a person wants to see the current state.
const PATIENCE: Duration = Duration::ZERO;

pub(super) async fn run(tools: &Tools, args: &Args) -> Result<Status, Unanswered> {
    let verifier = tools.verifier.clone().for_run(1).thorough();
    let mut statuses = Vec::new();
    let mut documents = Vec::new();
    for (index, name) in args.names.iter().enumerate() {
        if index > 0 && !tools.json {
            output::line("");
        }
        match check_name(tools, args, &verifier, name).await {
            Ok((status, document)) => {
                statuses.push(status);
                documents.push(document);
            }
            Err(unanswered) if args.names.len() == 1 => return Err(unanswered),
            // The others may still be answered.
            Err(unanswered) => {
                output::error(&format!("{}: {}", output::typed_name(name), unanswered.in_flags()));
                statuses.push(Status::Error);
            }
        }
    }
    if tools.json {
        match <[Value; 1]>::try_from(documents) {
            Ok([document]) if args.names.len() == 1 => output::document(&document),
            Ok([document]) => output::document(&json!([document])),
            Err(documents) => output::document(&Value::Array(documents)),
        }
    }
    let has = |status| statuses.contains(&status);
    Ok(match () {
        () if has(Status::NotAsExpected) => Status::NotAsExpected,
        () if has(Status::Error) => Status::Error,
        () => Status::AsExpected,
    })
}

/// Checks one name. Prints the result, or returns it as a document.
async fn check_name(
    tools: &Tools,
    args: &Args,
    verifier: &Verifier,
    name: &str,
) -> Result<(Status, Value), Unanswered> {
    let name: Name = name.parse().map_err(|error| {
        let message = format!("{} is not a domain name: {error}", output::typed_name(name));
        Unanswered::of_function(Code::InvalidName, message)
    })?;
    let delegation = match subject::find(tools, args, verifier, &name).await? {
        Subject::Delegation(delegation) => delegation,
        Subject::NotDelegated(not_delegated) => {
            if !tools.json {
                output::line(&format!("{}.", not_delegated.message));
            }
            return Ok((Status::NotAsExpected, not_delegated_document(&name, &not_delegated)));
        }
    };
    let Delegation { parent, expected, .. } = &delegation;
    let report = match parent {
        Some(parent) if !args.child_only => {
            verifier.verify_delegation(parent, expected, PATIENCE).await
        }
        _ => verifier.verify_child(expected, PATIENCE).await,
    };
    if !tools.json {
        report::print(&delegation, &report);
    }
    let status = match report.verdict() {
        Verdict::Good => Status::AsExpected,
        Verdict::Bad => Status::NotAsExpected,
        Verdict::Unknown => Status::Error,
    };
    Ok((status, report::document(&delegation, &report)))
}

fn not_delegated_document(name: &Name, not_delegated: &NotDelegated) -> Value {
    let NotDelegated { source, parent, message } = not_delegated;
    json!({
        "name": name.as_str(), "parent_zone": parent.as_str(), "expected_from": source.as_str(),
        "good": false, "verdict": "bad", "finding": message, "problems": [message], "findings": [],
        "name_servers": [], "parent_name_servers": [], "ds": [],
    })
}
