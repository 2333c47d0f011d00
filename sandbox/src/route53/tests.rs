use std::collections::BTreeSet;

use super::*;

#[test]
fn name_servers_are_unique() {
    let all: BTreeSet<String> = (0..2_000).flat_map(name_servers).collect();
    assert_eq!(all.len(), 8_000);
    assert_eq!(
        name_servers(12),
        [
            "ns-12.awsdns-12.com",
            "ns-524.awsdns-12.net",
            "ns-1036.awsdns-12.org",
            "ns-1548.awsdns-12.co.uk"
        ]
    );
}
