//! Runs `docs/roll-out.md` from the first command to the last, and checks after each step what each
//! principal can and can't do.

mod questions;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::deployment::cloud::{Cloud, CommandResult, Profile};
use crate::deployment::documents::everything;
use crate::deployment::shell::{self, CommandLine};
use questions::{ALWAYS, CENTRAL, END, FUNCTION_STACK, FUNCTIONS, GUARDED, NEVER, questions};

const PAGE: &str = "docs/roll-out.md";
const DNS: &str = "111111111111";
const TEAM_A: &str = "222222222222";
const TEAM_B: &str = "333333333333";
/// An account outside of the organization.
const STRANGER: &str = "666666666666";

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
        "Effect": "Allow",
        "Action": ["sns:Publish", "kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": "*",
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
        administrator("team-a-administrator", TEAM_A, "administrator"),
        team("team-a", TEAM_A, deployer(TEAM_A)),
        team("team-b", TEAM_B, publisher(TEAM_B)),
    ];
    Cloud::new(profiles).await.with_unit("ou-exam-example1", &[TEAM_A, TEAM_B])
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

/// An operator gives the key of the new code, and forgets its digest, so that the old one stays.
#[tokio::test]
async fn code_under_another_key_is_compared_with_a_digest_that_stays() {
    let mut cloud = organization().await;
    let mut blocks = shell::blocks(PAGE);
    let (_, release) = blocks.iter_mut().find(|(heading, _)| heading == "A new release").unwrap();
    let command = release.replace("\"CodeSha256=$new\"", "");
    assert_ne!(*release, command);
    *release = command;
    let result = shell::run("old-digest", &blocks, async |command| cloud.run(command).await).await;
    let why = result.unwrap_err();
    assert!(why.contains("CodeIsTheOneMeant") && why.contains("CodeSHA256"), "{why}");
    assert!(
        cloud.code().values().all(|code| code == b"the code of 0.1.0"),
        "it must be rolled back"
    );
}

/// With its export in the hands of somebody else, every later stack would send them its events.
#[tokio::test]
async fn an_administrator_of_a_team_can_not_change_or_delete_the_stack_of_the_function() {
    let mut cloud = organization().await;
    let (region, name) = ("eu-west-1", "guarded-stack");
    let mut blocks = shell::blocks(PAGE);
    blocks.truncate(blocks.iter().rposition(|(heading, _)| heading == GUARDED).unwrap() + 1);
    shell::run(name, &blocks, async |command| cloud.run(command).await).await.unwrap();
    let exported =
        |cloud: &Cloud| cloud.exported(region, TEAM_A, "route53-delegation-ServiceToken");
    let token = exported(&cloud);
    assert!(token.is_some());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let text = std::fs::read_to_string(folder.join("dist/template-arm64.yaml")).unwrap();
    let value = "Value: !If [HasTopic, !Ref Topic, !GetAtt DelegationFunction.Arn]\n    Export:";
    assert!(text.contains(value), "the template no longer has {value:?}");
    let theirs = format!("Value: arn:aws:lambda:{region}:{STRANGER}:function:theirs\n    Export:");
    std::fs::write(folder.join("theirs.yaml"), text.replace(value, &theirs)).unwrap();
    for command in
        ["deploy --capabilities CAPABILITY_NAMED_IAM --template-file theirs.yaml", "delete-stack"]
    {
        let command = format!(
            "aws cloudformation {command} --profile team-a-administrator --region {region} \
             --stack-name {FUNCTION_STACK}"
        );
        let words = command.split_whitespace().map(str::to_owned).collect();
        let result = cloud.run(&CommandLine { words, folder: folder.clone() }).await;
        assert_eq!(exported(&cloud), token, "{command}: {result:?}");
        assert!(result.unwrap_err().contains("may not cloudformation:"), "{command}");
    }
}
