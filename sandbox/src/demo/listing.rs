//! Lists the records of a zone before and after an event, with the changes marked.

use std::collections::BTreeMap;

use super::page::{ROOM, wrap};
use super::style::Style;
use crate::route53::{RecordKey, RecordSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Kept,
    Removed,
    Added,
}

/// A record. For an unchanged record set, only the first record, and how many more there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) mark: Mark,
    name: String,
    ttl: Option<u32>,
    rtype: String,
    value: String,
    more: usize,
}

/// Every record before and after, in the order of the zone. Removed records come before added ones.
pub(super) fn diff(before: &[RecordSet], after: &[RecordSet]) -> Vec<Line> {
    let mut sets: BTreeMap<RecordKey, (Option<&RecordSet>, Option<&RecordSet>)> = BTreeMap::new();
    for set in before {
        sets.entry(RecordKey::new(set)).or_default().0 = Some(set);
    }
    for set in after {
        sets.entry(RecordKey::new(set)).or_default().1 = Some(set);
    }
    sets.into_values().flat_map(|(before, after)| of_set(before, after)).collect()
}

fn of_set(before: Option<&RecordSet>, after: Option<&RecordSet>) -> Vec<Line> {
    let records = |set: Option<&RecordSet>| set.map(records).unwrap_or_default();
    let (before, after) = (records(before), records(after));
    if before == after {
        let more = before.len().saturating_sub(1);
        return before.into_iter().take(1).map(|line| Line { more, ..line }).collect();
    }
    let marked = |lines: &[Line], others: &[Line], found: bool, mark| {
        let chosen = lines.iter().filter(|line| others.contains(line) == found);
        chosen.map(|line| Line { mark, ..line.clone() }).collect::<Vec<_>>()
    };
    let mut lines = marked(&before, &after, false, Mark::Removed);
    lines.extend(marked(&before, &after, true, Mark::Kept));
    lines.extend(marked(&after, &before, false, Mark::Added));
    lines
}

/// The records of a set, sorted so that the order in which they were written does not matter.
fn records(set: &RecordSet) -> Vec<Line> {
    let values = match &set.alias {
        Some(alias) => vec![format!("ALIAS {}", alias.dns_name)],
        None => set.sorted_values(),
    };
    let line = |value| Line {
        mark: Mark::Kept,
        name: set.name.clone(),
        ttl: set.ttl,
        rtype: set.rtype.clone(),
        value,
        more: 0,
    };
    values.into_iter().map(line).collect()
}

/// `3 records added, 2 removed`.
pub(super) fn count(lines: &[Line]) -> String {
    let of = |mark| lines.iter().filter(|line| line.mark == mark).count();
    match (of(Mark::Added), of(Mark::Removed)) {
        (0, 0) => "nothing changed".to_owned(),
        (added, 0) => format!("{} added", records_of(added)),
        (0, removed) => format!("{} removed", records_of(removed)),
        (added, removed) => format!("{} added, {removed} removed", records_of(added)),
    }
}

fn records_of(count: usize) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

/// The listing as text. A value that is too long for its column is written below, and broken after
/// commas.
pub(super) fn render(lines: &[Line], style: Style) -> Vec<String> {
    let width = lines.iter().map(|line| line.name.len()).max().unwrap_or_default();
    let mut text = Vec::new();
    let mut last: Option<&Line> = None;
    for line in lines {
        let again = last.is_some_and(|last| {
            (last.mark, &last.name, &last.rtype, last.ttl)
                == (line.mark, &line.name, &line.rtype, line.ttl)
        });
        last = Some(line);
        let ttl = line.ttl.map(|ttl| ttl.to_string()).unwrap_or_default();
        let head = format!("{:width$}  {ttl:>6}  {:<4}  ", line.name, line.rtype);
        let head = if again { " ".repeat(head.len()) } else { head };
        let more = if line.more > 0 { format!(" and {} more", line.more) } else { String::new() };
        let value = format!("{}{more}", line.value);
        if head.len() + value.len() + 2 <= ROOM {
            text.push(marked(line.mark, &format!("{head}{value}"), style));
            continue;
        }
        if line.mark == Mark::Kept {
            // The end of a claim has its owner. For other values the start is enough.
            let tail = if line.rtype == "TXT" { 24 } else { 0 };
            let short = shortened(&value, ROOM.saturating_sub(head.len() + 2), tail);
            text.push(marked(line.mark, &format!("{head}{short}"), style));
            continue;
        }
        if !again {
            text.push(marked(line.mark, head.trim_end(), style));
        }
        for part in wrap(&value, ROOM - 6) {
            text.push(marked(line.mark, &format!("    {part}"), style));
        }
    }
    text
}

/// Removes what does not fit before the last `tail` characters.
fn shortened(value: &str, width: usize, tail: usize) -> String {
    let length = value.chars().count();
    let head: String = value.chars().take(width.saturating_sub(tail + 1)).collect();
    let tail: String = value.chars().skip(length.saturating_sub(tail)).collect();
    format!("{head}…{tail}")
}

fn marked(mark: Mark, text: &str, style: Style) -> String {
    match mark {
        Mark::Kept => style.dim(&format!("  {text}")),
        Mark::Removed => style.bad(&format!("- {text}")),
        Mark::Added => style.good(&format!("+ {text}")),
    }
}

#[cfg(test)]
mod tests;
