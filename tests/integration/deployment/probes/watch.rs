//! The roles of the watch: its own, the auditor role, and the role of its timer.

use test_support::{EXTERNAL_ID, NAME};

use super::Verdict::{Allowed, Denied};
use super::{Asker, Probe, Stranger, change};
use crate::deployment::call::Call;
use crate::deployment::documents::{
    BUS, DeployedRoles, KEY, LOGS, LOWER, OTHER_KEY, QUEUE, TEAM, WATCH, WATCH_LOGS, WATCH_ROLE,
};

/// Adds probes for what the watch may read, and for changes, which it may not make.
pub(super) fn watch(deployed: &DeployedRoles, probes: &mut Vec<Probe>) {
    let (zone, auditor) = (deployed.fixture.parent.id(), deployed.auditor_role.arn());
    let mut role = Asker::new("the auditor", &deployed.auditor_role, probes);
    role.call(Allowed, "list zones", Call::ListZones);
    role.call(Allowed, "list the record sets of the parent zone", Call::ListRecords(zone.clone()));
    role.call(Denied, "list zones by name", Call::ListZonesByName);
    role.call(Denied, "read the signing of the parent zone", Call::GetDnssec(zone.clone()));
    for rtype in ["NS", "TXT"] {
        role.change(Denied, &zone, change("CREATE", NAME, rtype));
    }
    let mut role = Asker::new("the watch", &deployed.watch_role, probes);
    role.call(Allowed, "assume the auditor role", Call::Assume(auditor.clone(), Some(EXTERNAL_ID)));
    role.call(
        Denied,
        "assume the parent role",
        Call::Assume(deployed.fixture.parent_role.arn(), Some(EXTERNAL_ID)),
    );
    let open = deployed.fixture.parent_account.role("open").trust_account("222222222222", None);
    role.call(Denied, "assume a role that was not named", Call::Assume(open.arn(), None));
    role.call(Denied, "list the zones of its own account", Call::ListZones);
    role.change(Denied, &deployed.fixture.child.id(), change("CREATE", LOWER, "NS"));
    services_of_the_watch(&mut role);
    let zone = deployed.single_parent.id();
    let mut role = Asker::new("the watch of one account", &deployed.own_watch_role, probes);
    role.call(Allowed, "list the zones of its account", Call::ListZones);
    role.call(
        Allowed,
        "list the record sets of a zone of its account",
        Call::ListRecords(zone.clone()),
    );
    role.change(Denied, &zone, change("CREATE", TEAM, "NS"));
    role.call(Denied, "assume the auditor role", Call::Assume(auditor.clone(), Some(EXTERNAL_ID)));
    let function = "arn:aws:lambda:us-east-1:222222222222:function:route53-delegation";
    let mut role = Asker::new("the timer", &deployed.timer_role, probes);
    role.action(Allowed, "lambda:InvokeFunction", WATCH);
    role.action(Denied, "lambda:InvokeFunction", function);
    trust_of_the_auditor(deployed, probes);
}

fn services_of_the_watch(role: &mut Asker<'_>) {
    for (action, resource) in [
        ("logs:CreateLogStream", WATCH_LOGS),
        ("logs:PutLogEvents", WATCH_LOGS),
        ("events:PutEvents", BUS),
        ("kms:Decrypt", KEY),
        ("kms:GenerateDataKey", KEY),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    ] {
        role.action(Allowed, action, resource);
    }
    for (action, resource) in [
        ("logs:PutLogEvents", LOGS),
        ("events:PutEvents", "arn:aws:events:us-east-1:222222222222:event-bus/default"),
        ("events:PutRule", BUS),
        ("kms:Decrypt", OTHER_KEY),
        ("sqs:SendMessage", QUEUE),
        ("lambda:InvokeFunction", WATCH),
    ] {
        role.action(Denied, action, resource);
    }
}

fn trust_of_the_auditor(deployed: &DeployedRoles, probes: &mut Vec<Probe>) {
    let watch = Stranger {
        who: "a watch of another Region",
        account: "222222222222",
        role: "route53-delegation-watch-eu-west-1",
        external_id: Some(EXTERNAL_ID),
        expected: Allowed,
    };
    for stranger in [
        Stranger {
            who: "a watch with another external id",
            external_id: Some("another-id"),
            expected: Denied,
            ..watch
        },
        Stranger {
            who: "a function",
            role: "route53-delegation-function-eu-west-1",
            expected: Denied,
            ..watch
        },
        Stranger {
            who: "another role of the watch's account",
            role: "admin",
            expected: Denied,
            ..watch
        },
        Stranger {
            who: "a watch of a listed account outside of the organization",
            account: "444444444444",
            role: WATCH_ROLE,
            expected: Denied,
            ..watch
        },
        Stranger {
            who: "a watch of an account that is not listed",
            account: "333333333333",
            role: WATCH_ROLE,
            expected: Denied,
            ..watch
        },
        watch,
    ] {
        stranger.assumes(deployed, "the auditor role", &deployed.auditor_role.arn(), probes);
    }
}
