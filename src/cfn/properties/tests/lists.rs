//! Lists: name servers and keys.

use serde_json::json;

use super::*;

#[test]
fn lists_may_have_blank_items_and_be_nested_once() {
    let of = |value: &Value| {
        parse(json!({"NameServers": value})).map(|parsed| parsed.name_servers.clone())
    };
    let plain = of(&json!(["a.net", "b.net"]));
    for same in [
        json!("a.net,b.net,"),
        json!(",a.net,,b.net"),
        json!(["a.net", "", null, "b.net"]),
        json!(["a.net,b.net"]),
        json!([["a.net", "b.net"]]),
        json!([["a.net"], "b.net"]),
        json!(["", ["a.net,", "b.net", ""]]),
    ] {
        assert_eq!(of(&same), plain, "{same}");
    }
    for (list, words) in [
        (json!([[["a.net"]]]), "Item 1 of the list in item 1 must be a string, but is a list"),
        (json!(["a.net", ["b.net", ["c.net"]]]), "Item 2 of the list in item 2"),
        (json!(["a.net", {"b": 1}]), "Item 2 must be a string, but is an object"),
        (json!(["a.net", 7]), "Item 2 must be a string, but is a number. YAML"),
        (json!({"a": 1}), "Its value must be a string, but is an object"),
        (json!(true), "Its value must be a string, but is a boolean"),
        (json!("[\"a.net\",\"b.net\"]"), "Its value is a string that contains a list"),
        (json!(["[\"a.net\"]"]), "Item 1 is a string that contains a list"),
    ] {
        assert_invalid(json!({"NameServers": list}), &["NameServers must be a list", words]);
        assert_invalid(json!({"KeySigningKeys": list}), &["KeySigningKeys must be a list", words]);
    }
}

#[test]
fn name_servers_must_be_host_names() {
    for nothing in ["null", "undefined", "None", "true", "localhost"] {
        assert_invalid(json!({"NameServers": [nothing]}), &["NameServers", "only one label"]);
    }
    for address in ["192.0.2.1", "5.2.3.4.", "2001:db8::1", "[2001:db8::1]:53", "5.2.3.4/24"] {
        assert_invalid(json!({"NameServers": address}), &["NameServers", "is an address"]);
    }
    // Placeholders that programs write for a missing value, and text that is more than a name.
    for odd in [
        "NaN",
        "nil",
        "-",
        "~",
        ".",
        "[object Object]",
        "${Token[TOKEN.123]}",
        "{{resolve:ssm:/name-servers}}",
        "!GetAtt Zone.NameServers",
        "https://ns1.example.net",
        "ns1.example.net:53",
        "*.example.net",
        "ns1..example.net",
        "a.net|b.net",
        "a.net\u{ff0c}b.net",
        "0x7f.0.0.1",
        "fe80::1%eth0",
        "\u{202e}ten.elpmaxe.1sn",
        "ns1.example.net/",
        "example.net/ns1",
        "0/25.example.net",
        "'ns1.example.net'",
        "<ns1.example.net>",
        "ns1.example.net..",
        "mailto:ns1@example.net",
        "ns1.example.net\\",
        "ns1.example.net.\u{3002}",
    ] {
        assert_invalid(
            json!({"NameServers": [odd]}),
            &["NameServers must be a list of name server names."],
        );
    }
    assert!(parse(json!({"NameServers": "ns1.0/25.2.0.192.in-addr.arpa"})).is_ok(), "RFC 2317");
    for joined in [
        "a.net|b.net",
        "a.net\u{3001}b.net",
        "a.net\u{60c}b.net",
        "a.net\u{a0}b.net",
        "a.net\u{2028}b.net",
    ] {
        assert_invalid(
            json!({"NameServers": joined}),
            &["NameServers", "Separate them with commas"],
        );
    }
    for joined in ["a.net b.net", "a.net;b.net", "a.net\nb.net", "a.net\tb.net"] {
        assert_invalid(
            json!({"NameServers": joined}),
            &["NameServers", "Separate them with commas"],
        );
        assert_invalid(json!({"KeySigningKeys": joined}), &["KeySigningKeys", "with commas"]);
    }
}

#[test]
fn key_signing_keys_may_be_names_or_refs() {
    let keys = |value: Value| {
        parse(json!({"Dnssec": "true", "KeySigningKeys": value})).unwrap().key_signing_keys.clone()
    };
    let both = keys(json!(["ksk_1", "Z1CHILD|ksk_2"]));
    assert_eq!(
        both.as_ref().unwrap().iter().map(KeyName::as_str).collect::<Vec<_>>(),
        ["ksk_1", "ksk_2"]
    );
    assert_eq!(keys(json!("ksk_2, ksk_1")), both);
    assert!(
        parse(json!({"KeySigningKeys": ["Z2OTHER|ksk_1"]})).is_ok(),
        "no effect without Dnssec"
    );
    assert_invalid(
        json!({"Dnssec": true, "KeySigningKeys": ["Z2OTHER|ksk_1"]}),
        &["KeySigningKeys", "Z2OTHER|ksk_1", "not a key of ChildZoneId, Z1CHILD"],
    );
    assert_invalid(json!({"KeySigningKeys": ["ab"]}), &["KeySigningKeys", "\"ab\"", "3 to 128"]);
    assert_eq!(keys(json!([])), None, "all ACTIVE keys");
}

#[test]
fn the_number_of_keys_is_bounded() {
    let keys = |count: usize| (0..count).map(|n| format!("key{n}")).collect::<Vec<_>>();
    let forms = |count| {
        let joined = format!(",{},,", keys(count).join(", ,"));
        [json!(keys(count)), json!([keys(count)]), json!(joined), json!(["", joined])]
    };
    for value in forms(16) {
        let parsed = parse(json!({"Dnssec": true, "KeySigningKeys": value})).unwrap();
        assert_eq!(parsed.key_signing_keys.as_ref().unwrap().len(), 16);
    }
    for value in forms(17) {
        let text = "KeySigningKeys names 17 keys, but at most 16 are read";
        assert_invalid(json!({"KeySigningKeys": value}), &[text]);
    }
    // The same keys, again and again.
    let again = json!({"KeySigningKeys": "one,".repeat(250_000)});
    assert_invalid(again, &["names 250000 keys"]);
}
