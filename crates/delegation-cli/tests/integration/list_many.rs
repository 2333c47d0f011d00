//! Tests of `delegation list` over many zones and accounts, with filters, accepted findings and
//! fixes.

use std::fs;
use std::path::PathBuf;

use sandbox::{Account, Dns, DnsFault, RecordSet, ZoneHandle};
use serde_json::{Value, json};

use crate::plan::{apply, argument_of};
use crate::shell::{Ran, Shell, Snapshot};
use test_support::{EXTERNAL_ID, Fixture, NAME};

/// A file that is removed when it is dropped.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("delegation-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Creates a role in the account that auditors may assume, and returns its ARN.
fn role(account: &Account) -> String {
    let role = account.role("auditor").trust_account("222222222222", Some(EXTERNAL_ID));
    let policy = json!({"Statement": [{
        "Effect": "Allow",
        "Action": ["route53:ListHostedZones", "route53:ListResourceRecordSets"],
        "Resource": "*",
    }]});
    role.policy(policy).arn()
}

/// The command in the account of the function, with a role that may assume every auditor role.
fn auditor(fixture: &Fixture, dns: &Dns) -> Shell {
    let role = fixture.child_account.role("security").allow_assume("arn:aws:iam::*:role/auditor");
    Shell::new(&fixture.aws, &role.credentials()).with_dns(dns)
}

/// Creates a delegation by hand to a server that serves the zone.
fn by_hand(zone: &ZoneHandle, dns: &Dns, name: &str) {
    zone.put(RecordSet::new(name, "NS", 300, ["ns1.good.net."]));
    dns.zone(name, ["ns1.good.net"], []);
}

fn names(delegations: &Value) -> Vec<&str> {
    delegations.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn several_accounts_are_listed_and_a_denied_one_is_a_finding() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    fixture.create(json!({})).await.success();
    let (second, third) =
        (fixture.aws.account("333333333333"), fixture.aws.account("444444444444"));
    let zone = second.hosted_zone("example.org");
    second.private_hosted_zone("private.org");
    by_hand(&zone, &dns, "byhand.example.org");
    let roles = [&fixture.parent_account, &second, &third].map(role);
    third.role("auditor").without_policies();
    let file = File::new(
        "roles",
        &format!("# all\n{} {EXTERNAL_ID}\n\n{} {EXTERNAL_ID} # audit\n", roles[1], roles[2]),
    );
    let shell = auditor(&fixture, &dns);
    let flags = [
        "list",
        "--check",
        "--all-zones",
        "--parent-role-arn",
        &roles[0],
        "--parent-external-id",
        EXTERNAL_ID,
    ];
    let flags = [&flags[..], &["--roles", file.path()]].concat();

    let snapshot = Snapshot::new(&fixture);
    let output = shell.run(&[&flags[..], &["--json"]].concat()).ended(2).json();
    snapshot.assert_unchanged();
    let zones = output["zones"].as_array().unwrap();
    let found: Vec<(&str, Vec<&str>)> = zones
        .iter()
        .map(|zone| (zone["parent_zone_name"].as_str().unwrap(), names(&zone["delegations"])))
        .collect();
    assert_eq!(found, [("example.com", vec![NAME]), ("example.org", vec!["byhand.example.org"])]);
    assert_eq!(zones[1]["role"], json!(roles[1]));
    assert_eq!((&output["alarms"], &output["unknown"]), (&json!(1), &json!(0)));
    let unread = &output["unread"][0];
    assert_eq!((&unread["role"], &unread["finding"]), (&json!(roles[2]), &json!("unread")));
    assert!(unread["error"].as_str().unwrap().contains("denied"), "{unread}");

    insta::assert_snapshot!("list_of_several_accounts", shell.run(&flags).text());
    // The account's finding is accepted.
    let acceptance = json!([{
        "name": "444444444444", "finding": "unread", "reason": "closed", "until": "2999-12-31",
    }]);
    let accepted = File::new("accepted-account", &acceptance.to_string());
    shell.run(&[&flags[..], &["--accepted", accepted.path()]].concat()).ended(0);
    // If nothing can be read at all, that is an error.
    let ran = shell.run(&[
        "list",
        "--all-zones",
        "--parent-role-arn",
        &roles[2],
        "--parent-external-id",
        EXTERNAL_ID,
    ]);
    ran.ended(1).complains(&["denied", "ListHostedZones"]);
}

