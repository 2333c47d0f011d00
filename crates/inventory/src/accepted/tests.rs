//! Tests of the parser for accepted findings.

use serde_json::json;

use super::*;

#[test]
fn every_error_names_its_item() {
    for (text, words) in [
        ("", "not JSON"),
        ("{}", "not a JSON array"),
        ("[1]", "item 1 is not an object"),
        (
            r#"[{"name": "a.example.com", "finding": "lame", "until": "2027-01-31"}]"#,
            "item 1 needs a string \"reason\"",
        ),
        (
            r#"[{"name": "a.example.com", "finding": "lame", "reason": " ", "until": "2027-01-31"}]"#,
            "item 1 needs a string \"reason\"",
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
fn an_external_id_in_an_item_is_not_repeated() {
    let secret = "51af3dc0da7711e4872e1234567db123";
    let valid =
        json!({"name": "a.example.com", "finding": "lame", "reason": "x", "until": "2027-01-31"});
    for field in ["finding", "until", "name", secret] {
        let mut item = valid.clone();
        item[field] = json!(format!("{secret}/{secret}/{secret}"));
        let error = Accepted::parse(&json!([item]).to_string()).unwrap_err().to_string();
        assert!(error.contains("characters, not repeated here"), "{error}");
        assert!(!error.contains("51af3dc0"), "{error}");
    }
}

#[test]
fn a_valid_acceptance_is_preferred() {
    let item = |until: &str| {
        format!(
            r#"{{"name": "a.example.com", "finding": "lame", "reason": "{until}", "until": "{until}"}}"#
        )
    };
    let accepted =
        Accepted::parse(&format!("[{}, {}]", item("2026-01-31"), item("2027-01-31"))).unwrap();
    // 2026-06-01
    let acceptance = accepted.find("a.example.com", FindingKind::Lame, 1_780_272_000).unwrap();
    assert_eq!(
        (acceptance.reason.as_str(), acceptance.is_valid(1_780_272_000)),
        ("2027-01-31", true)
    );
    assert!(accepted.find("a.example.com", FindingKind::Outage, 0).is_none());
}
