//! Values that no message may repeat.

use serde_json::json;

use super::*;

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
    // YAML and CloudFormation make such numbers of external ids of 21 to 23 digits.
    for property in ["TTL", "DsTTL", "ServiceTimeout"] {
        let number: Value = serde_json::from_str("901234567890123456789.5").unwrap();
        for value in [json!("9.0123456789012345E22"), json!(9.012_345_678_901_234e22), number] {
            let error = parse(json!({property: value})).unwrap_err();
            assert!(error.contains(property) && error.contains("not repeated"), "{error}");
            assert!(!error.contains("0123456789"), "{error}");
        }
    }
    // Only these take no name, which may be a long word.
    for property in ["ChildZoneId", "ParentZoneId", "AssumeRoleRegion", "Dnssec", "Verification"] {
        let error = parse(json!({property: "secretsecretsecret"})).unwrap_err();
        assert!(error.contains(property) && !error.contains("secretsecret"), "{error}");
    }
}

#[test]
fn an_external_id_of_words_and_a_number_is_no_region() {
    for secret in ["correct-horse-battery-12", "acme-prod-delegation-7", "corp-prod-northwest-1"] {
        let given = json!({"ParentRoleArn": ROLE, "AssumeRoleRegion": secret});
        let error = parse(given).unwrap_err();
        assert!(error.contains("AssumeRoleRegion") && !error.contains(secret), "{error}");
    }
}

#[test]
fn an_external_id_with_dots_around_it_is_no_name() {
    let secret = "51af3dc0-da77-11e4-872e-1234567db123";
    for dotted in [format!("{secret}."), format!(".{secret}"), format!("{secret}.\u{3002}")] {
        for property in ["DomainName", "ParentZoneName", "NameServers", "KeySigningKeys"] {
            let error = parse(json!({property: dotted})).unwrap_err();
            assert!(error.contains(property) && !error.contains(secret), "{error}");
        }
    }
}
