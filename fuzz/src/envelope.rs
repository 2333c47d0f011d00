//! Events, and the answers' URLs in them.

use std::fmt;

use custom_delegation::cfn::envelope;
use custom_delegation::cfn::physical_id::{self, PhysicalId};
use custom_delegation::cfn::response_url::AcceptedHosts;
use serde_json::{Value, json};

use super::properties::check_properties;
use super::{REGION, SECRET, URL, json_without_secret};

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