#[tokio::test]
async fn json_lines_has_one_line_per_delegation_and_a_summary() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    fixture.create(json!({})).await.success();
    by_hand(&fixture.parent, &dns, "byhand.example.com");
    fixture.parent.put(RecordSet::new("gone.example.com", "NS", 300, ["ns1.gone.net."]));
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).with_dns(&dns);
    let ran = shell.run(&["list", "--all-zones", "--check", "--json-lines"]).ended(2);
    let lines: Vec<Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, lines) = lines.split_last().unwrap();
    assert_eq!(
        (&last["type"], &last["zones"], &last["delegations"], &last["alarms"]),
        (&json!("end"), &json!(1), &json!(3), &json!(1))
    );
    let mut found: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| (line["type"].as_str().unwrap(), line["name"].as_str().unwrap()))
        .collect();
    // Delegations with findings are checked again, and reported last.
    assert_eq!(found.last(), Some(&("delegation", "gone.example.com")));
    found.sort_unstable();
    assert_eq!(
        found,
        ["byhand.example.com", "gone.example.com", NAME].map(|name| ("delegation", name))
    );
    for line in lines {
        assert_eq!(line["parent_zone_id"], json!(fixture.parent.id()));
    }
    // Without a check the lines are the same, and no name server is queried.
    dns.clear_queries();
    let ran = shell.run(&["list", "--all-zones", "--json-lines"]).ended(0);
    assert_eq!((ran.out.lines().count(), dns.queries().len()), (4, 0));
}

#[tokio::test]
async fn filters_select_what_is_listed_checked_and_counted() {
    let mut fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    fixture.create(json!({})).await.success();
    fixture.stack = fixture.stack.replace("stack/mine/", "stack/theirs/");
    fixture.logical_id = "Other".into();
    dns.zone("other.example.com", ["ns1.good.net"], []);
    let other = json!({
        "ChildZoneId": null, "DomainName": "other.example.com", "NameServers": ["ns1.good.net"],
    });
    fixture.create(other).await.success();
    fixture.parent.put(RecordSet::new("gone.example.com", "NS", 300, ["ns1.gone.net."]));
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).with_dns(&dns);
    let list = |more: &[&str]| {
        shell.run(&[&["list", "--parent-zone-name", "example.com", "--check"], more].concat())
    };
    let shown = |ran: &Ran| {
        names(&ran.json()["delegations"]).iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()
    };

    for (owner, expected) in
        [("mine", vec![NAME]), ("theirs/Other", vec!["other.example.com"]), ("their", vec![])]
    {
        let ran = list(&["--json", "--owner", owner]).ended(0);
        assert_eq!(shown(&ran), expected, "{owner}");
    }
    let ran = list(&["--json", "--finding", "takeover,lame"]).ended(2);
    assert_eq!(shown(&ran), ["gone.example.com"]);
    assert_eq!(shown(&list(&["--json", "--finding", "lame"]).ended(0)), [""; 0]);
    insta::assert_snapshot!("list_of_one_owner", list(&["--owner", "mine"]).text());
    // Delegations that are not listed are not queried.
    dns.clear_queries();
    list(&["--owner", "theirs"]).ended(0);
    assert!(dns.queries().iter().all(|query| !query.name.contains("gone")), "{:?}", dns.queries());
}

