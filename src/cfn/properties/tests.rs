#![allow(clippy::needless_pass_by_value, reason = "called with json!")]

use serde_json::json;

use super::*;

const ROLE: &str = "arn:aws:iam::111111111111:role/parent";

fn with(changes: Value) -> Value {
    let mut properties =
        json!({"ServiceToken": "t", "ServiceTimeout": "600", "ChildZoneId": "Z1CHILD"});
    for (key, value) in changes.as_object().unwrap() {
        properties[key] = value.clone();
    }
    properties
}

fn parse(changes: Value) -> Result<Properties, String> {
    Properties::parse(&with(changes)).map_err(|error| error.to_string())
}

#[track_caller]
fn assert_invalid(changes: Value, words: &[&str]) {
    let error = parse(changes).unwrap_err();
    for word in words {
        assert!(error.contains(word), "{error:?} does not contain {word:?}");
    }
}

#[test]
fn missing_properties_have_defaults() {
    let parsed = parse(json!({})).unwrap();
    assert_eq!(parsed.child_zone, Some("Z1CHILD".parse().unwrap()));
    assert_eq!(parsed.ttl.seconds(), 172_800);
    assert_eq!(*parsed.parent_zone(), ParentZone::Closest);
    assert!(!parsed.allow_overwrite);
    let texts =
        (&parsed.child_role, &parsed.parent_role, &parsed.domain_name, &parsed.name_servers);
    assert_eq!(texts, (&None, &None, &None, &None));
}

#[test]
fn scalars_may_be_strings_or_json() {
    for yes in [json!(true), json!("true"), json!("True"), json!(" TRUE ")] {
        assert!(parse(json!({"AllowOverwrite": yes})).unwrap().allow_overwrite);
    }
    let listed = parse(json!({"NameServers": ["b.net", "a.net."]})).unwrap();
    assert_eq!(listed, parse(json!({"NameServers": "a.net, B.net"})).unwrap());
}

#[test]
fn whole_numbers_are_accepted_in_every_form_of_yaml() {
    for (given, seconds) in [
        (json!(300), 300),
        (json!("300"), 300),
        (json!(" 300 "), 300),
        (json!(300.0), 300),
        (json!("300.0"), 300),
        (json!("+300"), 300),
        (json!("1.728E5"), 172_800),
        (json!(1.728e5), 172_800),
        (json!("2147483647.0"), 2_147_483_647),
        (json!("0e0"), 0),
    ] {
        let parsed = parse(json!({"TTL": given, "DsTTL": given, "ServiceTimeout": 600})).unwrap();
        assert_eq!((parsed.ttl.seconds(), parsed.ds_ttl.seconds()), (seconds, seconds), "{given}");
    }
    assert_eq!(service_timeout(&json!({"ServiceTimeout": "3.6E3"})), Some(3600));
    for ttl in [
        "\u{663}\u{660}\u{660}",
        "\u{ff13}00",
        "300s",
        "PT5M",
        "3,600",
        "3_600",
        "0b11",
        "1e-1",
        "--1",
        ".",
        "e5",
    ] {
        assert_invalid(
            json!({"TTL": ttl}),
            &["TTL", "whole number of seconds from 0 to 2147483647"],
        );
    }
    for ttl in [
        "1.5E0",
        "300.5",
        "1e400",
        "inf",
        "NaN",
        "-1",
        "1h",
        "0x12C",
        "2147483648.0",
        "9e18",
        "3OO",
        "1 000",
    ] {
        assert_invalid(
            json!({"TTL": ttl}),
            &["TTL", "whole number of seconds from 0 to 2147483647"],
        );
    }
    for ttl in [
        json!(-1),
        json!(2_147_483_648_u64),
        json!(u64::MAX),
        json!(1.5),
        json!([300]),
        json!(true),
    ] {
        assert_invalid(
            json!({"TTL": ttl}),
            &["TTL", "whole number of seconds from 0 to 2147483647"],
        );
    }
    assert_invalid(json!({"TTL": "1.5E0"}), &["TTL \"1.5E0\" must be"]);
}

