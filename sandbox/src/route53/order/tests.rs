use super::*;

#[test]
fn documented_order() {
    let mut names = [
        "www.example.com.",
        "b.testing.example.com.",
        "example.com.",
        "testing.example.com.",
        "testing-1.example.com.",
        "\\052.example.com.",
        "_dmarc.example.com.",
        "testing1.example.com.",
        "\\052.testing.example.com.",
    ];
    names.sort_by_key(|name| reversed(name));
    assert_eq!(
        names,
        [
            "example.com.",
            "\\052.example.com.",
            "_dmarc.example.com.",
            "testing-1.example.com.",
            "testing.example.com.",
            "\\052.testing.example.com.",
            "b.testing.example.com.",
            "testing1.example.com.",
            "www.example.com.",
        ]
    );
}

#[test]
fn reversed_form() {
    assert_eq!(reversed("www.example.com."), b"com.example.www.");
}
