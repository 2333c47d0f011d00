//! The sandbox's zones as unbound, an independent validator, sees them from the root down.

use sandbox::unbound::{self, Resolution, Security, Unbound};
use sandbox::{Dns, DnsFault, RecordSet, Sandbox, ZoneHandle};

/// The zones `example.com` and `testing.example.com`, delegated and unsigned, with an unbound that
/// resolves them.
struct Fixture {
    dns: Dns,
    unbound: Unbound,
    parent: ZoneHandle,
    child: ZoneHandle,
}

impl Fixture {
    /// Returns `None` where unbound can't run, and prints the reason.
    async fn start() -> Option<Self> {
        let aws = Sandbox::start().await.unwrap();
        let account = aws.account("111111111111");
        let (parent, child) =
            (account.hosted_zone("example.com"), account.hosted_zone("testing.example.com"));
        parent.put(RecordSet::new("testing.example.com", "NS", 1, child.name_servers()));
        child.put(RecordSet::new("host.testing.example.com", "A", 1, ["192.0.2.3"]));
        let (dns, unbound) = unbound::start(&aws).await?;
        Some(Self { dns, unbound, parent, child })
    }

    /// Signs a zone with a new key, and returns the value of its DS record.
    fn sign(zone: &ZoneHandle) -> String {
        let key = zone.create_key("one");
        zone.start_signing();
        key.ds_record()
    }

    fn put_ds(&self, value: String) {
        self.parent.put(RecordSet::new("testing.example.com", "DS", 1, [value]));
    }

    async fn resolve(&self, name: &str, rtype: &str) -> Resolution {
        self.unbound.resolve(name, rtype).await.unwrap()
    }

    async fn security(&self, name: &str, rtype: &str) -> Security {
        let found = self.resolve(name, rtype).await;
        assert_ne!(found.security, Security::Unreachable, "{:?}", self.unbound.log());
        found.security
    }
}

const HOST: &str = "host.testing.example.com";

#[tokio::test]
async fn unsigned_zones_are_insecure_below_signed_ones() {
    let Some(fixture) = Fixture::start().await else { return };
    let found = fixture.resolve(HOST, "A").await;
    assert_eq!((found.security, found.exists), (Security::Insecure, true), "{found:?}");
    assert_eq!(found.data, ["192.0.2.3"]);
    assert_eq!(fixture.security("com", "SOA").await, Security::Secure);
    assert_eq!(fixture.security(".", "DNSKEY").await, Security::Secure);
    let nothing = fixture.resolve("nobody.com", "A").await;
    assert_eq!(
        (nothing.security, nothing.data.len()),
        (Security::Secure, 0),
        "denied with proof: {nothing:?}"
    );
}

#[tokio::test]
async fn a_chain_from_the_root_to_the_child_is_secure() {
    let Some(fixture) = Fixture::start().await else { return };
    Fixture::sign(&fixture.parent);
    fixture.put_ds(Fixture::sign(&fixture.child));
    fixture.child.put(RecordSet::new("*.w.testing.example.com", "A", 1, ["192.0.2.4"]));
    fixture.child.put(RecordSet::new(
        "alias.testing.example.com",
        "CNAME",
        1,
        ["x.w.testing.example.com"],
    ));
    for (name, rtype) in [
        ("example.com", "DNSKEY"),
        ("testing.example.com", "DS"),
        ("testing.example.com", "DNSKEY"),
        ("testing.example.com", "SOA"),
        ("testing.example.com", "NS"),
        (HOST, "A"),
        ("y.w.testing.example.com", "A"),
        ("alias.testing.example.com", "A"),
    ] {
        let found = fixture.resolve(name, rtype).await;
        assert_eq!(found.security, Security::Secure, "{name} {rtype}: {found:?}");
        assert!(!found.data.is_empty(), "{name} {rtype}: {found:?}");
    }
    // In this order: no such type, an empty non-terminal, no such name, no such type at a wildcard.
    for name in
        [HOST, "w.testing.example.com", "nothing.testing.example.com", "y.w.testing.example.com"]
    {
        let found = fixture.resolve(name, "TXT").await;
        assert_eq!((found.security, found.data.len()), (Security::Secure, 0), "{name}: {found:?}");
    }
}