#[test]
fn blank_values_count_as_missing() {
    let properties = KNOWN.iter().filter(|key| !["ChildZoneId", "Trigger"].contains(key));
    let properties: Vec<&str> = properties.copied().chain(["ServiceTimeout"]).collect();
    for blank in [
        json!(null),
        json!(""),
        json!(" "),
        json!([]),
        json!([""]),
        json!([" ", null]),
        json!([[]]),
        json!({}),
    ] {
        for property in &properties {
            assert_eq!(parse(json!({*property: blank})), parse(json!({})), "{property}: {blank}");
        }
        assert_invalid(json!({"ChildZoneId": blank}), &["ChildZoneId is missing"]);
    }
    for list in ["NameServers", "KeySigningKeys"] {
        for blank in [json!(","), json!(" , ,"), json!([",", ""]), json!(["", [" "]])] {
            assert_eq!(parse(json!({list: blank})), parse(json!({})), "{list}: {blank}");
        }
    }
}

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
fn names_and_ids_are_accepted_in_every_usual_spelling() {
    let one = json!({"ChildZoneId": "/hostedzone/Z1CHILD", "DomainName": "Testing.Example.com.", "ParentZoneName": "EXAMPLE.com."});
    let other = json!({"DomainName": "testing.example.com", "ParentZoneName": "example.com"});
    assert_eq!(parse(one), parse(other));
    for zone in ["hostedzone/Z1CHILD", "arn:aws:route53:::hostedzone/Z1CHILD", " Z1CHILD "] {
        assert_eq!(
            parse(json!({"ChildZoneId": zone, "ParentZoneId": zone})),
            parse(json!({"ParentZoneId": "Z1CHILD"}))
        );
    }
    for (unicode, ascii) in [
        ("fa\u{df}.example.com", "xn--fa-hia.example.com"),
        ("\u{ff45}\u{ff58}.Example\u{ff0e}com", "ex.example.com"),
        ("\u{4f8b}\u{3048}\u{3002}\u{30c6}\u{30b9}\u{30c8}", "xn--r8jz45g.xn--zckzah"),
        ("\u{5d0}\u{5d1}.example.com.", "xn--4dbc.example.com"),
        ("u\u{308}.example.com", "xn--tda.example.com"),
    ] {
        assert_eq!(
            parse(json!({"DomainName": unicode})),
            parse(json!({"DomainName": ascii})),
            "{unicode}"
        );
    }
    let unicode =
        json!({"DomainName": "b\u{fc}cher.example.com", "NameServers": ["ns1.b\u{fc}cher.net"]});
    let ascii = json!({"DomainName": "xn--bcher-kva.example.com", "NameServers": ["ns1.xn--bcher-kva.net"]});
    assert_eq!(parse(unicode), parse(ascii));
}

#[test]
fn an_id_in_place_of_a_name_is_recognized_and_vice_versa() {
    for id in ["Z0123456789ABCDEFGHIJ", "/hostedzone/Z0123456789ABCDEFGHIJ"] {
        assert_invalid(
            json!({"ParentZoneName": id}),
            &["ParentZoneName", "use ParentZoneId for it"],
        );
        assert_invalid(json!({"DomainName": id}), &["DomainName", "use ChildZoneId for it"]);
    }
    assert_invalid(
        json!({"ParentZoneId": "example.com"}),
        &["ParentZoneId", "use ParentZoneName for it"],
    );
    assert_invalid(
        json!({"ChildZoneId": "testing.example.com."}),
        &["ChildZoneId", "use DomainName for it"],
    );
    assert!(parse(json!({"ParentZoneName": "zone1"})).is_ok());
}

#[test]
fn an_invisible_character_is_reported() {
    for (name, point) in [
        ("ex\u{200b}ample.com", "U+200B"),
        ("example.com\u{feff}", "U+FEFF"),
        ("a\u{a0}b.com", "U+00A0"),
        ("soft\u{ad}hyphen.example.com", "U+00AD"),
        ("\u{202e}moc.elpmaxe", "U+202E"),
        ("a\u{2060}b.example.com", "U+2060"),
        ("a\u{180e}b.example.com", "U+180E"),
        ("a\u{e0041}b.example.com", "U+E0041"),
        ("a\u{7}b.example.com", "U+0007"),
    ] {
        for property in ["DomainName", "ParentZoneName", "NameServers"] {
            if property == "NameServers" && point == "U+00A0" {
                continue;
            }
            assert_invalid(
                json!({property: name}),
                &[property, "invisible character", point, "at position"],
            );
        }
    }
}

