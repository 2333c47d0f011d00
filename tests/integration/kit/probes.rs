//! Probes: for each role, what it can and can't do.

use sandbox::{Credentials, Role};
use test_support::{EXTERNAL_ID, NAME};

use crate::kit::call::{Call, Change};
use crate::kit::documents::{
    BUS, KEY, Kit, LOGS, LONG_RECORD, LOWER, QUEUE, TEAM, WATCH, WATCH_LOGS, WATCH_ROLE, everything,
};

/// The characters that a name may begin with, except for the special names of `parent-role.yaml`.
const FIRST_CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// A call or action of a role, and whether it must be allowed.
pub(crate) struct Probe {
    pub(crate) name: String,
    pub(crate) allowed: bool,
    /// Whether this probe differs from another one only by a character.
    pub(crate) repeats: bool,
    /// The documents that the result can depend on.
    pub(crate) documents: &'static [&'static str],
    ask: Ask,
}

enum Ask {
    /// A call over HTTP.
    Call(Credentials, Call),
    /// An action of a service that the sandbox does not have.
    May(Role, String, String),
}

impl Probe {
    /// Returns whether the result is as expected.
    pub(crate) async fn holds(&self, kit: &Kit) -> bool {
        let allowed = match &self.ask {
            Ask::Call(by, call) => {
                call.is_allowed(&kit.fixture.aws.endpoint_url(), &kit.http, by.clone()).await
            }
            Ask::May(role, action, resource) => role.may(action, resource),
        };
        allowed == self.allowed
    }
}

/// Returns all probes.
pub(crate) fn all(kit: &Kit) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut section = |ask: fn(&Kit, &mut Vec<Probe>), documents| {
        let before = probes.len();
        ask(kit, &mut probes);
        probes.iter_mut().skip(before).for_each(|probe| probe.documents = documents);
    };
    section(parent, &["parent", "parent trust"]);
    section(child, &["child"]);
    section(function, &["function", "nested", "same account", "parent trust", "child trust"]);
    section(trusts, &["parent trust", "child trust"]);
    section(organization, &["scp zones", "scp roles"]);
    section(
        watch,
        &["watch", "watch of one account", "timer of the watch", "auditor", "auditor trust"],
    );
    probes
}

fn change(action: &'static str, name: &'static str, rtype: &'static str) -> Change {
    Change { action, name, rtype }
}

struct Asker<'a> {
    who: &'static str,
    by: Credentials,
    probes: &'a mut Vec<Probe>,
}

