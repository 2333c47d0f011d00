//! Events that nobody should send: valid events with random damage.

use fastrand::Rng;
use serde_json::{Value, json};
use test_support::NAME;

use crate::faults::fixture::{ColdStartFixture, OTHER};

/// A damaged event, and the secret in its response URL.
pub(crate) struct Hostile {
    pub(crate) event: Value,
    /// The request, also if the event is a notification that wraps it.
    pub(crate) request: Value,
    /// The id of the request that the URL is signed for. An answer is assigned to its event by it
    /// alone.
    pub(crate) signed_for: String,
    pub(crate) signature: String,
    /// Whether the URL is valid, so that the function must send an answer to it.
    pub(crate) url_intact: bool,
}

const FIELDS: [&str; 9] = [
    "RequestType",
    "StackId",
    "RequestId",
    "LogicalResourceId",
    "PhysicalResourceId",
    "ResourceType",
    "ServiceToken",
    "ResourceProperties",
    "OldResourceProperties",
];

const PROPERTIES: [&str; 21] = [
    "ServiceToken",
    "ServiceTimeout",
    "ChildZoneId",
    "ChildRoleArn",
    "ChildExternalId",
    "DomainName",
    "NameServers",
    "ParentZoneId",
    "ParentZoneName",
    "ParentRoleArn",
    "ParentExternalId",
    "AssumeRoleRegion",
    "TTL",
    "AllowOcclusion",
    "AllowOverwrite",
    "Dnssec",
    "KeySigningKeys",
    "DsTTL",
    "WaitForSync",
    "Verification",
    "Trigger",
];

/// Returns a random event. The same seed and the same zones give the same event.
pub(crate) fn event(fixture: &ColdStartFixture, rng: &mut Rng, foreign: &str) -> Hostile {
    let mut event = valid(fixture, rng);
    let url = event["ResponseURL"].as_str().unwrap().to_owned();
    let signature =
        url.split_once("X-Amz-Signature=").unwrap().1.split('&').next().unwrap().to_owned();
    let signed_for = event["RequestId"].as_str().unwrap().to_owned();
    let mut url_intact = true;
    for _ in 0..rng.usize(0..4) {
        match rng.u8(0..10) {
            0 => remove(&mut event, rng),
            1 | 2 => event[*pick(rng, &FIELDS)] = value(fixture, rng),
            3..=7 => set_property(&mut event, fixture, rng),
            8 => event["PhysicalResourceId"] = json!(physical_id(fixture, rng)),
            _ => {
                event["ResponseURL"] = damaged_url(&url, rng, foreign);
                url_intact = false;
            }
        }
    }
    let request = event.clone();
    match rng.u8(0..20) {
        0 => {
            event = json!({
                "Records": [{"EventSource": "aws:sns", "Sns": {"Message": event.to_string()}}],
            });
        }
        1 => {
            event = json!({
                "Records": [{"Sns": {"Message": value(fixture, rng)}}],
                "ResponseURL": event["ResponseURL"],
            });
            url_intact = false;
        }
        2 => {
            event = value(fixture, rng);
            url_intact = false;
        }
        _ => {}
    }
    Hostile { event, request, signed_for, signature, url_intact }
}

fn valid(fixture: &ColdStartFixture, rng: &mut Rng) -> Value {
    let mut properties = || {
        let zone = if rng.bool() { &fixture.child } else { &fixture.other };
        fixture.properties(json!({"ChildZoneId": zone.id(), "TTL": rng.u32(0..1000).to_string()}))
    };
    let (new, old) = (properties(), properties());
    let place = format!("{}/{}", fixture.parent.id(), if rng.bool() { NAME } else { OTHER });
    match rng.u8(0..3) {
        0 => fixture.event("Create", None, &new, None),
        1 => fixture.event("Update", Some(&place), &new, Some(&old)),
        _ => fixture.event("Delete", Some(&place), &new, None),
    }
}

fn pick<'a, T>(rng: &mut Rng, items: &'a [T]) -> &'a T {
    &items[rng.usize(0..items.len())]
}

fn remove(event: &mut Value, rng: &mut Rng) {
    let inside = rng.bool();
    let object = if inside { &mut event["ResourceProperties"] } else { event };
    if let Some(object) = object.as_object_mut() {
        let keys: Vec<String> =
            object.keys().filter(|key| *key != "ResponseURL").cloned().collect();
        if !keys.is_empty() {
            object.remove(pick(rng, &keys));
        }
    }
}

fn set_property(event: &mut Value, fixture: &ColdStartFixture, rng: &mut Rng) {
    let which = if rng.u8(0..4) == 0 { "OldResourceProperties" } else { "ResourceProperties" };
    if !event[which].is_object() {
        event[which] = json!({});
    }
    let key = if rng.u8(0..12) == 0 { text(rng) } else { (*pick(rng, &PROPERTIES)).to_owned() };
    // An Update with AllowOverwrite would change the delegations of others.
    let overwrite = |value: &Value| match value {
        Value::String(text) => text.trim().eq_ignore_ascii_case("true"),
        value => *value == json!(true),
    };
    let value =
        Some(value(fixture, rng)).filter(|value| key != "AllowOverwrite" || !overwrite(value));
    event[which][key] = value.unwrap_or_default();
}