/// Invisible characters are often copied from a web page or a chat. The value looks right, so the
/// error must name the character.
#[test]
fn an_invisible_character_is_reported_in_every_property() {
    for (property, value) in [
        ("ChildZoneId", "Z1CHILD\u{200b}"),
        ("ParentZoneId", "Z1PAR\u{ad}ENT"),
        ("ParentRoleArn", "arn:aws:iam::111111111111:role/parent\u{200b}"),
        ("ChildRoleArn", "\u{feff}arn:aws:iam::111111111111:role/child"),
        ("ParentExternalId", "the\u{2011}s3cret\u{200b}"),
        ("ChildExternalId", "the-s3cret\u{2060}"),
        ("AssumeRoleRegion", "eu-central-1\u{200e}"),
        ("TTL", "300\u{200b}"),
        ("DsTTL", "\u{200b}3600"),
        ("ServiceTimeout", "36\u{200b}00"),
        ("AllowOverwrite", "true\u{200b}"),
        ("AllowOcclusion", "false\u{200d}"),
        ("Dnssec", "tr\u{200b}ue"),
        ("WaitForSync", "\u{2066}true"),
        ("Verification", "NONE\u{feff}"),
        ("KeySigningKeys", "one,tw\u{200b}o"),
        ("NameServers", "ns1.example.net,ns2.example.net\u{200b}"),
        ("DomainName", "testing.example.com\u{200b}"),
        ("ParentZoneName", "\u{feff}example.com"),
    ] {
        let at = value
            .chars()
            .find(|c| delegation_model::text::is_invisible(*c))
            .map(|c| format!("U+{:04X}", u32::from(c)));
        let error = parse(json!({property: value})).unwrap_err();
        assert!(error.contains(property) && error.contains("invisible character"), "{error}");
        assert!(error.contains(&at.unwrap()) && !error.contains("s3cret"), "{error}");
        assert_eq!(error.matches("invisible").count(), 1, "{error}");
    }
    assert_invalid(
        json!({"TTL": "\u{200b}"}),
        &["TTL (a value of one character, not repeated here) must be a whole number"],
    );
}

#[test]
fn a_key_with_blanks_is_shown_in_quotation_marks() {
    for (key, shown) in [
        ("", "\"\" is not a property"),
        (" ", "\" \" is not a property"),
        ("TTL ", "\"TTL \" is not a property of Custom::Delegation. Did you mean TTL?"),
        (
            " ChildZoneId",
            "\" ChildZoneId\" is not a property of Custom::Delegation. Did you mean ChildZoneId?",
        ),
        (
            "Parent Zone Name",
            "\"Parent Zone Name\" is not a property of Custom::Delegation. Did you mean ParentZoneName?",
        ),
        (
            "childzoneid",
            "childzoneid is not a property of Custom::Delegation. Did you mean ChildZoneId?",
        ),
        ("T\u{422}L", "\"T\u{422}L\" is not a property"),
    ] {
        let error = parse(json!({key: "x"})).unwrap_err();
        assert!(error.starts_with(shown), "{error}");
    }
}

#[test]
fn a_mistyped_property_is_reported_with_similar_ones() {
    for (key, meant) in [
        ("ParentZonename", "Did you mean ParentZoneName?"),
        ("Ttl", "Did you mean TTL?"),
        ("DSTTL", "Did you mean DsTTL?"),
        ("Nameservers", "Did you mean NameServers?"),
        ("NamesServers", "Did you mean NameServers?"),
        ("ChildZomeId", "Did you mean ChildZoneId?"),
        ("ServiceTimeOut", "Did you mean ServiceTimeout?"),
        ("ServiceTokn", "Did you mean ServiceToken?"),
        ("ZoneId", "Did you mean ChildZoneId or ParentZoneId?"),
        ("HostedZoneId", "Did you mean ChildZoneId or ParentZoneId?"),
        ("RoleArn", "Did you mean ChildRoleArn or ParentRoleArn?"),
        ("AssumeRoleArn", "Did you mean ParentRoleArn?"),
        ("DelegatedZoneName", "Did you mean DomainName?"),
        ("DelegatedZoneNameServers", "Did you mean NameServers?"),
    ] {
        assert_invalid(
            json!({key: "x"}),
            &[&format!("{key} is not a property of Custom::Delegation. {meant}")],
        );
    }
    for key in ["Tags", "Id", "Comment", "ServiceWhatever", "Foo", "Weight", "SetIdentifier"] {
        let error = parse(json!({key: "x"})).unwrap_err();
        assert!(error.contains(key) && !error.contains("Did you mean"), "{error}");
    }
}