impl Asker<'_> {
    fn call(&mut self, allowed: bool, what: &str, call: Call) {
        let name = format!("{} {} {what}", self.who, if allowed { "can" } else { "can't" });
        self.probes.push(Probe {
            name,
            allowed,
            repeats: false,
            documents: &[],
            ask: Ask::Call(self.by.clone(), call),
        });
    }

    fn change(&mut self, allowed: bool, zone: &str, change: Change) {
        let Change { action, name, rtype } = change;
        self.call(
            allowed,
            &format!("{action} {rtype} {name}"),
            Call::Change(zone.to_owned(), change),
        );
    }

    fn reads(&mut self, allowed: bool, whose: &str, zone: &str) {
        self.call(allowed, &format!("get {whose}"), Call::GetZone(zone.to_owned()));
        self.call(
            allowed,
            &format!("list the record sets of {whose}"),
            Call::ListRecords(zone.to_owned()),
        );
        self.call(
            allowed,
            &format!("read the signing of {whose}"),
            Call::GetDnssec(zone.to_owned()),
        );
    }

    /// Adds probes for the permissions to delegate a name, and for their limits.
    fn delegates(
        &mut self,
        zone: [&str; 2],
        name: &'static str,
        record: &'static str,
        others: [&'static str; 3],
    ) {
        let [zone, other_zone] = zone;
        for (action, name, rtype) in [
            ("CREATE", name, "NS"),
            ("DELETE", name, "NS"),
            ("CREATE", name, "DS"),
            ("CREATE", record, "TXT"),
            ("DELETE", record, "TXT"),
        ] {
            self.change(true, zone, change(action, name, rtype));
        }
        for other in others {
            self.change(false, zone, change("CREATE", other, "NS"));
        }
        self.change(false, zone, change("CREATE", name, "TXT"));
        self.change(false, zone, change("CREATE", name, "A"));
        self.change(false, zone, change("UPSERT", name, "NS"));
        self.call(true, "read the status of a change", Call::GetChange);
        self.call(false, "delete the zone", Call::DeleteZone(zone.to_owned()));
        let elsewhere = Call::Change(other_zone.to_owned(), change("CREATE", name, "NS"));
        self.call(false, "change another zone of its account", elsewhere);
    }

    /// Adds probes for the pattern in the parent role's `Names`, and for the ownership records that
    /// it covers.
    fn delegates_below_dev(&mut self, zone: &str) {
        self.may_begin(zone, ".dev.example.com", "NS");
        for record in
            ["_delegation-a.dev.example.com", "_delegationdigest-0123456789abcdef.dev.example.com"]
        {
            self.change(true, zone, change("CREATE", record, "TXT"));
        }
        for record in
            ["_delegation-staging.example.com", "_delegationdigest-0123456789abcdef.example.com"]
        {
            self.change(false, zone, change("CREATE", record, "TXT"));
        }
        self.underscores(zone, "dev.example.com");
    }

    /// Adds probes for names that begin with each of the characters.
    fn may_begin(&mut self, zone: &str, rest: &str, rtype: &'static str) {
        for first in FIRST_CHARACTERS.chars() {
            self.change(true, zone, change("CREATE", format!("{first}{rest}").leak(), rtype));
            self.probes.last_mut().unwrap().repeats = first != 'a';
        }
    }

    /// Adds probes for names that make statements about the name above them, or about others.
    fn underscores(&mut self, zone: &str, below: &str) {
        for label in [
            "_acme-challenge",
            "_dmarc",
            "_domainkey",
            "_mta-sts",
            "_443._tcp",
            "a._domainkey",
            "_acme-challenge.a",
        ] {
            for rtype in ["NS", "TXT"] {
                self.change(
                    false,
                    zone,
                    change("CREATE", format!("{label}.{below}").leak(), rtype),
                );
            }
        }
        for label in ["_delegation", "_delegations-a", "_delegationdigest", "_delegation-a._tcp"] {
            self.change(false, zone, change("CREATE", format!("{label}.{below}").leak(), "TXT"));
        }
    }
}

fn parent(kit: &Kit, probes: &mut Vec<Probe>) {
    let zone = kit.fixture.parent.id();
    let other = kit.fixture.parent_account.hosted_zone("example.net").id();
    let mut role =
        Asker { who: "the parent role", by: kit.fixture.parent_role.credentials(), probes };
    role.call(true, "list zones by name", Call::ListZonesByName);
    role.reads(true, "the parent zone", &zone);
    role.reads(false, "another zone of its account", &other);
    let others = ["staging.example.com", "dev.example.com", "example.com"];
    role.delegates([&zone, &other], NAME, "_delegation-testing.example.com", others);
    role.delegates_below_dev(&zone);
    role.change(true, &zone, change("CREATE", "_msdcs.example.com", "NS"));
    role.change(true, &zone, change("CREATE", "_delegation-_msdcs.example.com", "TXT"));
    role.change(false, &zone, change("CREATE", "_sites.example.com", "NS"));
    let mut role =
        Asker { who: "the central function", by: kit.central_role.credentials(), probes };
    role.call(
        true,
        "assume the parent role",
        Call::Assume(kit.fixture.parent_role.arn(), Some(EXTERNAL_ID)),
    );
    let another = kit.fixture.parent_account.role("another").trust_account("111111111111", None);
    role.call(false, "assume another role of its account", Call::Assume(another.arn(), None));
    role.change(false, &zone, change("CREATE", NAME, "NS"));
}

fn child(kit: &Kit, probes: &mut Vec<Probe>) {
    let other = kit.third.hosted_zone("another.example.com").id();
    let mut role = Asker { who: "the child role", by: kit.child_role.credentials(), probes };
    role.reads(true, "its zone", &kit.third_zone.id());
    role.reads(false, "another zone of its account", &other);
    role.call(
        false,
        "change its zone",
        Call::Change(kit.third_zone.id(), change("CREATE", NAME, "NS")),
    );
}

