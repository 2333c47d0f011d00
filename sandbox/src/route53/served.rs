//! The records that the name servers of a zone serve: those of the zone, without the changes that
//! have not propagated yet.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::model::{RecordKey, Records};
use super::record::RecordSet;

/// The records that the name servers serve, and the changes that are still to reach them. "When
/// using the Amazon Route 53 API to change resource record sets, Route 53 propagates your changes
/// to all of the Route 53 authoritative DNS servers managing the hosted zone" (API reference,
/// "`ChangeResourceRecordSets`"): the API returns a change immediately, the servers later. Probe:
/// route53/change-pending.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServedRecords {
    records: Records,
    pending: VecDeque<Pending>,
}

#[derive(Debug, Clone)]
struct Pending {
    change: String,
    edits: BTreeMap<RecordKey, Option<RecordSet>>,
}

impl ServedRecords {
    pub(crate) fn records(&self) -> impl Iterator<Item = &RecordSet> {
        self.records.values()
    }

    /// Applies a manual edit, which is served immediately.
    pub(crate) fn edit(&mut self, key: &RecordKey, record: Option<&RecordSet>) {
        set(&mut self.records, key, record);
    }

    /// Adds a change that is to propagate later.
    pub(crate) fn submit(&mut self, change: &str, before: &Records, after: &Records) {
        let keys: BTreeSet<&RecordKey> = before.keys().chain(after.keys()).collect();
        let changed = keys.into_iter().filter(|key| before.get(key) != after.get(key));
        let edits = changed.map(|key| (key.clone(), after.get(key).cloned())).collect();
        self.pending.push_back(Pending { change: change.to_owned(), edits });
    }

    /// Applies the changes that have propagated; returns whether there were any. Changes propagate
    /// in order: one that has propagated implies all the earlier ones.
    pub(crate) fn settle(&mut self, arrived: impl Fn(&str) -> bool) -> bool {
        let count = self
            .pending
            .iter()
            .rposition(|pending| arrived(&pending.change))
            .map_or(0, |last| last + 1);
        for pending in self.pending.drain(..count) {
            for (key, record) in &pending.edits {
                set(&mut self.records, key, record.as_ref());
            }
        }
        count > 0
    }
}

fn set(records: &mut Records, key: &RecordKey, record: Option<&RecordSet>) {
    match record {
        Some(record) => drop(records.insert(key.clone(), record.clone())),
        None => drop(records.remove(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(values: &[&str]) -> Records {
        values
            .iter()
            .map(|value| RecordSet::new(&format!("{value}.example.com"), "TXT", 300, [*value]))
            .map(|record| (RecordKey::new(&record), record))
            .collect()
    }

    #[test]
    fn a_propagated_change_includes_the_earlier_ones() {
        let mut served = ServedRecords::default();
        served.submit("one", &records(&[]), &records(&["a"]));
        served.submit("two", &records(&["a"]), &records(&["a", "b"]));
        served.submit("three", &records(&["a", "b"]), &records(&["b"]));
        served.settle(|_| false);
        assert_eq!(served.records, records(&[]));
        served.settle(|change| change == "two");
        assert_eq!(served.records, records(&["a", "b"]));
        served.settle(|change| change == "three");
        assert_eq!(served.records, records(&["b"]));
    }

    #[test]
    fn a_manual_edit_is_served_immediately_and_kept() {
        let (mut served, extra) =
            (ServedRecords::default(), RecordSet::new("x.example.com", "A", 300, ["192.0.2.1"]));
        served.submit("one", &records(&[]), &records(&["a"]));
        served.edit(&RecordKey::new(&extra), Some(&extra));
        assert_eq!(served.records().count(), 1);
        served.settle(|_| true);
        assert_eq!(served.records().count(), 2);
    }
}
