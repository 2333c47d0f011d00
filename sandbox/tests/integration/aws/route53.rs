//! Route 53, called with the unmodified SDK.

use crate::aws::common::{batch, change, create, fixture, route53_client, set};
use aws_sdk_route53::error::ProvideErrorMetadata;
use aws_sdk_route53::types::{ChangeAction, ChangeStatus, HostedZone, HostedZoneConfig, RrType};
use sandbox::{Action, Guardrail, KeySigningKey, RecordSet, SyncRule};

#[tokio::test]
async fn round_trip() {
    let fixture = fixture().await;
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let id = fixture.zone.id();

    let zone = client.get_hosted_zone().id(&id).send().await.unwrap();
    let hosted = zone.hosted_zone().unwrap();
    assert_eq!(
        (hosted.id(), hosted.name()),
        (format!("/hostedzone/{id}").as_str(), "example.com.")
    );
    assert!(!hosted.config().unwrap().private_zone());
    assert_eq!(zone.delegation_set().unwrap().name_servers(), fixture.zone.name_servers());

    let servers = ["ns1.example.org.", "ns2.example.org."];
    let changes = create("Testing.Example.com", "NS", &servers);
    let answer = client
        .change_resource_record_sets()
        .hosted_zone_id(&id)
        .change_batch(changes)
        .send()
        .await
        .unwrap();
    let info = answer.change_info().unwrap();
    assert_eq!((info.status(), info.comment()), (&ChangeStatus::Pending, Some("a test")));
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = client.get_change().id(info.id()).send().await.unwrap();
        seen.push(answer.change_info().unwrap().status().clone());
    }
    assert_eq!(seen, [ChangeStatus::Pending, ChangeStatus::Insync, ChangeStatus::Insync]);

    let list = client
        .list_resource_record_sets()
        .hosted_zone_id(&id)
        .start_record_name("testing.example.com");
    let listed = list.send().await.unwrap();
    assert_eq!(listed.resource_record_sets(), [set("testing.example.com.", "NS", 300, &servers)]);
    assert_eq!(
        fixture.zone.record("testing.example.com", "NS"),
        Some(RecordSet::new("testing.example.com", "NS", 300, servers))
    );

    let delete =
        batch(vec![change(ChangeAction::Delete, listed.resource_record_sets()[0].clone())]);
    client
        .change_resource_record_sets()
        .hosted_zone_id(&id)
        .change_batch(delete)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (fixture.zone.record("testing.example.com", "NS"), fixture.zone.revision()),
        (None, 2)
    );

    let calls = fixture.aws.calls();
    let actions: Vec<&str> = calls.iter().map(|call| call.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "GetHostedZone",
            "ChangeResourceRecordSets",
            "GetChange",
            "GetChange",
            "GetChange",
            "ListResourceRecordSets",
            "ChangeResourceRecordSets"
        ]
    );
    assert!(
        calls.iter().all(|call| call.succeeded() && call.account == crate::aws::common::PARENT)
    );
    assert_eq!(
        (calls[1].changes[0].action, calls[1].changes[0].record.name.as_str()),
        (Action::Create, "Testing.Example.com")
    );
    assert_eq!(
        (calls[1].comment.as_deref(), calls[1].zone.as_deref()),
        (Some("a test"), Some(id.as_str()))
    );
}

