//! The questions of the test of `docs/roll-out.md`: what each principal can do, and since which
//! heading of that page.

use custom_delegation::http::Client;
use sandbox::Role;

use super::{DNS, STRANGER, TEAM_A, TEAM_B, deployer};
use crate::deployment::call::{Call, Change};
use crate::deployment::cloud::{Cloud, Principal, STACK_SETS};
use crate::deployment::documents::everything;

/// The stack of the stack set in an account.
pub(super) const FUNCTION_STACK: &str = "StackSet-route53-delegation";
const FUNCTION_ROLE: &str = "route53-delegation-function-us-east-1";

// Headings of `docs/roll-out.md`, and two words for "after none of them".
const BEGIN: &str = "Who runs the commands";
const ROLES: &str = "Parent roles";
pub(super) const FUNCTIONS: &str = "A function in each account";
pub(super) const GUARDED: &str = "Guard rails";
pub(super) const CENTRAL: &str = "One function in the DNS account";
pub(super) const END: &str = "Remove it";
pub(super) const NEVER: &str = "never";
pub(super) const ALWAYS: &str = "always";

/// A question, the heading whose commands make the answer yes (`since`), and the one whose commands
/// make it no again (`until`; with `ALWAYS`, it stays yes).
pub(super) struct Question {
    pub(super) name: String,
    pub(super) since: &'static str,
    pub(super) until: &'static str,
    ask: Ask,
}

/// Returns the caller and its call; `None` while the role does not exist.
type Caller = Box<dyn Fn(&Cloud) -> Option<(Role, Call)>>;

enum Ask {
    Call(Caller),
    May(Principal, &'static str, String),
}

impl Question {
    pub(super) async fn is_yes(&self, cloud: &Cloud, http: &Client) -> bool {
        match &self.ask {
            Ask::Call(call) => match call(cloud) {
                Some((role, call)) => {
                    call.is_allowed(&cloud.aws.endpoint_url(), http, role.credentials()).await
                }
                None => false,
            },
            Ask::May(principal, action, resource) => principal.may(action, resource).is_ok(),
        }
    }
}

fn role_arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

/// A call by the role of a function, once the function exists.
fn by_function(account: &'static str, region: &'static str, call: Call) -> Ask {
    let arn = format!("arn:aws:lambda:{region}:{account}:function:route53-delegation");
    Ask::Call(Box::new(move |cloud| Some((cloud.function_role(&arn)?, call.clone()))))
}

fn by_role(account: &'static str, role: &'static str, call: Call) -> Ask {
    Ask::Call(Box::new(move |cloud| Some((cloud.account(account).role(role), call.clone()))))
}

fn create(name: &'static str, rtype: &'static str) -> Call {
    Call::Change("Z0PARENTEXAMPLE".into(), Change { action: "CREATE", name, rtype })
}

fn assume(team: &str) -> Call {
    let id = format!("route53-delegation-{team}");
    Call::Assume(role_arn(DNS, &format!("route53-delegation-parent-{team}")), Some(id.leak()))
}

/// The questions, and the organization that they are about.
struct Questions<'a> {
    cloud: &'a Cloud,
    all: Vec<Question>,
}

