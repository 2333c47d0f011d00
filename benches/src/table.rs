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

/// A row of the table.
struct Row {
    figure: Figure,
    label: &'static str,
    unit: Unit,
}

const fn row(figure: Figure, label: &'static str, unit: Unit) -> Row {
    Row { figure, label, unit }
}

/// The rows in their order. Each label is unique, so that a row can be found by it.
const ROWS: [Row; 22] = [
    row(Figure::Ready, "process start to ready, ms", Unit::Milliseconds),
    row(Figure::ReadyCpu, "CPU from process start to ready, ms", Unit::Milliseconds),
    row(Figure::ColdCreate, "cold Create: process start to response, ms", Unit::Milliseconds),
    row(Figure::ColdCreateCpu, "CPU of a cold Create, with the start, ms", Unit::Milliseconds),
    row(Figure::WarmCreate, "warm Create to response, ms", Unit::Milliseconds),
    row(Figure::WarmCreateCpu, "CPU of a warm Create, ms", Unit::Milliseconds),
    row(Figure::WarmUpdate, "warm Update to response, ms", Unit::Milliseconds),
    row(Figure::WarmUpdateCpu, "CPU of a warm Update, ms", Unit::Milliseconds),
    row(Figure::WarmDelete, "warm Delete to response, ms", Unit::Milliseconds),
    row(Figure::WarmDeleteCpu, "CPU of a warm Delete, ms", Unit::Milliseconds),
    row(Figure::PeakMemory, "peak memory, MB", Unit::Megabytes),
    row(Figure::Package, "package (zip), MB", Unit::Megabytes),
    row(Figure::ColdCreateCalls, "calls of a cold Create, the response included", Unit::Count),
    row(Figure::UpdateCalls, "calls of a warm Update", Unit::Count),
    row(Figure::DeleteCalls, "calls of a warm Delete", Unit::Count),
    row(Figure::Connections, "TLS connections of a cold Create", Unit::Count),
    row(Figure::ColdCreateTrips, "serial round trips: cold Create", Unit::Trips),
    row(Figure::WarmCreateTrips, "serial round trips: warm Create", Unit::Trips),
    row(Figure::WarmUpdateTrips, "serial round trips: warm Update", Unit::Trips),
    row(Figure::WarmDeleteTrips, "serial round trips: warm Delete", Unit::Trips),
    row(
        Figure::FarColdCreate,
        "cold Create from process start at the fixed latency, ms",
        Unit::Milliseconds,
    ),
    row(Figure::FarWarmUpdate, "warm Update at the fixed latency, ms", Unit::Milliseconds),
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
    for Row { figure, label, unit } in ROWS {
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0, 10.0, 4.0]), Some(3.0));
    }

    #[test]
    fn each_figure_has_one_row_and_each_row_its_own_label() {
        let figures: BTreeSet<Figure> = ROWS.iter().map(|row| row.figure).collect();
        let labels: BTreeSet<&str> = ROWS.iter().map(|row| row.label).collect();
        assert_eq!((figures.len(), labels.len()), (ROWS.len(), ROWS.len()));
    }

    /// Two programs, with a different value for each figure. The second one only starts.
    #[test]
    fn each_row_has_the_medians_of_its_figure() {
        let scale = |unit: &Unit| if matches!(unit, Unit::Megabytes) { 1e6 } else { 1.0 };
        let mut columns = [
            Column { name: "one", note: "does it all", samples: Samples::new() },
            Column { name: "two", note: "only starts", samples: Samples::new() },
        ];
        for (Row { figure, unit, .. }, value) in ROWS.iter().zip(1_u32..) {
            let value = f64::from(value) * scale(unit);
            columns[0].samples.insert(*figure, vec![value + 1.0, value, 0.0]);
            if matches!(figure, Figure::Ready | Figure::ReadyCpu) {
                columns[1].samples.insert(*figure, vec![value * 10.0]);
            }
        }
        insta::assert_snapshot!(print(&columns));
    }
}
