//! Record sets that a delegation would hide, and places where nobody would see it.

use sandbox::RecordSet;
use serde_json::json;

use test_support::{Fixture, NAME};

fn at(owner: &str, rtype: &str) -> RecordSet {
    let value = match rtype {
        "A" => "192.0.2.9",
        "NS" => "ns1.example.net.",
        "CNAME" => "www.example.net.",
        _ => "\"x\"",
    };
    RecordSet::new(owner, rtype, 300, [value])
}

/// `testing\056b` is one label with a dot in it. It is listed between the names below `testing`,
/// and where a page ends at it there are more of these.
#[tokio::test(start_paused = true)]
async fn a_label_with_a_dot_in_it_hides_no_record_behind_the_end_of_a_page() {
    let hidden = at("z.testing.example.com", "A");
    for (fillers, below) in [(98, 0), (0, 300)] {
        let fixture = Fixture::new().await;
        for n in 0..fillers {
            fixture.parent.put(at(&format!("f{n:03}.example.com"), "A"));
        }
        for n in 0..below {
            let own = at(&format!("a{n:03}.testing.example.com"), "A");
            fixture.parent.put(own.clone());
            fixture.child.put(own);
        }
        fixture.parent.put(at(r"testing\056b.example.com", "TXT"));
        fixture.parent.put(hidden.clone());
        fixture.create(json!({})).await.failed(&["hides-records"]);
        assert_eq!(fixture.delegated_to(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_record_sets_that_the_child_zone_lacks() {
    let fixture = Fixture::new().await;
    for (owner, rtype) in
        [(NAME, "TXT"), ("www.testing.example.com", "A"), ("*.testing.example.com", "TXT")]
    {
        fixture.parent.put(at(owner, rtype));
    }
    let revision = fixture.parent.revision();
    let named = [
        "testing.example.com TXT",
        "www.testing.example.com A",
        "*.testing.example.com TXT",
        "AllowOcclusion",
    ];
    let answer = fixture.create(json!({})).await.failed(&named);
    assert!(answer.id().starts_with("unresolved/"));

    // A wildcard in the child zone answers for one name, and a CNAME for another. An A record does
    // not replace a TXT record.
    fixture.child.put(at("*.testing.example.com", "TXT"));
    fixture.child.put(at("www.testing.example.com", "CNAME"));
    fixture.child.put(at(NAME, "A"));
    let reason = fixture
        .create(json!({}))
        .await
        .failed(&["lacks: testing.example.com TXT."])
        .reason()
        .to_owned();
    assert!(!reason.contains("www") && !reason.contains('*'), "{reason}");
    assert_eq!(fixture.parent.revision(), revision);

    fixture.child.put(at(NAME, "TXT"));
    let answer = fixture.create(json!({})).await.success();
    assert_eq!(answer.get("Warning"), "");
    fixture.delete(answer.id(), json!({})).await.success();
    assert_eq!(fixture.delegated_to(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn occlusion_is_allowed_on_request_and_reported() {
    let fixture = Fixture::new().await;
    fixture.parent.put(at("www.testing.example.com", "A"));
    let answer = fixture.create(json!({"AllowOcclusion": "true"})).await.success();
    assert!(answer.get("Warning").contains("www.testing.example.com A"), "{}", answer.0);
    assert!(
        fixture.parent.record("www.testing.example.com", "A").is_some(),
        "the hidden record set must not be removed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_child_zone_outside_route_53_cannot_be_compared() {
    let fixture = Fixture::new().await;
    fixture.parent.put(at("www.testing.example.com", "A"));
    let outside =
        json!({"ChildZoneId": null, "DomainName": NAME, "NameServers": "ns1.example.net"});
    fixture.create(outside).await.failed(&["www.testing.example.com A", "AllowOcclusion"]);
}

#[tokio::test(start_paused = true)]
async fn glue_is_not_hidden() {
    let fixture = Fixture::new().await;
    fixture.parent.put(at("ns1.testing.example.com", "A"));
    fixture.create(json!({"NameServers": "ns1.testing.example.com"})).await.success();
}

#[tokio::test(start_paused = true)]
async fn large_zones_take_few_calls() {
    let fixture = Fixture::new().await;
    for n in 0..10_000 {
        fixture.parent.put(at(&format!("h{n:05}.example.com"), "A"));
        fixture.parent.put(at(&format!("0{n:05}.example.com"), "A"));
        fixture.child.put(at(&format!("h{n:05}.testing.example.com"), "A"));
    }
    for n in [0, 1, 5_000, 9_999] {
        fixture.parent.put(at(&format!("h{n:05}.testing.example.com"), "A"));
    }
    fixture.aws.clear_calls();
    let id = fixture.create(json!({"WaitForSync": "false"})).await.success().id().to_owned();
    let (to_parent, to_child): (Vec<_>, Vec<_>) = fixture
        .aws
        .calls()
        .into_iter()
        .filter(|call| call.service == "route53")
        .partition(|call| call.account == "111111111111");
    let actions =
        |calls: &[sandbox::Call]| calls.iter().map(|call| call.action.clone()).collect::<Vec<_>>();
    assert_eq!(
        to_parent.len(),
        5,
        "the zone, three listings, one change: {:?}",
        actions(&to_parent)
    );
    assert!(to_child.len() <= 6, "{:?}", actions(&to_child));
    fixture.delete(&id, json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn too_many_record_sets_to_compare_are_refused() {
    let fixture = Fixture::new().await;
    for n in 0..301 {
        let record = at(&format!("h{n:03}.testing.example.com"), "A");
        fixture.parent.put(record.clone());
        fixture.child.put(record);
    }
    fixture.aws.clear_calls();
    fixture.create(json!({})).await.failed(&["than can be compared", "AllowOcclusion"]);
    assert!(fixture.actions().len() < 12, "{:?}", fixture.actions());
    fixture.parent.remove("h300.testing.example.com", "A");
    fixture.create(json!({})).await.success();
}

#[tokio::test(start_paused = true)]
async fn glue_beyond_the_first_page_is_found() {
    let fixture = Fixture::new().await;
    for n in 0..301 {
        fixture.parent.put(at(&format!("h{n:03}.testing.example.com"), "A"));
    }
    let servers = json!({"NameServers": "ns1.testing.example.com", "AllowOcclusion": true});
    fixture.create(servers.clone()).await.failed(&["ns1.testing.example.com", "no A or AAAA"]);
    fixture.parent.put(at("ns1.testing.example.com", "A"));
    fixture.create(servers).await.success();
}

#[tokio::test(start_paused = true)]
async fn a_name_below_a_delegation_is_refused_and_the_message_names_the_zone_to_use() {
    let fixture = Fixture::new().await;
    fixture.create(json!({})).await.success();
    let deep = fixture.child_account.hosted_zone("a.dev.testing.example.com");
    let revision = fixture.parent.revision();
    let words =
        ["a.dev.testing.example.com", "already delegates testing.example.com", "ParentZoneName"];
    fixture.create(json!({"ChildZoneId": deep.id()})).await.failed(&words);
    // Without a parent zone in the properties, the closest enclosing zone of the account is the
    // same.
    fixture.create(json!({"ChildZoneId": deep.id(), "ParentZoneName": null})).await.failed(&words);
    assert_eq!(fixture.parent.revision(), revision);
    let inner = fixture.parent_account.hosted_zone("dev.testing.example.com");
    let answer =
        fixture.create(json!({"ChildZoneId": deep.id(), "ParentZoneName": null})).await.success();
    assert_eq!(answer.get("ParentZoneId"), inner.id());
}

#[tokio::test(start_paused = true)]
async fn a_wildcard_that_no_longer_answers_is_reported() {
    let fixture = Fixture::new().await;
    fixture.parent.put(at("*.example.com", "A"));
    let deep = fixture.child_account.hosted_zone("a.b.example.com");
    // b.example.com exists once a.b.example.com does (RFC 4592, section 2.2.2).
    for (zone, name) in [(&fixture.child, NAME), (&deep, "b.example.com")] {
        let answer = fixture.create(json!({"ChildZoneId": zone.id()})).await.success();
        let warning = answer.get("Warning");
        let words = format!("answered for {name} and the names below it");
        assert!(warning.contains("*.example.com") && warning.contains(&words), "{warning}");
        fixture.delete(answer.id(), json!({"ChildZoneId": zone.id()})).await.success();
    }
    fixture.parent.put(at("www.b.example.com", "A"));
    let answer = fixture.create(json!({"ChildZoneId": deep.id()})).await.success();
    assert_eq!(
        answer.get("Warning"),
        "",
        "b.example.com exists, so the wildcard did not answer below it"
    );
}

/// The parent zone has the name server `ns1.example.com`, whose address the child zone has, too.
#[tokio::test(start_paused = true)]
async fn a_pattern_does_not_allow_a_delegation_of_the_parent_zone_s_name_servers() {
    let allowing = |names: &'static str| {
        let get = move |key: &str| (key == "DELEGATION_ALLOWED_NAMES").then(|| names.to_owned());
        custom_delegation::config::Config::read(get).allowed_names
    };
    let mut fixture = Fixture::with(|config| config.allowed_names = allowing("*")).await;
    let server = "ns1.example.com";
    fixture.parent.put(at(server, "A"));
    let servers = ["ns1.example.com.", "ns-1.awsdns-00.org.", "a..b."];
    fixture.parent.put(RecordSet::new("example.com", "NS", 172_800, servers));
    let child = fixture.child_account.hosted_zone(server);
    child.put(at(server, "A"));
    let covered = json!({"ChildZoneId": child.id()});
    let hiding = json!({
        "ChildZoneId": null, "DomainName": server, "AllowOcclusion": true,
        "NameServers": ["ns1.elsewhere.example.net", "ns2.elsewhere.example.net"],
    });
    let revision = fixture.parent.revision();
    for names in [Some("*"), Some("*.example.com"), None] {
        fixture.restart(|config| config.allowed_names = names.and_then(allowing)).await;
        for properties in [&covered, &hiding] {
            let words = [server, "parent-name-server", "DELEGATION_ALLOWED_NAMES"];
            fixture.create(properties.clone()).await.failed(&words);
        }
    }
    assert_eq!(fixture.parent.revision(), revision);
    fixture
        .restart(|config| config.allowed_names = allowing("*.example.com, ns1.example.com"))
        .await;
    fixture.create(covered).await.success();
}

/// Mail and another delegation depend on `mail.example.com` and `ns.example.com`. The function
/// would have to read the whole zone to know.
#[tokio::test(start_paused = true)]
async fn known_a_delegation_takes_host_names_that_records_of_others_use() {
    let fixture = Fixture::new().await;
    fixture.parent.put(RecordSet::new("example.com", "MX", 300, ["10 mail.example.com."]));
    fixture.parent.put(RecordSet::new("dev.example.com", "NS", 300, ["ns.example.com."]));
    for host in ["mail.example.com", "ns.example.com"] {
        fixture.parent.put(at(host, "A"));
        let child = fixture.child_account.hosted_zone(host);
        child.put(at(host, "A"));
        let answer = fixture.create(json!({"ChildZoneId": child.id()})).await.success();
        assert_eq!(answer.get("Warning"), "");
    }
}
