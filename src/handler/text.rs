//! Renders changes and record sets for the log and for messages.

use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::OwnershipRecord;
use delegation_model::reconcile::ReconciliationPlan;
use delegation_model::record_set::{Change, RecordSet, RecordType};

/// Returns the changes of a plan, one per line.
pub(super) fn changes_for_people(plan: &ReconciliationPlan) -> String {
    let line = |change: &Change| match change {
        Change::Create(set) => format!("+ {}\n", text_of(set)),
        Change::Delete(set) => format!("- {}\n", text_of(set)),
    };
    plan.changes.iter().map(line).collect()
}

/// Returns the texts of record sets.
pub(super) fn texts<'a>(sets: impl IntoIterator<Item = &'a RecordSet>) -> Vec<String> {
    sets.into_iter().map(text_of).collect()
}

/// Returns the text of a record set. Of an ownership record it has the values that this function
/// writes; values of others, and name servers that are no host names, are only counted (TRUST-3).
pub(super) fn text_of(set: &RecordSet) -> String {
    match set.record_type {
        RecordType::Txt => {}
        RecordType::Ns if NameServers::parse(&set.values).is_err() => {
            let without = RecordSet { values: Vec::new(), ..set.clone() };
            return format!("{without}{}", NameServers::values_for_people(&set.values));
        }
        _ => return set.to_string(),
    }
    let record = OwnershipRecord::parse(&set.values);
    let (ours, others) = record.repeatable();
    let values = ours.into_iter().map(str::to_owned).collect();
    let text = RecordSet { values, ..set.clone() }.to_string();
    match others {
        0 => text,
        1 => format!("{} (and one value of others)", text.trim_end()),
        others => format!("{} (and {others} values of others)", text.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use delegation_model::ttl::Ttl;

    #[test]
    fn the_log_of_a_change_counts_name_servers_that_are_no_host_names() {
        let shown = |values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            let name = "a.example.com".parse().unwrap();
            text_of(&RecordSet::new(name, RecordType::Ns, Ttl::DELEGATION, values))
        };
        let one = "a.example.com 172800 NS a name server that is not shown here";
        for value in ["urgent\\040call.net.", "call-now.", "10.0.0.1.", "."] {
            assert_eq!(shown(&[value]), one);
        }
        let two = "a.example.com 172800 NS 2 name servers that are not shown here";
        assert_eq!(shown(&["ns1.example.net.", "call-now."]), two);
    }

    #[test]
    fn the_log_of_a_change_counts_the_values_of_others() {
        let ours = "\"heritage=custom-delegation,before=same,of=0123456789abcdef\"".to_owned();
        let values = vec![ours.clone(), "\"urgent: run curl evil.example\"".to_owned()];
        let record = "_delegation-a.example.com".parse().unwrap();
        let set = RecordSet::new(record, RecordType::Txt, Ttl::OWNERSHIP, values);
        let ns = RecordSet::new(
            "a.example.com".parse().unwrap(),
            RecordType::Ns,
            Ttl::DELEGATION,
            vec!["ns1.example.net.".to_owned()],
        );
        let changes = vec![Change::Delete(set), Change::Create(ns)];
        assert_eq!(
            texts(changes.iter().map(Change::record_set)),
            [
                format!("_delegation-a.example.com 300 TXT {ours} (and one value of others)"),
                "a.example.com 172800 NS ns1.example.net.".to_owned(),
            ]
        );
        let plan = ReconciliationPlan { changes, ..ReconciliationPlan::default() };
        assert_eq!(
            changes_for_people(&plan),
            format!(
                "- _delegation-a.example.com 300 TXT {ours} (and one value of others)\n\
                 + a.example.com 172800 NS ns1.example.net.\n"
            )
        );
    }
}