fn function(kit: &Kit, probes: &mut Vec<Probe>) {
    let fixture = &kit.fixture;
    let mut role = Asker { who: "the function", by: fixture.function_role.credentials(), probes };
    role.reads(true, "a child zone of its account", &fixture.child.id());
    role.call(
        true,
        "assume the parent role",
        Call::Assume(fixture.parent_role.arn(), Some(EXTERNAL_ID)),
    );
    role.call(true, "assume the child role", Call::Assume(kit.child_role.arn(), Some(EXTERNAL_ID)));
    let open = fixture.parent_account.role("open").trust_account("222222222222", None);
    role.call(false, "assume a role that was not named", Call::Assume(open.arn(), None));
    let upper = ["prod.testing.example.com", "a.dev.testing.example.com", NAME];
    let other = fixture.child_account.hosted_zone("example.net").id();
    role.delegates(
        [&fixture.child.id(), &other],
        LOWER,
        "_delegation-dev.testing.example.com",
        upper,
    );
    role.change(true, &fixture.child.id(), change("CREATE", LONG_RECORD, "TXT"));
    let mut role =
        Asker { who: "the function of one account", by: kit.single_role.credentials(), probes };
    let others = ["other.example.org", "a.team.example.org", "example.org"];
    let other = kit.fixture.aws.account("555555555555").hosted_zone("example.net").id();
    role.delegates([&kit.single_parent.id(), &other], TEAM, "_delegation-team.example.org", others);
    for (allowed, action, resource) in [
        (true, "logs:CreateLogStream", LOGS),
        (true, "logs:PutLogEvents", LOGS),
        (false, "logs:PutLogEvents", "arn:aws:logs:us-east-1:222222222222:log-group:other:*"),
        (true, "sqs:SendMessage", QUEUE),
        (false, "sqs:ReceiveMessage", QUEUE),
        (false, "sqs:SendMessage", "arn:aws:sqs:us-east-1:222222222222:other"),
        (true, "kms:Decrypt", KEY),
        (true, "kms:GenerateDataKey", KEY),
        (false, "kms:Decrypt", "arn:aws:kms:us-east-1:222222222222:key/2"),
        (true, "xray:PutTraceSegments", "*"),
        (true, "xray:PutTelemetryRecords", "*"),
        (false, "lambda:InvokeFunction", "*"),
        (false, "iam:PutRolePolicy", "*"),
    ] {
        may(probes, "the function", &fixture.function_role, allowed, action, resource);
    }
}

fn may(
    probes: &mut Vec<Probe>,
    who: &str,
    role: &Role,
    allowed: bool,
    action: &str,
    resource: &str,
) {
    // Zone ids differ from run to run, so the name of the probe must not contain them.
    let shown = resource.split_once("hostedzone/").map_or(resource, |_| "the parent zone");
    let name = format!("{who} {} {action} on {shown}", if allowed { "may" } else { "may not" });
    probes.push(Probe {
        name,
        allowed,
        repeats: false,
        documents: &[],
        ask: Ask::May(role.clone(), action.to_owned(), resource.to_owned()),
    });
}

