//! The wire form of signed answers (RFC 4035 section 3.1, RFC 9824). The tests with unbound verify
//! the signatures.

use hickory_proto::dnssec::DigestType;
use hickory_proto::dnssec::rdata::DNSSECRData;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData};
use sandbox::{KeySigningKey, RecordSet, ZoneHandle};

use crate::dns::common::{Fixture, Shape, data, exchange, fixture, query, resolve, with_dnssec_ok};

/// Queries the zone's first server and returns the response, with DNSSEC records.
async fn signed(fixture: &Fixture, zone: &ZoneHandle, owner: &str, rtype: &str) -> Message {
    exchange(fixture.server(zone), &with_dnssec_ok(query(owner, rtype), 1232)).await
}

#[tokio::test]
async fn signatures_are_sent_on_request() {
    let fixture = fixture().await;
    fixture.parent.create_key("one");
    let before = signed(&fixture, &fixture.parent, "www.example.com", "A").await;
    assert_eq!(Shape::new(&before).counts, [2, 0, 0], "the zone is not signed yet");
    fixture.parent.start_signing();
    let answer = signed(&fixture, &fixture.parent, "www.example.com", "A").await;
    assert_eq!(Shape::new(&answer), Shape::authoritative(ResponseCode::NoError, [3, 0, 0]));
    assert_eq!(data(&answer.answers, "RRSIG").len(), 1);
    let plain = exchange(fixture.server(&fixture.parent), &query("www.example.com", "A")).await;
    assert_eq!(
        Shape::new(&plain).counts,
        [2, 0, 0],
        "a query without the DO bit must get no signatures"
    );
    fixture.parent.unsign();
    assert_eq!(
        Shape::new(&signed(&fixture, &fixture.parent, "www.example.com", "A").await).counts,
        [2, 0, 0]
    );
}

#[tokio::test]
async fn the_active_keys_are_published_and_sign_themselves() {
    let fixture = fixture().await;
    let (one, two) = (fixture.parent.create_key("one"), fixture.parent.create_key("two"));
    fixture.parent.start_signing();
    let keys = signed(&fixture, &fixture.parent, "example.com", "DNSKEY").await;
    assert_eq!(
        Shape::new(&keys),
        Shape::authoritative(ResponseCode::NoError, [5, 0, 0]),
        "expected two key-signing keys, the zone-signing key, and two signatures"
    );
    let published = data(&keys.answers, "DNSKEY");
    assert!(published.contains(&one.dnskey_record()) && published.contains(&two.dnskey_record()));
    assert_eq!(published.iter().filter(|key| key.starts_with("256 3 13 ")).count(), 1);
    assert!(keys.answers.iter().all(|record| record.ttl == 3600));
    fixture.dns.cap_ttl(2);
    assert!(fixture.parent.set_key_status("one", "INACTIVE"));
    let keys = signed(&fixture, &fixture.parent, "example.com", "DNSKEY").await;
    assert_eq!(Shape::new(&keys).counts, [3, 0, 0]);
    assert!(!data(&keys.answers, "DNSKEY").contains(&one.dnskey_record()));
    assert!(keys.answers.iter().all(|record| record.ttl == 2));
}

#[tokio::test]
async fn negative_answers_include_a_proof() {
    let fixture = fixture().await;
    fixture.parent.create_key("one");
    fixture.parent.start_signing();
    let nothing = signed(&fixture, &fixture.parent, "nothing.example.com", "A").await;
    assert_eq!(
        Shape::new(&nothing),
        Shape::authoritative(ResponseCode::NoError, [0, 4, 0]),
        "SOA and NSEC, each signed"
    );
    let proof = data(&nothing.authorities, "NSEC");
    assert!(proof[0].starts_with("\\000.nothing.example.com. "), "{proof:?}");
    let plain = exchange(fixture.server(&fixture.parent), &query("nothing.example.com", "A")).await;
    assert_eq!(
        Shape::new(&plain),
        Shape::authoritative(ResponseCode::NXDomain, [0, 1, 0]),
        "a query without the DO bit must get a plain NXDOMAIN"
    );
    let no_data = signed(&fixture, &fixture.parent, "www.example.com", "TXT").await;
    assert_eq!(Shape::new(&no_data).counts, [0, 4, 0]);
    assert!(data(&no_data.authorities, "NSEC")[0].contains(" A "), "{:?}", no_data.authorities);
}

