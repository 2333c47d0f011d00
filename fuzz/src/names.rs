//! Domain names.

use custom_delegation::cfn::physical_id::PhysicalId;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::record_name;
use delegation_model::partial_zone::PartialZone;
use delegation_model::record_set::{RecordSet, RecordType};
use delegation_model::ttl::Ttl;

/// Parses each line as a name. The canonical form must parse to the same name, and names must be
/// equal exactly if their labels are.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (one, other) = text.split_once('\n').unwrap_or((&text, "Example.COM."));
    let (one, other) = (check_name(one), check_name(other));
    let (Some(one), Some(other)) = (one, other) else { return };
    let (labels, other_labels) = (labels(&one), labels(&other));
    assert_eq!(one == other, labels == other_labels, "{one} {other}");
    let below = labels.len() > other_labels.len() && labels.ends_with(&other_labels);
    assert_eq!(one.is_below(&other), below, "{one} below {other}");
    assert_eq!(one.is_at_or_below(&other), below || one == other);
    if below {
        assert!(one.position() > other.position(), "a name must come before the names below it");
        assert!(one.ancestors().any(|ancestor| ancestor == other));
    }
    check_partial_zone(&one, &other);
    if let Ok(servers) = NameServers::parse(&[one.as_str(), other.as_str()]) {
        assert_eq!(NameServers::from_values(&servers.values()).as_ref(), Some(&servers));
    }
}

/// Parses a name, and checks the properties of a single name.
fn check_name(text: &str) -> Option<Name> {
    let name: Name = match text.parse() {
        Ok(name) => name,
        Err(error) => {
            let _ = format!("{error} {error:?}");
            return None;
        }
    };
    for same in [
        name.as_str(),
        &name.fqdn(),
        &name.as_str().to_ascii_uppercase(),
        &text.to_ascii_uppercase(),
    ] {
        assert_eq!(same.parse().as_ref(), Ok(&name), "{same}");
    }
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.\\".contains(&byte);
    assert!(name.as_str().bytes().all(plain), "{name}");
    let labels = labels(&name);
    assert!(labels.iter().all(|label| (1..=63).contains(&label.len())));
    let wire: usize = labels.iter().map(|label| label.len() + 1).sum();
    assert!(wire < 255, "{wire}");
    assert_eq!(name.ancestors().count(), labels.len() - 1);
    assert_eq!(name.is_wildcard(), labels[0] == b"*");
    assert!(
        name.wildcard().is_none_or(|wildcard| wildcard.is_wildcard() && wildcard.is_below(&name))
    );
    assert_eq!(
        PhysicalId::parse(&format!("Z1/{name}")).point().map(|point| &point.name),
        Some(&name)
    );
    assert_ne!(record_name(&name).as_ref(), Some(&name));
    Some(name)
}

/// Checks that a zone with one record set answers for its name and for no other.
fn check_partial_zone(one: &Name, other: &Name) {
    let Some(apex) = one.ancestors().last().filter(|apex| other.is_below(apex)) else { return };
    let mut zone = PartialZone::new(apex.clone());
    let ttl = Ttl::DELEGATION;
    zone.add(
        &apex,
        &[RecordSet::new(other.clone(), RecordType::A, ttl, vec!["192.0.2.1".into()])],
        None,
    );
    assert_eq!(zone.answers(other, &RecordType::A), Ok(true), "{other}");
    if !other.is_wildcard() {
        assert_eq!(
            zone.answers(one, &RecordType::A),
            Ok(one == other),
            "{one} in a zone that has {other}"
        );
    }
}

/// Returns the bytes of the labels, decoded independently of the code under test: `\ooo` is an
/// octal escape, as in a zone file.
fn labels(name: &Name) -> Vec<Vec<u8>> {
    let decode = |label: &str| {
        let (mut bytes, mut chars) = (Vec::new(), label.bytes());
        while let Some(byte) = chars.next() {
            bytes.push(if byte == b'\\' {
                let octal: String = chars.by_ref().take(3).map(char::from).collect();
                u8::from_str_radix(&octal, 8).unwrap_or_else(|error| panic!("{name}: {error}"))
            } else {
                byte
            });
        }
        bytes
    };
    name.as_str().split('.').map(decode).collect()
}
