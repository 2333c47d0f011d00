use super::*;

#[test]
fn text_is_wrapped_after_spaces_or_commas() {
    assert_eq!(wrap("one two three", 8), ["one two", "three"]);
    assert_eq!(wrap("one,two,three", 8), ["one,two,", "three"]);
    assert_eq!(wrap("one, two", 4), ["one,", "two"]);
    assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
    assert_eq!(wrap("", 4), [""]);
}

#[test]
fn a_block_has_its_label_next_to_its_first_line() {
    let mut out = Vec::new();
    let mut page = Page::new(&mut out, Style::Plain);
    page.block("AWS calls", &["one".to_owned(), "two".to_owned()]).unwrap();
    page.block("", &["three".to_owned()]).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "  AWS calls one\n            two\nthree\n");
}

#[test]
fn titles_fill_the_width() {
    let mut out = Vec::new();
    Page::new(&mut out, Style::Plain).title("Summary").unwrap();
    assert_eq!(String::from_utf8(out).unwrap().trim().len(), WIDTH);
}

#[test]
fn color_is_only_used_if_requested() {
    assert_eq!(Style::Plain.bad("x"), "x");
    assert_eq!(Style::Color.bad("x"), "\x1b[31mx\x1b[0m");
}