#[tokio::test]
async fn a_referral_has_the_ds_or_proves_its_absence() {
    let fixture = fixture().await;
    fixture.parent.create_key("one");
    fixture.parent.start_signing();
    // An address at the cut is glue: no data of the parent zone, which a proof would list.
    fixture.parent.put(RecordSet::new("testing.example.com", "A", 60, ["192.0.2.9"]));
    let without = signed(&fixture, &fixture.parent, "www.testing.example.com", "A").await;
    assert_eq!(Shape::new(&without), Shape::not_authoritative(ResponseCode::NoError, [0, 6, 0]));
    assert_eq!(data(&without.authorities, "NSEC"), ["\\000.testing.example.com. NS RRSIG NSEC"]);
    let ds = fixture.child.create_key("one").ds_record();
    fixture.parent.put(RecordSet::new("testing.example.com", "DS", 60, [ds.clone()]));
    let with = signed(&fixture, &fixture.parent, "www.testing.example.com", "A").await;
    assert_eq!(Shape::new(&with), Shape::not_authoritative(ResponseCode::NoError, [0, 6, 0]));
    assert_eq!(data(&with.authorities, "DS"), [ds]);
    assert_eq!(
        data(&with.authorities, "RRSIG").len(),
        1,
        "the NS record set at a zone cut is not signed"
    );
    let plain =
        exchange(fixture.server(&fixture.parent), &query("www.testing.example.com", "A")).await;
    assert_eq!(Shape::new(&plain).counts, [0, 4, 0]);
}

#[tokio::test]
async fn signing_a_top_zone_publishes_its_ds_above() {
    let fixture = fixture().await;
    let ds = async || {
        let above =
            exchange(fixture.dns.top_level(), &with_dnssec_ok(query("example.com", "DS"), 1232))
                .await;
        data(&above.answers, "DS")
    };
    let one = fixture.parent.create_key("one");
    assert_eq!(ds().await, [] as [&str; 0]);
    fixture.parent.start_signing();
    assert_eq!(ds().await, [one.ds_record()]);
    fixture.parent.set_key_status("one", "INACTIVE");
    assert_eq!(ds().await, [] as [&str; 0]);
}

#[tokio::test]
async fn keys_without_a_key_pair_leave_the_zone_unsigned() {
    let fixture = fixture().await;
    fixture.parent.sign([KeySigningKey::active("one", 12345, &"AB".repeat(32))]);
    assert_eq!(
        Shape::new(&signed(&fixture, &fixture.parent, "www.example.com", "A").await).counts,
        [2, 0, 0]
    );
    assert_eq!(fixture.parent.keys().len(), 1);
}

#[tokio::test]
async fn the_resolver_passes_signatures_on() {
    let fixture = fixture().await;
    fixture.parent.create_key("one");
    fixture.parent.start_signing();
    let mut asked = with_dnssec_ok(query("www.example.com", "A"), 1232);
    asked.metadata.recursion_desired = true;
    assert_eq!(exchange(fixture.dns.resolver(), &asked).await.answers.len(), 3);
    assert_eq!(resolve(fixture.dns.resolver(), "www.example.com", "A").await.answers.len(), 2);
}

#[tokio::test]
async fn the_trust_anchor_is_the_ds_of_the_roots_key() {
    let fixture = fixture().await;
    let keys = exchange(fixture.dns.root(), &query(".", "DNSKEY")).await;
    let entry = keys.answers.iter().find_map(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) if key.secure_entry_point() => Some(key),
        _ => None,
    });
    let digest = entry.unwrap().to_digest(&Name::root(), DigestType::SHA256).unwrap();
    let (tag, digest) = (entry.unwrap().calculate_key_tag().unwrap(), hex::encode_upper(digest));
    assert_eq!(fixture.dns.trust_anchor(), format!(". IN DS {tag} 13 2 {digest}"));
}

/// Route 53 lets signing end only when its lookup finds no DS record. The Delete of a stack that
/// has the zone, its keys, its signing and its delegation must wait for that.
#[tokio::test]
async fn signing_ends_only_without_a_ds_record() {
    let aws = sandbox::Sandbox::start().await.unwrap();
    let account = aws.account("111111111111");
    let (parent, child) =
        (account.hosted_zone("example.com"), account.hosted_zone("testing.example.com"));
    let dns = aws.dns().await.unwrap();
    let ds = child.create_key("one").ds_record();
    child.start_signing();
    parent.put(RecordSet::new("testing.example.com", "NS", 300, child.name_servers()));
    parent.put(RecordSet::new("testing.example.com", "DS", 300, [ds]));
    assert!(dns.disable_signing(&child).unwrap_err().starts_with("KeySigningKeyInParentDSRecord"));
    // A lookup through a cache sees the DS record set for the rest of its TTL.
    dns.share_cache();
    assert!(dns.disable_signing(&child).is_err());
    parent.remove("testing.example.com", "DS");
    parent.remove("testing.example.com", "NS");
    assert!(dns.disable_signing(&child).is_err(), "the DS record set is still in the cache");
    dns.share_cache();
    for server in parent.name_servers() {
        dns.fault(&server, sandbox::DnsFault::ServFail);
    }
    assert!(dns.disable_signing(&child).unwrap_err().contains("Due to DNS lookup failure"));
    dns.heal_all();
    assert_eq!(dns.disable_signing(&child), Ok(()));
}
