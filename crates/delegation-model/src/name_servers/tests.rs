use super::*;

#[test]
fn order_case_and_dots_do_not_matter() {
    let one = NameServers::parse(&["NS-2.awsdns-1.com.", "ns-1.awsdns-1.org"]).unwrap();
    let two = NameServers::from_values(&["ns-1.awsdns-1.ORG.", "ns-2.awsdns-1.com"]).unwrap();
    assert_eq!(one, two);
    assert_eq!(one.to_string(), "ns-1.awsdns-1.org,ns-2.awsdns-1.com");
    assert_eq!(one.values(), ["ns-1.awsdns-1.org.", "ns-2.awsdns-1.com."]);
}

#[test]
fn invalid_lists_are_refused_with_the_reason() {
    assert_eq!(NameServers::parse::<&str>(&[]), Err(NameServersError::None));
    assert_eq!(
        NameServers::parse(&["192.0.2.1"]),
        Err(NameServersError::Address("192.0.2.1".into()))
    );
    assert_eq!(
        NameServers::parse(&["2001:db8::1"]),
        Err(NameServersError::Address("2001:db8::1".into()))
    );
    assert_eq!(
        NameServers::parse(&["a.b", "A.b."]),
        Err(NameServersError::Twice("a.b".parse().unwrap()))
    );
    assert!(matches!(NameServers::parse(&["a..b"]), Err(NameServersError::Name(..))));
    let sixteen: Vec<String> = (0..16).map(|n| format!("ns{n}.example.net")).collect();
    assert!(NameServers::parse(&sixteen).is_ok());
    let seventeen: Vec<String> = (0..17).map(|n| format!("ns{n}.example.net")).collect();
    assert_eq!(NameServers::parse(&seventeen), Err(NameServersError::TooMany(17)));
}

#[test]
fn placeholders_of_programs_are_no_name_servers() {
    for text in ["null", "undefined", "None", "true", "localhost", "nil.", "NULL"] {
        let error = NameServers::parse(&[text]).unwrap_err();
        assert!(matches!(error, NameServersError::OneLabel(_)), "{text}: {error}");
    }
    for text in
        [r#"["ns1"#, r#""ns1.example.net""#, "{ns1}", "<nil>", "[object", "ns1.example.net\u{200b}"]
    {
        assert!(NameServers::parse(&[text]).is_err(), "{text}");
    }
}

#[test]
fn addresses_in_any_form_are_no_name_servers() {
    for text in [
        "5.2.3.4",
        "5.2.3.4.",
        "5.2.3.4/24",
        "5.2.3.4:53",
        "2001:db8::1.",
        "[2001:db8::1]",
        "[2001:db8::1]:53",
        "2001:db8::/64",
        "5.2.3",
        "5.2.3.4.5",
        "05.02.03.04",
        "ns1.5",
        "0x7f.0x1",
    ] {
        let error = NameServers::parse(&[text]).unwrap_err();
        assert!(matches!(error, NameServersError::Address(_)), "{text}: {error}");
    }
    for text in
        ["4.3.2.5.in-addr.arpa", "5-2-3-4.example.net", "1.2.3.4.example.net", "ns.xn--p1ai"]
    {
        assert!(NameServers::parse(&[text]).is_ok(), "{text}");
    }
}

#[test]
fn several_names_in_one_item_are_refused() {
    for text in [
        "ns1.a.net ns2.a.net",
        "ns1.a.net;ns2.a.net",
        "ns1.a.net\nns2.a.net",
        "ns1.a.net\tns2.a.net",
    ] {
        assert_eq!(
            NameServers::parse(&["ns.b.net", text]),
            Err(NameServersError::Separator(2)),
            "{text:?}"
        );
    }
    assert!(NameServersError::Separator(2).to_string().contains("commas"));
}

#[test]
fn an_error_shows_only_values_that_look_like_names() {
    let message = |text: &str| NameServers::parse(&[text]).unwrap_err().to_string();
    assert!(message("a..b").contains("\"a..b\""));
    assert!(!message("s3cret,key").contains("s3cret") && !message("a=s3cret").contains("s3cret"));
    assert!(message(&"a.".repeat(5000)).len() < 300);
}

#[test]
fn an_invalid_name_is_no_name_server() {
    assert_eq!(NameServers::from_values(&["ns1.example.net", "a..b"]), None);
    assert_eq!(NameServers::from_values::<&str>(&[]), None);
}

#[test]
fn subsets_and_unions() {
    let one = NameServers::from_values(&["a.net"]).unwrap();
    let both = NameServers::from_values(&["a.net", "b.net"]).unwrap();
    assert!(one.is_subset(&both));
    assert!(!both.is_subset(&one));
    assert_eq!(one.union(&NameServers::from_values(&["b.net"]).unwrap()), both);
}

#[test]
fn regression_an_invalid_host_name_is_not_escaped() {
    for text in [
        "https://ns1.example.net",
        "ns1.example.net,ns2.example.net",
        "*.example.net",
        r"a\056b.example.net",
    ] {
        assert_eq!(NameServers::parse(&[text]), Err(NameServersError::Host(text.to_owned())));
    }
    assert!(NameServers::parse(&["_ns-1.example.net"]).is_ok());
    assert!(NameServers::parse(&["ns.0/25.2.0.192.in-addr.arpa"]).is_ok());
}
