//! The function's effects on a hosted zone, and its answers to CloudFormation.

mod bad_input;
mod check;
mod create;
mod delete;
mod dnssec;
mod dnssec_sequences;
mod faults;
mod holders;
mod invented_ids;
mod long_names;
mod many_record_sets;
mod migrating;
mod moving;
mod occlusion;
mod peers;
mod permissions;
mod refused_for_good;
mod scenario;
mod sns;
mod sync;
mod time;
mod update;
mod young_keys;

use serde_json::json;
use test_support::Fixture;

/// Lets the parent role read the parent zone, and change nothing.
fn allow_only_reads(fixture: &Fixture) {
    let policy = json!({"Statement": [{
        "Effect": "Allow",
        "Resource": "*",
        "Action": [
            "route53:GetHostedZone",
            "route53:ListHostedZonesByName",
            "route53:ListResourceRecordSets",
        ],
    }]});
    fixture.parent_role.clone().without_policies().policy(policy);
}
