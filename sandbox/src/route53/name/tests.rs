use proptest::prelude::*;

use super::*;

#[test]
fn normalized_form() {
    for (given, kept) in [
        ("example.com", "example.com."),
        ("Example.COM.", "example.com."),
        ("*.example.com", "\\052.example.com."),
        ("\\052.example.com.", "\\052.example.com."),
        ("a\\101b.example.com", "aab.example.com."),
        ("_x-1.example.com", "_x-1.example.com."),
        ("a@b.example.com", "a\\100b.example.com."),
        ("a\\056b.example.com", "a\\056b.example.com."),
        (".", "."),
    ] {
        assert_eq!(normalize(given).unwrap(), kept, "{given}");
    }
}

#[test]
fn refused_names() {
    for (given, problem) in [
        ("a..example.com", LABEL_EMPTY),
        ("", LABEL_EMPTY),
        (".example.com", LABEL_EMPTY),
        ("a b.example.com", UNSUPPORTED),
        ("é.example.com", UNSUPPORTED),
        ("a\\9.example.com", UNSUPPORTED),
        ("a\\777.example.com", UNSUPPORTED),
    ] {
        assert_eq!(normalize(given).unwrap_err(), problem, "{given}");
    }
    assert_eq!(normalize(&format!("{}.com", "a".repeat(64))).unwrap_err(), LABEL_TOO_LONG);
    assert!(normalize(&format!("{}.com", "a".repeat(63))).is_ok());
    assert!(normalize(&format!("{}.com", "\\052".repeat(63))).is_ok());
    let long = format!("{0}.{0}.{0}.{0}", "a".repeat(63));
    assert_eq!(normalize(&long).unwrap_err(), NAME_TOO_LONG);
}

#[test]
fn within() {
    assert!(is_within("a.example.com.", "example.com."));
    assert!(is_within("example.com.", "example.com."));
    assert!(!is_within("anexample.com.", "example.com."));
    assert!(!is_within("com.", "example.com."));
}

proptest! {
    #[test]
    fn normalizing_twice_changes_nothing(name in "[!-~]{1,20}(\\.[!-~]{1,20}){0,3}") {
        if let Ok(once) = normalize(&name) {
            prop_assert_eq!(normalize(&once).unwrap(), once);
        }
    }
}
