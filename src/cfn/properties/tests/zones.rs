//! Names and ids of zones.

use serde_json::json;

use super::*;

#[test]
fn names_and_ids_are_accepted_in_every_usual_spelling() {
    let one = json!({
        "ChildZoneId": "/hostedzone/Z1CHILD",
        "DomainName": "Testing.Example.com.",
        "ParentZoneName": "EXAMPLE.com.",
    });
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
    let ascii = json!({
        "DomainName": "xn--bcher-kva.example.com",
        "NameServers": ["ns1.xn--bcher-kva.net"],
    });
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
fn zone_ids_have_the_form_that_route_53_gives_out() {
    for id in ["ABCDEF", "z1child", "Z1child", "Z", "1Z", "abcdefghijklmnop"] {
        for property in ["ChildZoneId", "ParentZoneId"] {
            assert_invalid(json!({property: id}), &[property, "Z and 1 to 31 upper-case letters"]);
        }
    }
}
