use super::*;

fn servers(text: &str) -> NameServers {
    NameServers::parse(&text.split(',').collect::<Vec<_>>()).unwrap()
}

fn keys(names: &[&str]) -> BTreeSet<KeyName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn digests_print_and_parse_in_one_spelling() {
    let digest = Digest::new(&["a"]);
    assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
    assert_eq!(digest.to_string().len(), 16);
    let request = RequestDigest::new("r-1");
    assert_eq!(RequestDigest::parse(&request.to_string()), Some(request));
    assert_eq!(request.to_string().len(), 8);
    for bad in ["", "0123", "0123456789ABCDEF", "0123456789abcdeg", "0123456789abcdef0"] {
        assert_eq!(Digest::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn different_lists_of_texts_have_different_digests() {
    assert_ne!(Digest::new(&["a", "b"]), Digest::new(&["ab"]));
    assert_ne!(Digest::new(&["a", ""]), Digest::new(&["a"]));
    assert_ne!(Digest::new(&["a\nb"]), Digest::new(&["a", "b"]));
}

#[test]
fn spelling_does_not_matter_but_content_does() {
    let one = Digest::from_name_servers(&servers("NS1.x.net.,ns2.x.net"));
    assert_eq!(one, Digest::from_name_servers(&servers("ns2.x.net.,ns1.X.net")));
    assert_ne!(one, Digest::from_name_servers(&servers("ns1.x.net")));
}

#[test]
fn an_intent_covers_every_property_that_it_names() {
    let (zone, other): (ZoneId, ZoneId) = ("Z1".parse().unwrap(), "Z2".parse().unwrap());
    let (name_servers, selected, none) =
        (servers("ns1.x.net"), keys(&["key_1", "key_2"]), keys(&[]));
    let intent = Intent {
        child_zone: Some(&zone),
        name_servers: None,
        dnssec: true,
        key_signing_keys: None,
    };
    let digest = Digest::from_intent(&intent);
    assert_eq!(digest, Digest::from_intent(&Intent { ..intent }));
    let others = [
        Intent { child_zone: Some(&other), ..intent },
        Intent { child_zone: None, ..intent },
        Intent { name_servers: Some(&name_servers), ..intent },
        Intent { dnssec: false, ..intent },
        Intent { key_signing_keys: Some(&selected), ..intent },
        // An empty list is not the same as a list that was not given.
        Intent { key_signing_keys: Some(&none), ..intent },
    ];
    let digests: BTreeSet<Digest> =
        others.iter().map(Digest::from_intent).chain([digest]).collect();
    assert_eq!(digests.len(), others.len() + 1);
}

#[test]
fn a_route_covers_the_parent_the_role_and_the_name() {
    let zone: Name = "example.com".parse().unwrap();
    let (a, b): (Name, Name) = ("a.example.com".parse().unwrap(), "b.example.com".parse().unwrap());
    let id = ParentZone::Id("Z1".parse().unwrap());
    let routes = [
        Digest::from_route(&id, None, &a),
        Digest::from_route(&ParentZone::Name(zone), None, &a),
        Digest::from_route(&ParentZone::Closest, None, &a),
        Digest::from_route(&ParentZone::Closest, Some("arn:aws:iam::111111111111:role/r"), &a),
        Digest::from_route(&ParentZone::Closest, None, &b),
    ];
    assert_eq!(routes.iter().collect::<BTreeSet<_>>().len(), routes.len());
}

#[test]
fn a_failed_test_shows_the_digits_of_a_digest() {
    let digest = Digest::parse("c894ed5b38a69284").unwrap();
    let request = RequestDigest::parse("5d5cb6fe").unwrap();
    assert_eq!(
        (format!("{digest:?}"), format!("{request:?}")),
        ("Digest(c894ed5b38a69284)".to_owned(), "RequestDigest(5d5cb6fe)".to_owned())
    );
}
