//! Metrics of an invocation, in CloudWatch's embedded metric format: a JSON line that CloudWatch
//! Logs turns into metrics (CloudWatch User Guide, "Specification: Embedded metric format"). The
//! watch uses this format as well.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "CustomDelegation";

/// The steps of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading both zones, including getting credentials.
    Observe,
    /// Deciding what to change.
    Plan,
    /// Changing the parent zone.
    Apply,
    /// Waiting until all name servers have the change.
    Sync,
    /// Querying the name servers.
    Check,
    /// Responding to CloudFormation.
    Signal,
}

/// The time that each step of a request took in total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepTimes {
    /// The time of [`Step::Observe`].
    pub observe: Duration,
    /// The time of [`Step::Plan`].
    pub plan: Duration,
    /// The time of [`Step::Apply`].
    pub apply: Duration,
    /// The time of [`Step::Sync`].
    pub sync: Duration,
    /// The time of [`Step::Check`].
    pub check: Duration,
    /// The time of [`Step::Signal`].
    pub signal: Duration,
}

impl StepTimes {
    /// Adds to the time of a step.
    pub fn add(&mut self, step: Step, time: Duration) {
        let total = match step {
            Step::Observe => &mut self.observe,
            Step::Plan => &mut self.plan,
            Step::Apply => &mut self.apply,
            Step::Sync => &mut self.sync,
            Step::Check => &mut self.check,
            Step::Signal => &mut self.signal,
        };
        *total += time;
    }
}

/// The metrics of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Fields of the request's log lines that the metrics line has as well. They are not
    /// dimensions.
    pub fields: Vec<(&'static str, String)>,
    /// What the request did, if it succeeded.
    pub action: Option<&'static str>,
    /// The class of the failure, if it failed.
    pub failure: Option<String>,
    /// True if the response was not delivered.
    pub signal_failed: bool,
    /// How many responses of AWS reported too many calls.
    pub throttled_calls: u64,
    /// The time that each step took.
    pub step_times: StepTimes,
    /// The time from receiving the event to sending the response.
    pub total: Duration,
}

impl Metrics {
    /// The JSON line for the log.
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
        let StepTimes { observe, plan, apply, sync, check, signal } = self.step_times;
        let durations = [
            ("ObserveDuration", observe),
            ("PlanDuration", plan),
            ("ApplyDuration", apply),
            ("SyncDuration", sync),
            ("CheckDuration", check),
            ("SignalDuration", signal),
            ("Duration", self.total),
        ];
        directives.push(directive(&[], &durations.map(|(name, _)| name), "Milliseconds"));
        for (name, time) in durations {
            line.insert(name.into(), json!(milliseconds(time)));
        }
        embedded_line(at, line, &directives)
    }
}

/// A directive that declares fields of a line as metrics with this CloudWatch unit, and other
/// fields as their dimensions.
pub(crate) fn directive(dimensions: &[&str], names: &[&str], unit: &str) -> Value {
    let metrics: Vec<Value> =
        names.iter().map(|name| json!({"Name": name, "Unit": unit})).collect();
    json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics})
}

/// Builds the JSON line with these fields and directives.
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

/// Milliseconds with three decimal places.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_metric_has_a_value_and_its_dimensions() {
        let metrics = Metrics {
            action: Some("CREATED"),
            failure: Some("denied".into()),
            throttled_calls: 3,
            step_times: StepTimes {
                observe: Duration::from_micros(1_234_567),
                apply: Duration::from_millis(7),
                ..StepTimes::default()
            },
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
    fn actions_and_failures_that_did_not_happen_are_not_counted() {
        let line: Value =
            serde_json::from_str(&Metrics::default().line(SystemTime::UNIX_EPOCH)).unwrap();
        assert!(line.get("Delegations").is_none() && line.get("Failures").is_none());
        assert_eq!((&line["SignalFailures"], &line["ThrottledCalls"]), (&json!(0), &json!(0)));
    }
}
