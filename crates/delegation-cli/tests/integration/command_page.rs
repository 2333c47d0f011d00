//! Tests that `docs/command.md` shows what the command prints.

use std::fs;

use sandbox::{Dns, RecordSet, Sandbox, ZoneHandle};
use serde_json::Value;

use crate::shell::{Shell, without_addresses, without_times};

/// The stack in the page.
const STACK: &str = "arn:aws:cloudformation:eu-west-1:222222222222:stack/testing/1f3c";

/// The console boxes of the page: a command, and what it prints.
fn boxes(page: &str) -> Vec<Vec<&str>> {
    page.split("```console\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0.lines().collect())
        .collect()
}

/// Applies to the zone what the Create of a stack would do.
fn create(shell: &Shell, parent: &ZoneHandle, child: &[&str], stack: &str) {
    let args = ["plan", "--json", "--verification", "NONE", "--parent-zone-name", "example.com"];
    let owner = ["--stack-id", stack, "--logical-id", "Delegation"];
    let output = shell.run(&[&args[..], child, &owner].concat()).ended(2).json();
    for change in output["changes"].as_array().unwrap() {
        let text = |key: &str| change[key].as_str().unwrap().to_owned();
        let values: Vec<String> = serde_json::from_value(change["values"].clone()).unwrap();
        // A time in the past, so that an Update rewrites it.
        let values =
            values.iter().map(|value| without_times(value).replace("at=…", "at=1700000000"));
        let ttl = u32::try_from(change["ttl"].as_u64().unwrap()).unwrap();
        parent.put(RecordSet::new(&text("name"), &text("type"), ttl, values));
    }
}

/// Fills a zone with delegations in several states.
fn fill(shell: &Shell, parent: &ZoneHandle, dns: &Dns) {
    create(shell, parent, &["--child-zone-id", "Z0CHILDEXAMPLE"], STACK);
    let shop = [
        "--domain-name",
        "shop.example.com",
        "--name-servers",
        "ns1.shop.example.net,ns2.shop.example.net",
    ];
    create(shell, parent, &shop, &STACK.replace("testing", "shop"));
    dns.zone("shop.example.com", ["ns1.shop.example.net", "ns2.shop.example.net"], []);
    parent.put(RecordSet::new("partner.example.com", "NS", 3600, ["ns1.partner.example.org."]));
    dns.zone("partner.example.com", ["ns1.partner.example.org"], []);
    parent.put(RecordSet::new(
        "old.example.com",
        "NS",
        172_800,
        ["ns1.agency.example.net.", "ns2.agency.example.net."],
    ));
}

#[tokio::test]
async fn the_page_shows_what_the_command_prints() {
    let aws = Sandbox::start().await.unwrap();
    let account = aws.account("111111111111");
    let parent = account.hosted_zone_with_id("Z0PARENTEXAMPLE", "example.com");
    account.hosted_zone_with_id("Z0CHILDEXAMPLE", "testing.example.com");
    let dns = aws.dns().await.unwrap();
    let shell = Shell::new(&aws, &account.user_credentials()).with_dns(&dns);
    let page = fs::read_to_string("../../docs/command.md").unwrap();
    let boxes = boxes(&page);
    assert!(boxes.len() > 5, "the boxes were found");
    let mut outdated = Vec::new();
    for (index, lines) in boxes.iter().enumerate() {
        if index == 1 {
            // After the first plan.
            fill(&shell, &parent, &dns);
        }
        let (command, shown) = lines.split_first().unwrap();
        let args: Vec<&str> = command.strip_prefix("$ delegation ").unwrap().split(' ').collect();
        let ran = shell.run(&args);
        let mut printed: Vec<String> =
            without_addresses(&ran.out).lines().map(str::to_owned).collect();
        if lines.contains(&"$ echo $?") {
            printed.extend(["$ echo $?".to_owned(), ran.status.to_string()]);
        }
        let printed = without_times(&printed.join("\n"));
        if without_times(&shown.join("\n")) != printed {
            outdated.push(format!("{command}\n{printed}"));
        }
    }
    assert!(outdated.is_empty(), "these print something else now:\n{}", outdated.join("\n\n"));
    let output: Value = shell.run(&["list", "--parent-zone-name", "example.com", "--json"]).json();
    for field in output
        .as_object()
        .unwrap()
        .keys()
        .chain(output["delegations"][0].as_object().unwrap().keys())
    {
        assert!(page.contains(&format!("`{field}`")), "the page lacks the field {field}");
    }
}
