//! The properties of a resource.

use custom_delegation::cfn::properties::{self, Partial, Properties};
use delegation_model::role::Role;
use serde_json::{Value, json};

use super::{SECRET, json_without_secret};

/// Parses the bytes as `ResourceProperties`. The canonical form of each value must parse to the
/// same value, and no error may show an external id.
pub fn properties(data: &[u8]) {
    let Some(mut properties) = json_without_secret(data) else { return };
    check_properties(&properties);
    for ending in [SECRET.to_owned(), format!(" {SECRET}")] {
        for key in ["ParentExternalId", "ChildExternalId"] {
            if let Some(Value::String(id)) = properties.get_mut(key) {
                id.push_str(&ending);
            }
        }
        let parsed = Properties::parse(&properties);
        assert!(!format!("{parsed:?}").contains(SECRET), "an error shows an external id");
        let (partial, errors) = Partial::parse(&properties);
        assert!(
            !format!("{partial:?}{errors:?}").contains(SECRET),
            "an error shows an external id"
        );
    }
}

/// Checks what is true of any properties.
pub(super) fn check_properties(properties: &Value) {
    let _ = properties::service_timeout(properties).is_none_or(|seconds| {
        assert!((1..=3600).contains(&seconds));
        true
    });
    let (partial, errors) = Partial::parse(properties);
    for error in &errors {
        assert!(error.to_string().chars().count() < 2000, "an error must not repeat its input");
    }
    let parsed = match Properties::parse(properties) {
        Ok(parsed) => parsed,
        Err(error) => {
            return assert!(
                error.to_string().chars().count() < 2000,
                "an error must not repeat its input"
            );
        }
    };
    assert_eq!(errors, []);
    assert!(!partial.parent_role_unreadable);
    assert_eq!(partial.parent_zone, Some(parsed.parent_zone().clone()));
    assert_eq!(
        (
            &partial.child_zone,
            &partial.child_role,
            &partial.domain_name,
            &partial.name_servers,
            &partial.parent_role
        ),
        (
            &parsed.child_zone,
            &parsed.child_role,
            &parsed.domain_name,
            &parsed.name_servers,
            &parsed.parent_role
        )
    );
    assert!(
        parsed.child_zone.is_some()
            || (parsed.domain_name.is_some() && parsed.name_servers.is_some())
    );
    // The canonical form of each value must parse to the same value.
    let role = |role: &Option<Role>| {
        role.as_ref().map(|role| role.chain().map(ToString::to_string).collect::<Vec<_>>())
    };
    let external = |role: &Option<Role>| {
        role.as_ref().and_then(|role| role.external_id.as_ref().map(|id| id.expose().to_owned()))
    };
    let roles = [&partial.parent_role, &partial.child_role];
    let region = roles
        .into_iter()
        .flatten()
        .find_map(|role| role.region.as_ref().map(|name| name.as_str().to_owned()));
    let (parent_id, parent_name) = match &partial.parent_zone {
        Some(properties::ParentZone::Id(id)) => (Some(id.to_string()), None),
        Some(properties::ParentZone::Name(name)) => (None, Some(name.to_string())),
        _ => (None, None),
    };
    let canonical = json!({
        "ChildZoneId": partial.child_zone.as_ref().map(ToString::to_string),
        "ChildRoleArn": role(&partial.child_role),
        "ChildExternalId": external(&partial.child_role),
        "DomainName": partial.domain_name.as_ref().map(ToString::to_string),
        "NameServers": partial.name_servers.as_ref().map(ToString::to_string),
        "ParentZoneId": parent_id,
        "ParentZoneName": parent_name,
        "ParentRoleArn": role(&partial.parent_role),
        "ParentExternalId": external(&partial.parent_role),
        "AssumeRoleRegion": region,
        "TTL": parsed.ttl.to_string(),
        "AllowOverwrite": parsed.allow_overwrite.to_string(),
        "AllowOcclusion": parsed.allow_occlusion,
    });
    let again =
        Properties::parse(&canonical).unwrap_or_else(|error| panic!("{error}: {canonical}"));
    assert_eq!(Partial::parse(&canonical), (partial, Vec::new()));
    assert_eq!((again.ttl, again.allow_overwrite), (parsed.ttl, parsed.allow_overwrite));
    assert_eq!(again.allow_occlusion, parsed.allow_occlusion);
}
