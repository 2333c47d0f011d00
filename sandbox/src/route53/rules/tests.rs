use super::*;

fn messages(rtype: &str, values: &[&str]) -> Vec<String> {
    check(&RecordSet::new("x.example.com", rtype, 300, values.iter().copied()))
}

fn accepted(rtype: &str, value: &str) -> bool {
    messages(rtype, &[value]).is_empty()
}

#[test]
fn addresses() {
    assert!(accepted("A", "192.0.2.1"));
    assert!(accepted("AAAA", "2001:db8::1"));
    assert_eq!(
        messages("A", &["192.0.2.256"]),
        [
            "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered \
          with '192.0.2.256''"
        ]
    );
    assert!(!accepted("AAAA", "192.0.2.1"));
}

#[test]
fn names_as_values() {
    assert!(accepted("NS", "ns1.example.org"));
    assert!(accepted("NS", "ns1.example.org."));
    for bad in ["ns1..example.org", "", "ns1.example.org ns2.example.org", "ns é"] {
        assert!(!accepted("NS", bad), "{bad}");
    }
    assert!(!accepted("NS", &format!("{}.org", "a".repeat(64))));
}

#[test]
fn duplicates_whatever_the_case_and_dot_of_names() {
    assert_eq!(
        messages("A", &["192.0.2.1", "192.0.2.1"]),
        ["Duplicate Resource Record: '192.0.2.1'"]
    );
    assert_eq!(
        messages("NS", &["ns1.example.org", "NS1.example.org."]),
        ["Duplicate Resource Record: 'NS1.example.org.'"]
    );
    assert!(messages("TXT", &["\"a\"", "\"A\""]).is_empty());
}

#[test]
fn ds_fields() {
    let digest = "ab".repeat(32);
    assert!(accepted("DS", &format!("12345 13 2 {digest}")));
    assert!(accepted("DS", &format!("12345 13 4 {}", "AB".repeat(48))));
    for bad in [
        "12345 13 2".to_owned(),
        format!("65536 13 2 {digest}"),
        format!("12345 256 2 {digest}"),
        format!("12345 13 1 {digest}"),
        format!("12345 13 9 {digest}"),
        format!("12345 13 2 {}", "zz".repeat(32)),
    ] {
        assert!(!accepted("DS", &bad), "{bad}");
    }
}

#[test]
fn txt_strings() {
    for good in
        ["\"a\"", "\"a b\" \"c\"", "\"a\"\"b\"", "\"say \\\"hi\\\"\"", "\"\\303\\251\"", "\"\""]
    {
        assert!(accepted("TXT", good), "{good}");
    }
    for bad in ["a", "", "\"a", "\"a\" b", "\"é\"", "\"a\\"] {
        assert!(!accepted("TXT", bad), "{bad}");
    }
    assert!(accepted("TXT", &format!("\"{}\"", "a".repeat(255))));
    assert!(
        messages("TXT", &[&format!("\"{}\"", "a".repeat(256))])[0]
            .contains("CharacterStringTooLong (Value is too long)")
    );
    assert!(accepted("TXT", &format!("\"{}\"", "\\303".repeat(255))));
    let string = format!("\"{}\"", "a".repeat(250));
    assert!(accepted("TXT", &vec![string.clone(); 16].join(" ")));
    assert!(!accepted("TXT", &vec![string; 17].join(" ")));
}

#[test]
fn structured_values() {
    assert!(accepted("MX", "10 mail.example.com"));
    assert!(!accepted("MX", "mail.example.com"));
    assert!(accepted("SRV", "1 10 5269 xmpp.example.com."));
    assert!(accepted(
        "SOA",
        "ns-1.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
    ));
    assert!(!accepted("CNAME", "a.example.com b.example.com"));
    assert_eq!(messages("CNAME", &["a.example.com", "b.example.com"]).len(), 1);
}