#[test]
fn waiting_checking_and_signing_have_defaults() {
    let plain = parse(json!({})).unwrap();
    assert!(!plain.dnssec && plain.wait_for_sync && plain.waits_for_sync());
    assert_eq!(
        (plain.ds_ttl, plain.verification_mode(), &plain.key_signing_keys),
        (Ttl::DS, Verification::Report, &None)
    );
    let empty = json!({"Dnssec": "", "KeySigningKeys": "", "DsTTL": "", "WaitForSync": "", "Verification": ""});
    assert_eq!(parse(empty), parse(json!({})));
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
        let text = "KeySigningKeys names 17 keys. Name at most 16";
        assert_invalid(json!({"KeySigningKeys": value}), &[text]);
    }
    // The same keys, again and again.
    let again = json!({"KeySigningKeys": "one,".repeat(250_000)});
    assert_invalid(again, &["names 250000 keys"]);
}

#[test]
fn a_required_dns_check_implies_waiting() {
    let waits = |wait: &str, check: &str| {
        parse(json!({"WaitForSync": wait, "Verification": check})).unwrap().waits_for_sync()
    };
    for mode in ["", "NONE", "REPORT"] {
        assert!(waits("true", mode) && !waits("false", mode), "{mode}");
    }
    assert!(waits("false", "require"));
    assert_invalid(json!({"Verification": "maybe"}), &["Verification", "maybe", "REQUIRE"]);
    assert_invalid(json!({"WaitForSync": "soon"}), &["WaitForSync \"soon\" must be true or false"]);
    assert_invalid(json!({"DsTTL": "1h"}), &["DsTTL", "2147483647"]);
}

#[test]
fn dnssec_requires_a_child_zone() {
    let outside = json!({"ChildZoneId": null, "DomainName": "a.example.com", "NameServers": "ns1.example.net", "Dnssec": true});
    assert_invalid(outside, &["Dnssec", "ChildZoneId"]);
    assert!(parse(json!({"NameServers": "ns1.example.net", "Dnssec": true})).is_ok());
}

#[test]
fn only_cloudformation_s_own_service_properties_are_accepted() {
    assert!(parse(json!({"ServiceToken": "anything", "ServiceTimeout": "300.0"})).is_ok());
    for wrong in [json!("6OO"), json!(0), json!(3601), json!("600s"), json!(599.5), json!([600])] {
        assert_invalid(
            json!({"ServiceTimeout": wrong}),
            &["ServiceTimeout", "whole number of seconds from 1 to 3600"],
        );
    }
    assert_invalid(json!({"ServiceWhatever": {"a": 1}}), &["ServiceWhatever is not a property"]);
}

#[test]
fn invalid_values_are_reported() {
    assert_invalid(
        json!({"ChildZoneId": "Z1234567890123456789012345678901234"}),
        &["ChildZoneId (a value of 35 characters", "Z and 1 to 31"],
    );
    assert_invalid(
        json!({"ChildZoneId": 7}),
        &["ChildZoneId must be a string, but is a number. YAML"],
    );
    assert_invalid(
        json!({"ChildZoneId": ["Z1"]}),
        &["ChildZoneId must be a string, but is a list."],
    );
    assert_invalid(json!({"ParentZoneId": "Z1/../x"}), &["ParentZoneId"]);
    assert_invalid(json!({"ParentRoleArn": "parent"}), &["ParentRoleArn", "arn:aws:iam"]);
    assert_invalid(
        json!({"DomainName": "a..b"}),
        &["DomainName \"a..b\" is not a domain name", "position 3"],
    );
    for value in [json!("yes"), json!("1"), json!(1), json!([1])] {
        assert_invalid(
            json!({"AllowOverwrite": value}),
            &["AllowOverwrite", "must be true or false"],
        );
    }
}

