//! Writes skeletons of templates that adopt unclaimed delegations, with one resource per
//! delegation.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::super::error::{ErrorCode, Unanswered};
use super::{Results, ZoneResults};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ttl::Ttl;
use inventory::{Examined, FindingKind};

/// The most delegations in one template. CloudFormation allows 500 resources, and if one of them
/// fails, the whole stack is rolled back.
const MAX_PER_TEMPLATE: usize = 200;

/// Writes the templates to a folder. Returns the path of each, and its number of delegations.
pub(super) fn write(
    results: &Results<'_>,
    folder: &Path,
) -> Result<Vec<(String, usize)>, Unanswered> {
    let failed = |path: &Path, error: std::io::Error| {
        Unanswered::new(
            ErrorCode::FileNotWritten,
            format!("--skeletons {}: can't write the template: {error}", path.display()),
        )
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut written = Vec::new();
    for zone in &results.zones {
        let adoptable: Vec<Adoptable<'_>> = zone.lines.iter().filter_map(Adoptable::new).collect();
        for (number, part) in adoptable.chunks(MAX_PER_TEMPLATE).enumerate() {
            // Every character of a name is allowed in a path.
            let name = format!(
                "{}-{}-{}.json",
                file_name(&zone.scanned.zone.name),
                zone.scanned.zone.id,
                number + 1
            );
            let path = folder.join(&name);
            fs::write(&path, format!("{:#}\n", template(zone, part)))
                .map_err(|error| failed(&path, error))?;
            written.push((path.display().to_string(), part.len()));
        }
    }
    Ok(written)
}

/// The name of a zone as a part of a file name.
fn file_name(zone: &Name) -> String {
    zone.as_str().replace('\\', "_")
}

/// A delegation that no stack claims, and that a resource can declare as it is.
struct Adoptable<'a> {
    name: &'a Name,
    name_servers: NameServers,
    ttl: Option<Ttl>,
}

impl<'a> Adoptable<'a> {
    fn new(line: &'a Examined<'_>) -> Option<Self> {
        let is_unowned = line.kinds().any(|kind| kind == FindingKind::Unowned);
        let is_hidden = line.kinds().any(|kind| kind == FindingKind::Hidden);
        let delegation = line.entry.delegation.as_ref().filter(|_| is_unowned && !is_hidden)?;
        let name_servers = delegation.name_servers()?;
        // If the property would not accept these names, a person has to decide.
        let names: Vec<&str> = name_servers.iter().map(Name::as_str).collect();
        NameServers::parse(&names).ok()?;
        Some(Self { name: line.entry.name.as_ref()?, name_servers, ttl: delegation.ttl() })
    }
}

fn template(zone: &ZoneResults<'_>, part: &[Adoptable<'_>]) -> Value {
    let hosted = &zone.scanned.zone;
    let mut taken = BTreeSet::new();
    let mut resources = Map::new();
    for adoptable in part {
        let id = logical_id(adoptable.name, &hosted.name, &mut taken);
        resources.insert(id, resource(adoptable, hosted.id.as_str()));
    }
    let description = format!(
        "Delegations of {} ({}) without a claim of a stack",
        hosted.name.for_people(),
        hosted.id
    );
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Parameters": {
            "ParentRoleArn": {
                "Type": "String",
                "Default": "",
                "Description": "Role that the function assumes to change the parent zone; empty if \
                                it needs none",
            },
            "ParentExternalId": {
                "Type": "String",
                "Default": "",
                "NoEcho": true,
                "Description": "External id of that role; empty if it has none",
            },
            "Trigger": {
                "Type": "String",
                "Default": "adopted",
                "Description": "Change this value once the stack exists: the Update settles the \
                                delegations, so that they are removed with the stack",
            },
        },
        "Resources": resources,
    })
}

fn resource(adoptable: &Adoptable<'_>, zone: &str) -> Value {
    let mut properties = json!({
        "ServiceToken": {"Fn::ImportValue": "route53-delegation-ServiceToken"},
        "ServiceTimeout": 3600,
        "DomainName": adoptable.name.as_str(),
        "NameServers": adoptable.name_servers.iter().map(Name::as_str).collect::<Vec<_>>(),
        "ParentZoneId": zone,
        "ParentRoleArn": {"Ref": "ParentRoleArn"},
        "ParentExternalId": {"Ref": "ParentExternalId"},
        "Trigger": {"Ref": "Trigger"},
    });
    if let (Some(properties), Some(ttl)) = (properties.as_object_mut(), adoptable.ttl) {
        properties.insert("TTL".to_owned(), json!(ttl.seconds()));
    }
    json!({"Type": "Custom::Delegation", "Properties": properties})
}

/// A logical id from the labels below the zone, the highest first. It has only letters and digits,
/// and is unique.
fn logical_id(name: &Name, zone: &Name, taken: &mut BTreeSet<String>) -> String {
    let below = name.labels().count().saturating_sub(zone.labels().count());
    let labels: Vec<&str> = name.labels().take(below).collect();
    let words = labels
        .into_iter()
        .rev()
        .flat_map(|label| label.split(|c: char| !c.is_ascii_alphanumeric()));
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect::<String>()
    };
    // CloudFormation allows 255 characters.
    let base: String =
        ["Delegation".to_owned()].into_iter().chain(words.map(capital)).collect::<String>();
    let base: String = base.chars().take(240).collect();
    let numbers = (2..).map(|number| format!("{base}X{number}"));
    let id =
        std::iter::once(base.clone()).chain(numbers).find(|id| !taken.contains(id)).unwrap_or(base);
    taken.insert(id.clone());
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_ids_are_readable_and_unique() {
        let (zone, mut taken) = ("example.com".parse().unwrap(), BTreeSet::new());
        let mut id = |name: &str| logical_id(&name.parse().unwrap(), &zone, &mut taken);
        assert_eq!(id("team-1.dev.example.com"), "DelegationDevTeam1");
        assert_eq!(id("team.1.dev.example.com"), "DelegationDev1Team");
        assert_eq!(id("team1.dev.example.com"), "DelegationDevTeam1X2");
        assert_eq!(id("*.example.com"), "Delegation052");
        let long =
            id(&format!("{}.{}.{}.example.com", "a".repeat(63), "b".repeat(63), "c".repeat(63)));
        assert!(long.len() <= 255 && long.chars().all(|c| c.is_ascii_alphanumeric()), "{long}");
    }
}
