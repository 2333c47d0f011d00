//! How much fits into the policies of the templates, compared with `docs/limits.md`.

use std::fs;

use sandbox::template::Template;
use serde_json::Value;

/// The size limits of policies (IAM, "IAM and AWS STS quotas"), which do not count white space.
const INLINE: usize = 10_240;
const TRUST: usize = 2048;
/// The size limit of a service control policy (Organizations, since May 15, 2026).
const SERVICE_CONTROL: usize = 10_240;
/// The size limit of a parameter's value in bytes (CloudFormation, "Understand CloudFormation
/// quotas").
const PARAMETER: usize = 4096;

fn size(document: &Value) -> usize {
    serde_json::to_string(document).unwrap().len()
}

/// Returns the largest number for which `fits` is true.
fn most(fits: impl Fn(usize) -> bool) -> usize {
    (1..1000).take_while(|number| fits(*number)).last().unwrap()
}

fn list(number: usize, one: impl Fn(usize) -> String) -> String {
    (0..number).map(one).collect::<Vec<_>>().join(",")
}

/// Returns a name of 24 characters.
fn name(number: usize) -> String {
    format!("team-{number:03}.dev.example.com")
}

fn parent(names: &str, accounts: &str) -> Value {
    let values = [
        ("ParentZoneId", "Z0PARENTEXAMPLEPARENT"),
        ("Names", names),
        ("OrganizationId", "o-exampleorgid"),
        ("FunctionAccounts", accounts),
        ("ExternalId", "route53-delegation-example"),
    ];
    Template::read("examples/parent-role.yaml", &values).resource("/ParentRole/Properties")
}

/// Returns the size of a trust policy. IAM stores an account as the ARN of its root, so that is
/// what counts.
fn trust(role: &Value) -> usize {
    let document = &role["AssumeRolePolicyDocument"];
    let accounts = document["Statement"][0]["Principal"]["AWS"].as_array().unwrap().len();
    size(document) + accounts * "arn:aws:iam:::root".len()
}

fn function(parent_roles: &str) -> Value {
    let values = [
        ("LogGroup.Arn", crate::deployment::documents::LOGS),
        ("FailedEvents.Arn", crate::deployment::documents::QUEUE),
        ("ParentRoleArns", parent_roles),
    ];
    Template::read("template.yaml", &values)
        .resource("/FunctionRole/Properties/Policies/0/PolicyDocument")
}

fn same_account() -> Value {
    let values =
        [("ParentZoneId", "Z0PARENTEXAMPLEPARENT"), ("DomainName", "team-000.dev.example.com")];
    Template::read("examples/same-account.yaml", &values)
        .resource("/Rights/Properties/PolicyDocument")
}

#[test]
fn the_page_of_limits_has_the_real_limits() {
    let one = "222222222222";
    let inline = |role: &Value| size(&role["Policies"][0]["PolicyDocument"]);
    let role = |number: usize| {
        format!("arn:aws:iam::111111111111:role/route53-delegation-parent-team-{number:03}")
    };
    let computed = [
        (
            "`Names` of a parent role, 24 characters each",
            most(|number| {
                let names = list(number, name);
                names.len() <= PARAMETER && inline(&parent(&names, one)) <= INLINE
            }),
        ),
        (
            "`FunctionAccounts` of a parent role",
            most(|number| {
                trust(&parent(
                    "testing.example.com",
                    &list(number, |number| format!("{number:012}")),
                )) <= TRUST
            }),
        ),
        (
            "`ParentRoleArns` of a function",
            most(|number| {
                let roles = list(number, role);
                roles.len() <= PARAMETER && size(&function(&roles)) <= INLINE
            }),
        ),
        (
            "stacks of `same-account.yaml` in the account and Region of a function",
            most(|number| size(&function(&role(0))) + number * size(&same_account()) <= INLINE),
        ),
    ];
    let page = fs::read_to_string("docs/limits.md").unwrap();
    let rows = computed.map(|(what, number)| format!("| {what} | {number} | "));
    let missing: Vec<&String> = rows.iter().filter(|row| !page.contains(*row)).collect();
    assert!(missing.is_empty(), "docs/limits.md must have: {missing:#?}");
}

#[test]
fn fixed_policies_are_small() {
    for (name, share) in [("zones", 4), ("roles", 4)] {
        let text = fs::read_to_string(format!("examples/scp-{name}.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert!(size(&document) * share < SERVICE_CONTROL, "{name}: {}", size(&document));
    }
    let pattern = function("arn:aws:iam::111111111111:role/route53-delegation-parent*");
    assert!(size(&pattern) * 5 < INLINE, "{}", size(&pattern));
}