/// Adds probes for what the watch may read, and for changes, which it may not make.
fn watch(kit: &Kit, probes: &mut Vec<Probe>) {
    let (zone, auditor) = (kit.fixture.parent.id(), kit.auditor_role.arn());
    let mut role = Asker { who: "the auditor", by: kit.auditor_role.credentials(), probes };
    role.call(true, "list zones", Call::ListZones);
    role.call(true, "list the record sets of the parent zone", Call::ListRecords(zone.clone()));
    role.call(false, "list zones by name", Call::ListZonesByName);
    role.call(false, "read the signing of the parent zone", Call::GetDnssec(zone.clone()));
    for rtype in ["NS", "TXT"] {
        role.change(false, &zone, change("CREATE", NAME, rtype));
    }
    let mut role = Asker { who: "the watch", by: kit.watch_role.credentials(), probes };
    role.call(true, "assume the auditor role", Call::Assume(auditor.clone(), Some(EXTERNAL_ID)));
    role.call(
        false,
        "assume the parent role",
        Call::Assume(kit.fixture.parent_role.arn(), Some(EXTERNAL_ID)),
    );
    let open = kit.fixture.parent_account.role("open").trust_account("222222222222", None);
    role.call(false, "assume a role that was not named", Call::Assume(open.arn(), None));
    role.call(false, "list the zones of its own account", Call::ListZones);
    role.change(false, &kit.fixture.child.id(), change("CREATE", LOWER, "NS"));
    let zone = kit.single_parent.id();
    let mut role =
        Asker { who: "the watch of one account", by: kit.own_watch_role.credentials(), probes };
    role.call(true, "list the zones of its account", Call::ListZones);
    role.call(
        true,
        "list the record sets of a zone of its account",
        Call::ListRecords(zone.clone()),
    );
    role.change(false, &zone, change("CREATE", TEAM, "NS"));
    role.call(false, "assume the auditor role", Call::Assume(auditor.clone(), Some(EXTERNAL_ID)));
    for (allowed, action, resource) in [
        (true, "logs:CreateLogStream", WATCH_LOGS),
        (true, "logs:PutLogEvents", WATCH_LOGS),
        (false, "logs:PutLogEvents", LOGS),
        (true, "events:PutEvents", BUS),
        (false, "events:PutEvents", "arn:aws:events:us-east-1:222222222222:event-bus/default"),
        (false, "events:PutRule", BUS),
        (true, "kms:Decrypt", KEY),
        (true, "kms:GenerateDataKey", KEY),
        (false, "kms:Decrypt", "arn:aws:kms:us-east-1:222222222222:key/2"),
        (true, "xray:PutTraceSegments", "*"),
        (true, "xray:PutTelemetryRecords", "*"),
        (false, "sqs:SendMessage", QUEUE),
        (false, "lambda:InvokeFunction", WATCH),
    ] {
        may(probes, "the watch", &kit.watch_role, allowed, action, resource);
    }
    let function = "arn:aws:lambda:us-east-1:222222222222:function:route53-delegation";
    may(probes, "the timer", &kit.timer_role, true, "lambda:InvokeFunction", WATCH);
    may(probes, "the timer", &kit.timer_role, false, "lambda:InvokeFunction", function);
    let stranger = |account: &str, role: &str| {
        kit.fixture.aws.account(account).role(role).policy(everything())
    };
    for (who, role, id, allowed) in [
        (
            "a watch of another Region",
            stranger("222222222222", "route53-delegation-watch-eu-west-1"),
            EXTERNAL_ID,
            true,
        ),
        (
            "a watch with another external id",
            stranger("222222222222", "route53-delegation-watch-eu-west-1"),
            "another-id",
            false,
        ),
        (
            "a function",
            stranger("222222222222", "route53-delegation-function-eu-west-1"),
            EXTERNAL_ID,
            false,
        ),
        (
            "another role of the watch's account",
            stranger("222222222222", "admin"),
            EXTERNAL_ID,
            false,
        ),
        (
            "a watch of a listed account outside of the organization",
            stranger("444444444444", WATCH_ROLE),
            EXTERNAL_ID,
            false,
        ),
        (
            "a watch of an account that is not listed",
            stranger("333333333333", WATCH_ROLE),
            EXTERNAL_ID,
            false,
        ),
    ] {
        let mut role = Asker { who, by: role.credentials(), probes };
        role.call(allowed, "assume the auditor role", Call::Assume(auditor.clone(), Some(id)));
    }
}

/// Adds probes for who may assume the roles. The policies of all strangers allow it.
fn trusts(kit: &Kit, probes: &mut Vec<Probe>) {
    let stranger = |account: &str, role: &str| {
        kit.fixture.aws.account(account).role(role).policy(everything())
    };
    let named = "route53-delegation-function-eu-west-1";
    kit.fixture.aws.account("666666666666").set_org(crate::kit::documents::ORGANIZATION);
    for (whose, arn) in [
        ("the parent role", kit.fixture.parent_role.arn()),
        ("the child role", kit.child_role.arn()),
    ] {
        for (who, role, id, allowed) in [
            (
                "a function of another Region",
                stranger("222222222222", named),
                Some(EXTERNAL_ID),
                true,
            ),
            ("a function without an external id", stranger("222222222222", named), None, false),
            (
                "a function with another external id",
                stranger("222222222222", named),
                Some("another-id"),
                false,
            ),
            (
                "another role of the function's account",
                stranger("222222222222", "admin"),
                Some(EXTERNAL_ID),
                false,
            ),
            (
                "a listed account outside of the organization",
                stranger("444444444444", named),
                Some(EXTERNAL_ID),
                false,
            ),
            (
                "an account that is not listed",
                stranger("666666666666", named),
                Some(EXTERNAL_ID),
                false,
            ),
        ] {
            let mut role = Asker { who, by: role.credentials(), probes };
            role.call(allowed, &format!("assume {whose}"), Call::Assume(arn.clone(), id));
        }
    }
}

