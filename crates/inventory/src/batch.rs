//! Change batches in the format of the AWS CLI, and JSON that any terminal can display.

use serde_json::{Value, json};

use delegation_model::ids::ZoneId;
use delegation_model::record_set::{Change, RecordSet, batch_comment};
use delegation_model::ttl::Ttl;

/// A change batch (Route 53 API Reference, `ChangeBatch`). `None` if there are no changes.
pub fn batch(comment: &str, changes: &[&Change]) -> Option<Value> {
    if changes.is_empty() {
        return None;
    }
    let changes: Vec<Value> = changes.iter().map(|change| entry(change)).collect();
    Some(json!({"Comment": batch_comment(comment), "Changes": changes}))
}

fn entry(change: &Change) -> Value {
    let (action, set) = parts(change);
    let values: Vec<Value> = set.values.iter().map(|value| json!({"Value": value})).collect();
    json!({
        "Action": action,
        "ResourceRecordSet": {
            "Name": set.name.fqdn(),
            "Type": set.record_type.as_str(),
            "TTL": set.ttl.map(Ttl::seconds),
            "ResourceRecords": values,
        },
    })
}

/// The action and the record set of a change.
pub fn parts(change: &Change) -> (&'static str, &RecordSet) {
    match change {
        Change::Create(set) => ("CREATE", set),
        Change::Delete(set) => ("DELETE", set),
    }
}

/// The command that sends the batch, for a POSIX shell.
pub fn command_line(zone: &ZoneId, batch: &Value) -> String {
    // Within single quotes, only a single quote is special, and JSON has another way to write it.
    let batch = ascii(&batch.to_string()).replace('\'', "\\u0027");
    format!(
        "aws route53 change-resource-record-sets --hosted-zone-id {zone} --change-batch '{batch}'"
    )
}

/// A change as JSON.
pub fn document_of(change: &Change) -> Value {
    let (action, set) = parts(change);
    let ttl = set.ttl.map(Ttl::seconds);
    json!({"action": action, "name": set.name.as_str(), "type": set.record_type.as_str(), "ttl": ttl, "values": set.values})
}

/// Escapes all non-ASCII characters in JSON. They only occur in strings.
pub fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || c == ' ' || c.is_ascii_graphic() {
            out.push(c);
        } else {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use delegation_model::record_set::RecordType;

    #[test]
    fn a_quote_does_not_end_the_argument() {
        let name = "testing.example.com".parse().unwrap();
        let set = RecordSet::new(
            name,
            RecordType::Txt,
            Ttl::new(60).unwrap(),
            vec!["\"it's; $(rm)\"".into()],
        );
        let batch = batch("it's", &[&Change::Create(set)]).unwrap();
        let line = command_line(&"Z1".parse().unwrap(), &batch);
        let argument = line.split_once(" '").unwrap().1.strip_suffix('\'').unwrap();
        assert!(!argument.contains('\''), "{line}");
        assert_eq!(serde_json::from_str::<Value>(argument).unwrap(), batch);
    }

    /// Route 53 rejects a longer one, and a name may have a thousand characters.
    #[test]
    fn a_comment_is_cut_to_what_route_53_accepts() {
        let name = "testing.example.com".parse().unwrap();
        let set = RecordSet::new(name, RecordType::Ns, Ttl::new(60).unwrap(), vec!["ns.".into()]);
        let batch = batch(&"é".repeat(1000), &[&Change::Delete(set)]).unwrap();
        assert_eq!(batch["Comment"].as_str().unwrap().chars().count(), 256);
    }

    #[test]
    fn json_is_escaped_to_ascii_without_changing_its_value() {
        let document = serde_json::json!({"a": "\u{1b}\u{7f}\u{9b}\u{1f600}é\n"});
        let text = ascii(&format!("{document:#}"));
        assert!(text.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
    }
}
