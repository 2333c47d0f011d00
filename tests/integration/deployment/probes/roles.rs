//! The roles of the function: the parent role, the child role, and the function's own.

use test_support::{EXTERNAL_ID, NAME};

use super::Verdict::{Allowed, Denied};
use super::{Asker, Delegable, Probe, Stranger, change};
use crate::deployment::call::Call;
use crate::deployment::documents::{
    DeployedRoles, KEY, LOGS, LONG_RECORD, LOWER, ORGANIZATION, OTHER_KEY, QUEUE, TEAM,
};

pub(super) fn parent(deployed: &DeployedRoles, probes: &mut Vec<Probe>) {
    let zone = deployed.fixture.parent.id();
    let other = deployed.fixture.parent_account.hosted_zone("example.net").id();
    let mut role = Asker::new("the parent role", &deployed.fixture.parent_role, probes);
    role.call(Allowed, "list zones by name", Call::ListZonesByName);
    role.reads(Allowed, "the parent zone", &zone);
    role.reads(Denied, "another zone of its account", &other);
    role.delegates(&Delegable {
        zone: &zone,
        name: NAME,
        ownership_record: "_delegation-testing.example.com",
        other_names: ["staging.example.com", "dev.example.com", "example.com"],
        other_zone: &other,
    });
    role.delegates_below_dev(&zone);
    role.change(Allowed, &zone, change("CREATE", "_msdcs.example.com", "NS"));
    role.change(Allowed, &zone, change("CREATE", "_delegation-_msdcs.example.com", "TXT"));
    role.change(Denied, &zone, change("CREATE", "_sites.example.com", "NS"));
    let mut role = Asker::new("the central function", &deployed.central_role, probes);
    role.call(
        Allowed,
        "assume the parent role",
        Call::Assume(deployed.fixture.parent_role.arn(), Some(EXTERNAL_ID)),
    );
    let another =
        deployed.fixture.parent_account.role("another").trust_account("111111111111", None);
    role.call(Denied, "assume another role of its account", Call::Assume(another.arn(), None));
    role.change(Denied, &zone, change("CREATE", NAME, "NS"));
}

pub(super) fn child(deployed: &DeployedRoles, probes: &mut Vec<Probe>) {
    let other = deployed.third.hosted_zone("another.example.com").id();
    let mut role = Asker::new("the child role", &deployed.child_role, probes);
    role.reads(Allowed, "its zone", &deployed.third_zone.id());
    role.reads(Denied, "another zone of its account", &other);
    role.call(
        Denied,
        "change its zone",
        Call::Change(deployed.third_zone.id(), change("CREATE", NAME, "NS")),
    );
}

pub(super) fn function(deployed: &DeployedRoles, probes: &mut Vec<Probe>) {
    let fixture = &deployed.fixture;
    let mut role = Asker::new("the function", &fixture.function_role, probes);
    role.reads(Allowed, "a child zone of its account", &fixture.child.id());
    role.call(
        Allowed,
        "assume the parent role",
        Call::Assume(fixture.parent_role.arn(), Some(EXTERNAL_ID)),
    );
    role.call(
        Allowed,
        "assume the child role",
        Call::Assume(deployed.child_role.arn(), Some(EXTERNAL_ID)),
    );
    let open = fixture.parent_account.role("open").trust_account("222222222222", None);
    role.call(Denied, "assume a role that was not named", Call::Assume(open.arn(), None));
    role.delegates(&Delegable {
        zone: &fixture.child.id(),
        name: LOWER,
        ownership_record: "_delegation-dev.testing.example.com",
        other_names: ["prod.testing.example.com", "a.dev.testing.example.com", NAME],
        other_zone: &fixture.child_account.hosted_zone("example.net").id(),
    });
    role.change(Allowed, &fixture.child.id(), change("CREATE", LONG_RECORD, "TXT"));
    services_of_the_function(&mut role);
    let mut role = Asker::new("the function of one account", &deployed.single_role, probes);
    role.delegates(&Delegable {
        zone: &deployed.single_parent.id(),
        name: TEAM,
        ownership_record: "_delegation-team.example.org",
        other_names: ["other.example.org", "a.team.example.org", "example.org"],
        other_zone: &fixture.aws.account("555555555555").hosted_zone("example.net").id(),
    });
}

fn services_of_the_function(role: &mut Asker<'_>) {
    for (action, resource) in [
        ("logs:CreateLogStream", LOGS),
        ("logs:PutLogEvents", LOGS),
        ("sqs:SendMessage", QUEUE),
        ("kms:Decrypt", KEY),
        ("kms:GenerateDataKey", KEY),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    ] {
        role.action(Allowed, action, resource);
    }
    for (action, resource) in [
        ("logs:PutLogEvents", "arn:aws:logs:us-east-1:222222222222:log-group:other:*"),
        ("sqs:ReceiveMessage", QUEUE),
        ("sqs:SendMessage", "arn:aws:sqs:us-east-1:222222222222:other"),
        ("kms:Decrypt", OTHER_KEY),
        ("lambda:InvokeFunction", "*"),
        ("iam:PutRolePolicy", "*"),
    ] {
        role.action(Denied, action, resource);
    }
}

/// Adds probes of the trust policies: which principals may assume the roles.
pub(super) fn trusts(deployed: &DeployedRoles, probes: &mut Vec<Probe>) {
    let function = Stranger {
        who: "a function of another Region",
        account: "222222222222",
        role: "route53-delegation-function-eu-west-1",
        external_id: Some(EXTERNAL_ID),
        expected: Allowed,
    };
    let strangers = [
        Stranger {
            who: "a function without an external id",
            external_id: None,
            expected: Denied,
            ..function
        },
        Stranger {
            who: "a function with another external id",
            external_id: Some("another-id"),
            expected: Denied,
            ..function
        },
        Stranger {
            who: "another role of the function's account",
            role: "admin",
            expected: Denied,
            ..function
        },
        Stranger {
            who: "a listed account outside of the organization",
            account: "444444444444",
            expected: Denied,
            ..function
        },
        Stranger {
            who: "an account that is not listed",
            account: "666666666666",
            expected: Denied,
            ..function
        },
        function,
    ];
    deployed.fixture.aws.account("666666666666").set_org(ORGANIZATION);
    for (whose, arn) in [
        ("the parent role", deployed.fixture.parent_role.arn()),
        ("the child role", deployed.child_role.arn()),
    ] {
        for stranger in &strangers {
            stranger.assumes(deployed, whose, &arn, probes);
        }
    }
}
