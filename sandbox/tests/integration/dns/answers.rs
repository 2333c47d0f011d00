//! The answers of an authoritative server (RFC 1034 section 4.3.2, RFC 2308, RFC 4592).

use hickory_proto::op::ResponseCode;
use sandbox::RecordSet;

use crate::dns::common::{Shape, ask, data, dotted, fixture, lines};

#[tokio::test]
async fn answers_with_data_are_authoritative() {
    let fixture = fixture().await;
    let answer = ask(fixture.server(&fixture.parent), "www.example.com", "A").await;
    assert_eq!(Shape::new(&answer), Shape::authoritative(ResponseCode::NoError, [2, 0, 0]));
    assert_eq!(
        lines(&answer.answers),
        ["www.example.com. 60 IN A 192.0.2.1", "www.example.com. 60 IN A 192.0.2.2"]
    );
    assert!(!answer.metadata.recursion_available && !answer.metadata.truncation);
}

#[tokio::test]
async fn all_four_servers_serve_the_zone_and_no_other() {
    let fixture = fixture().await;
    for server in fixture.child.name_servers() {
        let answer = ask(fixture.dns.server(&server), "testing.example.com", "SOA").await;
        assert_eq!(
            Shape::new(&answer),
            Shape::authoritative(ResponseCode::NoError, [1, 0, 0]),
            "{server}"
        );
        let parent = ask(fixture.dns.server(&server), "www.example.com", "A").await;
        assert_eq!(
            Shape::new(&parent),
            Shape::not_authoritative(ResponseCode::Refused, [0, 0, 0]),
            "{server}"
        );
    }
    let nobody =
        ask(fixture.dns.server("ns-2047.awsdns-63.co.uk"), "testing.example.com", "SOA").await;
    assert_eq!(Shape::new(&nobody), Shape::not_authoritative(ResponseCode::Refused, [0, 0, 0]));
}

#[tokio::test]
async fn a_private_or_deleted_zone_is_not_served() {
    let fixture = fixture().await;
    let private = fixture.account.private_hosted_zone("internal.example.com");
    assert_eq!(
        ask(fixture.server(&private), "internal.example.com", "SOA").await.metadata.response_code,
        ResponseCode::Refused
    );
    let server = fixture.server(&fixture.child);
    fixture.child.delete();
    assert_eq!(
        Shape::new(&ask(server, "testing.example.com", "SOA").await),
        Shape::not_authoritative(ResponseCode::Refused, [0, 0, 0])
    );
}

#[tokio::test]
async fn a_zone_cut_gives_a_referral() {
    let fixture = fixture().await;
    let server = fixture.server(&fixture.parent);
    for (owner, rtype) in [
        ("testing.example.com", "NS"),
        ("testing.example.com", "A"),
        ("a.b.testing.example.com", "DS"),
    ] {
        let answer = ask(server, owner, rtype).await;
        assert_eq!(
            Shape::new(&answer),
            Shape::not_authoritative(ResponseCode::NoError, [0, 4, 0]),
            "{owner} {rtype}"
        );
        assert_eq!(data(&answer.authorities, "NS"), dotted(&fixture.child.name_servers()));
        assert!(
            answer
                .authorities
                .iter()
                .all(|record| record.name.to_string() == "testing.example.com.")
        );
    }
}

#[tokio::test]
async fn a_referral_includes_glue() {
    let fixture = fixture().await;
    fixture.parent.put(RecordSet::new(
        "sub.example.com",
        "NS",
        300,
        ["ns1.sub.example.com", "ns2.example.com", "ns.dns-host.net"],
    ));
    fixture.parent.put(RecordSet::new("ns1.sub.example.com", "A", 300, ["127.0.0.9"]));
    fixture.parent.put(RecordSet::new("ns1.sub.example.com", "AAAA", 300, ["2001:db8::9"]));
    fixture.parent.put(RecordSet::new("ns2.example.com", "A", 300, ["127.0.0.10"]));
    let answer = ask(fixture.server(&fixture.parent), "www.sub.example.com", "A").await;
    assert_eq!(Shape::new(&answer), Shape::not_authoritative(ResponseCode::NoError, [0, 3, 3]));
    assert_eq!(data(&answer.additionals, "A"), ["127.0.0.10", "127.0.0.9"]);
    assert_eq!(data(&answer.additionals, "AAAA"), ["2001:db8::9"]);
    let glue = ask(fixture.server(&fixture.parent), "ns1.sub.example.com", "A").await;
    assert_eq!(
        Shape::new(&glue),
        Shape::not_authoritative(ResponseCode::NoError, [0, 3, 3]),
        "a query for glue must get a referral"
    );
}

