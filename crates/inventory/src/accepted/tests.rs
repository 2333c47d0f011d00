//! What a file of accepted findings may say.

use super::*;

#[test]
fn each_mistake_is_named_with_its_item() {
    for (text, words) in [
        ("", "no JSON"),
        ("{}", "no JSON array"),
        ("[1]", "item 1 is no object"),
        (
            r#"[{"name": "a.example.com", "finding": "lame", "until": "2027-01-31"}]"#,
            "item 1 needs a text as \"reason\"",
        ),
        (
            r#"[{"name": "a.example.com", "finding": "lame", "reason": " ", "until": "2027-01-31"}]"#,
            "item 1 needs a text as \"reason\"",
        ),
        (
            r#"[{"name": "a.example.com", "finding": "lam", "reason": "r", "until": "2027-01-31"}]"#,
            "takeover, dangling",
        ),
        (
            r#"[{"name": "a.example.com", "finding": "lame", "reason": "r", "until": "31.1.2027"}]"#,
            "2027-01-31",
        ),
        (r#"[{"name": "a..b", "finding": "lame", "reason": "r", "until": "2027-01-31"}]"#, "a..b"),
        (
            r#"[{"name": "a.example.com", "finding": "lame", "reason": "r", "untill": "2027-01-31"}]"#,
            "unknown field \"untill\"",
        ),
    ] {
        let error = Accepted::parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{words:?} is not in {error:?}");
    }
    assert_eq!(Accepted::parse("[]"), Ok(Accepted::default()));
}

#[test]
fn of_two_acceptances_one_that_holds_counts() {
    let item = |until: &str| {
        format!(
            r#"{{"name": "a.example.com", "finding": "lame", "reason": "{until}", "until": "{until}"}}"#
        )
    };
    let accepted =
        Accepted::parse(&format!("[{}, {}]", item("2026-01-31"), item("2027-01-31"))).unwrap();
    // 2026-06-01
    let found = accepted.find("a.example.com", FindingKind::Lame, 1_780_272_000).unwrap();
    assert_eq!((found.reason.as_str(), found.holds(1_780_272_000)), ("2027-01-31", true));
    assert!(accepted.find("a.example.com", FindingKind::Outage, 0).is_none());
}