#[tokio::test]
async fn the_sdk_parses_an_invalid_change_batch() {
    let fixture = fixture().await;
    fixture.zone.put(RecordSet::new("testing.example.com", "NS", 300, ["ns1.example.org."]));
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 3);
    let changes = batch(vec![
        change(ChangeAction::Create, set("testing.example.com", "NS", 300, &["ns1.example.org."])),
        change(ChangeAction::Delete, set("absent.example.com", "A", 300, &["192.0.2.1"])),
        change(ChangeAction::Create, set("fine.example.com", "A", 300, &["192.0.2.1"])),
    ]);
    let before = (fixture.zone.records(), fixture.zone.revision());
    let answer = client
        .change_resource_record_sets()
        .hosted_zone_id(fixture.zone.id())
        .change_batch(changes)
        .send()
        .await;
    let error = answer.unwrap_err().into_service_error();
    assert!(error.is_invalid_change_batch());
    assert_eq!(error.code(), Some("InvalidChangeBatch"));
    assert_eq!(
        error.message(),
        Some(
            "[Tried to create resource record set [name='testing.example.com.', type='NS'] but it already exists, Tried to \
             delete resource record set [name='absent.example.com.', type='A'] but it was not found]"
        )
    );
    assert_eq!(
        (fixture.zone.records(), fixture.zone.revision()),
        before,
        "no change of the batch may be applied"
    );
    assert_eq!(fixture.aws.calls().len(), 1, "the SDK must not retry");
    assert_eq!(fixture.aws.calls()[0].code(), Some("InvalidChangeBatch"));
}

#[tokio::test]
async fn unknown_and_malformed_zones() {
    let fixture = fixture().await;
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let get = async |id: &str| {
        client.get_hosted_zone().id(id).send().await.unwrap_err().into_service_error()
    };
    let error = get("ZUNKNOWN").await;
    assert!(error.is_no_such_hosted_zone());
    assert_eq!(error.message(), Some("No hosted zone found with ID: ZUNKNOWN"));
    assert!(get(&"Z".repeat(33)).await.is_invalid_input());
    let change = client.get_change().id("CUNKNOWN").send().await.unwrap_err().into_service_error();
    assert!(change.is_no_such_change());
}

#[tokio::test]
async fn other_accounts_zones_are_denied_and_not_listed() {
    let fixture = fixture().await;
    let client = route53_client(&fixture.aws, &fixture.child.user_credentials(), 1);
    let error = client
        .get_hosted_zone()
        .id(fixture.zone.id())
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(error.code(), Some("AccessDenied"));
    assert_eq!(
        error.message(),
        Some(
            "User: arn:aws:iam::222222222222:user/admin is not authorized to access this resource"
        )
    );
    assert!(client.list_hosted_zones().send().await.unwrap().hosted_zones().is_empty());
    assert!(client.list_hosted_zones_by_name().send().await.unwrap().hosted_zones().is_empty());
}

#[tokio::test]
async fn record_sets_over_pages() {
    let fixture = fixture().await;
    for n in 0..700 {
        fixture.zone.put(RecordSet::new(&format!("h{n}.example.com"), "A", 300, ["192.0.2.1"]));
    }
    fixture.zone.put(RecordSet::new("*.example.com", "TXT", 300, ["\"x\""]));
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let pages = client.list_resource_record_sets().hosted_zone_id(fixture.zone.id());
    let mut names = Vec::new();
    let mut next: Option<(String, RrType)> = None;
    loop {
        let mut request = pages.clone();
        if let Some((name, rtype)) = next {
            request = request.start_record_name(name).start_record_type(rtype);
        }
        let page = request.send().await.unwrap();
        names.extend(page.resource_record_sets().iter().map(|set| set.name().to_owned()));
        if !page.is_truncated() {
            break;
        }
        next = Some((
            page.next_record_name().unwrap().to_owned(),
            page.next_record_type().unwrap().clone(),
        ));
    }
    let expected: Vec<String> = fixture.zone.records().into_iter().map(|set| set.name).collect();
    assert_eq!(names, expected);
    assert_eq!(names[2], "\\052.example.com.");
    assert_eq!(fixture.aws.calls().len(), 3, "300 + 300 + 103");
}

#[tokio::test]
async fn zones_by_name_include_duplicates_and_private_zones() {
    let fixture = fixture().await;
    fixture.parent.private_hosted_zone("example.com");
    fixture.parent.hosted_zone("example.com");
    fixture.parent.hosted_zone("example.net");
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let page = client
        .list_hosted_zones_by_name()
        .dns_name("example.com")
        .max_items(2)
        .send()
        .await
        .unwrap();
    assert_eq!(page.hosted_zones().len(), 2);
    assert!(page.is_truncated());
    let rest = client
        .list_hosted_zones_by_name()
        .set_dns_name(page.next_dns_name().map(str::to_owned))
        .set_hosted_zone_id(page.next_hosted_zone_id().map(str::to_owned))
        .send()
        .await
        .unwrap();
    let names: Vec<&str> = rest.hosted_zones().iter().map(HostedZone::name).collect();
    assert_eq!(names, ["example.com.", "example.net."]);
    let all = page.hosted_zones().iter().chain(rest.hosted_zones());
    assert_eq!(
        all.filter(|zone| zone.config().is_some_and(HostedZoneConfig::private_zone)).count(),
        1
    );
}

