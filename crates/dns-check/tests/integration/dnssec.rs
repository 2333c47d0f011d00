//! Tests of DS records, keys and signatures, which the sandbox really computes.

use dns_check::Expected;
use sandbox::RecordSet;

use crate::fixture::{CHILD, Fixture, NONE, PATIENCE};

fn put_ds(fixture: &Fixture, values: &[String]) {
    fixture.parent.put(RecordSet::new(CHILD, "DS", 300, values.iter().cloned()));
}

#[tokio::test]
async fn a_signed_delegation_is_checked_with_its_keys() {
    let fixture = Fixture::delegated().await;
    let ds = fixture.child.create_key("one").ds_record();
    let expected = fixture.signed(std::slice::from_ref(&ds));
    let report = fixture.before(&expected, NONE).await;
    let unsigned = report
        .findings()
        .iter()
        .all(|finding| finding.to_string().contains("does not serve the key of the DS"));
    assert!(unsigned && report.findings().len() == 4, "{report}");

    fixture.child.start_signing();
    let report = fixture.before(&expected, PATIENCE).await;
    assert_eq!(
        report.to_string(),
        "the 4 name servers answer for testing.example.com with the keys of its DS records"
    );
    let report = fixture.after(&expected, NONE).await;
    assert_eq!(report.findings().len(), 4, "{report}");
    assert!(
        report.to_string().contains(" of the parent zone has no DS record set for the name"),
        "{report}"
    );

    put_ds(&fixture, &[ds]);
    let report = fixture.after(&expected, PATIENCE).await;
    assert_eq!(
        report.to_string(),
        "the 4 name servers answer for testing.example.com with the keys of its DS records, and \
         the 4 servers of example.com refer to them; example.com is not signed, so a DS record set \
         in it has no effect"
    );

    // The parent zone is signed too: its responses have signatures, and prove that there is no DS
    // record set.
    fixture.parent.create_key("parent");
    fixture.parent.start_signing();
    assert!(fixture.after(&expected, PATIENCE).await.is_good());
}

#[tokio::test]
async fn a_key_roll_over_is_good_at_every_step() {
    let fixture = Fixture::delegated().await;
    let (old, new) =
        (fixture.child.create_key("old").ds_record(), fixture.child.create_key("new").ds_record());
    fixture.child.start_signing();
    let both = fixture.signed(&[old.clone(), new.clone()]);
    put_ds(&fixture, &[new.clone(), old.clone()]);
    let report = fixture.after(&both, PATIENCE).await;
    assert!(report.is_good(), "{report}");

    assert!(fixture.child.set_key_status("old", "INACTIVE"));
    let report = fixture.before(&both, NONE).await;
    assert!(report.is_good(), "one of the two keys is enough: {report}");
    let report = fixture.after(&fixture.signed(std::slice::from_ref(&new)), NONE).await;
    assert!(
        report
            .to_string()
            .contains(" of the parent zone has a different DS record set for the name"),
        "{report}"
    );
    put_ds(&fixture, std::slice::from_ref(&new));
    let report = fixture.after(&fixture.signed(&[new]), PATIENCE).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn an_unexpected_ds_record_set_is_a_finding() {
    let fixture = Fixture::delegated().await;
    fixture.parent.create_key("parent");
    fixture.parent.start_signing();
    let report = fixture.after(&fixture.expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
    put_ds(&fixture, &[fixture.child.create_key("one").ds_record()]);
    let report = fixture.after(&fixture.expected(), NONE).await;
    assert!(
        report
            .to_string()
            .contains(" of the parent zone has a different DS record set for the name"),
        "{report}"
    );
    let report = fixture.after(&Expected { check_ds: false, ..fixture.expected() }, PATIENCE).await;
    assert!(report.is_good(), "{report}");
}