#[test]
fn every_property_rejects_values_of_other_types() {
    let values = [
        json!(7),
        json!(7.5),
        json!(true),
        json!({"Ref": "X"}),
        json!([7]),
        json!([true]),
        json!([["a", ["b"]]]),
    ];
    for property in KNOWN.iter().filter(|key| **key != "Trigger").chain(&["ServiceTimeout"]) {
        for value in &values {
            let given = json!({*property: value, "ParentRoleArn": ROLE, "ChildRoleArn": ROLE, *property: value});
            let accepted = match *property {
                "TTL" | "DsTTL" | "ServiceTimeout" => *value == json!(7),
                "AllowOverwrite" | "AllowOcclusion" | "Dnssec" | "WaitForSync" => {
                    value.is_boolean()
                }
                _ => false,
            };
            match parse(given) {
                Ok(_) => assert!(accepted, "{property}: {value} is accepted"),
                Err(error) => {
                    assert!(!accepted && error.contains(property), "{property}: {value}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_value_that_may_be_a_secret_is_not_repeated() {
    const SECRET: &str = "my-s3cret:id/7+x";
    for property in ["ParentRoleArn", "ChildRoleArn", "ParentExternalId", "ChildExternalId"] {
        for value in ["s3cret id", "s3cret\u{e9}", "arn:aws:iam::1:role/s3cret", "s"] {
            let error = parse(json!({property: value})).unwrap_err();
            assert!(error.contains(property) && !error.contains("s3cret"), "{error}");
        }
    }
    for property in
        KNOWN.iter().filter(|key| !["Trigger", "ParentExternalId", "ChildExternalId"].contains(key))
    {
        for value in [json!(SECRET), json!([SECRET]), json!([["a", SECRET]])] {
            let error = parse(json!({*property: value})).unwrap_err();
            assert!(error.contains(property) && !error.contains("s3cret"), "{error}");
        }
    }
    assert_invalid(
        json!({"DomainName": SECRET}),
        &["a value of 16 characters, not repeated here", "U+003A at position 10", r"\072"],
    );
    assert!(parse(json!({"DomainName": r"my-name\072id/7.example.com"})).is_ok());
}

/// What most people take for an external id would do as a label, a Region or a property.
#[test]
fn an_external_id_without_odd_characters_is_not_repeated_either() {
    const SECRET: &str = "51af3dc0-da77-11e4-872e-1234567db123";
    let of_secrets = ["Trigger", "ParentExternalId", "ChildExternalId"];
    for property in KNOWN.iter().filter(|key| !of_secrets.contains(key)) {
        for value in [json!(SECRET), json!([SECRET])] {
            let error = parse(json!({*property: value})).unwrap_err();
            assert!(error.contains(property) && !error.contains("51af3dc0"), "{error}");
        }
    }
    for property in ["ParentRoleArn", "ChildRoleArn"] {
        let error = parse(json!({property: format!("{ROLE},{SECRET}")})).unwrap_err();
        assert!(error.contains(property) && !error.contains("51af3dc0"), "{error}");
    }
    let error = parse(json!({SECRET: "ParentExternalId"})).unwrap_err();
    assert!(error.contains("is not a property") && !error.contains("51af3dc0"), "{error}");
}

/// A copied id may have a blank, a quotation mark or an invisible character next to it or in it.
#[test]
fn an_external_id_with_other_characters_is_not_repeated() {
    let of_secrets = ["Trigger", "ParentExternalId", "ChildExternalId"];
    for around in [" ", "\"", "'", "\u{200b}", "\n", "*", "\\", "\u{e9}", "{", "=> ", ". "] {
        for secret in [
            format!("{around}51af3dc0-da77-11e4-872e-1234567db123"),
            format!("51af3dc0-da77-11e4-872e-1234567db123{around}"),
            format!("51af3dc0-{around}da77-11e4-872e-1234567db123"),
        ] {
            let error = parse(json!({&secret: "x"})).unwrap_err();
            assert!(error.contains("is not a property"), "{secret:?}: {error}");
            assert!(!error.contains("51af3dc0"), "{secret:?}: {error}");
            // A dot makes it a name.
            for property in KNOWN.iter().filter(|key| !of_secrets.contains(key) && around != ". ") {
                let error = parse(json!({*property: secret})).unwrap_err();
                assert!(!error.contains("51af3dc0"), "{property}: {secret:?}: {error}");
            }
        }
    }
    for secret in ["51af3dc0.da77.11e4.872e.1234567db123", "51af3dc0 da77 11e4 872e"] {
        let error = parse(json!({secret: "x"})).unwrap_err();
        assert!(error.contains("(a name of") && !error.contains("51af3dc0"), "{error}");
    }
}

/// These properties split their strings at commas, so that each part alone is short.
#[test]
fn an_external_id_with_commas_is_not_repeated() {
    for secret in ["51af3dc0,da-77,11e4-872e", "51af3dc0-x,da77,11e4,872e,", "a1,b2@c3=d4_e5+f6"] {
        for property in ["KeySigningKeys", "NameServers"] {
            for value in [json!(secret), json!([secret]), json!([["", secret]])] {
                let error = parse(json!({"Dnssec": true, property: value})).unwrap_err();
                assert!(error.contains(property), "{secret}: {error}");
                for part in ["51af3dc0", "da-77", "11e4", "a1", "b2@c3"] {
                    assert!(!error.contains(part), "{secret}: {error}");
                }
            }
        }
    }
    assert_invalid(
        json!({"NameServers": "51af3dc0,da-77,11e4-872e"}),
        &["(a value of 24 characters, not repeated here) has no dot"],
    );
    // The id of a zone in a `Ref` is no external id.
    assert_invalid(
        json!({"Dnssec": true, "KeySigningKeys": "Z0123456789ABCDEFGHIJ|one,Z1CHILD|two"}),
        &["\"Z0123456789ABCDEFGHIJ|one\" is not a key of ChildZoneId, Z1CHILD"],
    );
}

/// A role's name may have commas, so the id behind one would become a part of it.
#[test]
fn an_external_id_behind_a_role_is_not_repeated_whatever_follows_it() {
    const SECRET: &str = "51af3dc0-da77-11e4-872e-1234567db123";
    const WITH_COMMAS: &str = "51af3dc0,da77,11e4,872e,1234567db123";
    const WITH_DOTS: &str = "51af3dc0.da77.11e4.872e.1234567db123";
    for separator in [",", ", ", ";", " ", "|", "\n", "\t", ":", ",,", ",arn=", ",x,"] {
        for end in ["", ",", ",,", ", ", ",false", ",eu-central-1", ",x,y", ";", "|", "\n,"] {
            for secret in [SECRET, WITH_COMMAS, WITH_DOTS] {
                let both = format!("{ROLE}{separator}{secret}{end}");
                for value in [json!(both), json!([both]), json!([ROLE, both]), json!([[both]])] {
                    let error = parse(json!({"ParentRoleArn": value})).unwrap_err();
                    assert!(error.contains("ParentRoleArn must be the ARN"), "{both}: {error}");
                    assert!(!error.contains("51af3dc0"), "{both}: {error}");
                }
                let chain = format!("{both},{ROLE}");
                let error = parse(json!({"ChildRoleArn": chain})).unwrap_err();
                assert!(!error.contains("51af3dc0"), "{chain}: {error}");
            }
        }
    }
    let named = "arn:aws:iam::111111111111:role/team,2,parent";
    assert!(parse(json!({"ParentRoleArn": named})).is_ok(), "a role may have such a name");
}

/// It would do as the id of a zone for the API, and as the name of a key.
#[test]
fn an_external_id_of_letters_and_digits_is_not_repeated() {
    let of_secrets = ["Trigger", "ParentExternalId", "ChildExternalId"];
    for secret in ["s3cretS3CRETs3cret", "S3CRETS3CRETS3CRET", "90123456789012345678"] {
        for property in KNOWN.iter().filter(|key| !of_secrets.contains(key)) {
            for value in [json!(secret), json!([secret])] {
                match parse(json!({*property: value})) {
                    // A message about a missing key does not repeat it either.
                    Ok(_) => assert_eq!(*property, "KeySigningKeys"),
                    Err(error) => {
                        assert!(error.contains(property) && !error.contains(secret), "{error}");
                    }
                }
            }
        }
        for key in [format!("{secret}|ksk_1"), format!("Z2OTHER|{secret}")] {
            let error = parse(json!({"Dnssec": true, "KeySigningKeys": key})).unwrap_err();
            assert!(error.contains("KeySigningKeys") && !error.contains(secret), "{error}");
        }
    }
    for property in ["TTL", "DsTTL", "ServiceTimeout"] {
        let error = parse(json!({property: 9_012_345_678_901_234_567_u64})).unwrap_err();
        assert!(error.contains(property) && !error.contains("90123456789"), "{error}");
    }
    // Only these take no name, which may be a long word.
    for property in ["ChildZoneId", "ParentZoneId", "AssumeRoleRegion", "Dnssec", "Verification"] {
        let error = parse(json!({property: "secretsecretsecret"})).unwrap_err();
        assert!(error.contains(property) && !error.contains("secretsecret"), "{error}");
    }
}

#[test]
fn zone_ids_have_the_form_that_route_53_gives_out() {
    for id in ["ABCDEF", "z1child", "Z1child", "Z", "1Z", "abcdefghijklmnop"] {
        for property in ["ChildZoneId", "ParentZoneId"] {
            assert_invalid(json!({property: id}), &[property, "Z and 1 to 31 upper-case letters"]);
        }
    }
}

#[test]
fn a_role_may_be_a_chain_of_two_roles() {
    let hub = "arn:aws:iam::333333333333:role/hub,with-comma";
    let role = |value: Value| {
        let parsed =
            parse(json!({"ParentRoleArn": value, "ParentExternalId": "the-secret"})).unwrap();
        let role = parsed.parent_role.clone().unwrap();
        assert_eq!(role.external_id.as_ref().unwrap().expose(), "the-secret");
        role.chain().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(role(json!(ROLE)), [ROLE]);
    assert_eq!(role(json!([ROLE])), [ROLE]);
    for chain in [
        json!([hub, ROLE]),
        json!([[hub, "", ROLE]]),
        json!(format!("{hub},{ROLE}")),
        json!(format!("{hub}, {ROLE}")),
    ] {
        assert_eq!(role(chain), [hub, ROLE]);
    }
    assert_invalid(
        json!({"ParentRoleArn": [hub, hub, ROLE]}),
        &["ParentRoleArn lists 3 roles", "at most two"],
    );
    assert_invalid(
        json!({"ParentRoleArn": [hub, "x"]}),
        &["ParentRoleArn must be the ARN of a role"],
    );
    assert_invalid(
        json!({"ParentRoleArn": ["", null], "ParentExternalId": "the-secret"}),
        &["set without ParentRoleArn"],
    );
}

#[test]
fn alternative_properties_exclude_each_other() {
    assert_invalid(
        json!({"ParentZoneId": "Z1", "ParentZoneName": "example.com"}),
        &["ParentZoneId and ParentZoneName"],
    );
    assert_invalid(json!({"ChildZoneId": null}), &["ChildZoneId is missing"]);
    assert_invalid(
        json!({"ChildZoneId": null, "NameServers": "a.net"}),
        &["DomainName is missing"],
    );
    assert_invalid(
        json!({"ChildZoneId": null, "NameServers": "a.net", "DomainName": "a.b", "ChildRoleArn": ROLE}),
        &["ChildRoleArn"],
    );
    assert!(
        parse(json!({"ChildZoneId": null, "NameServers": "a.net", "DomainName": "a.b"})).is_ok()
    );
    assert!(parse(json!({"NameServers": "a.net"})).is_ok(), "it overrides the zone's own");
}

#[test]
fn external_ids_require_a_role_and_are_not_shown() {
    assert_invalid(json!({"ParentExternalId": "secret"}), &["ParentExternalId", "ParentRoleArn"]);
    let error =
        parse(json!({"ParentRoleArn": ROLE, "ParentExternalId": "the secret"})).unwrap_err();
    assert!(error.contains("ParentExternalId") && !error.contains("the secret"));
    let parsed = parse(json!({"ParentRoleArn": ROLE, "ParentExternalId": "the-secret"})).unwrap();
    assert!(!format!("{parsed:?}").contains("the-secret"));
    assert_eq!(
        parsed.parent_role.as_ref().unwrap().external_id.as_ref().unwrap().expose(),
        "the-secret"
    );
    assert_invalid(
        json!({"ParentRoleArn": ROLE, "ParentExternalId": 12_345_678_901_u64}),
        &["ParentExternalId must be a string, but is a number", "quotation marks"],
    );
}

#[test]
fn the_region_for_roles_must_have_the_form_of_a_region() {
    let region = |text: &str| {
        parse(json!({"ParentRoleArn": ROLE, "ChildRoleArn": ROLE, "AssumeRoleRegion": text}))
    };
    for text in
        ["eu-central-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "ap-southeast-12"]
    {
        let parsed = region(text).unwrap();
        for role in [&parsed.parent_role, &parsed.child_role] {
            assert_eq!(role.as_ref().unwrap().region.as_ref().unwrap().as_str(), text);
        }
    }
    assert_eq!(
        region("").unwrap().parent_role.as_ref().unwrap().region,
        None,
        "an empty parameter counts as missing"
    );
    for text in [
        "Frankfurt",
        "eu-central",
        "1",
        "eu-central-x",
        "eu-central-1.example.net",
        "eu--1",
        "EU-CENTRAL-1",
        "a-b-c-d-e-1",
    ] {
        assert!(region(text).unwrap_err().contains("AssumeRoleRegion"), "{text}");
    }
}

#[test]
fn long_values_are_reported_shortened() {
    let long = "a.".repeat(5000);
    let error = parse(json!({"DomainName": long})).unwrap_err();
    assert!(error.contains("DomainName") && error.len() < 400, "{error}");
    let key = "K".repeat(5000);
    let error = parse(json!({key: "x"})).unwrap_err();
    assert!(error.len() < 400, "{error}");
}

#[test]
fn properties_must_be_an_object() {
    for nothing in [Value::Null, json!({})] {
        assert!(
            Properties::parse(&nothing).unwrap_err().to_string().contains("ChildZoneId is missing")
        );
    }
    for odd in [json!([]), json!("x"), json!(1)] {
        assert!(Properties::parse(&odd).unwrap_err().to_string().contains("must be an object"));
    }
}

#[test]
fn lenient_parsing_keeps_what_is_valid() {
    let (partial, errors) = Partial::parse(&with(json!({
        "ParentRoleArn": ROLE, "TTL": "soon", "Unknown": 1, "DomainName": "a..b", "NameServers": "a.net", "Dnssec": "x",
    })));
    assert_eq!(partial.parent_role.as_ref().unwrap().arn.as_str(), ROLE);
    assert_eq!((&partial.domain_name, partial.ttl), (&None, Ttl::DELEGATION));
    assert!(partial.name_servers.is_some());
    assert!(!partial.parent_role_unreadable && partial.point_unreadable);
    assert_eq!(
        errors.iter().map(|error| error.code).collect::<Vec<_>>(),
        [Code::UnknownProperty, Code::InvalidName, Code::InvalidTtl, Code::InvalidBoolean]
    );
    assert!(!partial.dnssec && partial.waits_for_sync());
    let (partial, _) = Partial::parse(&with(json!({"TTL": "soon", "Unknown": 1})));
    assert!(!partial.point_unreadable, "the delegation point can be determined");
    for odd in [json!({"ParentRoleArn": 7}), json!({"ParentRoleArn": ROLE, "ParentExternalId": 7})]
    {
        assert!(Partial::parse(&odd).0.parent_role_unreadable);
    }
    for odd in [json!(null), json!(7), json!("x"), json!([1])] {
        let (partial, _) = Partial::parse(&odd);
        assert_eq!((partial.child_zone, partial.parent_role), (None, None));
    }
}

#[test]
fn service_timeouts_are_whole_numbers_within_the_limit() {
    assert_eq!(service_timeout(&json!({"ServiceTimeout": "600"})), Some(600));
    assert_eq!(service_timeout(&json!({"ServiceTimeout": 1})), Some(1));
    for odd in [
        json!({}),
        json!(null),
        json!({"ServiceTimeout": "x"}),
        json!({"ServiceTimeout": 0}),
        json!({"ServiceTimeout": 3601}),
    ] {
        assert_eq!(service_timeout(&odd), None);
    }
}
