use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn case_and_trailing_dot_do_not_matter() {
    assert_eq!(name("Testing.Example.COM."), name("testing.example.com"));
    assert_eq!(name("Testing.Example.COM.").as_str(), "testing.example.com");
}

#[test]
fn an_escape_and_its_character_are_the_same() {
    assert_eq!(name(r"\052.example.com"), name("*.example.com"));
    assert_eq!(name("*.example.com").as_str(), r"\052.example.com");
    assert_eq!(
        name(r"\101.example.com"),
        name("a.example.com"),
        "an escaped letter is compared in lower case"
    );
    assert_ne!(
        name(r"a\056b.example.com"),
        name("a.b.example.com"),
        "an escaped dot separates no labels"
    );
    assert!(name("*.example.com").is_wildcard());
    assert!(!name("a.example.com").is_wildcard());
}

#[test]
fn errors_name_the_position() {
    for (text, error) in [
        ("", NameError::Empty),
        (".", NameError::Empty),
        ("a..b", NameError::EmptyLabel(3)),
        (".a", NameError::EmptyLabel(1)),
        ("a b.c", NameError::Character(' ', 2)),
        ("a\tb.c", NameError::Character('\t', 2)),
        (r"a.b\0", NameError::Escape(4)),
        (r"\400.a", NameError::Escape(1)),
        (r"\09a.a", NameError::Escape(1)),
    ] {
        assert_eq!(text.parse::<Name>(), Err(error), "{text:?}");
    }
}

#[test]
fn international_names_are_converted() {
    for (text, ascii) in [
        ("b\u{fc}cher.example.com", "xn--bcher-kva.example.com"),
        ("B\u{dc}CHER.example.com.", "xn--bcher-kva.example.com"),
        ("bu\u{308}cher.example.com", "xn--bcher-kva.example.com"),
        ("\u{4f8b}\u{3002}example.com", "xn--fsq.example.com"),
        ("_dmarc.b\u{fc}cher.example", "_dmarc.xn--bcher-kva.example"),
        (r"\052.b\u{fc}cher.example", r"\052.xn--bcher-kva.example"),
    ] {
        assert_eq!(name(&text.replace("\\u{fc}", "\u{fc}")).as_str(), ascii, "{text:?}");
    }
    for (text, error) in [
        ("ex\u{200b}ample.com", NameError::Character('\u{200b}', 3)),
        ("example.com\u{feff}", NameError::Character('\u{feff}', 12)),
        ("ex\u{ad}ample.com", NameError::Character('\u{ad}', 3)),
        ("\u{202e}moc.elpmaxe", NameError::Character('\u{202e}', 1)),
        ("b\u{fc} cher.de", NameError::Character(' ', 4)),
        ("\u{fffd}.example.com", NameError::International),
        ("xn--zz\u{fc}.example.com", NameError::International),
    ] {
        assert_eq!(text.parse::<Name>(), Err(error.clone()), "{text:?}");
        assert!(!error.to_string().contains(is_invisible), "{error}");
    }
    let error = NameError::Character('\u{200b}', 3).to_string();
    assert_eq!(error, "it contains the invisible character U+200B at position 3");
    assert_eq!("\u{fc}".repeat(5000).parse::<Name>(), Err(NameError::TooLong(10_000)));
}

#[test]
fn lengths_are_counted_as_on_the_wire() {
    let label = "a".repeat(63);
    assert!(format!("{label}.com").parse::<Name>().is_ok());
    assert_eq!(format!("x.{label}a.com").parse::<Name>(), Err(NameError::LabelTooLong(3)));
    let escaped = r"\052".repeat(63);
    assert!(format!("{escaped}.com").parse::<Name>().is_ok(), "an escape is one byte");
    let full = [&label[..], &label[..], &label[..], &label[..61]].join(".");
    assert!(full.parse::<Name>().is_ok());
    let over = [&label[..], &label[..], &label[..], &label[..62]].join(".");
    assert_eq!(over.parse::<Name>(), Err(NameError::TooLong(256)));
}

#[test]
fn below_compares_labels() {
    assert!(name("a.example.com").is_below(&name("example.com")));
    assert!(!name("example.com").is_below(&name("example.com")));
    assert!(name("example.com").is_at_or_below(&name("example.com")));
    assert!(!name("badexample.com").is_below(&name("example.com")));
    assert!(!name("com").is_below(&name("example.com")));
}

#[test]
fn ancestors_reach_the_top_level_domain() {
    let all: Vec<_> = name("a.b.example.com").ancestors().map(|a| a.to_string()).collect();
    assert_eq!(all, ["b.example.com", "example.com", "com"]);
    assert_eq!(name("a.b.c").labels().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(name("a.b.c").fqdn(), "a.b.c.");
}

proptest! {
    #[test]
    fn a_parsed_name_prints_and_parses_again(text in "\\PC{0,80}") {
        if let Ok(parsed) = text.parse::<Name>() {
            prop_assert_eq!(parsed.to_string().parse::<Name>().unwrap(), parsed.clone());
            prop_assert_eq!(parsed.fqdn().parse::<Name>().unwrap(), parsed);
        }
    }

    #[test]
    fn plain_names_parse(text in "[a-zA-Z0-9_-]{1,20}(\\.[a-z]{1,8}){0,5}\\.?") {
        let parsed: Name = text.parse().unwrap();
        prop_assert_eq!(parsed.as_str(), text.trim_end_matches('.').to_ascii_lowercase());
    }
}

#[test]
fn labels_convert_to_and_from_the_wire() {
    for text in [
        "testing.example.com",
        "\\052.example.com",
        "a\\056b\\000\\377.example.com",
        &vec!["a"; 127].join("."),
    ] {
        let name: Name = text.parse().unwrap();
        let labels: Vec<Vec<u8>> = name.wire_labels().collect();
        assert_eq!(Name::from_wire_labels(labels.iter().map(Vec::as_slice)), Ok(name));
    }
    assert_eq!(
        Name::from_wire_labels([&b"A.b"[..], &b"\xff"[..]]).unwrap().as_str(),
        "a\\056b.\\377"
    );
    assert_eq!(Name::from_wire_labels([]), Err(NameError::Empty));
}
