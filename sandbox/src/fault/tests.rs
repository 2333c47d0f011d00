use std::time::SystemTime;

use super::*;

fn call(action: &str, account: &str, zone: Option<&str>) -> Call {
    Call {
        seq: 0,
        at: SystemTime::UNIX_EPOCH,
        service: "route53",
        region: String::new(),
        action: action.to_owned(),
        account: account.to_owned(),
        principal: String::new(),
        zone: zone.map(str::to_owned),
        summary: String::new(),
        changes: Vec::new(),
        comment: None,
        role_arn: None,
        outcome: None,
        faults: Vec::new(),
    }
}

fn strikes(faults: &Faults, n: usize) -> Vec<bool> {
    (0..n).map(|_| !faults.strike(&call("GetChange", "1", None)).is_empty()).collect()
}

#[test]
fn a_fault_applies_once_or_from_the_nth_call_or_always() {
    for (fault, expected) in [
        (Fault::on("GetChange"), [true, false, false, false]),
        (Fault::on("*").nth(2), [false, true, false, false]),
        (Fault::on("GetChange").nth(2).times(2), [false, true, true, false]),
        (Fault::on("GetChange").always(), [true, true, true, true]),
        (Fault::on("GetChange").nth(3).always(), [false, false, true, true]),
        (Fault::on("GetHostedZone").always(), [false; 4]),
    ] {
        let faults = Arc::new(Faults::default());
        let handle = faults.add(fault.clone());
        assert_eq!(strikes(&faults, 4), expected, "{fault:?}");
        assert_eq!(handle.hits(), expected.iter().filter(|hit| **hit).count() as u64);
    }
}

#[test]
fn a_fault_can_be_limited_to_an_account_and_a_zone() {
    let faults = Arc::new(Faults::default());
    faults.add(Fault::on("*").account("1").zone("Z1").always());
    assert!(faults.strike(&call("GetHostedZone", "2", Some("Z1"))).is_empty());
    assert!(faults.strike(&call("GetHostedZone", "1", Some("Z2"))).is_empty());
    assert!(faults.strike(&call("GetHostedZone", "1", None)).is_empty());
    assert_eq!(faults.strike(&call("GetHostedZone", "1", Some("Z1"))), [FaultKind::Status(500)]);
}

#[test]
fn a_removed_fault_does_not_apply() {
    let faults = Arc::new(Faults::default());
    let handle = faults.add(Fault::on("GetChange").always());
    handle.remove();
    assert_eq!(strikes(&faults, 1), [false]);
}
