use super::*;

#[test]
fn order_case_and_dots_do_not_matter() {
    let one = NameServers::given(&["NS-2.awsdns-1.com.", "ns-1.awsdns-1.org"]).unwrap();
    let two = NameServers::found(&["ns-1.awsdns-1.ORG.", "ns-2.awsdns-1.com"]).unwrap();
    assert_eq!(one, two);
    assert_eq!(one.to_string(), "ns-1.awsdns-1.org,ns-2.awsdns-1.com");
    assert_eq!(one.values(), ["ns-1.awsdns-1.org.", "ns-2.awsdns-1.com."]);
}

#[test]
fn bad_lists_are_named() {
    assert_eq!(NameServers::given::<&str>(&[]), Err(NameServersError::None));
    assert_eq!(NameServers::given(&["192.0.2.1"]), Err(NameServersError::Address("192.0.2.1".into())));
    assert_eq!(NameServers::given(&["2001:db8::1"]), Err(NameServersError::Address("2001:db8::1".into())));
    assert_eq!(NameServers::given(&["a.b", "A.b."]), Err(NameServersError::Twice("a.b".parse().unwrap())));
    assert!(matches!(NameServers::given(&["a..b"]), Err(NameServersError::Name(..))));
    let sixteen: Vec<String> = (0..16).map(|n| format!("ns{n}.example.net")).collect();
    assert!(NameServers::given(&sixteen).is_ok());
    let seventeen: Vec<String> = (0..17).map(|n| format!("ns{n}.example.net")).collect();
    assert_eq!(NameServers::given(&seventeen), Err(NameServersError::TooMany(17)));
}

#[test]
fn what_is_no_name_is_not_found() {
    assert_eq!(NameServers::found(&["ns1.example.net", "a..b"]), None);
    assert_eq!(NameServers::found::<&str>(&[]), None);
}

#[test]
fn subsets_and_unions() {
    let one = NameServers::found(&["a.net"]).unwrap();
    let both = NameServers::found(&["a.net", "b.net"]).unwrap();
    assert!(one.is_subset(&both));
    assert!(!both.is_subset(&one));
    assert_eq!(one.union(&NameServers::found(&["b.net"]).unwrap()), both);
}

#[test]
fn regression_what_is_no_host_name_is_not_escaped_into_one() {
    for text in ["https://ns1.example.net", "ns1.example.net,ns2.example.net", "*.example.net", r"a\056b.example.net"] {
        assert_eq!(NameServers::given(&[text]), Err(NameServersError::Host(text.to_owned())));
    }
    assert!(NameServers::given(&["_ns-1.example.net"]).is_ok());
    assert!(NameServers::given(&["ns.0/25.2.0.192.in-addr.arpa"]).is_ok());
}