#[tokio::test]
async fn the_parent_answers_ds_queries() {
    let fixture = fixture().await;
    let server = fixture.server(&fixture.parent);
    let none = ask(server, "testing.example.com", "DS").await;
    assert_eq!(Shape::new(&none), Shape::authoritative(ResponseCode::NoError, [0, 1, 0]));
    assert_eq!(none.authorities[0].name.to_string(), "example.com.");
    let digest = "AB".repeat(32);
    fixture.parent.put(RecordSet::new(
        "testing.example.com",
        "DS",
        60,
        [format!("12345 13 2 {digest}")],
    ));
    let ds = ask(server, "testing.example.com", "DS").await;
    assert_eq!(Shape::new(&ds), Shape::authoritative(ResponseCode::NoError, [1, 0, 0]));
    assert_eq!(data(&ds.answers, "DS"), [format!("12345 13 2 {digest}")]);
    let child = ask(fixture.server(&fixture.child), "testing.example.com", "DS").await;
    assert_eq!(Shape::new(&child), Shape::authoritative(ResponseCode::NoError, [0, 1, 0]));
    assert_eq!(child.authorities[0].name.to_string(), "testing.example.com.");
}

#[tokio::test]
async fn a_server_of_both_zones_answers_from_the_closest() {
    let fixture = fixture().await;
    let ds = RecordSet::new("sub.example.org", "DS", 60, [format!("1 13 2 {}", "AB".repeat(32))]);
    let cut = RecordSet::new("sub.example.org", "NS", 60, ["ns.dns-host.net"]);
    fixture.dns.zone("example.org", ["ns.dns-host.net"], [ds, cut]);
    fixture.dns.zone("sub.example.org", ["ns.dns-host.net"], []);
    let server = fixture.dns.server("ns.dns-host.net");
    let soa = ask(server, "sub.example.org", "SOA").await;
    assert_eq!(Shape::new(&soa), Shape::authoritative(ResponseCode::NoError, [1, 0, 0]));
    assert_eq!(soa.answers[0].name.to_string(), "sub.example.org.");
    assert_eq!(
        Shape::new(&ask(server, "sub.example.org", "DS").await),
        Shape::authoritative(ResponseCode::NoError, [1, 0, 0])
    );
}

#[tokio::test]
async fn negative_answers_include_the_soa() {
    let fixture = fixture().await;
    let server = fixture.server(&fixture.parent);
    let no_name = ask(server, "nothing.example.com", "A").await;
    assert_eq!(Shape::new(&no_name), Shape::authoritative(ResponseCode::NXDomain, [0, 1, 0]));
    let no_data = ask(server, "www.example.com", "AAAA").await;
    assert_eq!(Shape::new(&no_data), Shape::authoritative(ResponseCode::NoError, [0, 1, 0]));
    assert_eq!(
        (no_data.authorities[0].name.to_string().as_str(), no_data.authorities[0].ttl),
        ("example.com.", 900)
    );
    let soa = "ns.example.net. h.example.net. 1 7200 900 1209600 30";
    fixture.parent.put(RecordSet::new("example.com", "SOA", 900, [soa]));
    assert_eq!(
        ask(server, "www.example.com", "AAAA").await.authorities[0].ttl,
        30,
        "the TTL is the smaller of the SOA's TTL and its MINIMUM"
    );
    fixture.dns.cap_ttl(7);
    assert_eq!(ask(server, "www.example.com", "AAAA").await.authorities[0].ttl, 7);
    assert_eq!(ask(server, "www.example.com", "A").await.answers[0].ttl, 7);
}

#[tokio::test]
async fn a_name_with_names_below_it_exists() {
    let fixture = fixture().await;
    fixture.parent.put(RecordSet::new("a.b.c.example.com", "A", 60, ["192.0.2.4"]));
    for owner in ["b.c.example.com", "c.example.com"] {
        let answer = ask(fixture.server(&fixture.parent), owner, "A").await;
        assert_eq!(
            Shape::new(&answer),
            Shape::authoritative(ResponseCode::NoError, [0, 1, 0]),
            "{owner}"
        );
    }
}

