//! Probes: for each role, what it can and can't do.

mod organization;
mod roles;
mod watch;

use sandbox::{Credentials, Role};

use crate::deployment::call::{Call, Change};
use crate::deployment::documents::{DeployedRoles, everything};
use Verdict::{Allowed, Denied};

/// The characters that a name may begin with, except for the special names of `parent-role.yaml`.
const FIRST_CHARACTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

/// What the policies say about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Denied,
    Allowed,
}

impl From<bool> for Verdict {
    fn from(is_allowed: bool) -> Self {
        if is_allowed { Allowed } else { Denied }
    }
}

/// A call or action of a role, and what the policies must say about it.
pub(crate) struct Probe {
    pub(crate) name: String,
    pub(crate) expected: Verdict,
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
    Action { role: Role, action: String, resource: String },
}

impl Probe {
    /// Returns whether the result is as expected.
    pub(crate) async fn holds(&self, deployed: &DeployedRoles) -> bool {
        let actual = match &self.ask {
            Ask::Call(by, call) => {
                call.is_allowed(&deployed.fixture.aws.endpoint_url(), &deployed.http, by.clone())
                    .await
            }
            Ask::Action { role, action, resource } => role.may(action, resource),
        };
        Verdict::from(actual) == self.expected
    }
}

/// Returns all probes.
pub(crate) fn all(deployed: &DeployedRoles) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut section = |ask: fn(&DeployedRoles, &mut Vec<Probe>), documents| {
        let before = probes.len();
        ask(deployed, &mut probes);
        probes.iter_mut().skip(before).for_each(|probe| probe.documents = documents);
    };
    section(roles::parent, &["parent", "parent trust"]);
    section(roles::child, &["child"]);
    section(
        roles::function,
        &["function", "nested", "same account", "parent trust", "child trust"],
    );
    section(roles::trusts, &["parent trust", "child trust"]);
    section(organization::accounts, &["scp zones", "scp roles"]);
    section(
        watch::watch,
        &["watch", "watch of one account", "timer of the watch", "auditor", "auditor trust"],
    );
    probes
}

fn change(action: &'static str, name: &'static str, rtype: &'static str) -> Change {
    Change { action, name, rtype }
}

/// Adds probes for a role.
struct Asker<'a> {
    who: &'static str,
    role: Role,
    by: Credentials,
    probes: &'a mut Vec<Probe>,
}

/// What a role may delegate, and what is next to it.
struct Delegable<'a> {
    zone: &'a str,
    name: &'static str,
    ownership_record: &'static str,
    /// Names in the zone that the role must not delegate.
    other_names: [&'static str; 3],
    /// A zone of the same account that the role must not change.
    other_zone: &'a str,
}

/// Somebody whose own policies allow the role to be assumed, and whether the role's trust policy
/// does.
struct Stranger {
    who: &'static str,
    account: &'static str,
    role: &'static str,
    external_id: Option<&'static str>,
    expected: Verdict,
}

impl Stranger {
    fn assumes(&self, deployed: &DeployedRoles, whose: &str, arn: &str, probes: &mut Vec<Probe>) {
        let role = deployed.fixture.aws.account(self.account).role(self.role).policy(everything());
        let call = Call::Assume(arn.to_owned(), self.external_id);
        Asker::new(self.who, &role, probes).call(self.expected, &format!("assume {whose}"), call);
    }
}

impl<'a> Asker<'a> {
    fn new(who: &'static str, role: &Role, probes: &'a mut Vec<Probe>) -> Self {
        Self { who, role: role.clone(), by: role.credentials(), probes }
    }

    fn call(&mut self, expected: Verdict, what: &str, call: Call) {
        let verb = if expected == Allowed { "can" } else { "can't" };
        let name = format!("{} {verb} {what}", self.who);
        self.add(name, expected, Ask::Call(self.by.clone(), call));
    }

    /// Adds a probe for an action of a service that the sandbox does not have.
    fn action(&mut self, expected: Verdict, action: &str, resource: &str) {
        let verb = if expected == Allowed { "may" } else { "may not" };
        let name = format!("{} {verb} {action} on {resource}", self.who);
        let (role, action) = (self.role.clone(), action.to_owned());
        self.add(name, expected, Ask::Action { role, action, resource: resource.to_owned() });
    }

    fn add(&mut self, name: String, expected: Verdict, ask: Ask) {
        self.probes.push(Probe { name, expected, repeats: false, documents: &[], ask });
    }

    fn change(&mut self, expected: Verdict, zone: &str, change: Change) {
        let Change { action, name, rtype } = change;
        self.call(
            expected,
            &format!("{action} {rtype} {name}"),
            Call::Change(zone.to_owned(), change),
        );
    }

    fn reads(&mut self, expected: Verdict, whose: &str, zone: &str) {
        self.call(expected, &format!("get {whose}"), Call::GetZone(zone.to_owned()));
        self.call(
            expected,
            &format!("list the record sets of {whose}"),
            Call::ListRecords(zone.to_owned()),
        );
        self.call(
            expected,
            &format!("read the signing of {whose}"),
            Call::GetDnssec(zone.to_owned()),
        );
    }

    /// Adds probes for the permissions to delegate a name, and for their limits.
    fn delegates(&mut self, delegable: &Delegable<'_>) {
        let Delegable { zone, name, ownership_record: record, .. } = *delegable;
        for (action, name, rtype) in [
            ("CREATE", name, "NS"),
            ("DELETE", name, "NS"),
            ("CREATE", name, "DS"),
            ("CREATE", record, "TXT"),
            ("DELETE", record, "TXT"),
        ] {
            self.change(Allowed, zone, change(action, name, rtype));
        }
        for other in delegable.other_names {
            self.change(Denied, zone, change("CREATE", other, "NS"));
        }
        self.change(Denied, zone, change("CREATE", name, "TXT"));
        self.change(Denied, zone, change("CREATE", name, "A"));
        self.change(Denied, zone, change("UPSERT", name, "NS"));
        self.call(Allowed, "read the status of a change", Call::GetChange);
        self.call(Denied, "delete the zone", Call::DeleteZone(zone.to_owned()));
        let elsewhere = Call::Change(delegable.other_zone.to_owned(), change("CREATE", name, "NS"));
        self.call(Denied, "change another zone of its account", elsewhere);
    }

    /// Adds probes for the pattern in the parent role's `Names`, and for the ownership records that
    /// it covers.
    fn delegates_below_dev(&mut self, zone: &str) {
        self.may_begin(zone, ".dev.example.com", "NS");
        for record in
            ["_delegation-a.dev.example.com", "_delegationdigest-0123456789abcdef.dev.example.com"]
        {
            self.change(Allowed, zone, change("CREATE", record, "TXT"));
        }
        for record in
            ["_delegation-staging.example.com", "_delegationdigest-0123456789abcdef.example.com"]
        {
            self.change(Denied, zone, change("CREATE", record, "TXT"));
        }
        self.underscores(zone, "dev.example.com");
    }

    /// Adds probes for names that begin with each of the characters.
    fn may_begin(&mut self, zone: &str, rest: &str, rtype: &'static str) {
        for first in FIRST_CHARACTERS.chars() {
            self.change(Allowed, zone, change("CREATE", format!("{first}{rest}").leak(), rtype));
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
                    Denied,
                    zone,
                    change("CREATE", format!("{label}.{below}").leak(), rtype),
                );
            }
        }
        for label in ["_delegation", "_delegations-a", "_delegationdigest", "_delegation-a._tcp"] {
            self.change(Denied, zone, change("CREATE", format!("{label}.{below}").leak(), "TXT"));
        }
    }
}
