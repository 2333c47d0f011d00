//! Runs `docs/roll-out.md` from the first command to the last, and checks after each step what each
//! principal can and can't do.

use std::collections::BTreeMap;

use sandbox::Role;
use serde_json::{Value, json};

use crate::kit::call::{Call, Change};
use crate::kit::cloud::{Cloud, CommandResult, Principal, Profile, STACK_SETS};
use crate::kit::documents::everything;
use crate::kit::shell::{self, CommandLine};

const PAGE: &str = "docs/roll-out.md";
const DNS: &str = "111111111111";
const TEAM_A: &str = "222222222222";
const TEAM_B: &str = "333333333333";
/// An account outside of the organization.
const STRANGER: &str = "666666666666";
const FUNCTION_ROLE: &str = "route53-delegation-function-us-east-1";

/// Returns the deployer's policy of the page on permissions, for an account.
fn deployer(account: &str) -> Value {
    let page = std::fs::read_to_string("docs/permissions.md").unwrap();
    let (_, section) = page.split_once("\n## Who deploys a stack\n").unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    let text = block.split_once("```").unwrap().0.replace(TEAM_A, account);
    serde_json::from_str(&text).unwrap()
}

/// Returns the same policy with permissions for the topic instead of those for the function.
fn publisher(account: &str) -> Value {
    let mut policy = deployer(account);
    policy["Statement"][0]["Resource"] = json!("*");
    policy["Statement"][2] = json!({
        "Effect": "Allow", "Action": ["sns:Publish", "kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"
    });
    policy
}

async fn organization() -> Cloud {
    let administrator =
        |name, account, role| Profile { name, account, role, permissions: everything() };
    let team =
        |name, account, permissions| Profile { name, account, role: "deployer", permissions };
    let profiles = vec![
        administrator("management", "999999999999", "administrator"),
        administrator("platform", "888888888888", "administrator"),
        administrator("dns", DNS, "route53-delegation-admin"),
        team("team-a", TEAM_A, deployer(TEAM_A)),
        team("team-b", TEAM_B, publisher(TEAM_B)),
    ];
    Cloud::new(profiles).await.with_unit("ou-exam-example1", &[TEAM_A, TEAM_B])
}

/// A question, and the headings after which the answer becomes yes and no again.
struct Question {
    name: String,
    since: &'static str,
    until: &'static str,
    ask: Ask,
}

/// Returns the caller and its call; `None` while the role does not exist.
type Caller = Box<dyn Fn(&Cloud) -> Option<(Role, Call)>>;

enum Ask {
    Call(Caller),
    May(Principal, &'static str, String),
}

impl Question {
    async fn is_yes(&self, cloud: &Cloud, http: &custom_delegation::http::Client) -> bool {
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

const BEGIN: &str = "Who runs the commands";
const ROLES: &str = "Parent roles";
const FUNCTIONS: &str = "A function in each account";
const GUARDED: &str = "Guard rails";
const CENTRAL: &str = "One function in the DNS account";
const END: &str = "Take it away";
const NEVER: &str = "never";
const ALWAYS: &str = "always";

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

fn questions(cloud: &Cloud) -> Vec<Question> {
    let mut questions = Questions { cloud, all: Vec::new() };
    questions.functions();
    questions.parents();
    questions.dns_account();
    questions.team_account();
    questions.all
}

/// Returns the name servers in the parent zone.
fn delegated_to(cloud: &Cloud, name: &str) -> Vec<String> {
    cloud.parent.record(name, "NS").map(|set| set.values).unwrap_or_default()
}

#[tokio::test]
async fn every_command_of_the_page_works() {
    let mut cloud = organization().await;
    let http = custom_delegation::http::client(None).unwrap();
    let questions = questions(&cloud);
    let blocks = shell::blocks(PAGE);
    let order: Vec<String> = blocks.iter().map(|(heading, _)| heading.clone()).collect();
    let at = |heading: &str| order.iter().position(|known| known == heading);
    for question in &questions {
        let known = |heading: &str| [NEVER, ALWAYS].contains(&heading) || at(heading).is_some();
        assert!(
            known(question.since) && known(question.until),
            "{}: the page has no commands under such a heading",
            question.name
        );
    }
    let mut steps = 0;
    shell::run("roll-out", &blocks, async |command: &CommandLine| -> CommandResult {
        let ["checkpoint", heading] =
            command.words.iter().map(String::as_str).collect::<Vec<_>>()[..]
        else {
            return cloud.run(command).await;
        };
        steps += 1;
        let last = order.iter().rposition(|known| known == heading) == Some(steps - 1);
        if !last {
            return Ok(String::new());
        }
        let now = at(heading).unwrap();
        for question in &questions {
            let since = at(question.since).is_some_and(|since| since <= now);
            let expected = since && at(question.until).is_none_or(|until| now < until);
            let before = cloud.parent.records();
            let actual = question.is_yes(&cloud, &http).await;
            for set in cloud.parent.records().iter().filter(|set| !before.contains(set)) {
                cloud.parent.remove(&set.name, &set.rtype);
            }
            if actual != expected {
                return Err(format!("after {heading:?}: {} is {actual}", question.name));
            }
        }
        let is_delegated = |name: &str| !delegated_to(&cloud, name).is_empty();
        let expected =
            |since: &str| at(since).is_some_and(|since| since <= now) && now < at(END).unwrap();
        for (name, since) in
            [("team-a.example.com", "A team's stack"), ("team-c.example.com", CENTRAL)]
        {
            if is_delegated(name) != expected(since) {
                return Err(format!(
                    "after {heading:?}: {name} is delegated to {:?}",
                    delegated_to(&cloud, name)
                ));
            }
        }
        let code = cloud.code();
        let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
        for code in code.values() {
            *versions.entry(std::str::from_utf8(code).unwrap()).or_default() += 1;
        }
        let expected = match heading {
            "A new release" => BTreeMap::from([("the code of 0.1.0", 1), ("the code of 0.2.0", 4)]),
            heading if at(heading) < at(FUNCTIONS) => BTreeMap::new(),
            heading if at(heading) < at(CENTRAL) => BTreeMap::from([("the code of 0.1.0", 4)]),
            END => BTreeMap::from([("the code of 0.1.0", 1)]),
            _ => BTreeMap::from([("the code of 0.1.0", 5)]),
        };
        if versions != expected {
            return Err(format!("after {heading:?}: {versions:?}"));
        }
        Ok(String::new())
    })
    .await
    .unwrap();
    assert_eq!(steps, blocks.len());
    let left = cloud.parent.records();
    assert!(
        left.iter().all(|set| set.name.trim_end_matches('.') == "example.com"),
        "everything must be deleted: {left:?}"
    );
}

/// Somebody else created the bucket of a Region before us, and lets everybody read their code from
/// it.
#[tokio::test]
async fn code_from_a_foreign_bucket_is_not_deployed() {
    let mut cloud = organization().await;
    let his = "example-delegation-eu-west-1";
    cloud.put_bucket(his, STRANGER, "0.1.0/arm64.zip", b"his code");
    let until = |heading: &str| heading != GUARDED;
    let mut blocks: Vec<_> =
        shell::blocks(PAGE).into_iter().take_while(|(heading, _)| until(heading)).collect();
    let run = async |name: &str, blocks: &[(String, String)], cloud: &mut Cloud| {
        shell::run(name, blocks, async |command| cloud.run(command).await).await.unwrap_err()
    };
    let why = run("squatted-bucket", &blocks, &mut cloud).await;
    assert!(why.contains("BucketAlreadyExists"), "the first step must fail: {why}");
    // An operator created no bucket in the Region at first, and adds the Region later without one.
    for (_, block) in blocks.iter_mut().filter(|(heading, _)| heading == "Release") {
        *block = block.replace("us-east-1 eu-west-1", "us-east-1");
    }
    let mut cloud = organization().await;
    cloud.put_bucket(his, STRANGER, "0.1.0/arm64.zip", b"his code");
    let why = run("squatted-code", &blocks, &mut cloud).await;
    assert!(why.contains("CodeIsTheOneMeant") && why.contains("CodeSHA256"), "{why}");
    let code = cloud.code();
    assert!(!code.is_empty(), "the function of the first Region must remain");
    assert!(
        code.values().all(|code| code == b"the code of 0.1.0"),
        "the other code must not be deployed"
    );
    assert!(code.keys().all(|arn| arn.contains(":us-east-1:")));
}
