//! The metrics of the watch, in CloudWatch's embedded metric format, with one line for each set of
//! dimensions.

use std::time::SystemTime;

use serde_json::json;

use super::Totals;
use crate::metrics::{directive, embedded_line};
use inventory::Severity;

/// The number of findings of one kind in one zone.
pub fn of_zone(at: SystemTime, finding: &str, zone: &str, count: u64) -> String {
    line(at, &[("Finding", finding), ("Zone", zone)], &[("Findings", count)])
}

/// The metrics of a whole run. A severity without findings has the value 0, so that its alarm ends.
pub fn of_run(at: SystemTime, totals: &Totals) -> Vec<String> {
    let severities =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let of_severity = severities.iter().map(|severity| {
        let name: &str = severity.into();
        let count = totals.findings.get(name).copied().unwrap_or_default();
        line(at, &[("Severity", name)], &[("Findings", count)])
    });
    // A single delegation that can't be checked is not reported. If it is most of them, the watch
    // itself has no access to the network.
    let is_blind = totals.unknown > totals.delegations / 2;
    let of_all = [
        ("WatchRuns", 1),
        ("BlindRuns", u64::from(is_blind)),
        ("WatchedZones", totals.zones),
        ("WatchedDelegations", totals.delegations),
    ];
    of_severity.chain([line(at, &[], &of_all)]).collect()
}

fn line(at: SystemTime, dimensions: &[(&str, &str)], metrics: &[(&str, u64)]) -> String {
    let dimension_names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let metric_names: Vec<&str> = metrics.iter().map(|(name, _)| *name).collect();
    let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    let counts = metrics.iter().map(|(name, count)| ((*name).to_owned(), json!(count)));
    embedded_line(
        at,
        dimensions.chain(counts).collect(),
        &[directive(&dimension_names, &metric_names, "Count")],
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::metrics::NAMESPACE;

    #[test]
    fn every_line_has_its_dimensions_and_missing_severities_are_0() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
        let totals = Totals {
            zones: 2,
            delegations: 7,
            unknown: 4,
            findings: BTreeMap::from([("high".to_owned(), 3)]),
        };
        let lines = of_run(at, &totals);
        let lines: Vec<Value> =
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let counts: Vec<(&Value, &Value)> =
            lines.iter().map(|line| (&line["Severity"], &line["Findings"])).collect();
        assert_eq!(
            counts.get(..2).unwrap(),
            [(&json!("critical"), &json!(0)), (&json!("high"), &json!(3))]
        );
        assert_eq!(lines.len(), 6);
        let blind = |unknown| {
            let lines = of_run(at, &Totals { unknown, ..totals.clone() });
            serde_json::from_str::<Value>(lines.last().unwrap()).unwrap()["BlindRuns"].clone()
        };
        assert_eq!(
            [blind(4), blind(3), blind(0)],
            [json!(1), json!(0), json!(0)],
            "more than half"
        );
        let of_zone = serde_json::from_str(&of_zone(at, "lame", "example.com", 1)).unwrap();
        for line in lines.iter().chain([&of_zone]) {
            assert_eq!(line["_aws"]["Timestamp"], 5000);
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(directive["Namespace"], NAMESPACE);
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{line}");
            }
            for dimension in directive["Dimensions"][0].as_array().unwrap() {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{line}");
            }
        }
    }
}
