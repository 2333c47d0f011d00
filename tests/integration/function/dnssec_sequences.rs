//! The documented sequences of Updates (`docs/custom-delegation.md`, "DNSSEC"), as unbound sees
//! them, a resolver that caches and validates: secure or insecure at every step, never bogus.
//!
//! TTLs are one or two seconds here. When a sequence says to wait, the test waits for the
//! resolver's real clock, and keeps querying.

use std::time::{Duration, Instant};

use dns_check::{Timing, Verifier};
use sandbox::unbound::{self, Security, Unbound};
use sandbox::{Dns, RecordSet, ZoneHandle};
use serde_json::{Value, json};

use test_support::{Fixture, NAME, breathe, poll_until};

const HOST: &str = "host.testing.example.com";
/// The TTL of all record sets, in seconds.
const TTL: u32 = 1;

struct Sequence {
    fixture: Fixture,
    dns: Dns,
    unbound: Unbound,
}

/// Returns the properties of the resource at a step.
fn step(more: Value) -> Value {
    let mut properties = json!({"TTL": TTL, "DsTTL": TTL, "Verification": "REQUIRE"});
    for (key, value) in more.as_object().unwrap() {
        properties[key] = value.clone();
    }
    properties
}

fn secured() -> Value {
    step(json!({"Dnssec": true}))
}

fn plain() -> Value {
    step(json!({}))
}

/// Whether a child zone is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Child {
    Signed,
    Unsigned,
}

/// Adds the host to a zone, and signs it with one key if it is to be signed.
fn prepare(zone: &ZoneHandle, child: Child) {
    zone.put(RecordSet::new(HOST, "A", TTL, ["192.0.2.3"]));
    if child == Child::Signed {
        zone.create_key("one");
        zone.start_signing();
    }
}

impl Sequence {
    /// Starts with a signed parent zone. Returns `None` where unbound can't run, and prints the
    /// reason.
    async fn start(child: Child) -> Option<Self> {
        let mut fixture = Fixture::behind_sockets().await;
        prepare(&fixture.child, child);
        fixture.parent.create_key("parent");
        fixture.parent.start_signing();
        let (dns, unbound) = unbound::start(&fixture.aws).await?;
        dns.cap_ttl(TTL);
        // Longer than a busy machine takes, so that the DNS check never times out.
        let long = Duration::from_mins(5);
        let timing =
            Timing { datagrams: vec![long], tcp: long, resolver: long, pause: Duration::ZERO };
        let verifier = Verifier::new(Some(dns.resolver())).at_any_address(true).with_timing(timing);
        fixture.handler = fixture.handler.with_verifier(verifier);
        fixture.timeout = Duration::from_mins(30);
        Some(Self { fixture, dns, unbound })
    }

    async fn query(&self) -> Security {
        let found = self.unbound.resolve(HOST, "A").await.unwrap();
        assert!(matches!(found.security, Security::Secure | Security::Insecure), "{found:?}");
        found.security
    }

    /// Queries for the length of the TTL, and a second for rounding; never bogus.
    async fn wait(&self) -> Security {
        self.wait_for(&[TTL]).await
    }

    /// Waits after a DS record set was removed. The page says to wait twice: a resolver may fetch
    /// the keys again in the last moment in which it has the DS record set. (An earlier version
    /// waited only for one of the TTLs, and the zone was sometimes bogus.)
    async fn wait_after_ds(&self) -> Security {
        self.wait_for(&[TTL, TTL]).await
    }

    /// Like [`Self::wait`], for several TTLs one after the other, each with a second for rounding.
    async fn wait_for(&self, ttls: &[u32]) -> Security {
        // Records expire by the resolver's own clock, so this wait is what is tested. How often the
        // resolver is queried meanwhile does not matter.
        let began = Instant::now();
        let all: Duration = ttls.iter().map(|ttl| Duration::from_secs(u64::from(*ttl) + 1)).sum();
        let mut security = self.query().await;
        while began.elapsed() < all {
            security = self.query().await;
            breathe().await;
        }
        security
    }

    /// Ages the keys by the time for which resolvers cache the DNSKEY record set of a Route 53
    /// zone.
    fn age_keys(&self) {
        self.fixture.child.age_keys(Duration::from_hours(1));
    }

    /// Sends an Update, and queries the resolver until it is answered, with this warning or with
    /// none.
    async fn update(&self, id: &str, old: Value, new: Value, warning: Option<&str>) {
        let update = async { self.fixture.update(id, old, new).await.success() };
        let mut update = std::pin::pin!(update);
        loop {
            tokio::select! {
                answer = &mut update => {
                    let shown = answer.get("Warning");
                    let is_expected =
                        warning.map_or(shown.is_empty(), |code| shown.contains(code));
                    assert!(is_expected, "{shown}");
                    break;
                }
                _ = self.query() => breathe().await,
            }
        }
    }
}

