//! Displays a plan as a diff.

use delegation_model::name::Name;
use delegation_model::record_set::{Change, RecordSet, RecordType};

/// A record set before and after the change.
struct RecordSetDiff<'a> {
    name: &'a Name,
    record_type: &'a RecordType,
    before: Option<&'a RecordSet>,
    after: Option<&'a RecordSet>,
}

/// The lines of the diff: for each record set a heading, then its removed, added and unchanged
/// lines.
pub(super) fn diff(changes: &[Change]) -> Vec<String> {
    let mut diffs: Vec<RecordSetDiff<'_>> = Vec::new();
    for change in changes {
        let RecordSet { name, record_type, .. } = change.record_set();
        let known =
            diffs.iter().position(|diff| (diff.name, diff.record_type) == (name, record_type));
        let index = known.unwrap_or_else(|| {
            diffs.push(RecordSetDiff { name, record_type, before: None, after: None });
            diffs.len() - 1
        });
        match (diffs.get_mut(index), change) {
            (Some(diff), Change::Delete(set)) => diff.before = Some(set),
            (Some(diff), Change::Create(set)) => diff.after = Some(set),
            (None, _) => {}
        }
    }
    diffs.iter().flat_map(RecordSetDiff::lines).collect()
}

impl RecordSetDiff<'_> {
    fn lines(&self) -> Vec<String> {
        let sign = match (self.before, self.after) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        };
        let heading = format!("{sign} {} {}", self.name.for_people(), self.record_type);
        let (before, after) = (set_lines(self.before), set_lines(self.after));
        let removed =
            before.iter().filter(|line| !after.contains(line)).map(|line| format!("    - {line}"));
        let added =
            after.iter().filter(|line| !before.contains(line)).map(|line| format!("    + {line}"));
        let unchanged =
            after.iter().filter(|line| before.contains(line)).map(|line| format!("      {line}"));
        std::iter::once(heading).chain(removed).chain(added).chain(unchanged).collect()
    }
}

/// The TTL and the values of a record set, one a line.
fn set_lines(set: Option<&RecordSet>) -> Vec<String> {
    let ttl = set.and_then(|set| set.ttl).map(|ttl| format!("TTL {ttl}"));
    ttl.into_iter().chain(set.into_iter().flat_map(|set| set.values.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use delegation_model::ttl::Ttl;

    #[test]
    fn a_diff_has_removed_added_and_unchanged_lines() {
        let set = |name: &str, record_type: &str, ttl, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            RecordSet::new(name.parse().unwrap(), record_type, Ttl::new(ttl).unwrap(), values)
        };
        let changes = [
            Change::Delete(set("testing.example.com", "NS", 60, &["a.", "b."])),
            Change::Delete(set("testing.example.com", "DS", 60, &["1 13 2 AB"])),
            Change::Create(set("testing.example.com", "NS", 300, &["b.", "c."])),
            Change::Create(set("_delegation-testing.example.com", "TXT", 300, &["\"a claim\""])),
        ];
        insta::assert_snapshot!(diff(&changes).join("\n"));
    }
}
