//! What the service control policies leave of all permissions in the account of the parent zone.

use super::Verdict::{self, Allowed, Denied};
use super::{Asker, Probe, change};
use crate::deployment::call::Call;
use crate::deployment::documents::{DeployedRoles, everything};

/// A role with all permissions in the account of the parent zone, and what the service control
/// policies leave of them.
struct Person {
    who: &'static str,
    role: &'static str,
    /// Changes of NS and DS record sets, and of ownership records.
    delegations: Verdict,
    /// Changes of names with a label that begins with an underscore.
    underscores: Verdict,
    /// Changes of hosted zones and their signing.
    zones: Verdict,
    /// Changes of the roles, functions, stacks and parameters that are guarded.
    roles: Verdict,
}

const PEOPLE: [Person; 6] = {
    let none = Person {
        who: "an administrator",
        role: "administrator",
        delegations: Denied,
        underscores: Allowed,
        zones: Denied,
        roles: Denied,
    };
    [
        Person {
            who: "the delegation admin",
            role: "route53-delegation-admin",
            zones: Allowed,
            roles: Allowed,
            ..none
        },
        Person {
            who: "break-glass",
            role: "break-glass",
            delegations: Allowed,
            zones: Allowed,
            roles: Allowed,
            ..none
        },
        Person {
            who: "the stack sets' role",
            role: "stacksets-exec-0123456789abcdef",
            roles: Allowed,
            ..none
        },
        Person {
            who: "a parent role with every permission",
            role: "route53-delegation-parent-team-a",
            delegations: Allowed,
            underscores: Denied,
            ..none
        },
        Person {
            who: "a function's role with every permission",
            role: "route53-delegation-function-eu-west-1",
            delegations: Allowed,
            underscores: Denied,
            ..none
        },
        none,
    ]
};

/// Adds probes for the service control policies on the account of the parent zone.
pub(super) fn accounts(deployed: &DeployedRoles, probes: &mut Vec<Probe>) {
    for person in PEOPLE {
        let role = deployed.guarded.role(person.role).without_policies().policy(everything());
        let mut asker = Asker::new(person.who, &role, probes);
        record_sets(&person, &mut asker, &deployed.guarded_zone.id());
        guarded_actions(&person, &mut asker, deployed);
    }
}

fn record_sets(person: &Person, asker: &mut Asker<'_>, zone: &str) {
    if person.underscores == Allowed {
        asker.change(Allowed, zone, change("CREATE", "mail.example.com", "A"));
    } else {
        asker.may_begin(zone, "-mail.example.com", "A");
    }
    asker.change(Allowed, zone, change("CREATE", "mail.example.com", "TXT"));
    asker.change(person.delegations, zone, change("CREATE", "staging.example.com", "NS"));
    asker.change(person.delegations, zone, change("CREATE", "staging.example.com", "DS"));
    for record in
        ["_delegation-staging.example.com", "_delegationdigest-0123456789abcdef.example.com"]
    {
        asker.change(person.delegations, zone, change("CREATE", record, "TXT"));
    }
    for name in ["_dmarc.example.com", "a._domainkey.example.com"] {
        asker.change(person.underscores, zone, change("CREATE", name, "TXT"));
    }
    asker.call(person.zones, "create a zone", Call::CreateZone);
}

fn guarded_actions(person: &Person, asker: &mut Asker<'_>, deployed: &DeployedRoles) {
    let zone = format!("arn:aws:route53:::hostedzone/{}", deployed.guarded_zone.id());
    let function = function_arn("route53-delegation");
    asker.action(Allowed, "route53:GetHostedZone", &zone);
    asker.action(Allowed, "lambda:InvokeFunction", &function);
    let statements = ["scp zones", "scp roles"]
        .iter()
        .flat_map(|name| deployed.documents[*name]["Statement"].as_array().unwrap());
    let actions = statements.flat_map(|one| one["Action"].as_array().into_iter().flatten());
    for action in actions.map(|action| action.as_str().unwrap()) {
        match action.split_once(':').unwrap().0 {
            "route53" => asker.action(person.zones, action, &zone),
            "iam" => {
                for guarded in GUARDED_ROLES {
                    asker.action(person.roles, action, &role_arn(guarded));
                }
                asker.action(Allowed, action, &role_arn("anything"));
            }
            "ssm" => {
                asker.action(
                    person.roles,
                    action,
                    &parameter_arn("route53-delegation/ServiceToken"),
                );
                asker.action(Allowed, action, &parameter_arn("anything"));
            }
            "cloudformation" => {
                for guarded in ["route53-delegation-central", "StackSet-route53-delegation-1"] {
                    asker.action(person.roles, action, &stack_arn(guarded));
                }
                asker.action(Allowed, action, &stack_arn("team-a-dns"));
                asker.action(Allowed, action, &stack_arn("StackSet-anything"));
            }
            _ => {
                asker.action(person.roles, action, &function);
                asker.action(Allowed, action, &function_arn("anything"));
            }
        }
    }
}

const GUARDED_ROLES: [&str; 5] = [
    "route53-delegation-parent",
    "route53-delegation-function-us-east-1",
    "route53-delegation-admin",
    "break-glass",
    "stacksets-exec-0123456789abcdef",
];

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::777777777777:role/{name}")
}

fn parameter_arn(name: &str) -> String {
    format!("arn:aws:ssm:us-east-1:777777777777:parameter/{name}")
}

fn stack_arn(name: &str) -> String {
    format!("arn:aws:cloudformation:us-east-1:777777777777:stack/{name}/51af3dc0-da77-11e4-872e")
}

fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:777777777777:function:{name}")
}
