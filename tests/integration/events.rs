//! The events of `events/` have the form that CloudFormation sends: the types of
//! `aws_lambda_events` and the envelope can both parse them.

use std::fs;

use aws_lambda_events::event::cloudformation::CloudFormationCustomResourceRequest;
use aws_lambda_events::event::sns::SnsEvent;
use custom_delegation::cfn::envelope;
use custom_delegation::cfn::properties::Properties;
use custom_delegation::cfn::response_url::AcceptedHosts;
use serde_json::Value;

fn events() -> Vec<(String, Value)> {
    let entries = fs::read_dir("events").unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let event = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        (path.file_stem().unwrap().to_string_lossy().into_owned(), event)
    };
    entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(read)
        .collect()
}

#[test]
fn the_public_types_parse_them() {
    let events = events();
    assert!(events.len() >= 3);
    for (name, mut event) in events {
        if event.get("Records").is_some() {
            let wrapped: SnsEvent =
                serde_json::from_value(event).unwrap_or_else(|error| panic!("{name}: {error}"));
            event = serde_json::from_str(&wrapped.records[0].sns.message).unwrap();
        }
        serde_json::from_value::<CloudFormationCustomResourceRequest>(event)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn the_function_parses_them() {
    let accepted = AcceptedHosts { region: Some("us-east-1"), local_hosts: &[] };
    for (name, event) in events() {
        let text = event.to_string();
        let event =
            envelope::unwrap(&text).and_then(|message| envelope::parse(&message.text, accepted));
        let event = event.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(event.target.url.signed_at().is_some(), "{name}");
        let request = event.request.unwrap_or_else(|error| panic!("{name}: {error}"));
        Properties::parse(&request.properties).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