#[tokio::test]
async fn private_zones_have_vpcs_instead_of_name_servers() {
    let fixture = fixture().await;
    let private = fixture.parent.private_hosted_zone("internal.example.com");
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let zone = client.get_hosted_zone().id(private.id()).send().await.unwrap();
    assert!(zone.delegation_set().is_none());
    assert_eq!(zone.vpcs().len(), 1);
    assert!(zone.hosted_zone().unwrap().config().unwrap().private_zone());
}

#[tokio::test]
async fn zones_are_created_and_deleted_through_the_api() {
    let fixture = fixture().await;
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let create =
        || client.create_hosted_zone().name("new.example.com").caller_reference("once").send();
    let made = create().await.unwrap();
    let id = made.hosted_zone().unwrap().id().trim_start_matches("/hostedzone/").to_owned();
    assert_eq!(
        made.delegation_set().unwrap().name_servers(),
        fixture.aws.zone(&id).unwrap().name_servers()
    );
    assert!(create().await.unwrap_err().into_service_error().is_hosted_zone_already_exists());

    let zone = fixture.aws.zone(&id).unwrap();
    zone.put(RecordSet::new("www.new.example.com", "A", 300, ["192.0.2.1"]));
    let error = client.delete_hosted_zone().id(&id).send().await.unwrap_err().into_service_error();
    assert!(error.is_hosted_zone_not_empty());
    zone.remove("www.new.example.com", "A");
    client.delete_hosted_zone().id(&id).send().await.unwrap();
    assert!(!zone.exists());
}

#[tokio::test]
async fn dnssec() {
    let fixture = fixture().await;
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let get = || client.get_dnssec().hosted_zone_id(fixture.zone.id()).send();
    let plain = get().await.unwrap();
    assert_eq!(plain.status().unwrap().serve_signature(), Some("NOT_SIGNING"));
    assert!(plain.key_signing_keys().is_empty());
    fixture.zone.sign([KeySigningKey::active("one", 12345, &"AB".repeat(32))]);
    let signing = get().await.unwrap();
    assert_eq!(signing.status().unwrap().serve_signature(), Some("SIGNING"));
    let key = &signing.key_signing_keys()[0];
    assert_eq!((key.name(), key.status(), key.key_tag()), (Some("one"), Some("ACTIVE"), 12345));
    assert_eq!(key.ds_record(), Some(format!("12345 13 2 {}", "AB".repeat(32)).as_str()));
}

