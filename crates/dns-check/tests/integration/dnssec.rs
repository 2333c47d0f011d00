//! DS records, keys and signatures, which are the sandbox's and real.

use dns_check::Expected;
use sandbox::RecordSet;

use crate::fixture::{CHILD, Fixture, NONE, PATIENCE};

fn put_ds(fixture: &Fixture, values: &[String]) {
    fixture.parent.put(RecordSet::new(CHILD, "DS", 300, values.iter().cloned()));
}

#[tokio::test]
async fn a_signed_delegation() {
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
        "the 4 name servers answer for testing.example.com with the keys of its DS records, and the 4 servers of example.com \
         refer to them; example.com is not signed, so a DS record set in it proves nothing"
    );

    // The parent zone signs too: its answers come with signatures, and with the proof that there is
    // no DS.
    fixture.parent.create_key("parent");
    fixture.parent.start_signing();
    assert!(fixture.after(&expected, PATIENCE).await.is_good());
}

#[tokio::test]
async fn a_key_roll_over() {
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
    assert!(report.is_good(), "one of the two keys is gone, and the other does: {report}");
    let report = fixture.after(&fixture.signed(std::slice::from_ref(&new)), NONE).await;
    assert!(
        report.to_string().contains(" of the parent zone has another DS record set for the name"),
        "{report}"
    );
    put_ds(&fixture, std::slice::from_ref(&new));
    let report = fixture.after(&fixture.signed(&[new]), PATIENCE).await;
    assert!(report.is_good(), "{report}");
}

#[tokio::test]
async fn no_ds_record_set_where_none_is_wanted() {
    let fixture = Fixture::delegated().await;
    fixture.parent.create_key("parent");
    fixture.parent.start_signing();
    let report = fixture.after(&fixture.expected(), PATIENCE).await;
    assert!(report.is_good(), "{report}");
    put_ds(&fixture, &[fixture.child.create_key("one").ds_record()]);
    let report = fixture.after(&fixture.expected(), NONE).await;
    assert!(
        report.to_string().contains(" of the parent zone has another DS record set for the name"),
        "{report}"
    );
    let report = fixture.after(&Expected { check_ds: false, ..fixture.expected() }, PATIENCE).await;
    assert!(report.is_good(), "{report}");
}