#[tokio::test]
async fn an_accepted_finding_is_no_alarm_until_the_acceptance_expires() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    fixture.parent.put(RecordSet::new("gone.example.com", "NS", 300, ["ns1.gone.net."]));
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).with_dns(&dns);
    let item = |name: &str, until: &str| {
        json!({
            "name": name, "finding": "takeover", "reason": "we are buying it", "until": until,
        })
    };
    let list = |items: &[Value], more: &[&str]| {
        let file = File::new("accepted", &json!(items).to_string());
        let flags =
            ["list", "--parent-zone-name", "example.com", "--check", "--accepted", file.path()];
        shell.run(&[&flags[..], more].concat())
    };
    let valid = item("gone.example.com", "2999-12-31");
    let ran = list(std::slice::from_ref(&valid), &[]);
    insta::assert_snapshot!("list_with_an_accepted_finding", ran.text());
    let output = list(std::slice::from_ref(&valid), &["--json"]).ended(0).json();
    let details = &output["delegations"][0]["details"][0];
    assert_eq!(
        (&details["finding"], &details["alarm"], &output["alarms"]),
        (&json!("takeover"), &json!(false), &json!(0))
    );
    assert_eq!(
        details["accepted"],
        json!({"reason": "we are buying it", "until": "2999-12-31", "expired": false})
    );
    let ran = list(&[item("gone.example.com", "2020-01-31")], &[]);
    insta::assert_snapshot!("list_with_an_expired_acceptance", ran.text());
    // An acceptance without a finding is reported, so that the file stays up to date.
    let ran = list(&[valid, item("fixed.example.com", "2999-12-31")], &[]);
    insta::assert_snapshot!("list_with_an_obsolete_acceptance", ran.text());
    let ran =
        shell.run(&["list", "--parent-zone-name", "example.com", "--accepted", "no-such-file"]);
    ran.ended(1).complains(&["no-such-file", "can't read"]);
    let file = File::new("mistaken", r#"[{"name": "a.example.com", "finding": "lame"}]"#);
    let ran = shell.run(&["list", "--parent-zone-name", "example.com", "--accepted", file.path()]);
    ran.ended(1).complains(&["item 1", "reason"]);
}

/// Applies the fix of each finding, and lists again.
#[tokio::test]
async fn the_fix_of_a_finding_fixes_it() {
    let fixture = Fixture::behind_sockets().await;
    let dns = fixture.aws.dns().await.unwrap();
    let put = |name: &str, rtype: &str, values: &[&str]| {
        fixture.parent.put(RecordSet::new(name, rtype, 300, values.iter().copied()));
    };
    by_hand(&fixture.parent, &dns, "good.example.com");
    put("part.example.com", "NS", &["ns1.good.net.", "ns1.gone.net."]);
    dns.zone(
        "part.example.com",
        ["ns1.good.net"],
        [RecordSet::new("part.example.com", "NS", 300, ["ns1.good.net."])],
    );
    put("gone.example.com", "NS", &["ns1.gone.net.", "ns2.gone.net."]);
    put("gone.example.com", "DS", &[&format!("1 13 2 {}", "AB".repeat(32))]);
    put("refused.example.com", "NS", &["ns1.good.net."]);
    put("lame.example.com", "NS", &["ns1.good.net.", "ns1.refusing.net."]);
    dns.zone(
        "lame.example.com",
        ["ns1.good.net"],
        [RecordSet::new("lame.example.com", "NS", 300, ["ns1.good.net."])],
    );
    dns.server("ns1.refusing.net");
    dns.fault("ns1.refusing.net", DnsFault::Refused);
    by_hand(&fixture.parent, &dns, "bogus.example.com");
    put("bogus.example.com", "DS", &[&format!("1 13 2 {}", "AB".repeat(32))]);
    put("below.good.example.com", "NS", &["ns1.good.net."]);
    by_hand(&fixture.parent, &dns, "outage.example.com");
    put("outage.example.com", "NS", &["ns1.silent.net."]);
    dns.server("ns1.silent.net");
    dns.fault("ns1.silent.net", DnsFault::Silent);

    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).with_dns(&dns);
    let list = || shell.run(&["list", "--parent-zone-name", "example.com", "--check", "--json"]);
    let output = list().ended(2).json();
    let mut fixed = Vec::new();
    for entry in output["delegations"].as_array().unwrap() {
        for details in entry["details"].as_array().unwrap() {
            for field in ["risk", "remedy", "severity"] {
                assert!(!details[field].as_str().unwrap().is_empty(), "{details}");
            }
            if details["batch"].is_null() {
                assert_eq!((&details["command"], &details["changes"]), (&json!(null), &json!([])));
                continue;
            }
            assert_eq!(argument_of(details["command"].as_str().unwrap()), details["batch"]);
            apply(&fixture, &details["batch"]).await;
            fixed.push(format!(
                "{} {}",
                entry["name"].as_str().unwrap(),
                details["finding"].as_str().unwrap()
            ));
        }
    }
    fixed.sort();
    assert_eq!(
        fixed,
        [
            "below.good.example.com hidden",
            "bogus.example.com bogus",
            "gone.example.com takeover",
            "lame.example.com lame",
            "part.example.com takeover",
            "refused.example.com dangling",
        ]
    );
    let output = list().ended(2).json();
    let left: Vec<(&str, &str)> = output["delegations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["name"].as_str().unwrap(), entry["findings"][0].as_str().unwrap()))
        .collect();
    assert_eq!(
        left,
        [
            ("bogus.example.com", "unowned"),
            ("good.example.com", "unowned"),
            ("lame.example.com", "unowned"),
            ("outage.example.com", "outage"),
            ("part.example.com", "unowned"),
        ]
    );
    let servers = |name: &str| fixture.parent.record(name, "NS").unwrap().values;
    assert_eq!(
        (servers("part.example.com"), servers("lame.example.com")),
        (vec!["ns1.good.net.".to_owned()], vec!["ns1.good.net.".to_owned()])
    );
}

