//! Translates flags to properties of the resource, and messages about properties to messages about
//! flags.

use serde_json::{Map, Value};

use custom_delegation::cfn::properties::{Partial, PropertyError};

/// Sets a property, if the flag is given.
pub(super) fn put(into: &mut Map<String, Value>, key: &str, text: Option<&String>) {
    if let Some(text) = text {
        into.insert(key.to_owned(), Value::String(text.clone()));
    }
}

/// Sets a list property, if the flag is given.
pub(super) fn put_list(into: &mut Map<String, Value>, key: &str, values: &[String]) {
    if !values.is_empty() {
        into.insert(key.to_owned(), values.into());
    }
}

/// Parses the properties that `fill` sets, in the same way as the function.
pub(super) fn partial(
    fill: impl FnOnce(&mut Map<String, Value>),
) -> Result<Partial, PropertyError> {
    let mut map = Map::new();
    fill(&mut map);
    let (read, errors) = Partial::parse(&Value::Object(map));
    errors.into_iter().next().map_or(Ok(read), Err)
}

/// The properties of roles, zones and name servers, with their flags.
const FLAGS: [(&str, &str); 10] = [
    ("ChildZoneId", "--child-zone-id"),
    ("ChildRoleArn", "--child-role-arn"),
    ("ChildExternalId", "--child-external-id"),
    ("NameServers", "--name-servers"),
    ("DomainName", "--domain-name"),
    ("ParentZoneId", "--parent-zone-id"),
    ("ParentZoneName", "--parent-zone-name"),
    ("ParentRoleArn", "--parent-role-arn"),
    ("ParentExternalId", "--parent-external-id"),
    ("AssumeRoleRegion", "--assume-role-region"),
];

/// The other properties, with their flags. Messages of `verify` and `list` use their names in
/// another sense.
const FLAGS_OF_PLAN: [(&str, &str); 8] = [
    ("TTL", "--ttl"),
    ("AllowOverwrite", "--allow-overwrite"),
    ("AllowOcclusion", "--allow-occlusion"),
    ("Dnssec", "--dnssec"),
    ("KeySigningKeys", "--key-signing-keys"),
    ("DsTTL", "--ds-ttl"),
    ("Verification", "--verification"),
    ("WaitForSync", "--wait-for-sync"),
];

/// Replaces the names of properties in a message of the function by those of the flags.
pub(crate) fn in_flags(message: &str) -> String {
    with_flags(message, &FLAGS)
}

/// Like [`in_flags`], with the additional flags of `plan`.
pub(crate) fn in_flags_of_plan(message: &str) -> String {
    with_flags(&in_flags(message), &FLAGS_OF_PLAN)
}

fn with_flags(message: &str, flags: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        out.push_str(
            flags.iter().find(|(property, _)| *property == word).map_or(word, |(_, flag)| flag),
        );
        let next = behind.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(behind.len());
        let (between, behind) = behind.split_at(next);
        out.push_str(between);
        rest = behind;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_flags() {
        assert_eq!(
            in_flags("ParentZoneId \"Z!\" must be an id; set ParentZoneName (ParentZoneIds stays)"),
            "--parent-zone-id \"Z!\" must be an id; set --parent-zone-name (ParentZoneIds stays)"
        );
    }
}