#[tokio::test]
async fn signing_is_turned_on_and_off() {
    let Some(it) = Sequence::start(Child::Unsigned).await else { return };
    let id = it.fixture.create(plain()).await.success().id().to_owned();
    assert_eq!(it.query().await, Security::Insecure);
    // Turned on: the child zone signs, its keys are served for a TTL, then the DS record set is
    // added.
    prepare(&it.fixture.child, Child::Signed);
    assert_eq!(it.wait().await, Security::Insecure);
    it.age_keys();
    it.update(&id, plain(), secured(), Some("unsigned-answers-kept")).await;
    assert_eq!(it.wait().await, Security::Secure);
    // Turned off: the DS record set is removed, resolvers keep it for a TTL, then the child zone
    // stops signing.
    it.update(&id, secured(), plain(), Some("keys-must-stay")).await;
    assert_eq!(it.wait_after_ds().await, Security::Insecure);
    it.fixture.child.unsign();
    assert_eq!(it.wait().await, Security::Insecure);
    it.fixture.delete(&id, plain()).await.success();
    drop(it.dns);
}

#[tokio::test]
async fn a_key_is_rolled_over() {
    let Some(it) = Sequence::start(Child::Signed).await else { return };
    let named = |key: &str| step(json!({"Dnssec": true, "KeySigningKeys": [key]}));
    let id = it.fixture.create(named("one")).await.success().id().to_owned();
    assert_eq!(it.query().await, Security::Secure);
    it.fixture.child.create_key("two");
    assert_eq!(
        it.wait().await,
        Security::Secure,
        "both keys are published for a TTL of the DNSKEY record set"
    );
    it.age_keys();
    it.update(&id, named("one"), named("two"), Some("keys-must-stay")).await;
    assert_eq!(
        it.wait().await,
        Security::Secure,
        "for a TTL of the DS record set resolvers have the old one"
    );
    assert!(it.fixture.child.set_key_status("one", "INACTIVE"));
    assert_eq!(it.wait().await, Security::Secure);
    assert!(it.fixture.child.delete_key("one"));
    assert_eq!(it.wait().await, Security::Secure);
}

/// Shows that the other tests can fail.
#[tokio::test]
async fn a_key_removed_before_its_ds_makes_the_zone_bogus() {
    let Some(it) = Sequence::start(Child::Signed).await else { return };
    it.fixture.create(step(json!({"Dnssec": true, "KeySigningKeys": ["one"]}))).await.success();
    it.fixture.child.create_key("two");
    assert_eq!(it.wait().await, Security::Secure);
    assert!(it.fixture.child.set_key_status("one", "INACTIVE"));
    // The zone becomes bogus once the old keys have left the resolver's cache.
    let is_bogus =
        async || it.unbound.resolve(HOST, "A").await.unwrap().security == Security::Bogus;
    poll_until("the zone becomes bogus", is_bogus).await;
}

#[tokio::test]
async fn the_child_zone_is_replaced() {
    let Some(it) = Sequence::start(Child::Signed).await else { return };
    let account = it.fixture.aws.account("333333333333");
    let other = account.hosted_zone(NAME);
    prepare(&other, Child::Signed);
    let role = account.role("child").trust_account("222222222222", None).allow_all_route53();
    it.fixture.function_role.clone().allow_assume(&role.arn());
    let of_other = |dnssec: bool| {
        step(json!({"Dnssec": dnssec, "ChildZoneId": other.id(), "ChildRoleArn": role.arn()}))
    };
    let id = it.fixture.create(secured()).await.success().id().to_owned();
    assert_eq!(it.query().await, Security::Secure);
    it.update(&id, secured(), plain(), Some("keys-must-stay")).await;
    assert_eq!(it.wait_after_ds().await, Security::Insecure);
    it.update(&id, plain(), of_other(false), None).await;
    assert_eq!(it.wait().await, Security::Insecure);
    other.age_keys(Duration::from_hours(1));
    it.update(&id, of_other(false), of_other(true), Some("unsigned-answers-kept")).await;
    assert_eq!(it.wait().await, Security::Secure);
    // Nobody needs the old zone anymore.
    it.fixture.child.delete();
    assert_eq!(it.wait().await, Security::Secure);
}

