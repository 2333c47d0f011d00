//! The table of medians, with ratios.

use std::fmt::Write as _;

use crate::measure::{Figure, Samples};

/// The column of a program.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) note: &'static str,
    pub(crate) samples: Samples,
}

/// How a figure is formatted.
enum Unit {
    Milliseconds,
    Megabytes,
    Count,
    Trips,
}

const ROWS: [(Figure, &str, Unit); 22] = [
    (Figure::Ready, "process start to ready, ms", Unit::Milliseconds),
    (Figure::ReadyCpu, "CPU of that, ms", Unit::Milliseconds),
    (Figure::ColdCreate, "cold Create: process start to answer, ms", Unit::Milliseconds),
    (Figure::ColdCreateCpu, "CPU of that, ms", Unit::Milliseconds),
    (Figure::WarmCreate, "warm Create to answer, ms", Unit::Milliseconds),
    (Figure::WarmCreateCpu, "CPU of that, ms", Unit::Milliseconds),
    (Figure::WarmUpdate, "warm Update to answer, ms", Unit::Milliseconds),
    (Figure::WarmUpdateCpu, "CPU of that, ms", Unit::Milliseconds),
    (Figure::WarmDelete, "warm Delete to answer, ms", Unit::Milliseconds),
    (Figure::WarmDeleteCpu, "CPU of that, ms", Unit::Milliseconds),
    (Figure::PeakMemory, "peak memory, MB", Unit::Megabytes),
    (Figure::Package, "package (zip), MB", Unit::Megabytes),
    (Figure::ColdCreateCalls, "calls of a cold Create, the answer included", Unit::Count),
    (Figure::UpdateCalls, "calls of a warm Update", Unit::Count),
    (Figure::DeleteCalls, "calls of a warm Delete", Unit::Count),
    (Figure::Connections, "TLS connections of a cold Create", Unit::Count),
    (Figure::ColdCreateTrips, "serial round trips: cold Create", Unit::Trips),
    (Figure::WarmCreateTrips, "serial round trips: warm Create", Unit::Trips),
    (Figure::WarmUpdateTrips, "serial round trips: warm Update", Unit::Trips),
    (Figure::WarmDeleteTrips, "serial round trips: warm Delete", Unit::Trips),
    (
        Figure::FarColdCreate,
        "cold Create from process start with that latency, ms",
        Unit::Milliseconds,
    ),
    (Figure::FarWarmUpdate, "warm Update with that latency, ms", Unit::Milliseconds),
];

/// Returns the median; `None` if there are no samples.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// Formats the table in Markdown. Each figure of a peer has its ratio to the first column.
pub(crate) fn print(columns: &[Column]) -> String {
    let mut text = String::from("| figure |");
    for column in columns {
        let _ = write!(text, " {} |", column.name);
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(columns.len()));
    for (figure, label, unit) in ROWS {
        let _ = write!(text, "\n| {label} |");
        let medians: Vec<Option<f64>> = columns
            .iter()
            .map(|column| median(column.samples.get(&figure).map_or(&[], Vec::as_slice)))
            .collect();
        let first = medians.first().copied().flatten();
        for (number, value) in medians.into_iter().enumerate() {
            let Some(value) = value else {
                text.push_str(" - |");
                continue;
            };
            let _ = match unit {
                Unit::Megabytes => write!(text, " {:.3}", value / 1e6),
                Unit::Count => write!(text, " {value:.0}"),
                Unit::Milliseconds | Unit::Trips => write!(text, " {value:.1}"),
            };
            match first {
                Some(first) if number > 0 && first > 0.0 => {
                    let _ = write!(text, " (× {:.2})", value / first);
                }
                _ => {}
            }
            text.push_str(" |");
        }
    }
    text.push('\n');
    for column in columns {
        let _ = write!(text, "\n- {}: {}", column.name, column.note);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0, 10.0, 4.0]), Some(3.0));
    }
}
