//! Booleans, TTLs and time-outs.

use serde_json::json;

use super::*;

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
