//! Displays a plan as a diff.

use delegation_model::record_set::{Change, RecordSet};

/// A record set before and after the change.
type Sides<'a> = (Option<&'a RecordSet>, Option<&'a RecordSet>);

/// The lines of the diff: for each record set a heading, then its removed, added and unchanged
/// lines.
pub(super) fn diff(changes: &[Change]) -> Vec<String> {
    let mut sets: Vec<(&RecordSet, Sides<'_>)> = Vec::new();
    for change in changes {
        let set = change.record_set();
        let known = sets.iter().position(|(known, _)| {
            (&known.name, &known.record_type) == (&set.name, &set.record_type)
        });
        let index = known.unwrap_or_else(|| {
            sets.push((set, Sides::default()));
            sets.len() - 1
        });
        match (sets.get_mut(index), change) {
            (Some((_, sides)), Change::Delete(set)) => sides.0 = Some(set),
            (Some((_, sides)), Change::Create(set)) => sides.1 = Some(set),
            (None, _) => {}
        }
    }
    let mut lines = Vec::new();
    for (RecordSet { name, record_type, .. }, (before, after)) in sets {
        let sign = match (before, after) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        };
        lines.push(format!("{sign} {} {record_type}", name.for_people()));
        let set_lines = |set: Option<&RecordSet>| {
            let ttl = set.and_then(|set| set.ttl).map(|ttl| format!("TTL {ttl}"));
            ttl.into_iter()
                .chain(set.into_iter().flat_map(|set| set.values.clone()))
                .collect::<Vec<_>>()
        };
        let (before, after) = (set_lines(before), set_lines(after));
        let removed =
            before.iter().filter(|line| !after.contains(line)).map(|line| format!("    - {line}"));
        let added =
            after.iter().filter(|line| !before.contains(line)).map(|line| format!("    + {line}"));
        let unchanged =
            after.iter().filter(|line| before.contains(line)).map(|line| format!("      {line}"));
        lines.extend(removed.chain(added).chain(unchanged));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use delegation_model::name::Name;
    use delegation_model::record_set::RecordType;
    use delegation_model::ttl::Ttl;

    #[test]
    fn a_diff_has_removed_added_and_unchanged_lines() {
        let name: Name = "testing.example.com".parse().unwrap();
        let set = |ttl, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            RecordSet::new(name.clone(), RecordType::Ns, Ttl::new(ttl).unwrap(), values)
        };
        let changes =
            [Change::Delete(set(60, &["a.", "b."])), Change::Create(set(300, &["b.", "c."]))];
        let expected = [
            "~ testing.example.com NS",
            "    - TTL 60",
            "    - a.",
            "    + TTL 300",
            "    + c.",
            "      b.",
        ];
        assert_eq!(diff(&changes), expected);
        assert_eq!(diff(&changes[1..])[0], "+ testing.example.com NS");
    }
}