/// A role with all permissions in the account of the parent zone, and what the service control
/// policies leave of them.
#[allow(clippy::struct_excessive_bools, reason = "a row of a table: each is an answer of its own")]
struct Person {
    who: &'static str,
    role: &'static str,
    /// Whether it may change NS and DS record sets, and ownership records.
    delegations: bool,
    /// Whether it may change names with a label that begins with an underscore.
    underscores: bool,
    zones: bool,
    roles: bool,
}

const PEOPLE: [Person; 6] = {
    let none = Person {
        who: "an administrator",
        role: "administrator",
        delegations: false,
        underscores: true,
        zones: false,
        roles: false,
    };
    [
        Person {
            who: "the delegation admin",
            role: "route53-delegation-admin",
            zones: true,
            roles: true,
            ..none
        },
        Person {
            who: "break-glass",
            role: "break-glass",
            delegations: true,
            zones: true,
            roles: true,
            ..none
        },
        Person {
            who: "the stack sets' role",
            role: "stacksets-exec-0123456789abcdef",
            roles: true,
            ..none
        },
        Person {
            who: "a parent role with every permission",
            role: "route53-delegation-parent-team-a",
            delegations: true,
            underscores: false,
            ..none
        },
        Person {
            who: "a function's role with every permission",
            role: "route53-delegation-function-eu-west-1",
            delegations: true,
            underscores: false,
            ..none
        },
        none,
    ]
};

/// Adds probes for the service control policies on the account of the parent zone.
fn organization(kit: &Kit, probes: &mut Vec<Probe>) {
    let (account, zone) = (&kit.guarded, kit.guarded_zone.id());
    let zone_arn = format!("arn:aws:route53:::hostedzone/{zone}");
    for person in PEOPLE {
        let role = account.role(person.role).without_policies().policy(everything());
        let mut asker = Asker { who: person.who, by: role.credentials(), probes };
        if person.underscores {
            asker.change(true, &zone, change("CREATE", "mail.example.com", "A"));
        } else {
            asker.may_begin(&zone, "-mail.example.com", "A");
        }
        asker.change(true, &zone, change("CREATE", "mail.example.com", "TXT"));
        asker.change(person.delegations, &zone, change("CREATE", "staging.example.com", "NS"));
        asker.change(person.delegations, &zone, change("CREATE", "staging.example.com", "DS"));
        for record in
            ["_delegation-staging.example.com", "_delegationdigest-0123456789abcdef.example.com"]
        {
            asker.change(person.delegations, &zone, change("CREATE", record, "TXT"));
        }
        for name in ["_dmarc.example.com", "a._domainkey.example.com"] {
            asker.change(person.underscores, &zone, change("CREATE", name, "TXT"));
        }
        asker.call(person.zones, "create a zone", Call::CreateZone);
        may(probes, person.who, &role, true, "route53:GetHostedZone", &zone_arn);
        may(
            probes,
            person.who,
            &role,
            true,
            "lambda:InvokeFunction",
            &function_arn("route53-delegation"),
        );
        for statement in ["scp zones", "scp roles"]
            .iter()
            .flat_map(|name| kit.documents[*name]["Statement"].as_array().unwrap())
        {
            for action in statement["Action"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|action| action.as_str().unwrap())
            {
                match action.split_once(':').unwrap().0 {
                    "route53" => may(probes, person.who, &role, person.zones, action, &zone_arn),
                    "iam" => {
                        for guarded in GUARDED_ROLES {
                            may(
                                probes,
                                person.who,
                                &role,
                                person.roles,
                                action,
                                &role_arn(guarded),
                            );
                        }
                        may(probes, person.who, &role, true, action, &role_arn("anything"));
                    }
                    _ => {
                        may(
                            probes,
                            person.who,
                            &role,
                            person.roles,
                            action,
                            &function_arn("route53-delegation"),
                        );
                        may(probes, person.who, &role, true, action, &function_arn("anything"));
                    }
                }
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

fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:us-east-1:777777777777:function:{name}")
}