impl Questions<'_> {
    fn ask(&mut self, since: &'static str, until: &'static str, name: &str, ask: Ask) {
        self.all.push(Question { name: name.to_owned(), since, until, ask });
    }

    fn principal(&self, account: &str, role: &str) -> Principal {
        self.cloud.principal(account, role, everything())
    }

    /// Adds questions on what functions need, and on what is reserved to the roles of others.
    fn functions(&mut self) {
        let team_a = |team| by_function(TEAM_A, "us-east-1", assume(team));
        let central = |call| by_function(DNS, "us-east-1", call);
        self.ask(FUNCTIONS, END, "team A's function has team A's parent role", team_a("team-a"));
        let elsewhere = by_function(TEAM_A, "eu-west-1", assume("team-a"));
        self.ask(FUNCTIONS, END, "its function of the other Region too", elsewhere);
        self.ask(NEVER, NEVER, "team A's function has team B's parent role", team_a("team-b"));
        self.ask(NEVER, NEVER, "team A's function has team C's parent role", team_a("team-c"));
        let team_b = by_function(TEAM_B, "us-east-1", assume("team-b"));
        self.ask(FUNCTIONS, END, "team B's function has team B's parent role", team_b);
        self.ask(
            CENTRAL,
            ALWAYS,
            "the central function has team C's parent role",
            central(assume("team-c")),
        );
        self.ask(
            NEVER,
            NEVER,
            "the central function has team A's parent role",
            central(assume("team-a")),
        );
        let change = central(create("team-c.example.com", "NS"));
        self.ask(NEVER, NEVER, "the central function changes the zone itself", change);
        // Creates the role, with every permission in its own account.
        let _ = self.principal(STRANGER, FUNCTION_ROLE);
        let stranger = by_role(STRANGER, FUNCTION_ROLE, assume("team-a"));
        self.ask(NEVER, NEVER, "a stranger has team A's parent role", stranger);
    }

    /// Adds questions on what parent roles are for.
    fn parents(&mut self) {
        const TEAM_A_ROLE: &str = "route53-delegation-parent-team-a";
        let mut role = |since, rtype, name: &'static str| {
            let question = format!("team A's parent role creates {rtype} {name}");
            self.ask(
                since,
                if since == NEVER { NEVER } else { ALWAYS },
                &question,
                by_role(DNS, TEAM_A_ROLE, create(name, rtype)),
            );
        };
        role(ROLES, "NS", "team-a.example.com");
        role(ROLES, "NS", "a.team-a.example.com");
        role(ROLES, "TXT", "_delegation-team-a.example.com");
        role("Other changes", "NS", "data.example.com");
        for name in [
            "team-b.example.com",
            "example.com",
            "_acme-challenge.team-a.example.com",
            "a._tcp.team-a.example.com",
        ] {
            role(NEVER, "NS", name);
        }
        role(NEVER, "TXT", "team-a.example.com");
        let team_b =
            by_role(DNS, "route53-delegation-parent-team-b", create("team-b.example.com", "NS"));
        self.ask(ROLES, ALWAYS, "team B's parent role creates NS team-b.example.com", team_b);
    }

    /// Adds questions on the roles of the DNS account.
    fn dns_account(&mut self) {
        let administrator = self.principal(DNS, "administrator");
        let (break_glass, admin) =
            (self.principal(DNS, "break-glass"), self.principal(DNS, "route53-delegation-admin"));
        let mut creates = |until, who: &str, principal: &Principal, rtype, name: &'static str| {
            self.ask(
                BEGIN,
                until,
                &format!("{who} creates {rtype} {name}"),
                by(principal, create(name, rtype)),
            );
        };
        creates(GUARDED, "an administrator", &administrator, "NS", "stray.example.com");
        creates(
            GUARDED,
            "an administrator",
            &administrator,
            "TXT",
            "_delegation-team-a.example.com",
        );
        creates(ALWAYS, "an administrator", &administrator, "A", "mail.example.com");
        creates(ALWAYS, "an administrator", &administrator, "TXT", "_dmarc.example.com");
        creates(ALWAYS, "break-glass", &break_glass, "NS", "stray.example.com");
        creates(GUARDED, "the delegation admin", &admin, "NS", "stray.example.com");
        let parent = role_arn(DNS, "route53-delegation-parent-team-a");
        let code = format!("arn:aws:lambda:us-east-1:{DNS}:function:route53-delegation");
        let mut changes = |until, who: &str, principal: &Principal| {
            let trust = may(principal, "iam:UpdateAssumeRolePolicy", &parent);
            self.ask(BEGIN, until, &format!("{who} changes who is trusted"), trust);
            let update = may(principal, "lambda:UpdateFunctionCode", &code);
            self.ask(BEGIN, until, &format!("{who} changes the central function"), update);
        };
        changes(GUARDED, "an administrator", &administrator);
        changes(ALWAYS, "the delegation admin", &admin);
    }

    /// Adds questions on the roles of a team's account.
    fn team_account(&mut self) {
        let role = role_arn(TEAM_A, FUNCTION_ROLE);
        let code = format!("arn:aws:lambda:us-east-1:{TEAM_A}:function:route53-delegation");
        let stack = format!("arn:aws:cloudformation:us-east-1:{TEAM_A}:stack/{FUNCTION_STACK}/1");
        let administrator = self.principal(TEAM_A, "administrator");
        self.ask(
            NEVER,
            NEVER,
            "team A's administrator has team A's parent role",
            by(&administrator, assume("team-a")),
        );
        let stack_sets = self.principal(TEAM_A, STACK_SETS);
        let mut changes = |until, who: &str, principal: &Principal| {
            for (action, resource) in [
                ("iam:PassRole", &role),
                ("iam:PutRolePolicy", &role),
                ("iam:CreateRole", &role_arn(TEAM_A, "route53-delegation-function-x")),
                ("lambda:UpdateFunctionCode", &code),
                ("lambda:DeleteFunction", &code),
                ("cloudformation:UpdateStack", &stack),
                ("cloudformation:DeleteStack", &stack),
            ] {
                let ask = may(principal, action, resource);
                self.ask(BEGIN, until, &format!("{who} may {action}"), ask);
            }
        };
        changes(GUARDED, "team A's administrator", &administrator);
        changes(ALWAYS, "the stack sets' role", &stack_sets);
        let zones = may(&administrator, "route53:CreateHostedZone", "*");
        self.ask(BEGIN, ALWAYS, "team A's administrator makes zones", zones);
        let deployer = self.cloud.principal(TEAM_A, "deployer", deployer(TEAM_A));
        self.ask(
            BEGIN,
            ALWAYS,
            "team A's deployer sends requests",
            may(&deployer, "lambda:InvokeFunction", &code),
        );
        for (action, resource) in [("lambda:UpdateFunctionCode", &code), ("iam:PassRole", &role)] {
            self.ask(
                NEVER,
                NEVER,
                &format!("team A's deployer may {action}"),
                may(&deployer, action, resource),
            );
        }
    }
}

fn by(principal: &Principal, call: Call) -> Ask {
    let role = principal.role.clone();
    Ask::Call(Box::new(move |_| Some((role.clone(), call.clone()))))
}

fn may(principal: &Principal, action: &'static str, resource: &str) -> Ask {
    Ask::May(principal.clone(), action, resource.to_owned())
}

pub(super) fn questions(cloud: &Cloud) -> Vec<Question> {
    let mut questions = Questions { cloud, all: Vec::new() };
    questions.functions();
    questions.parents();
    questions.dns_account();
    questions.team_account();
    questions.all
}
