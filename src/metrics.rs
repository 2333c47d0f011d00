//! What one invocation counts, and the form in which the watch counts as well: CloudWatch's
//! embedded metric format (CloudWatch User Guide, "Specification: Embedded metric format"): one
//! JSON line, which CloudWatch Logs turns into metrics.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "CustomDelegation";

/// The steps of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading both zones, the credentials for it included.
    Observe,
    /// Deciding what to change.
    Plan,
    /// Changing the parent zone.
    Apply,
    /// Waiting until all name servers have the change.
    Sync,
    /// Asking the name servers.
    Check,
    /// Answering CloudFormation.
    Signal,
}

/// What one invocation counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The fields of the request's log lines that its line carries as well, as no dimension of
    /// anything.
    pub fields: Vec<(&'static str, String)>,
    /// What the request did, for a request that succeeded.
    pub action: Option<&'static str>,
    /// What kind of failure it was, for one that failed.
    pub failure: Option<String>,
    /// True if the answer did not get through.
    pub signal_failed: bool,
    /// How many answers of AWS said that there were too many calls.
    pub throttled_calls: u64,
    /// The time that each step took, all its rounds together, in the order of [`Step`].
    pub spent: [Duration; 6],
    /// From the event to the end of the answer.
    pub total: Duration,
}

impl Metrics {
    /// The line to write.
    pub fn line(&self, at: SystemTime) -> String {
        let mut line: Map<String, Value> =
            self.fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let mut directives = Vec::new();
        if let Some(action) = self.action {
            directives.push(directive(&["Action"], &["Delegations"], "Count"));
            line.insert("Action".into(), json!(action));
            line.insert("Delegations".into(), json!(1));
        }
        if let Some(failure) = &self.failure {
            directives.push(directive(&["Failure"], &["Failures"], "Count"));
            line.insert("Failure".into(), json!(failure));
            line.insert("Failures".into(), json!(1));
        }
        directives.push(directive(&[], &["SignalFailures", "ThrottledCalls"], "Count"));
        line.insert("SignalFailures".into(), json!(u8::from(self.signal_failed)));
        line.insert("ThrottledCalls".into(), json!(self.throttled_calls));
        let names = [
            "ObserveDuration",
            "PlanDuration",
            "ApplyDuration",
            "SyncDuration",
            "CheckDuration",
            "SignalDuration",
            "Duration",
        ];
        directives.push(directive(&[], &names, "Milliseconds"));
        for (name, time) in names.iter().zip(self.spent.iter().chain([&self.total])) {
            line.insert((*name).into(), json!(milliseconds(*time)));
        }
        embedded_line(at, line, &directives)
    }
}

/// Says which fields of a line are metrics, all in this unit of CloudWatch, and which are their
/// dimensions.
pub(crate) fn directive(dimensions: &[&str], names: &[&str], unit: &str) -> Value {
    let metrics: Vec<Value> =
        names.iter().map(|name| json!({"Name": name, "Unit": unit})).collect();
    json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics})
}

/// The line with these fields, of which the directives tell what they are.
pub(crate) fn embedded_line(
    at: SystemTime,
    mut fields: Map<String, Value>,
    directives: &[Value],
) -> String {
    let timestamp = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let timestamp = u64::try_from(timestamp).unwrap_or(0);
    fields.insert(
        "_aws".to_owned(),
        json!({"Timestamp": timestamp, "CloudWatchMetrics": directives}),
    );
    Value::Object(fields).to_string()
}

/// Milliseconds to three places.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_named_is_there_with_its_dimensions() {
        let metrics = Metrics {
            action: Some("CREATED"),
            failure: Some("denied".into()),
            throttled_calls: 3,
            spent: [
                Duration::from_micros(1_234_567),
                Duration::ZERO,
                Duration::from_millis(7),
                Duration::ZERO,
                Duration::ZERO,
                Duration::ZERO,
            ],
            ..Metrics::default()
        };
        let line: Value =
            serde_json::from_str(&metrics.line(SystemTime::UNIX_EPOCH + Duration::from_secs(5)))
                .unwrap();
        assert_eq!(line["_aws"]["Timestamp"], 5000);
        assert_eq!(
            (&line["ObserveDuration"], &line["ApplyDuration"]),
            (&json!(1234.567), &json!(7.0))
        );
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        assert_eq!(directives.len(), 4);
        for directive in directives {
            assert_eq!(directive["Namespace"], NAMESPACE);
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
            }
            for dimension in directive["Dimensions"][0].as_array().unwrap() {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
            }
        }
    }

    #[test]
    fn what_did_not_happen_is_not_counted() {
        let line: Value =
            serde_json::from_str(&Metrics::default().line(SystemTime::UNIX_EPOCH)).unwrap();
        assert!(line.get("Delegations").is_none() && line.get("Failures").is_none());
        assert_eq!((&line["SignalFailures"], &line["ThrottledCalls"]), (&json!(0), &json!(0)));
    }
}