#[tokio::test]
async fn an_alias_is_followed_within_the_zone() {
    let fixture = fixture().await;
    let server = fixture.server(&fixture.parent);
    fixture.parent.put(RecordSet::new("one.example.com", "CNAME", 60, ["two.example.com"]));
    fixture.parent.put(RecordSet::new("two.example.com", "CNAME", 60, ["www.example.com"]));
    fixture.parent.put(RecordSet::new("out.example.com", "CNAME", 60, ["www.example.net"]));
    fixture.parent.put(RecordSet::new(
        "down.example.com",
        "CNAME",
        60,
        ["host.testing.example.com"],
    ));
    fixture.parent.put(RecordSet::new("loop.example.com", "CNAME", 60, ["loop.example.com"]));
    assert_eq!(
        Shape::new(&ask(server, "one.example.com", "A").await),
        Shape::authoritative(ResponseCode::NoError, [4, 0, 0])
    );
    assert_eq!(
        Shape::new(&ask(server, "one.example.com", "CNAME").await),
        Shape::authoritative(ResponseCode::NoError, [1, 0, 0])
    );
    assert_eq!(
        Shape::new(&ask(server, "out.example.com", "A").await),
        Shape::authoritative(ResponseCode::NoError, [1, 0, 0])
    );
    assert_eq!(
        Shape::new(&ask(server, "down.example.com", "A").await),
        Shape::authoritative(ResponseCode::NoError, [1, 4, 0])
    );
    assert!(ask(server, "loop.example.com", "A").await.metadata.authoritative, "it ends");
}

#[tokio::test]
async fn a_wildcard_answers_for_names_that_do_not_exist() {
    let fixture = fixture().await;
    let server = fixture.server(&fixture.parent);
    fixture.parent.put(RecordSet::new("*.example.com", "TXT", 60, ["\"wild\""]));
    fixture.parent.put(RecordSet::new("*.w.example.com", "CNAME", 60, ["www.example.com"]));
    let wild = ask(server, "any.thing.example.com", "TXT").await;
    assert_eq!(lines(&wild.answers), ["any.thing.example.com. 60 IN TXT wild"]);
    assert_eq!(
        Shape::new(&ask(server, "any.example.com", "A").await),
        Shape::authoritative(ResponseCode::NoError, [0, 1, 0])
    );
    assert_eq!(
        Shape::new(&ask(server, "x.w.example.com", "A").await),
        Shape::authoritative(ResponseCode::NoError, [3, 0, 0])
    );
    assert_eq!(
        Shape::new(&ask(server, "www.example.com", "TXT").await),
        Shape::authoritative(ResponseCode::NoError, [0, 1, 0]),
        "it exists"
    );
    let below = ask(server, "x.www.example.com", "TXT").await;
    assert_eq!(
        Shape::new(&below),
        Shape::authoritative(ResponseCode::NXDomain, [0, 1, 0]),
        "its closest encloser has no wildcard"
    );
    let cut = ask(server, "x.testing.example.com", "TXT").await;
    assert_eq!(
        Shape::new(&cut),
        Shape::not_authoritative(ResponseCode::NoError, [0, 4, 0]),
        "no wildcard reaches below a zone cut"
    );
}

#[tokio::test]
async fn names_are_compared_ignoring_case_and_escapes() {
    let fixture = fixture().await;
    let server = fixture.server(&fixture.parent);
    assert_eq!(ask(server, "WwW.eXample.com", "A").await.answers.len(), 2);
    fixture.parent.put(RecordSet::new(
        "_delegation-testing.example.com",
        "TXT",
        60,
        ["\"heritage=custom-delegation,owner=a/b\""],
    ));
    let claim = ask(server, "_delegation-testing.example.com", "TXT").await;
    assert_eq!(data(&claim.answers, "TXT"), ["heritage=custom-delegation,owner=a/b"]);
}

#[tokio::test]
async fn any_returns_everything_and_an_apex_its_servers_addresses() {
    let fixture = fixture().await;
    let any = ask(fixture.server(&fixture.parent), "example.com", "ANY").await;
    assert_eq!(Shape::new(&any), Shape::authoritative(ResponseCode::NoError, [5, 0, 0]));
    let vanity = fixture.dns.zone("vanity.org", ["ns1.vanity.org"], []);
    let servers = ask(fixture.dns.server("ns1.vanity.org"), &vanity.name(), "NS").await;
    assert_eq!(Shape::new(&servers), Shape::authoritative(ResponseCode::NoError, [1, 0, 1]));
    assert_eq!(
        data(&servers.additionals, "A"),
        [fixture.dns.server("ns1.vanity.org").ip().to_string()]
    );
}
