//! Properties that hold for any input: the bodies of the fuzz targets. They are ordinary functions
//! that panic where a property is violated.

use std::collections::BTreeMap;
use std::fmt;

use custom_delegation::cfn::envelope::{self, Target};
use custom_delegation::cfn::physical_id::{self, PhysicalId};
use custom_delegation::cfn::properties::{self, Partial, Properties};
use custom_delegation::cfn::response::{self, ATTRIBUTES, Answer, Status};
use custom_delegation::cfn::response_url::{AcceptedHosts, ResponseUrl};
use delegation_model::digest::{Digest, Intent, RequestDigest};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{
    Before, Claim, ClaimBasis, Claimant, Displaced, OwnershipRecord, Stamp, Value as Entry,
    record_name,
};
use delegation_model::partial_zone::PartialZone;
use delegation_model::record_set::RecordSet;
use delegation_model::role::Role;
use delegation_model::ttl::Ttl;
use serde_json::{Map, Value, json};

/// A unresolved for what must never be shown.
const SECRET: &str = "5ec4e75ec4e7";
/// The error code of a failure.
const CODE: &str = "access-denied";
const REGION: &str = "us-east-1";
const STACK: &str = "arn:aws:cloudformation:us-east-1:222222222222:stack/s/1";
const URL: &str = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x";

/// Parses the bytes as an event. It must not panic, and the query of the response URL must not be
/// in any error or `Debug` output.
pub fn envelope(data: &[u8]) {
    // The raw bytes, too: a parser may accept an event that is not valid JSON to serde_json::Value.
    if let Ok(text) = std::str::from_utf8(data) {
        parse_event(text);
    }
    let Some(mut event) = json_without_secret(data) else { return };
    conceal_urls(&mut event);
    parse_event(&event.to_string());
}

fn parse_event(text: &str) {
    let local = ["localhost:9000".to_owned()];
    let accepted = AcceptedHosts { region: Some(REGION), local_hosts: &local };
    let event = envelope::unwrap(text).and_then(|message| envelope::parse(&message.text, accepted));
    let event = match event {
        Ok(event) => event,
        Err(error) => return assert_silent(&error),
    };
    let target = &event.target;
    let _ = target.url.signed_at();
    assert!(!format!("{event:?}").contains(SECRET), "the Debug output shows the response URL");
    assert!(
        !target.stack_id.is_empty()
            && !target.request_id.is_empty()
            && !target.logical_id.is_empty()
    );
    let unresolved = physical_id::unresolved(&target.request_id);
    assert!(unresolved.len() <= physical_id::MAX);
    assert_eq!(PhysicalId::parse(&unresolved), PhysicalId::Unresolved);
    match event.request {
        Ok(request) => {
            let id = request.physical_id.as_deref().unwrap_or_default();
            if let PhysicalId::Point(point) = PhysicalId::parse(id) {
                assert_eq!(point.to_string(), id, "only the canonical form may be parsed");
            }
            check_properties(&request.properties);
            check_properties(&request.old_properties);
        }
        Err(error) => assert_silent(&error),
    }
}

/// Parses the bytes as `ResourceProperties`. The canonical form of each value must parse to the
/// same value, and no error may show an external id.
pub fn properties(data: &[u8]) {
    let Some(mut given) = json_without_secret(data) else { return };
    check_properties(&given);
    for ending in [SECRET.to_owned(), format!(" {SECRET}")] {
        for key in ["ParentExternalId", "ChildExternalId"] {
            if let Some(Value::String(id)) = given.get_mut(key) {
                id.push_str(&ending);
            }
        }
        let parsed = Properties::parse(&given);
        assert!(!format!("{parsed:?}").contains(SECRET), "an error shows an external id");
        let (partial, errors) = Partial::parse(&given);
        assert!(
            !format!("{partial:?}{errors:?}").contains(SECRET),
            "an error shows an external id"
        );
    }
}

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

