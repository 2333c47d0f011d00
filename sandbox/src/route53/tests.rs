use std::collections::BTreeSet;

use super::*;

#[test]
fn name_servers_are_unique() {
    let all: BTreeSet<String> = (0..2_000).flat_map(name_servers).collect();
    assert_eq!(all.len(), 8_000);
    assert_eq!(
        name_servers(12),
        ["ns-12.awsdns-12.com", "ns-524.awsdns-12.net", "ns-1036.awsdns-12.org", "ns-1548.awsdns-12.co.uk"]
    );
}

#[test]
fn revision_counts_changes() {
    let core = Arc::new(Core::default());
    let zone = create_zone(&core, "111111111111", None, "Example.com", false);
    assert_eq!((zone.name().as_str(), zone.revision()), ("example.com.", 0));
    zone.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
    assert_eq!(zone.revision(), 1);
    assert!(zone.remove("WWW.example.com.", "a"));
    assert!(!zone.remove("www.example.com", "A"));
    assert_eq!(zone.revision(), 2);
    zone.delete();
    assert!(!zone.exists() && zone.records().is_empty());
}
