//! The largest events that Lambda delivers, to a function with 128 MB. Each is answered, or fails
//! its invocation, and the same process then serves a good event.
//!
//! The kernel limits the process's memory (`ulimit -d`, setrlimit(2), "`RLIMIT_DATA`") to what the
//! program itself leaves of the 128 MB. Beyond that, an allocation fails and the process aborts,
//! however fast the machine is.

use sandbox::{Function as _, Invocation, RecordSet, ResponseKey};
use serde_json::{Value, json};
use test_support::NAME;

use crate::lambda::fixture::{RuntimeFixture, Setting};

/// The largest payload of an invocation in bytes ("Lambda quotas": 6 MB), minus the other fields of
/// the event.
const LARGE: usize = 6 * 1024 * 1024 - 4096;
/// What 128 MB leave for data, in bytes: the program, its libraries and Lambda's own processes take
/// less than 32 MB.
const MEMORY_LIMIT: u64 = 96 << 20;

fn event(fixture: &RuntimeFixture, number: usize, changes: Value) -> Value {
    let key = ResponseKey {
        stack_id: "arn:aws:cloudformation:us-east-1:222222222222:stack/large/51af3dc0-da77-11e4-872e-1234567db123"
            .into(),
        logical_id: "Delegation".into(),
        request_id: format!("large-{number}"),
    };
    let mut event = json!({
        "RequestType": "Create",
        "ResponseURL": fixture.bucket.presign(&key),
        "StackId": key.stack_id,
        "RequestId": key.request_id,
        "LogicalResourceId": key.logical_id,
        "ResourceType": "Custom::Delegation",
        "ResourceProperties": fixture.properties(json!({})),
    });
    for (field, value) in changes.as_object().unwrap() {
        event[field] = value.clone();
    }
    event
}

/// Returns events that take the most memory for their size, in each field that is parsed.
fn large(fixture: &RuntimeFixture) -> Vec<Value> {
    let long = "x".repeat(LARGE);
    // Each element is two bytes of JSON, and many bytes in memory.
    let many = json!(vec![0; LARGE / 2]);
    let few = json!(vec![0; (1 << 19) - 64]);
    // An object with one key is seven bytes of JSON, and many more in memory than a number.
    let objects = |count: usize| json!(vec![json!({"": 0}); count]);
    let update = |properties: Value| {
        json!({
            "RequestType": "Update",
            "PhysicalResourceId": "x",
            "ResourceProperties": properties,
            "OldResourceProperties": properties,
        })
    };
    let with = |name: &str, value: Value| json!({"ResourceProperties": fixture.properties(json!({ name: value }))});
    let mut events = vec![
        json!({"StackId": long}),
        json!({"RequestId": long}),
        json!({"RequestType": long}),
        json!({"PhysicalResourceId": long, "RequestType": "Delete"}),
        with("NameServers", json!(long)),
        with("NameServers", many.clone()),
        with("Unknown", many.clone()),
        with(&long, json!("")),
        json!({
            "RequestType": "Update",
            "PhysicalResourceId": "x",
            "OldResourceProperties": {"A": many.clone()},
        }),
        // As many bytes as may be parsed, in both property lists, but too many items.
        update(json!({"A": few})),
        update(json!({"A": objects((1 << 20) / 7 - 16)})),
        // The most that is parsed.
        update(json!({"A": objects(9_990), "B": "x".repeat(900_000)})),
        // An item that is split into many.
        with("NameServers", json!("a,".repeat((1 << 19) - 1000))),
        update(json!({"KeySigningKeys": keys()})),
        // A field that is not used.
        json!({"Other": many}),
    ];
    // A JSON string within a JSON string: each quotation mark takes two bytes.
    events.push(json!({
        "Records": [{"EventSource": "aws:sns", "Sns": {"Message": "\"".repeat(LARGE / 2)}}],
    }));
    events
}

/// Returns as many different names of keys as fit into the properties, separated by commas.
fn keys() -> String {
    fn characters() -> impl Iterator<Item = char> {
        ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['_'])
    }
    let names = characters().flat_map(|first| {
        characters().flat_map(move |second| {
            characters().map(move |third| String::from_iter([first, second, third]))
        })
    });
    names.take(250_000).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn the_largest_events_fit_into_128_mb() {
    let fixture =
        RuntimeFixture::with(Setting { memory_limit: Some(MEMORY_LIMIT), ..Setting::default() })
            .await;
    for (number, changes) in large(&fixture).into_iter().enumerate() {
        let wrapped = changes.get("Records").is_some();
        let event = if wrapped { changes } else { event(&fixture, number, changes) };
        let result = fixture.function.invoke(event).await;
        assert!(
            matches!(result, Invocation::Returned(_) | Invocation::Failed { .. }),
            "event {number}: {result:?}: {:?}",
            fixture.function.logs().last()
        );
    }
    assert_eq!(fixture.function.starts(), 1, "no event may kill the process");
    assert!(fixture.deploy("Delegation", json!({})).await.is_complete());
}

/// Somebody who may write TXT records below the name can fill a page of the listing with record
/// sets of 30,000 characters each; a batch may have 32,000 ("Quotas"). An ampersand takes five
/// bytes in the response.
#[tokio::test]
async fn the_largest_page_of_a_listing_fits_into_128_mb() {
    let fixture =
        RuntimeFixture::with(Setting { memory_limit: Some(MEMORY_LIMIT), ..Setting::default() })
            .await;
    let value = vec![format!("\"{}\"", "&".repeat(250)); 15].join(" ");
    for number in 0..300 {
        let name = format!("t{number:03}.{NAME}");
        fixture.parent.put(RecordSet::new(&name, "TXT", 60, vec![value.clone(); 8]));
    }
    let occluding = json!({"AllowOcclusion": true});
    assert!(fixture.deploy("Delegation", occluding.clone()).await.is_complete());
    let changed = json!({"AllowOcclusion": true, "TTL": 60});
    assert!(fixture.deploy("Delegation", changed).await.is_complete());
    fixture.assert_delegated(60, 1);
    assert!(fixture.stack.delete().await.is_complete());
    assert_eq!(fixture.function.starts(), 1, "no listing may kill the process");
}

/// Shows that the test of events can fail: 12 MiB are enough to start, but not for a large event.
#[tokio::test]
async fn a_process_with_less_memory_is_killed() {
    let fixture =
        RuntimeFixture::with(Setting { memory_limit: Some(12 << 20), ..Setting::default() }).await;
    let many = json!({"NameServers": vec![0; LARGE / 2]});
    let result =
        fixture.function.invoke(event(&fixture, 0, json!({"ResourceProperties": many}))).await;
    assert!(matches!(result, Invocation::Exited(_)), "{result:?}");
}