/// Parses the lines as the values of an ownership record, and lets a stack resource write to it.
/// What is written must parse to the same, the values of others must stay byte for byte, and the
/// resource must be able to remove what it wrote.
pub fn ownership(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let values: Vec<&str> = text.lines().collect();
    let found = OwnershipRecord::parse(&values);
    assert_eq!(found.values(), values, "the values must stay as they are");
    for entry in found.iter() {
        let mut again = OwnershipRecord::default();
        match entry {
            Entry::Claim(claim) => again.put_claim(claim.clone()),
            Entry::Before(before) => again.put_before(Some(before.clone())),
            Entry::Tombstone(_) | Entry::Unreadable | Entry::Foreign => continue,
        }
        let written = again.values();
        assert_eq!(
            OwnershipRecord::parse(&written).iter().collect::<Vec<_>>(),
            [entry],
            "{written:?}"
        );
    }

    let mut parts = text.splitn(3, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let Ok(cut) = "testing.example.com".parse::<Name>() else { panic!("a name") };
    let (stack, logical_id) = (part(), part());
    let claimant = Claimant::new(stack, logical_id, &cut);
    assert_ne!(
        Claimant::new(stack, "Sibling", &cut).id(),
        Claimant::new(stack, "Other", &cut).id()
    );
    let Ok(servers) = NameServers::parse(&["ns1.example.net"]) else { panic!("a name server") };
    let digest = Digest::from_name_servers(&servers);
    let time = data.iter().fold(0_i64, |time, byte| (time * 256 + i64::from(*byte)) % (1 << 33));
    let intent = Intent {
        child_zone: None,
        name_servers: Some(&servers),
        dnssec: false,
        key_signing_keys: None,
    };
    let claim = Claim {
        id: claimant.id(),
        ns: digest,
        ds: data.len().is_multiple_of(2).then_some(digest),
        intent: Digest::from_intent(&intent),
        previous_intent: data.len().is_multiple_of(3).then_some(digest),
        stamp: Stamp { time, request: RequestDigest::new(logical_id) },
        basis: if data.len().is_multiple_of(2) { ClaimBasis::Made } else { ClaimBasis::Came },
        saw: data.len().is_multiple_of(5).then_some(time),
        from: None,
        hold: data.len().is_multiple_of(7).then_some(time),
        again: data.len().is_multiple_of(11),
        owner: claimant.owner().clone(),
    };
    let displaced = Displaced { name_servers: servers, ttl: Ttl::DELEGATION, time, claimed: true };
    let before =
        Before { of: digest, displaced: data.len().is_multiple_of(2).then_some(displaced) };
    let mut record = found.clone();
    record.put_claim(claim.clone());
    record.put_before(Some(before.clone()));
    record.put_tombstone(&claimant, time, time);
    for value in record.values().iter().filter(|value| !values.contains(&value.as_str())) {
        assert!(value.starts_with('"') && value.ends_with('"') && value.is_ascii(), "{value}");
        let strings = value.trim_matches('"').split("\" \"");
        assert!(
            strings.clone().all(|text| text.len() <= 255 && !text.contains(['"', '\\'])),
            "{value}"
        );
    }
    let read = OwnershipRecord::parse(&record.values());
    assert_eq!(read, record);
    assert_eq!(read.own(&claimant, time).map(|own| own.ns), Some(digest));
    assert_eq!((read.before(), read.origin(digest)), (Some(&before), Some(&before)));
    assert!(read.tombstone(&claimant, time).is_some_and(|stone| stone.time >= time));

    record.remove_claim(&claimant);
    record.put_before(None);
    assert!(record.own(&claimant, time).is_none() && record.before().is_none());
    let others = |record: &OwnershipRecord| -> Vec<Entry> {
        let kept = |entry: &&Entry| match entry {
            Entry::Claim(other) => other.id != claim.id,
            Entry::Before(_) | Entry::Tombstone(_) => false,
            Entry::Unreadable | Entry::Foreign => true,
        };
        record.iter().filter(kept).cloned().collect()
    };
    assert_eq!(others(&record), others(&found), "the values of others must stay");
    if let Ok(cut) = part().parse::<Name>()
        && let Some(record) = record_name(&cut)
    {
        assert_eq!(record.parent(), cut.parent(), "the record must be next to the cut");
        assert_ne!(record, cut);
    }
}

/// Builds an answer from strings that are cut from the bytes. It must be valid JSON of at most 4096
/// bytes with every attribute, and each string must be complete or end in the pointer to the log.
pub fn answer(data: &[u8]) {
    let (head, body) = data.split_at(data.len().min(8));
    let text = String::from_utf8_lossy(body).into_owned();
    // Each string repeats the bytes this often, so a few bytes give a long answer.
    let times = |n: usize| usize::from(head.get(n).copied().unwrap_or_default());
    let failed = !times(0).is_multiple_of(2);
    let long = |n: usize| text.repeat(times(n)).chars().take(8_000).collect::<String>();
    let accepted = AcceptedHosts { region: Some(REGION), local_hosts: &[] };
    let Ok(url) = ResponseUrl::parse(URL, STACK, accepted) else { panic!("a response URL") };
    // The ARN of a stack, ids and names are bounded by CloudFormation (CloudFormation API
    // Reference).
    let short = |text: &str, bytes: usize| {
        let mut used = 0;
        let fits = |c: &char| {
            used += json!(c.to_string()).to_string().len() - 2;
            used <= bytes
        };
        text.chars().take_while(fits).collect::<String>()
    };
    let target = Target {
        url,
        stack_id: short(&long(1), 300),
        request_id: short(&long(2), 64),
        logical_id: short(&long(3), 255),
    };
    let mut given = BTreeMap::new();
    if !failed {
        for (index, attribute) in ATTRIBUTES.into_iter().enumerate() {
            // Only messages are of any length; names and lists of names are bounded.
            let text = match attribute {
                "Warning" => long(4),
                "Verification" => long(5),
                _ => short(&long(6), 40 * index),
            };
            given.insert(attribute, text);
        }
    }
    let answer = Answer {
        status: if failed { Status::Failed } else { Status::Success },
        physical_id: format!("Z1/{}", short(&long(7), 1000)),
        reason: if failed { long(4) } else { String::new() },
        code: if failed { CODE } else { "" },
        data: given,
    };
    let log_stream = "2026/11/25/[$LATEST]0123456789abcdef0123456789abcdef";
    let sent = answer.clone().body(&target, log_stream);
    assert!(sent.len() <= response::MAX, "{} bytes", sent.len());
    let read: Map<String, Value> =
        serde_json::from_str(&sent).unwrap_or_else(|error| panic!("{error}: {sent}"));
    assert_eq!(read["PhysicalResourceId"], json!(answer.physical_id));
    assert_eq!(read["StackId"], json!(target.stack_id));
    assert_eq!(read["RequestId"], json!(target.request_id));
    assert_eq!(read["LogicalResourceId"], json!(target.logical_id));
    let pointer = format!("… (more in log stream {log_stream})");
    let fits = |sent: &str, whole: &str| {
        sent == whole || sent.strip_suffix(&pointer).is_some_and(|head| whole.starts_with(head))
    };
    if failed {
        let reason = text_of(&read["Reason"]).strip_suffix(&format!(" [{CODE}]"));
        let reason =
            reason.unwrap_or_else(|| panic!("the reason does not end in its code: {sent}"));
        assert!(fits(reason, &answer.reason), "{sent}");
    }
    for (attribute, whole) in &answer.data {
        let sent = text_of(&read["Data"][attribute]);
        assert!(fits(sent, whole), "{attribute}: {sent}");
        let prose = ["Warning", "Verification"].contains(attribute);
        assert!(prose || sent == whole, "{attribute} must not be shortened");
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

/// Parses the bytes as JSON, or as a string. Returns `None` if they contain the secret themselves.
fn json_without_secret(data: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(data);
    if text.contains(SECRET) || text.contains("5ec4") {
        return None;
    }
    Some(serde_json::from_slice(data).unwrap_or_else(|_| json!(text)))
}

/// Adds the secret to the query of the response URL, in the event and in the message of an SNS
/// notification.
fn conceal_urls(event: &mut Value) {
    if let Some(Value::String(message)) = event.pointer_mut("/Records/0/Sns/Message")
        && let Ok(mut inner) = serde_json::from_str::<Value>(message)
    {
        conceal_urls(&mut inner);
        *message = inner.to_string();
    }
    match event.get_mut("ResponseURL") {
        Some(Value::String(url)) => {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str("X-Amz-Signature=");
            url.push_str(SECRET);
        }
        Some(_) => {}
        None => {
            if let Some(event) = event.as_object_mut() {
                event.insert("ResponseURL".into(), json!(format!("{URL}?{SECRET}")));
            }
        }
    }
}

fn assert_silent(error: &(impl fmt::Display + fmt::Debug)) {
    assert!(!format!("{error} {error:?}").contains(SECRET), "the error shows the response URL");
}

fn check_properties(given: &Value) {
    let _ = properties::service_timeout(given).is_none_or(|seconds| {
        assert!((1..=3600).contains(&seconds));
        true
    });
    let (partial, errors) = Partial::parse(given);
    for error in &errors {
        assert!(error.to_string().chars().count() < 2000, "an error must not repeat its input");
    }
    let parsed = match Properties::parse(given) {
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
    zone.add(&apex, &[RecordSet::new(other.clone(), "A", ttl, vec!["192.0.2.1".into()])], None);
    assert_eq!(zone.answers(other, "A"), Ok(true), "{other}");
    if !other.is_wildcard() {
        assert_eq!(zone.answers(one, "A"), Ok(one == other), "{one} in a zone that has {other}");
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