fn physical_id(fixture: &ColdStartFixture, rng: &mut Rng) -> String {
    let (parent, child) = (fixture.parent.id(), fixture.child.id());
    match rng.u8(0..12) {
        0 => format!("{parent}/theirs.example.com"),
        1 => format!("{parent}/www.example.com"),
        2 => format!("{parent}/example.com"),
        3 => format!("{child}/{NAME}"),
        4 => format!("{parent}/{}", "a".repeat(rng.usize(1..2000))),
        5 => format!("unresolved/{}", text(rng)),
        6 => "mine-Delegation-1A2B3C4D5E6F".to_owned(),
        7 => format!("{parent}/*.example.com"),
        8 => format!("{parent}/_delegation-theirs.example.com"),
        9 => format!("../{parent}/{NAME}"),
        10 => format!("Z0000000000000/{NAME}"),
        _ => text(rng),
    }
}

/// Returns a URL that must not be used: with another host, or a signature that the bucket rejects.
fn damaged_url(url: &str, rng: &mut Rng, foreign: &str) -> Value {
    let path = url
        .split_once("//")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(_, path)| path);
    let host = url
        .split_once("//")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(host, _)| host);
    match rng.u8(0..11) {
        0 => Value::Null,
        1 => json!(rng.u64(..)),
        2 => json!(""),
        3 => json!(format!("http://{foreign}/{path}")),
        4 => json!(format!("http://{host}@{foreign}/{path}")),
        5 => json!(format!("http://{foreign}#{host}/{path}")),
        6 => json!(format!("http://user:password@{host}/{path}")),
        7 => json!(format!("ftp://{host}/{path}")),
        8 => json!(format!("http://{foreign}\\@{host}/{path}")),
        9 => json!(url.replace("X-Amz-Signature=", "X-Amz-Signature=0")),
        _ => json!(format!("https://s3.amazonaws.com.{foreign}/{path}")),
    }
}

/// Returns any JSON value, of any size and depth.
fn value(fixture: &ColdStartFixture, rng: &mut Rng) -> Value {
    match rng.u8(0..24) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.i64(..)),
        3 => json!(rng.u64(..)),
        4 => json!(rng.f64() * 1e300),
        5 => json!(-1),
        6 => json!([]),
        7 => json!({}),
        8 => (0..rng.usize(1..500)).fold(json!("deep"), |inner, n| {
            if n % 2 == 0 { json!([inner]) } else { json!({"a": inner}) }
        }),
        9 => {
            json!((0..rng.usize(1..300)).map(|n| format!("ns{n}.example.net")).collect::<Vec<_>>())
        }
        10 => json!([text(rng), rng.u8(..), null, [text(rng)]]),
        11 => json!({text(rng): text(rng)}),
        12 => json!(fixture.child.id()),
        13 => json!(fixture.parent.id()),
        14 => json!(format!("arn:aws-cn:iam::111111111111:role/{}", text(rng))),
        15 => json!("theirs.example.com"),
        16 => json!("ns1.example.net, ns2.example.net"),
        17 => json!(fixture.other.id()),
        _ => json!(text(rng)),
    }
}

fn text(rng: &mut Rng) -> String {
    const TEXTS: [&str; 26] = [
        "",
        " ",
        ".",
        "..",
        "*",
        "*.example.com",
        "example.com",
        "EXAMPLE.com.",
        "com",
        "a..b",
        "-.example.com",
        r"\052.example.com",
        r"a\.b.example.com",
        "xn--bcher-kva.example.com",
        "b\u{fc}cher.example.com",
        "\u{202e}moc.elpmaxe",
        "\u{1f4a9}.example.com",
        "\u{0}\u{1}\u{7f}\r\nHost: example.net",
        "../../2013-04-01/hostedzone",
        "/hostedzone/Z1EXAMPLE",
        "<a>&amp;]]></a>",
        "\"'; DELETE FROM zones; --",
        "{{resolve:secretsmanager:x}}",
        "${AWS::NoValue}",
        "Create",
        "999999999999999999999999",
    ];
    match rng.u8(0..10) {
        0 => "a".repeat(rng.usize(1..70_000)),
        1 => "\u{1f4a9}".repeat(rng.usize(1..3000)),
        2 => "\u{1}".repeat(rng.usize(1..3000)),
        3 => "a.".repeat(rng.usize(1..200)),
        4 => (0..rng.usize(1..40)).map(|_| rng.char(..)).collect(),
        _ => (*pick(rng, &TEXTS)).to_owned(),
    }
}
