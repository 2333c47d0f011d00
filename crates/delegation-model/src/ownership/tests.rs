use proptest::prelude::*;

use super::*;

const STACK: &str =
    "arn:aws:cloudformation:eu-west-1:222222222222:stack/testing-dns/6f3c9a10-0000-11ee-be56-0242ac120002";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn claimant() -> Claimant {
    Claimant::new(STACK, "Delegation")
}

fn name_servers() -> Digest {
    Digest::of_name_servers(&NameServers::found(&["ns-1.awsdns-1.org."]).unwrap())
}

#[test]
fn a_claim_reads_as_documented() {
    let value = claimant().claim(name_servers(), 1_700_000_000, By::Created).value();
    let shape = value.trim_matches('"').split(',').map(|f| f.split('=').next().unwrap()).collect::<Vec<_>>();
    assert_eq!(shape, ["heritage", "stack", "id", "ns", "ds", "at", "by", "owner"]);
    assert!(value.starts_with("\"heritage=custom-delegation,stack="));
    assert!(value.ends_with(",ds=,at=1700000000,by=created,owner=testing-dns/Delegation\""));
    assert!(!value.contains("222222222222"), "no account id");
}

#[test]
fn a_hold_is_written_while_there_is_one() {
    let mut claim = claimant().claim(name_servers(), 1, By::Created);
    claim.hold = Some(172_801);
    assert!(claim.value().contains(",by=created,hold=172801,owner="));
    assert_eq!(Claim::parse(&claim.value()), Some(claim.clone()));
    assert_eq!(Claim::parse(&claim.value().replace("hold=172801", "hold=soon")).unwrap().hold, None);
}

#[test]
fn relations_go_by_stack_and_logical_id() {
    let claim = claimant().claim(name_servers(), 1, By::Created);
    assert_eq!(claimant().relation(&claim), Relation::Own);
    assert_eq!(Claimant::new(STACK, "Renamed").relation(&claim), Relation::Sibling);
    assert_eq!(Claimant::new(&STACK.replace("6f3c", "6f3d"), "Delegation").relation(&claim), Relation::Other);
}

#[test]
fn long_owners_are_cut_to_one_string() {
    let claimant = Claimant::new(&STACK.replace("testing-dns", &"s".repeat(128)), &"L".repeat(255));
    let mut claim = claimant.claim(name_servers(), i64::MAX, By::Adopted);
    claim.ds = claim.ns;
    let value = claim.value();
    assert_eq!(value.len(), 257, "255 bytes and two quotes");
    assert_eq!(claimant.relation(&Claim::parse(&value).unwrap()), Relation::Own);
}

#[test]
fn hostile_owners_cannot_break_out_of_the_string() {
    let value = Claimant::new(STACK, "x\",by=adopted\\\u{e9}").claim(name_servers(), 1, By::Created).value();
    let claim = Claim::parse(&value).unwrap();
    assert_eq!(claim.by, By::Created);
    assert_eq!(claim.owner(), "testing-dns/x__by_adopted__");
}

#[test]
fn what_is_no_claim_is_none() {
    let good = claimant().claim(name_servers(), 1, By::Created).value();
    assert!(Claim::parse(&good).is_some());
    for bad in [
        String::new(),
        "\"v=spf1 -all\"".to_owned(),
        good.trim_matches('"').to_owned(),
        good.replace("custom-delegation", "external-dns"),
        good.replace("by=created", "by=magic"),
        good.replace("at=1", "at=now"),
        good.replace(",id=", ",ix="),
        format!("{good} \"more\""),
    ] {
        assert_eq!(Claim::parse(&bad), None, "{bad}");
    }
}

#[test]
fn fields_of_a_later_version_are_passed_over() {
    let value = claimant().claim(name_servers(), 1, By::Created).value().replace("by=created,", "by=created,new=1,");
    assert!(Claim::parse(&value).is_some());
}

#[test]
fn values_of_strangers_stay_to_the_letter() {
    let own = claimant().claim(name_servers(), 1, By::Created);
    let values = ["\"v=spf1 \\\"x\\\"\"".to_owned(), own.value(), "\"a\" \"b\"".to_owned()];
    let mut claims = Claims::read(&values);
    assert_eq!(claims.own(&claimant()), Some(&own));
    claims.remove(|_| true);
    assert_eq!(claims.values(), [values[0].clone(), values[2].clone()]);
}

#[test]
fn the_record_stands_beside_the_cut() {
    assert_eq!(record_name(&name("testing.example.com")), Some(name("_delegation-testing.example.com")));
    let long = format!("{}.example.com", "a".repeat(52));
    let record = record_name(&name(&long)).unwrap();
    assert_eq!(record.first_label().len(), "_delegation-".len() + 16);
    assert_eq!(record.parent(), name(&long).parent());
    assert_eq!(record_name(&name(&format!("{}.example.com", "a".repeat(51)))).unwrap().first_label().len(), 63);
}

#[test]
fn a_name_without_room_has_no_record() {
    let rest = [&"b".repeat(63)[..], &"c".repeat(63), &"d".repeat(63), &"e".repeat(57)].join(".");
    assert_eq!(record_name(&name(&format!("a.{rest}"))), None);
}

proptest! {
    #[test]
    fn claims_read_back(stack in ".{0,200}", logical in ".{0,200}", at in 0..i64::MAX, adopted: bool) {
        let claimant = Claimant::new(&stack, &logical);
        let claim = claimant.claim(name_servers(), at, if adopted { By::Adopted } else { By::Created });
        let value = claim.value();
        prop_assert!(value.len() <= 257);
        let read = Claim::parse(&value).unwrap();
        prop_assert_eq!(claimant.relation(&read), Relation::Own);
        prop_assert_eq!((read.ns, read.ds, read.at, read.by), (claim.ns, claim.ds, claim.at, claim.by));
        prop_assert_eq!(read.value(), value);
    }

    #[test]
    fn nothing_makes_the_parser_panic(value in ".{0,300}") {
        let _ = Claim::parse(&value);
    }
}

#[test]
fn digests_are_those_of_the_documents() {
    // What earlier versions wrote must be recognised for ever: sha256 of the parts, one a line, its first 8 bytes.
    let value = claimant().claim(name_servers(), 1, By::Created).value();
    assert!(value.contains(",stack=ecd8cceb8d2ed68f,id=28f96fc1dff4dc98,ns=9466c28656b57359,"), "{value}");
}

#[test]
fn the_owner_is_stack_and_logical_id() {
    assert_eq!(claimant().owner(), "testing-dns/Delegation");
    assert_eq!(Claimant::new("odd", "Delegation").owner(), "odd/Delegation");
}