#[tokio::test]
async fn a_signed_child_without_ds_is_insecure() {
    let Some(fixture) = Fixture::start().await else { return };
    Fixture::sign(&fixture.parent);
    Fixture::sign(&fixture.child);
    assert_eq!(fixture.security(HOST, "A").await, Security::Insecure);
    assert_eq!(fixture.security("example.com", "SOA").await, Security::Secure);
    let ds = fixture.resolve("testing.example.com", "DS").await;
    assert_eq!(
        (ds.security, ds.data.len()),
        (Security::Secure, 0),
        "the absence of the DS record must be proven"
    );
}

#[tokio::test]
async fn a_ds_of_an_unsigned_parent_proves_nothing() {
    let Some(fixture) = Fixture::start().await else { return };
    fixture.put_ds(Fixture::sign(&fixture.child));
    assert_eq!(fixture.security(HOST, "A").await, Security::Insecure);
}

#[tokio::test]
async fn a_ds_that_matches_no_key_is_bogus() {
    let Some(fixture) = Fixture::start().await else { return };
    Fixture::sign(&fixture.parent);
    let ds = Fixture::sign(&fixture.child);
    let (rest, digest) = ds.rsplit_once(' ').unwrap();
    fixture.put_ds(format!("{rest} {}", "0".repeat(digest.len())));
    let found = fixture.resolve(HOST, "A").await;
    assert_eq!((found.security, found.data), (Security::Bogus, vec!["192.0.2.3".to_owned()]));
    let reason = found.reason.unwrap();
    assert!(
        reason.contains("validation failure") && reason.contains("testing.example.com"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_ds_of_a_child_that_stopped_signing_is_bogus() {
    let Some(fixture) = Fixture::start().await else { return };
    Fixture::sign(&fixture.parent);
    fixture.put_ds(Fixture::sign(&fixture.child));
    fixture.child.unsign();
    assert_eq!(fixture.security(HOST, "A").await, Security::Bogus);
}

#[tokio::test]
async fn only_active_keys_sign() {
    let Some(fixture) = Fixture::start().await else { return };
    Fixture::sign(&fixture.parent);
    Fixture::sign(&fixture.child);
    let two = fixture.child.create_key("two");
    fixture.put_ds(two.ds_record());
    assert_eq!(fixture.security(HOST, "A").await, Security::Secure, "both keys must sign");
    assert!(fixture.child.set_key_status("two", "INACTIVE"));
    // Another unbound sees it, because its cache is empty.
    let other = Unbound::start(&fixture.dns).unwrap();
    assert_eq!(other.resolve(HOST, "A").await.unwrap().security, Security::Bogus);
    assert!(fixture.child.set_key_status("two", "ACTIVE") && fixture.child.delete_key("one"));
    let third = Unbound::start(&fixture.dns).unwrap();
    assert_eq!(third.resolve(HOST, "A").await.unwrap().security, Security::Secure);
}

#[tokio::test]
async fn the_cache_is_kept() {
    let Some(fixture) = Fixture::start().await else { return };
    fixture.child.put(RecordSet::new("long.testing.example.com", "A", 3600, ["192.0.2.5"]));
    assert_eq!(fixture.resolve("long.testing.example.com", "A").await.data, ["192.0.2.5"]);
    fixture.child.put(RecordSet::new("long.testing.example.com", "A", 3600, ["192.0.2.6"]));
    let kept = fixture.resolve("long.testing.example.com", "A").await;
    assert_eq!(kept.data, ["192.0.2.5"]);
    assert!(kept.ttl > 3000, "{kept:?}");
}

#[tokio::test]
async fn unbound_stops_when_dropped() {
    let Some(fixture) = Fixture::start().await else { return };
    let address = fixture.unbound.address();
    assert!(std::net::UdpSocket::bind(address).is_err());
    drop(fixture);
    std::net::UdpSocket::bind(address).unwrap();
}

#[tokio::test]
async fn lame_servers_are_skipped_until_all_are_lame() {
    let Some(fixture) = Fixture::start().await else { return };
    let servers = fixture.child.name_servers();
    for server in &servers[1..] {
        fixture.dns.fault(server, DnsFault::Refused);
    }
    assert_eq!(fixture.resolve(HOST, "A").await.data, ["192.0.2.3"]);
    fixture.dns.fault(&servers[0], DnsFault::Refused);
    let other = Unbound::start(&fixture.dns).unwrap();
    assert_eq!(other.resolve(HOST, "A").await.unwrap().security, Security::Unreachable);
}
