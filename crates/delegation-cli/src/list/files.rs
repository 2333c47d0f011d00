//! The files that a listing reads.

use std::path::Path;

use super::super::args::Scope;
use super::super::{Unanswered, output};
use delegation_model::role::Role;
use inventory::Accepted;
use inventory::batch::ascii;

fn read(flag: &str, path: &Path) -> Result<String, Unanswered> {
    let read = std::fs::read_to_string(path);
    read.map_err(|error| {
        Unanswered::new(format!("{flag} {}: the file can't be read: {error}", path.display()))
    })
}

fn wrong(path: &Path, what: &str) -> Unanswered {
    Unanswered::new(format!("{}: {what}", path.display()))
}

/// The ARNs of stacks, separated by white space as `aws cloudformation list-stacks --output text`
/// prints them.
pub(super) fn stacks(path: &Path) -> Result<Vec<String>, Unanswered> {
    let stacks: Vec<String> =
        read("--stacks", path)?.split_whitespace().map(str::to_owned).collect();
    let is_stack = |text: &str| {
        text.starts_with("arn:") && text.contains(":cloudformation:") && text.contains(":stack/")
    };
    if let Some(other) = stacks.iter().find(|text| !is_stack(text)) {
        return Err(wrong(
            path,
            &format!(
                "\"{}\" is not the ARN of a stack. The file must have the ARNs of all stacks, which \
                 `aws cloudformation list-stacks --query 'StackSummaries[].StackId' --output text` prints.",
                ascii(other),
            ),
        ));
    }
    if stacks.is_empty() {
        return Err(wrong(
            path,
            "the file is empty, so every claim would count as dead. It must have the ARNs of all stacks.",
        ));
    }
    Ok(stacks)
}

/// The roles, one a line: an ARN, and behind white space its external id if it has one. Behind a
/// `#` there is a remark.
pub(super) fn roles(path: &Path, scope: &Scope) -> Result<Vec<Role>, Unanswered> {
    let mut roles = Vec::new();
    for (number, line) in read("--roles", path)?.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let role = match words.as_slice() {
            [] => continue,
            [arn] => scope.role(arn, None),
            [arn, external_id] => scope.role(arn, Some(external_id)),
            // What else there is may be a secret.
            _ => {
                return Err(wrong(
                    path,
                    &format!("line {} has more than a role and its external id", number + 1),
                ));
            }
        };
        let wrong_line = |message: String| {
            // The file has no flags.
            let message = message
                .replace("ParentRoleArn", "the role")
                .replace("ParentExternalId", "the external id");
            wrong(path, &format!("line {}: {message}", number + 1))
        };
        let role = role.map_err(|error| wrong_line(error.to_string()))?;
        roles.extend(role);
    }
    if roles.is_empty() {
        return Err(wrong(path, "the file has no role; write the ARN of one on each line"));
    }
    Ok(roles)
}

/// The findings that are accepted.
pub(super) fn accepted(path: &Path) -> Result<Accepted, Unanswered> {
    let accepted = Accepted::parse(&read("--accepted", path)?);
    accepted.map_err(|error| wrong(path, &output::plain(&error.to_string())))
}
