//! The commands of the pages. Those that can run here are run; others are checked as far as
//! possible. The commands of the quick start run against the local AWS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::plain;

use crate::deployment::cloud::{Cloud, Profile};
use crate::deployment::documents::everything;
use crate::deployment::shell;
use crate::pages::links::pages;
use crate::pages::sources::{sources, tests};

/// Programs that the test does not run, and why.
const NOT_RUN: [(&str, &str); 9] = [
    ("aws", "needs an AWS account"),
    ("sam", "needs an AWS account, or builds a release"),
    ("delegation", "needs an AWS account"),
    ("cdk", "needs an application of the CDK"),
    ("make", "runs this test, or builds a release"),
    ("cargo", "runs this test, among others"),
    ("npm", "needs Node and the network"),
    ("npx", "needs Node and the network"),
    ("gh", "needs the project on GitHub"),
];

/// Returns the words of a command without quotes and comments.
fn words(command: &str) -> Vec<String> {
    let command = command.split(" #").next().unwrap();
    command.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned()).collect()
}

/// Returns whether the program and the test that a `cargo test` command names exist. cargo itself
/// accepts a filter that matches no test.
fn names_existing_tests(words: &[String]) -> bool {
    let (mut folder, mut program, mut filter) = (PathBuf::new(), None, None);
    let mut words = words.iter().skip(2).map(String::as_str).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        match word {
            "-p" => folder = Path::new("crates").join(words.next().unwrap()),
            "--test" => program = words.next(),
            _ if word.starts_with('-') => {}
            _ => filter = word.trim_end_matches("::").rsplit("::").next(),
        }
    }
    if folder.ends_with("sandbox") {
        folder = "sandbox".into();
    }
    let is_a_program = |name: &str| {
        let tests = folder.join("tests");
        tests.join(name).join("main.rs").exists() || tests.join(format!("{name}.rs")).exists()
    };
    let is_a_module = |filter: &str| {
        let mut files = sources().into_iter().map(|source| source.path);
        files.any(|path| path.starts_with(&folder) && path.file_stem().unwrap() == filter)
    };
    program.is_none_or(is_a_program)
        && filter.is_none_or(|filter| is_a_module(filter) || tests().contains(filter))
}

#[test]
fn commands_run_or_at_least_name_existing_targets() {
    let makefile = fs::read_to_string("Makefile").unwrap();
    let tools =
        std::env::var("CFN_LINT").ok().and_then(|path| Some(Path::new(&path).parent()?.to_owned()));
    let (mut run, mut looked_at) = (0, 0);
    let pages = pages().into_iter().map(|page| page.display().to_string());
    let blocks = pages.flat_map(|page| {
        let named = |(heading, block)| (format!("{page}, {heading}"), block);
        shell::blocks(&page).into_iter().map(named).collect::<Vec<(String, String)>>()
    });
    for (at, block) in blocks {
        let mut runs = true;
        let joined = block.replace("\\\n", "");
        for words in joined.lines().map(words).filter(|words| !words.is_empty()) {
            runs &= !NOT_RUN.iter().any(|(program, _)| words[0] == *program);
            looked_at += 1;
            if words[0] == "make" {
                assert!(makefile.contains(&format!("\n{}:", words[1])), "{at}: make {}", words[1]);
            }
            if words[0] == "cargo" && words[1] == "test" {
                assert!(names_existing_tests(&words), "{at}: no test for {words:?}");
            }
        }
        if let Some(tools) = tools.as_ref().filter(|_| runs) {
            let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
            let output = Command::new("bash")
                .args(["-euo", "pipefail", "-c", &block])
                .env("PATH", path)
                .output()
                .unwrap();
            assert!(output.status.success(), "{at}: {output:?}");
            run += 1;
        }
    }
    assert!(looked_at > 15, "{looked_at} commands");
    assert!(tools.is_none() || run > 0, "no block was run");
}

/// Runs the commands of the README, with two profiles, and the first ones of the page of the watch.
#[tokio::test]
async fn the_quick_start_creates_a_delegation() {
    let profiles = [("parent", "111111111111"), ("child", "222222222222")];
    let profiles = profiles.map(|(name, account)| Profile {
        name,
        account,
        role: "administrator",
        permissions: everything(),
    });
    let mut cloud = Cloud::new(profiles.into()).await;
    // The commands begin after a release has been unpacked.
    let mut blocks = vec![(String::new(), "make package\n".to_owned())];
    blocks
        .extend(shell::blocks("README.md").into_iter().filter(|(heading, _)| heading == "Install"));
    // The role that the watch reads with. `watch.rs` tests the watch itself, because this
    // CloudFormation knows no EventBridge rules.
    blocks.extend(
        shell::blocks("docs/watch.md")
            .into_iter()
            .filter(|(heading, _)| heading == "Set it up")
            .take(1),
    );
    assert_eq!(blocks.len(), 1 + 3 + 1, "unexpected number of command blocks in the pages");
    shell::run("quick-start", &blocks, async |command| cloud.run(command).await).await.unwrap();
    let zone = cloud.physical_id("child", "us-east-1", "testing-dns", "Zone");
    let servers = cloud.aws.zone(&zone).unwrap().name_servers();
    let delegated = cloud.parent.record("testing.example.com", "NS").unwrap().values;
    assert_eq!(plain(&delegated), plain(&servers));
    assert!(cloud.aws.calls().iter().all(sandbox::Call::succeeded), "no call may be denied");
    cloud.delete("child", "us-east-1", "testing-dns").await.unwrap();
    assert!(cloud.parent.record("testing.example.com", "NS").is_none());
}