#[tokio::test]
async fn dnssec_with_real_keys() {
    let fixture = fixture().await;
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let get = || client.get_dnssec().hosted_zone_id(fixture.zone.id()).send();
    let real = fixture.zone.create_key("one");
    let created = get().await.unwrap();
    assert_eq!(created.status().unwrap().serve_signature(), Some("NOT_SIGNING"));
    let key = &created.key_signing_keys()[0];
    assert_eq!(
        (key.name(), key.status(), key.flag(), key.key_tag()),
        (Some("one"), Some("ACTIVE"), 257, i32::from(real.key_tag))
    );
    assert_eq!((key.signing_algorithm_type(), key.digest_algorithm_type()), (13, 2));
    assert_eq!(
        key.ds_record(),
        Some(format!("{} 13 2 {}", real.key_tag, key.digest_value().unwrap()).as_str())
    );
    assert_eq!(key.digest_value().unwrap().len(), 64);
    assert_eq!(
        key.dnskey_record(),
        Some(format!("257 3 13 {}", key.public_key().unwrap()).as_str())
    );
    fixture.zone.start_signing();
    fixture.aws.clock().advance(std::time::Duration::from_mins(1));
    assert!(
        fixture.zone.set_key_status("one", "INACTIVE")
            && !fixture.zone.set_key_status("none", "ACTIVE")
    );
    let changed = get().await.unwrap().key_signing_keys()[0].clone();
    assert_eq!(changed.created_date(), key.created_date());
    let modified =
        |key: &aws_sdk_route53::types::KeySigningKey| key.last_modified_date().unwrap().secs();
    assert!(modified(&changed) >= modified(key) + 60);
    let two = fixture.zone.create_key("two");
    let signing = get().await.unwrap();
    assert_eq!(signing.status().unwrap().serve_signature(), Some("SIGNING"));
    let statuses: Vec<_> = signing
        .key_signing_keys()
        .iter()
        .map(|key| (key.name().unwrap(), key.status().unwrap()))
        .collect();
    assert_eq!(statuses, [("one", "INACTIVE"), ("two", "ACTIVE")]);
    assert!(fixture.zone.delete_key("one") && !fixture.zone.delete_key("one"));
    assert_ne!(fixture.zone.create_key("two"), two, "the new key must replace the old one");
    assert_eq!(get().await.unwrap().key_signing_keys().len(), 1);
    fixture.zone.unsign();
    assert_eq!(get().await.unwrap().status().unwrap().serve_signature(), Some("NOT_SIGNING"));
}

#[tokio::test]
async fn sync_rules() {
    let fixture = fixture().await;
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let mut n = 0;
    for (rule, at_once, polled) in [
        (SyncRule::Immediately, ChangeStatus::Insync, ChangeStatus::Insync),
        (SyncRule::Polls(0), ChangeStatus::Pending, ChangeStatus::Insync),
        (SyncRule::Never, ChangeStatus::Pending, ChangeStatus::Pending),
    ] {
        n += 1;
        fixture.aws.sync_after(rule);
        let batch = create(&format!("h{n}.example.com"), "A", &["192.0.2.1"]);
        let change = client
            .change_resource_record_sets()
            .hosted_zone_id(fixture.zone.id())
            .change_batch(batch);
        let info = change.send().await.unwrap().change_info().unwrap().clone();
        let got = client.get_change().id(info.id()).send().await.unwrap();
        assert_eq!(
            (info.status(), got.change_info().unwrap().status()),
            (&at_once, &polled),
            "{rule:?}"
        );
    }
}

#[tokio::test]
async fn guardrails_and_refusals() {
    let fixture = fixture().await;
    let child = fixture.child.hosted_zone("testing.example.com");
    let client = route53_client(&fixture.aws, &fixture.parent.user_credentials(), 1);
    let send = async |servers: &[&str]| {
        let batch = create("testing.example.com", "NS", servers);
        client
            .change_resource_record_sets()
            .hosted_zone_id(fixture.zone.id())
            .change_batch(batch)
            .send()
            .await
    };
    let error = send(&["ns-1.awsdns-00.com."]).await.unwrap_err().into_service_error();
    assert!(error.message().unwrap().contains("NS_DELEGATION_AUTHORITY_CHECK"), "{error:?}");

    fixture.zone.refuse_when(std::sync::Arc::new(|changes| {
        changes.iter().any(|change| change.record.rtype == "NS").then(|| "not today".to_owned())
    }));
    let servers = child.name_servers();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    let error = send(&servers).await.unwrap_err().into_service_error();
    assert_eq!(error.message(), Some("[not today]"));
    fixture.aws.clear_hooks();
    send(&servers).await.unwrap();

    fixture.zone.enable_guardrail(Guardrail::ActiveDelegation);
    let delete =
        batch(vec![change(ChangeAction::Delete, set("testing.example.com", "NS", 300, &servers))]);
    let request =
        client.change_resource_record_sets().hosted_zone_id(fixture.zone.id()).change_batch(delete);
    let error = request.send().await.unwrap_err().into_service_error();
    assert!(error.message().unwrap().contains("ACTIVE_DELEGATION_CHECK"), "{error:?}");
}
