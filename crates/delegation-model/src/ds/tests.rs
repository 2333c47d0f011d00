use super::*;

const ONE: &str = "2371 13 2 6B91FA6C4C52B1B2A3A9E1E7D1F4D8C6FD7F2CF2A3A5C1E59A5F1E7C0B6F2D11";
const TWO: &str = "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118";

#[test]
fn the_presentation_form_is_parsed_and_printed() {
    let ds: Ds = TWO.parse().unwrap();
    assert_eq!(
        (ds.key_tag(), ds.algorithm(), ds.digest_type(), ds.digest().len()),
        (60485, 5, 1, 20)
    );
    assert_eq!(ds.to_string(), TWO);
    assert_eq!(ONE.parse::<Ds>().unwrap().digest_type(), 2);
    // RFC 4034, section 5.4, writes the digest in groups and in any case.
    assert_eq!("60485 5 1 2bb183af5f22588179a5 3b0a98631fad1a292118".parse(), Ok(ds));
}

#[test]
fn invalid_ds_records_are_refused() {
    for text in [
        "",
        "1 13 2",
        "1 13 2 XY",
        "1 13 2 ABC",
        "65536 13 2 AB",
        "1 256 2 AB",
        "-1 13 2 AB",
        "+1 13 2 AB",
        "1 13 x AB",
    ] {
        assert_eq!(text.parse::<Ds>(), Err(DsError), "{text:?}");
    }
}

#[test]
fn order_and_case_do_not_matter() {
    let lower = ONE.to_lowercase();
    let records = DsRecords::from_values(&[TWO, lower.as_str()]).unwrap();
    assert_eq!(Some(&records), DsRecords::from_values(&[ONE, TWO, ONE]).as_ref());
    assert_eq!(records.to_string(), format!("{ONE},{TWO}"));
    assert_eq!(DsRecords::from_values::<&str>(&[]), None);
    assert_eq!(DsRecords::from_values(&[ONE, "nonsense"]), None);
    assert_eq!(DsRecords::new([]), None);
}
