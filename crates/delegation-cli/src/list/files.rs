//! Reads the files that a listing uses.

use std::path::Path;

use super::super::args::Scope;
use super::super::error::{ErrorCode, Unanswered};
use super::super::output;
use delegation_model::role::Role;
use delegation_model::text::{may_have_secret, not_repeated};
use inventory::Accepted;
use inventory::batch::ascii;

fn read(flag: &str, path: &Path) -> Result<String, Unanswered> {
    let read = std::fs::read_to_string(path);
    read.map_err(|error| {
        Unanswered::new(
            ErrorCode::FileNotRead,
            format!("{flag} {}: can't read the file: {error}", path.display()),
        )
    })
}

fn invalid(path: &Path, why: &str) -> Unanswered {
    Unanswered::new(ErrorCode::InvalidFile, format!("{}: {why}", path.display()))
}

/// Reads the ARNs of stacks, separated by white space, as `aws cloudformation list-stacks --output
/// text` prints them.
pub(super) fn stacks(path: &Path) -> Result<Vec<String>, Unanswered> {
    let stacks: Vec<String> =
        read("--stacks", path)?.split_whitespace().map(str::to_owned).collect();
    let is_stack = |text: &str| {
        text.starts_with("arn:") && text.contains(":cloudformation:") && text.contains(":stack/")
    };
    if let Some(other) = stacks.iter().find(|text| !is_stack(text)) {
        // It may be the file of roles, which has external ids.
        let shown = if may_have_secret(other) {
            not_repeated(other)
        } else {
            format!("\"{}\"", ascii(other))
        };
        return Err(invalid(
            path,
            &format!(
                "{shown} is not the ARN of a stack. The file must have the ARNs of all stacks, \
                 which `aws cloudformation list-stacks --query 'StackSummaries[].StackId' \
                 --output text` prints.",
            ),
        ));
    }
    if stacks.is_empty() {
        return Err(invalid(
            path,
            "the file is empty, so every claim would count as dead. It must contain the ARNs of \
             all stacks.",
        ));
    }
    Ok(stacks)
}

/// Reads roles, one per line: an ARN, optionally followed by white space and its external id. A `#`
/// starts a comment.
pub(super) fn roles(path: &Path, scope: &Scope) -> Result<Vec<Role>, Unanswered> {
    let mut roles = Vec::new();
    for (number, line) in read("--roles", path)?.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let role = match words.as_slice() {
            [] => continue,
            [arn] => scope.role(arn, None),
            [arn, external_id] => scope.role(arn, Some(external_id)),
            // The rest may be a secret, so it is not repeated.
            _ => {
                return Err(invalid(
                    path,
                    &format!("line {} has more than a role and its external id", number + 1),
                ));
            }
        };
        let invalid_line = |message: String| {
            // The file does not use property names.
            let message = message
                .replace("ParentRoleArn", "the role")
                .replace("ParentExternalId", "the external id");
            invalid(path, &format!("line {}: {message}", number + 1))
        };
        let role = role.map_err(|error| invalid_line(error.to_string()))?;
        roles.extend(role);
    }
    if roles.is_empty() {
        return Err(invalid(path, "the file has no roles; write one role ARN per line"));
    }
    Ok(roles)
}

/// Reads the accepted findings.
pub(super) fn accepted(path: &Path) -> Result<Accepted, Unanswered> {
    let accepted = Accepted::parse(&read("--accepted", path)?);
    accepted.map_err(|error| invalid(path, &output::plain(&error.to_string())))
}
