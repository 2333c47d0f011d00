//! What each role can and can't do: one question each.

use sandbox::{Credentials, Role};

use crate::call::{Call, Change};
use crate::documents::{KEY, Kit, LOGS, LOWER, QUEUE, TEAM, everything};
use crate::world::{EXTERNAL_ID, NAME};

/// A question, and the answer that the kit promises.
pub(crate) struct Probe {
    pub(crate) name: String,
    pub(crate) wanted: bool,
    ask: Ask,
}

enum Ask {
    /// A call over HTTP.
    Call(Credentials, Call),
    /// An action of a service that the sandbox lacks.
    May(Role, String, String),
}

impl Probe {
    /// True if the answer is as promised.
    pub(crate) async fn holds(&self, kit: &Kit) -> bool {
        let allowed = match &self.ask {
            Ask::Call(by, call) => call.is_allowed(&kit.world.aws.endpoint_url(), &kit.http, by.clone()).await,
            Ask::May(role, action, resource) => role.may(action, resource),
        };
        allowed == self.wanted
    }
}

/// All questions.
pub(crate) fn all(kit: &Kit) -> Vec<Probe> {
    let mut probes = Vec::new();
    parent(kit, &mut probes);
    child(kit, &mut probes);
    function(kit, &mut probes);
    trusts(kit, &mut probes);
    organisation(kit, &mut probes);
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
    fn call(&mut self, wanted: bool, what: &str, call: Call) {
        let name = format!("{} {} {what}", self.who, if wanted { "can" } else { "can't" });
        self.probes.push(Probe { name, wanted, ask: Ask::Call(self.by.clone(), call) });
    }

    fn change(&mut self, wanted: bool, zone: &str, change: Change) {
        let Change { action, name, rtype } = change;
        self.call(wanted, &format!("{action} {rtype} {name}"), Call::Change(zone.to_owned(), change));
    }

    fn reads(&mut self, wanted: bool, whose: &str, zone: &str) {
        self.call(wanted, &format!("get {whose}"), Call::GetZone(zone.to_owned()));
        self.call(wanted, &format!("list the record sets of {whose}"), Call::ListRecords(zone.to_owned()));
        self.call(wanted, &format!("read the signing of {whose}"), Call::GetDnssec(zone.to_owned()));
    }

    /// What the rights for a name of a zone are, and are not.
    fn delegates(&mut self, zone: [&str; 2], name: &'static str, record: &'static str, others: [&'static str; 3]) {
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
        self.change(false, zone, change("CREATE", name, "A"));
        self.change(false, zone, change("UPSERT", name, "NS"));
        self.call(true, "see whether a change is everywhere", Call::GetChange);
        self.call(false, "delete the zone", Call::DeleteZone(zone.to_owned()));
        let elsewhere = Call::Change(other_zone.to_owned(), change("CREATE", name, "NS"));
        self.call(false, "change another zone of its account", elsewhere);
    }

    /// The pattern of the parent zone's `Names`, and the ownership records that it covers.
    fn delegates_below_dev(&mut self, zone: &str) {
        self.change(true, zone, change("CREATE", "a.dev.example.com", "NS"));
        self.change(true, zone, change("CREATE", "_delegation-a.dev.example.com", "TXT"));
        self.change(false, zone, change("CREATE", "_delegation-staging.example.com", "TXT"));
    }
}

fn parent(kit: &Kit, probes: &mut Vec<Probe>) {
    let zone = kit.world.parent.id();
    let other = kit.world.parent_account.hosted_zone("example.net").id();
    let mut role = Asker { who: "the parent role", by: kit.world.parent_role.credentials(), probes };
    role.call(true, "list zones by name", Call::ListZonesByName);
    role.reads(true, "the parent zone", &zone);
    role.reads(false, "another zone of its account", &other);
    let others = ["staging.example.com", "dev.example.com", "example.com"];
    role.delegates([&zone, &other], NAME, "_delegation-testing.example.com", others);
    role.delegates_below_dev(&zone);
    let mut role = Asker { who: "the central function", by: kit.central_role.credentials(), probes };
    role.delegates_below_dev(&zone);
    role.delegates([&zone, &other], NAME, "_delegation-testing.example.com", others);
}

fn child(kit: &Kit, probes: &mut Vec<Probe>) {
    let other = kit.third.hosted_zone("another.example.com").id();
    let mut role = Asker { who: "the child role", by: kit.child_role.credentials(), probes };
    role.reads(true, "its zone", &kit.third_zone.id());
    role.reads(false, "another zone of its account", &other);
    role.call(false, "change its zone", Call::Change(kit.third_zone.id(), change("CREATE", NAME, "NS")));
}

fn function(kit: &Kit, probes: &mut Vec<Probe>) {
    let world = &kit.world;
    let mut role = Asker { who: "the function", by: world.function_role.credentials(), probes };
    role.reads(true, "a child zone of its account", &world.child.id());
    role.call(true, "assume the parent role", Call::Assume(world.parent_role.arn(), Some(EXTERNAL_ID)));
    role.call(true, "assume the child role", Call::Assume(kit.child_role.arn(), Some(EXTERNAL_ID)));
    let open = world.parent_account.role("open").trust_account("222222222222", None);
    role.call(false, "assume a role that was not named", Call::Assume(open.arn(), None));
    let upper = ["prod.testing.example.com", "a.dev.testing.example.com", NAME];
    let other = world.child_account.hosted_zone("example.net").id();
    role.delegates([&world.child.id(), &other], LOWER, "_delegation-dev.testing.example.com", upper);
    let mut role = Asker { who: "the function of one account", by: kit.single_role.credentials(), probes };
    let others = ["other.example.org", "a.team.example.org", "example.org"];
    let other = kit.world.aws.account("555555555555").hosted_zone("example.net").id();
    role.delegates([&kit.single_parent.id(), &other], TEAM, "_delegation-team.example.org", others);
    for (wanted, action, resource) in [
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
        may(probes, "the function", &world.function_role, wanted, action, resource);
    }
}

fn may(probes: &mut Vec<Probe>, who: &str, role: &Role, wanted: bool, action: &str, resource: &str) {
    // Ids of zones differ from run to run of other tests; nothing else hangs on them.
    let shown = resource.split_once("hostedzone/").map_or(resource, |_| "the parent zone");
    let name = format!("{who} {} {action} on {shown}", if wanted { "may" } else { "may not" });
    probes.push(Probe { name, wanted, ask: Ask::May(role.clone(), action.to_owned(), resource.to_owned()) });
}

/// Who may assume the roles. All strangers have the right in their own policies.
fn trusts(kit: &Kit, probes: &mut Vec<Probe>) {
    let stranger = |account: &str, role: &str| kit.world.aws.account(account).role(role).policy(everything());
    let named = "route53-delegation-function-eu-west-1";
    kit.world.aws.account("666666666666").set_org(crate::documents::ORGANIZATION);
    for (whose, arn) in [("the parent role", kit.world.parent_role.arn()), ("the child role", kit.child_role.arn())] {
        for (who, role, id, wanted) in [
            ("a function of another Region", stranger("222222222222", named), Some(EXTERNAL_ID), true),
            ("who has no external id", stranger("222222222222", named), None, false),
            ("who has another external id", stranger("222222222222", named), Some("another-id"), false),
            ("another role of the function's account", stranger("222222222222", "admin"), Some(EXTERNAL_ID), false),
            ("a listed account outside of the organisation", stranger("444444444444", named), Some(EXTERNAL_ID), false),
            ("an account that is not listed", stranger("666666666666", named), Some(EXTERNAL_ID), false),
        ] {
            let mut role = Asker { who, by: role.credentials(), probes };
            role.call(wanted, &format!("assume {whose}"), Call::Assume(arn.clone(), id));
        }
    }
}

/// The service control policy on the account of the parent zone, for people with every right.
fn organisation(kit: &Kit, probes: &mut Vec<Probe>) {
    let account = &kit.world.parent_account;
    let zone = kit.world.parent.id();
    for (who, role, exempt) in
        [("an administrator", account.role("administrator"), false), ("break-glass", account.role("break-glass"), true)]
    {
        let role = role.policy(everything());
        let mut asker = Asker { who, by: role.credentials(), probes };
        asker.change(true, &zone, change("CREATE", "mail.example.com", "A"));
        asker.change(true, &zone, change("CREATE", "mail.example.com", "TXT"));
        asker.change(exempt, &zone, change("CREATE", "staging.example.com", "NS"));
        asker.change(exempt, &zone, change("CREATE", "staging.example.com", "DS"));
        asker.change(exempt, &zone, change("CREATE", "_delegation-staging.example.com", "TXT"));
        asker.call(exempt, "create a zone", Call::CreateZone);
        let zone_arn = format!("arn:aws:route53:::hostedzone/{zone}");
        may(probes, who, &role, true, "route53:GetHostedZone", &zone_arn);
        for statement in kit.documents["scp"]["Statement"].as_array().unwrap() {
            let actions = statement["Action"].as_array().into_iter().flatten();
            for action in actions.map(|action| action.as_str().unwrap()) {
                let on_roles = action.starts_with("iam:");
                let guarded = if on_roles { kit.world.parent_role.arn() } else { zone_arn.clone() };
                may(probes, who, &role, exempt, action, &guarded);
                if on_roles {
                    may(probes, who, &role, true, action, &account.role("anything").arn());
                }
            }
        }
    }
}