/// The skeletons declare two hundred unclaimed delegations as they are, and the list shows which
/// are still unsettled.
#[tokio::test]
async fn skeletons_of_templates_adopt_unclaimed_delegations() {
    let mut fixture = Fixture::behind_sockets().await;
    let zone = &fixture.parent;
    for number in 0..205 {
        let server = format!("ns{}.provider.net.", number % 3);
        zone.put(RecordSet::new(&format!("team{number}.example.com"), "NS", 3600, [server]));
    }
    zone.put(RecordSet::new("below.team1.example.com", "NS", 3600, ["ns1.provider.net."]));
    zone.put(RecordSet::new("odd.example.com", "NS", 3600, ["not a name"]));
    let folder = std::env::temp_dir().join(format!("delegation-skeletons-{}", std::process::id()));
    let shell = Shell::new(&fixture.aws, &fixture.parent_account.user_credentials());
    let ran = shell.run(&["list", "--all-zones", "--skeletons", folder.to_str().unwrap()]).ended(0);
    assert!(
        ran.err.contains("200 delegations to adopt") && ran.err.contains("5 delegations to adopt"),
        "{}",
        ran.err
    );
    let mut templates: Vec<Value> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| {
            serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap()
        })
        .collect();
    fs::remove_dir_all(&folder).unwrap();
    templates.sort_by_key(|template| template["Resources"].as_object().unwrap().len());
    // With this many at once, requests wait for each other: docs/limits.md, "Many requests at
    // once".
    let mut resources =
        templates.iter().flat_map(|template| template["Resources"].as_object().unwrap().values());
    assert!(resources.all(|resource| resource["Properties"]["ServiceTimeout"] == 3600));

    // A stack adopts five of them.
    fixture.stack = fixture.stack.replace("stack/mine/", "stack/adopting/");
    let resources = templates[0]["Resources"].as_object().unwrap().clone();
    assert_eq!((resources.len(), templates[1]["Resources"].as_object().unwrap().len()), (5, 200));
    let (mut ids, role) = (Vec::new(), fixture.parent_role.arn());
    let properties = |resource: &Value, trigger: &str| {
        let mut changes = resource["Properties"].clone();
        changes["ServiceToken"] =
            json!("arn:aws:lambda:us-east-1:222222222222:function:delegation");
        changes["ParentRoleArn"] = json!(role);
        changes["ParentExternalId"] = json!(EXTERNAL_ID);
        changes["Trigger"] = json!(trigger);
        for other in ["ChildZoneId", "ParentZoneName"] {
            changes[other] = json!(null);
        }
        changes
    };
    for (logical_id, resource) in &resources {
        fixture.logical_id.clone_from(logical_id);
        let answer = fixture.create(properties(resource, "adopted")).await.success();
        assert_eq!(answer.get("Action"), "ADOPTED");
        ids.push(answer.id().to_owned());
    }
    let report = || {
        let output =
            shell.run(&["list", "--all-zones", "--finding", "unsettled", "--json"]).ended(0).json();
        output["zones"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|zone| zone["delegations"].as_array().unwrap())
            .count()
    };
    assert_eq!(report(), 5);
    for ((logical_id, resource), id) in resources.iter().zip(&ids) {
        fixture.logical_id.clone_from(logical_id);
        let (old, new) = (properties(resource, "adopted"), properties(resource, "settled"));
        fixture.update(id, old, new).await.success();
    }
    assert_eq!(report(), 0);
}
