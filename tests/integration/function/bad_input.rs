//! Invalid input: each request is answered with one FAILED whose reason is one clear sentence, and
//! nothing is changed.

use std::time::Duration;

use custom_delegation::config::Config;
use sandbox::{Fault, FaultKind, RecordSet};
use serde_json::{Value, json};

use test_support::{Answer, Fixture, NAME};

/// Asserts that a Create with these properties fails with `words` in its reason, and that it and
/// the Delete that follows leave the parent zone unchanged.
async fn refused(fixture: &Fixture, changes: Value, words: &[&str]) -> Answer {
    let revision = fixture.parent.revision();
    let answer = fixture.create(changes.clone()).await.failed(words);
    assert!(answer.id().starts_with("unresolved/"), "{changes}");
    assert!(!answer.reason().contains('\n') && answer.reason().len() < 900, "{}", answer.reason());
    assert!(!answer.reason().contains("X-Amz"), "{}", answer.reason());
    assert_eq!(fixture.parent.revision(), revision, "{changes}");
    fixture.delete(answer.id(), changes).await.success();
    assert_eq!(fixture.parent.revision(), revision);
    answer
}

#[tokio::test(start_paused = true)]
async fn no_properties_and_unknown_ones() {
    let fixture = Fixture::new().await;
    for nothing in [Value::Null, json!({}), json!([]), json!("x")] {
        let answer =
            fixture.deliver(fixture.event("Create", json!({"ResourceProperties": nothing}))).await;
        answer.failed(&["Properties"].map(|_| "")).failed(&[]);
    }
    let answer = fixture.deliver(fixture.event("Create", json!({}))).await;
    answer.failed(&["ChildZoneId is missing"]);
    refused(
        &fixture,
        json!({"ParentZonename": "example.com"}),
        &["ParentZonename", "ParentZoneName"],
    )
    .await;
    refused(
        &fixture,
        json!({"Dnssec": "perhaps"}),
        &["Dnssec \"perhaps\" must be true or false", "[invalid-boolean]"],
    )
    .await;
    refused(&fixture, json!({"KeySigningKeys": ["ab"]}), &["KeySigningKeys", "\"ab\""]).await;
    refused(
        &fixture,
        json!({"Tags": []}),
        &["Tags is not a property", "Remove it", "[unknown-property]"],
    )
    .await;
    refused(&fixture, json!({"ServiceTimeOut": 600}), &["Did you mean ServiceTimeout?"]).await;
    refused(
        &fixture,
        json!({"ServiceTimeout": "6OO"}),
        &["ServiceTimeout", "[invalid-service-timeout]"],
    )
    .await;
    refused(&fixture, json!({"Verification": "MAYBE"}), &["Verification", "REQUIRE"]).await;
    assert_eq!(fixture.actions(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn alternatives_and_malformed_values() {
    let fixture = Fixture::new().await;
    refused(&fixture, json!({"ParentZoneId": "Z1"}), &["ParentZoneId and ParentZoneName"]).await;
    refused(&fixture, json!({"ChildZoneId": null}), &["ChildZoneId is missing"]).await;
    refused(
        &fixture,
        json!({"ChildZoneId": "not a zone"}),
        &["ChildZoneId", "id of a hosted zone"],
    )
    .await;
    refused(&fixture, json!({"ParentZoneName": null, "ParentZoneId": "../x"}), &["ParentZoneId"])
        .await;
    refused(&fixture, json!({"ParentRoleArn": "parent"}), &["ParentRoleArn", "arn:aws:iam::"])
        .await;
    refused(&fixture, json!({"ParentZoneName": "a..b"}), &["ParentZoneName", "position 3"]).await;
    refused(&fixture, json!({"TTL": "1h"}), &["TTL", "seconds"]).await;
    refused(&fixture, json!({"DomainName": "other.example.com"}), &["DomainName", NAME]).await;
    refused(&fixture, json!({"ParentExternalId": "x y"}), &["ParentExternalId"]).await;
}

#[tokio::test(start_paused = true)]
async fn names_that_cannot_be_delegated() {
    let fixture = Fixture::new().await;
    let named = |name: &str| {
        json!({
            "ChildZoneId": null,
            "DomainName": name,
            "NameServers": "ns1.example.net",
        })
    };
    refused(&fixture, named("example.com"), &["example.com is the parent zone itself"]).await;
    refused(&fixture, named("example.org"), &["example.org is not in the parent zone example.com"])
        .await;
    refused(&fixture, named("badexample.com"), &["is not in the parent zone"]).await;
    refused(&fixture, named("*.example.com"), &["wildcard"]).await;
    refused(
        &fixture,
        json!({"ChildZoneId": null, "DomainName": NAME, "NameServers": "ns1.testing.example.com"}),
        &["ns1.testing.example.com", "address"],
    )
    .await;
    let long =
        ["a", &"b".repeat(63), &"c".repeat(63), &"d".repeat(63), &"e".repeat(36), "example.com"]
            .join(".");
    refused(&fixture, named(&long), &["too long"]).await;
    fixture.parent.put(RecordSet::new("alias.example.com", "CNAME", 60, ["x.example.net."]));
    refused(&fixture, named("alias.example.com"), &["CNAME", "alias.example.com"]).await;
}

#[tokio::test(start_paused = true)]
async fn zones_that_do_not_match_the_properties() {
    let fixture = Fixture::new().await;
    let private = fixture.child_account.private_hosted_zone(NAME);
    refused(&fixture, json!({"ChildZoneId": private.id()}), &[&private.id(), "private"]).await;
    refused(&fixture, json!({"ChildZoneId": "ZUNKNOWN"}), &["ZUNKNOWN", "child zone"]).await;
    let private = fixture.parent_account.private_hosted_zone("example.com");
    refused(
        &fixture,
        json!({"ParentZoneName": null, "ParentZoneId": private.id()}),
        &[&private.id(), "private"],
    )
    .await;
    refused(
        &fixture,
        json!({"ParentZoneName": null, "ParentZoneId": "ZUNKNOWN"}),
        &["ZUNKNOWN", "parent zone"],
    )
    .await;
    refused(&fixture, json!({"ParentZoneName": "com"}), &["no public hosted zone named com"]).await;
    let second = fixture.parent_account.hosted_zone("example.com");
    refused(&fixture, json!({}), &["several", &second.id(), &fixture.parent.id(), "ParentZoneId"])
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_child_zone_that_contradicts_itself() {
    let fixture = Fixture::new().await;
    fixture.child.put(RecordSet::new(NAME, "NS", 60, ["ns1.elsewhere.net."]));
    refused(
        &fixture,
        json!({}),
        &["ns1.elsewhere.net", &fixture.child_servers()[0], "NameServers"],
    )
    .await;
    // Only the difference between the two sets is named.
    let own = fixture.child_servers();
    let mut apex: Vec<String> = own[1..].iter().map(|server| format!("{server}.")).collect();
    fixture.child.put(RecordSet::new(NAME, "NS", 60, apex.clone()));
    let answer = refused(&fixture, json!({}), &["lacks", &own[0], "[child-apex-differs]"]).await;
    assert!(!answer.0["Reason"].as_str().unwrap().contains(&own[1]), "{}", answer.0);
    apex.push("ns1.elsewhere.net.".into());
    fixture.child.put(RecordSet::new(NAME, "NS", 60, apex));
    let answer =
        refused(&fixture, json!({}), &["lacks", &own[0], "and names ns1.elsewhere.net"]).await;
    assert!(!answer.0["Reason"].as_str().unwrap().contains(&own[1]), "{}", answer.0);
    let many: Vec<String> =
        own.iter().cloned().chain((0..13).map(|n| format!("ns{n}.elsewhere.net."))).collect();
    fixture.child.put(RecordSet::new(NAME, "NS", 60, many));
    refused(&fixture, json!({}), &["names 17 name servers", "at most 16"]).await;
    fixture.create(json!({"NameServers": "ns1.elsewhere.net"})).await.success();
}

/// The owner of the child zone can write anything next to Route 53's name servers.
#[tokio::test(start_paused = true)]
async fn name_servers_at_the_apex_of_the_child_zone_must_be_host_names() {
    let mut fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let (own, delegated) = (fixture.child.name_servers(), fixture.delegated_to());
    for (value, words) in [
        ("10.0.0.1.", "is an address"),
        ("null.", "only one label"),
        ("ns1\\040ns2.example.net.", "not a host name"),
    ] {
        let apex: Vec<String> = own.iter().cloned().chain([value.to_owned()]).collect();
        fixture.child.put(RecordSet::new(NAME, "NS", 60, apex));
        fixture.logical_id = "Second".into();
        refused(&fixture, json!({}), &[words, "[child-apex-differs]"]).await;
        fixture.logical_id = "Delegation".into();
        let answer = fixture.update(&id, json!({}), json!({"Trigger": value})).await.success();
        assert!(answer.get("Warning").contains(words), "{}", answer.0);
        assert_eq!(fixture.delegated_to(), delegated);
    }
}

/// Resolvers use the NS record set at the apex of the child zone. If a second provider serves the
/// zone as well, it is named there next to Route 53.
#[tokio::test(start_paused = true)]
async fn a_child_zone_that_a_second_provider_serves_too() {
    let fixture = Fixture::new().await;
    let own = fixture.child.name_servers();
    let both: Vec<String> = own
        .iter()
        .cloned()
        .chain(["NS1.Elsewhere.net".into(), "ns2.elsewhere.net.".into()])
        .collect();
    fixture.child.put(RecordSet::new(NAME, "NS", 60, both.clone()));
    let answer = fixture.create(json!({})).await.success();
    let mut expected = fixture.child_servers();
    expected.extend(["ns1.elsewhere.net".into(), "ns2.elsewhere.net".into()]);
    expected.sort();
    assert_eq!(
        (fixture.delegated_to(), answer.get("NameServers")),
        (expected.clone(), expected.join(",").as_str())
    );
    // The provider is removed, and an Update follows. If somebody then edits the parent zone back
    // to both providers, the name servers are still ours to remove.
    fixture.child.put(RecordSet::new(NAME, "NS", 60, own));
    fixture.update(answer.id(), json!({}), json!({"Trigger": "again"})).await.success();
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
    fixture.child.put(RecordSet::new(NAME, "NS", 60, both.clone()));
    fixture.put_ns(&both.iter().map(String::as_str).collect::<Vec<_>>());
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!((fixture.delegated_to(), fixture.claims()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn roles_that_are_denied() {
    let fixture = Fixture::new().await;
    refused(&fixture, json!({"ParentExternalId": "wrong-id"}), &["sts:AssumeRole", "parent"]).await;
    refused(
        &fixture,
        json!({"ParentRoleArn": "arn:aws:iam::111111111111:role/nobody"}),
        &["nobody"],
    )
    .await;
    refused(
        &fixture,
        json!({"ParentRoleArn": null, "ParentExternalId": null}),
        &["no public hosted zone named example.com"],
    )
    .await;
    let without_txt = json!({"Version": "2012-10-17", "Statement": [
        {
            "Effect": "Allow",
            "Action": ["route53:ListHostedZonesByName", "route53:ListResourceRecordSets"],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": "route53:ChangeResourceRecordSets",
            "Resource": "*",
            "Condition": {
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsRecordTypes": ["NS"],
                },
            },
        },
    ]});
    fixture.parent_role.clone().without_policies().policy(without_txt);
    let words = [
        "denied",
        "route53:ChangeResourceRecordSets (CREATE and DELETE of NS, DS and TXT)",
        "TXT at _delegation-",
    ];
    refused(&fixture, json!({}), &words).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_answered_is_an_error_of_the_invocation() {
    let fixture = Fixture::new().await;
    for (field, value) in [
        ("ResponseURL", Value::Null),
        // The CDK's Provider framework sends this.
        ("ResponseURL", json!("...")),
        (
            "ResponseURL",
            json!(
                "https://example.com/cloudformation-custom-resource-response-useast1/x?X-Amz-Signature=secret"
            ),
        ),
        ("ResponseURL", json!("http://169.254.169.254/?X-Amz-Signature=secret")),
        ("StackId", Value::Null),
        ("RequestId", json!(7)),
        ("LogicalResourceId", json!("")),
    ] {
        let mut event =
            fixture.event("Create", json!({"ResourceProperties": fixture.properties(json!({}))}));
        event[field] = value;
        let error = fixture.invoke(event).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    for event in
        [Value::Null, json!([]), json!("x"), json!({"Records": [{"Sns": {"Message": "x"}}]})]
    {
        fixture.invoke(event).await.unwrap_err();
    }
    assert_eq!((fixture.actions(), fixture.bucket.puts().len()), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn unknown_request_types_are_answered() {
    let fixture = Fixture::new().await;
    let answer = fixture
        .deliver(fixture.event("Adopt", json!({})))
        .await
        .failed(&["Adopt", "Create, Update or Delete"]);
    assert!(answer.id().starts_with("unresolved/"));
    let answer = fixture
        .deliver(fixture.event("Adopt", json!({"PhysicalResourceId": "an-id"})))
        .await
        .failed(&[]);
    assert_eq!(answer.id(), "an-id");
    fixture.deliver(fixture.event("Delete", json!({}))).await.failed(&["PhysicalResourceId"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_with_duplicate_fields_is_answered_and_changes_nothing() {
    let fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    let revision = fixture.parent.revision();
    let other = json!({"ChildZoneId": "ZOTHER"}).to_string();
    for (kind, field, first) in [
        ("Update", "RequestType", "\"Delete\""),
        ("Update", "ResourceProperties", other.as_str()),
        ("Update", "OldResourceProperties", other.as_str()),
        ("Delete", "ResourceProperties", "null"),
    ] {
        let properties = fixture.properties(json!({}));
        let fields = json!({
            "PhysicalResourceId": id,
            "ResourceProperties": properties,
            "OldResourceProperties": properties,
        });
        let event = fixture.event(kind, fields);
        let text = event.to_string().replacen('{', &format!("{{\"{field}\":{first},"), 1);
        fixture.invoke_text(&text).await.unwrap();
        let answers = fixture.bucket.answers(event["RequestId"].as_str().unwrap());
        let answer = Answer(answers.last().unwrap().json()).failed(&[
            "twice",
            "Nothing was changed",
            "[not-a-request]",
        ]);
        assert_eq!(
            (answer.id(), fixture.parent.revision()),
            (id.as_str(), revision),
            "{kind} {field}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn overlong_values_of_every_property() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(100_000);
    for key in [
        "ChildZoneId",
        "ParentRoleArn",
        "ParentZoneName",
        "DomainName",
        "TTL",
        "NameServers",
        "ParentExternalId",
        "Dnssec",
        &long,
    ] {
        refused(&fixture, json!({key: long}), &[&key[..key.len().min(20)]]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn roles_of_another_partition() {
    let fixture = Fixture::new().await;
    let role = "arn:aws-cn:iam::111111111111:role/parent";
    for property in ["ParentRoleArn", "ChildRoleArn"] {
        refused(
            &fixture,
            json!({property: role}),
            &[property, role, "aws-cn", "across partitions"],
        )
        .await;
    }
    assert_eq!(fixture.actions(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn names_outside_the_allowed_names() {
    let allowed = |names: &str| {
        let names = names.to_owned();
        Config::read(move |name| (name == "DELEGATION_ALLOWED_NAMES").then(|| names.clone()))
            .allowed_names
    };
    let fixture = Fixture::with(|config| config.allowed_names = allowed("*.dev.example.com")).await;
    refused(&fixture, json!({}), &[NAME, "DELEGATION_ALLOWED_NAMES"]).await;
    let dev = fixture.child_account.hosted_zone("a.dev.example.com");
    let id = fixture.create(json!({"ChildZoneId": dev.id()})).await.success().id().to_owned();
    // A replacement would start to manage a name; a Delete does not.
    fixture
        .update(&id, json!({"ChildZoneId": dev.id()}), json!({}))
        .await
        .failed(&[NAME, "DELEGATION_ALLOWED_NAMES"]);
    fixture.delete(&id, json!({"ChildZoneId": dev.id()})).await.success();

    let mut fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.restart(|config| config.allowed_names = allowed("other.example.com")).await;
    fixture.update(&id, json!({}), json!({"TTL": "60"})).await.success();
    fixture.delete(&id, json!({"TTL": "60"})).await.success();
}

#[tokio::test(start_paused = true)]
async fn regression_invalid_settings_are_answered_and_stop_no_delete() {
    let mut fixture = Fixture::new().await;
    let id = fixture.create(json!({})).await.success().id().to_owned();
    fixture.restart(|config| config.problem = Config::read(|_| Some("a..b".into())).problem).await;
    let words = ["The settings of this function are wrong", "DELEGATION_ALLOWED_NAMES", "a..b"];
    assert!(fixture.create(json!({})).await.failed(&words).id().starts_with("unresolved/"));
    fixture.update(&id, json!({}), json!({"TTL": "60"})).await.failed(&words);
    fixture.delete(&id, json!({})).await.success();
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn control_characters_of_a_request_are_escaped_in_the_reason() {
    let fixture = Fixture::new().await;
    let answer = fixture.create(json!({"Tr\n\u{202e}igger\u{1b}[m": "x"})).await;
    let reason = answer.failed(&["Tr\\n\\u{202e}igger\\u{1b}[m"]).reason().to_owned();
    assert!(!reason.contains(|c: char| c.is_control() || c == '\u{202e}'), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn properties_that_cannot_be_parsed_are_answered() {
    let fixture = Fixture::new().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deliver = async |kind: &str, id: Option<&str>, text: &str| {
        let event =
            fixture.event(kind, json!({"PhysicalResourceId": id, "ResourceProperties": "PLACE"}));
        fixture.invoke_text(&event.to_string().replace("\"PLACE\"", text)).await.unwrap();
        let answers = fixture.bucket.answers(event["RequestId"].as_str().unwrap());
        Answer(answers.last().unwrap().json())
    };
    let large = json!({"Trigger": "x".repeat(1 << 20)}).to_string();
    for (text, words) in [(&deep, "recursion limit exceeded"), (&large, "1048590 bytes of JSON")] {
        let answer = deliver("Create", None, text).await.failed(&[
            "ResourceProperties",
            words,
            "Nothing was changed",
        ]);
        assert!(answer.id().starts_with("unresolved/"));
    }
    let id = fixture.create(json!({})).await.success().id().to_owned();
    deliver("Update", Some(&id), &deep).await.failed(&["recursion limit"]);
    // The role is no longer known. The Delete must not fail forever, and says what is left.
    let answer = deliver("Delete", Some(&id), &deep).await.success();
    assert!(answer.get("Warning").contains("left-role-invalid"), "{answer:?}");
    assert_eq!(fixture.delegated_to(), fixture.child_servers());
}

#[tokio::test(start_paused = true)]
async fn name_servers_too_long_for_the_response_are_refused_before_the_change() {
    let fixture = Fixture::new().await;
    let label = "x".repeat(60);
    let long = |number: usize| format!("ns{number}.{label}.{label}.{label}.{label}");
    let given = |count: usize| json!({"NameServers": (0..count).map(long).collect::<Vec<_>>()});
    let reason = fixture
        .create(given(15))
        .await
        .failed(&["bytes", "response to CloudFormation"])
        .reason()
        .to_owned();
    assert!(reason.ends_with("[response-too-long]"), "{reason}");
    assert_eq!((fixture.changes_sent(), fixture.delegated_to()), (0, Vec::new()));
    let answer = fixture.create(given(8)).await.success();
    assert_eq!(answer.get("NameServers").split(',').count(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_name_of_many_labels_takes_few_calls() {
    let fixture = Fixture::new().await;
    let deep = format!("{}example.com", "a.".repeat(110));
    let given = |parent: Value| {
        let mut given =
            json!({"ChildZoneId": null, "DomainName": deep, "NameServers": ["ns1.example.net"]});
        for (key, value) in parent.as_object().unwrap() {
            given[key] = value.clone();
        }
        given
    };
    let name = json!({"ParentZoneId": null, "ParentZoneName": "example.com"});
    for (parent, code) in [
        (json!({}), "[name-too-long]"),
        (name, "[name-too-long]"),
        (json!({"ParentZoneId": null, "ParentZoneName": null}), "[no-enclosing-zone]"),
    ] {
        fixture.aws.clear_calls();
        let reason = fixture.create(given(parent.clone())).await.failed(&[]).reason().to_owned();
        assert!(reason.ends_with(code) && reason.len() < 600, "{reason}");
        // A Create that failed reads again, in case an earlier delivery of it succeeded.
        assert!(fixture.actions().len() <= 40, "{parent}: {:?}", fixture.actions());
    }
}

/// Each retry searched for the parent zone and read every level again: one event of a name 16
/// levels deep made some 350 calls in a minute.
#[tokio::test(start_paused = true)]
async fn a_denied_change_of_a_deep_name_takes_few_calls() {
    let wait = Duration::from_mins(1);
    let fixture = Fixture::with(|config| config.propagation_wait = wait).await;
    let deep = format!("{}example.com", "a.".repeat(16));
    let message = "not authorized".into();
    let denied = FaultKind::Error { status: 403, code: "AccessDenied".into(), message };
    fixture.aws.fault(Fault::on("ChangeResourceRecordSets").kind(denied).always());
    let given = json!({
        "ChildZoneId": null, "ParentZoneId": null,
        "DomainName": deep, "NameServers": ["ns1.example.net", "ns2.example.net"],
    });
    fixture.create(given).await.failed(&["ChangeResourceRecordSets", "denied"]);
    // Two a second, and the attempts without a pause: the first, the one with new credentials, and
    // the last.
    let calls = fixture.actions().len();
    assert!(calls > 60 && calls < 180, "{calls}");
}