/// Replaces a signed child zone behind a resolver with a shared cache, and returns what a validator
/// behind it sees. The cache has data of the old zone, signed with the old keys. A validator that
/// has the DS of the new zone considers them bogus until the longest TTL of the old zone has
/// passed. Before the DS record set of the new zone is added, this waits for the usual TTL, and
/// then for `last_wait`.
async fn replaced_behind_a_shared_cache(longest: Longest, last_wait: LastWait) -> Option<Security> {
    let it = Sequence::start(Child::Signed).await?;
    let (longest, asked, (owner, rtype)) = match longest {
        Longest::Data(ttl) => (ttl, "A", (HOST, "A")),
        Longest::Negative(ttl) => (ttl, "AAAA", (NAME, "SOA")),
    };
    it.dns.keep_ttl(owner, rtype);
    let put = |zone: &ZoneHandle| {
        zone.put(RecordSet::new(HOST, "A", longest, ["192.0.2.3"]));
        let soa = format!(
            "{} hostmaster.example.com. 1 7200 900 1209600 {longest}",
            zone.name_servers()[0]
        );
        zone.put(RecordSet::new(NAME, "SOA", longest, [soa]));
    };
    put(&it.fixture.child);
    let account = it.fixture.aws.account("333333333333");
    let other = account.hosted_zone(NAME);
    prepare(&other, Child::Signed);
    put(&other);
    let role = account.role("child").trust_account("222222222222", None).allow_all_route53();
    it.fixture.function_role.clone().allow_assume(&role.arn());
    let of_other = |dnssec: bool| {
        step(json!({"Dnssec": dnssec, "ChildZoneId": other.id(), "ChildRoleArn": role.arn()}))
    };
    let id = it.fixture.create(secured()).await.success().id().to_owned();
    it.update(&id, secured(), plain(), Some("keys-must-stay")).await;
    it.wait_after_ds().await;
    // The shared resolver fetches data of the old zone at the last moment.
    it.dns.share_cache();
    let behind = Unbound::start_behind(&it.dns).unwrap();
    assert_eq!(behind.resolve(HOST, asked).await.unwrap().security, Security::Insecure);
    it.update(&id, plain(), of_other(false), None).await;
    let last_wait = match last_wait {
        LastWait::LongestTtl => longest,
        LastWait::UsualTtl => TTL,
    };
    it.wait_for(&[TTL, last_wait]).await;
    other.age_keys(Duration::from_hours(1));
    it.update(&id, of_other(false), of_other(true), Some("unsigned-answers-kept")).await;
    it.wait().await;
    // A validator whose own cache is empty.
    let behind = Unbound::start_behind(&it.dns).unwrap();
    Some(behind.resolve(HOST, asked).await.unwrap().security)
}

/// The record sets with the longest TTL of the old zone, and that TTL in seconds.
#[derive(Clone, Copy)]
enum Longest {
    Data(u32),
    Negative(u32),
}

#[derive(Clone, Copy)]
enum LastWait {
    /// The longest TTL of the old zone, as the page says.
    LongestTtl,
    UsualTtl,
}

#[tokio::test]
async fn waiting_for_the_longest_ttl_keeps_a_replaced_zone_secure() {
    for longest in [Longest::Data(5), Longest::Negative(5)] {
        if let Some(security) = replaced_behind_a_shared_cache(longest, LastWait::LongestTtl).await
        {
            assert_eq!(security, Security::Secure);
        }
    }
}

/// Shows that the previous test can fail. The TTL is longer than a busy machine takes.
#[tokio::test]
async fn without_that_wait_a_replaced_zone_is_bogus_behind_a_shared_cache() {
    for longest in [Longest::Data(3600), Longest::Negative(3600)] {
        if let Some(security) = replaced_behind_a_shared_cache(longest, LastWait::UsualTtl).await {
            assert_eq!(security, Security::Bogus);
        }
    }
}

#[tokio::test]
async fn a_secured_delegation_is_deleted() {
    let Some(it) = Sequence::start(Child::Signed).await else { return };
    let id = it.fixture.create(secured()).await.success().id().to_owned();
    assert_eq!(it.query().await, Security::Secure);
    it.update(&id, secured(), plain(), Some("keys-must-stay")).await;
    assert_eq!(it.wait_after_ds().await, Security::Insecure);
    it.fixture.child.unsign();
    it.wait().await;
    it.fixture.delete(&id, plain()).await.success();
    it.wait().await;
    let gone = it.unbound.resolve(HOST, "A").await.unwrap();
    assert_eq!(
        (gone.security, gone.data.len()),
        (Security::Secure, 0),
        "denied with proof: {gone:?}"
    );
}
