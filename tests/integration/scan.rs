//! The inventory of many zones in several accounts: what it finds, what it costs, and that it
//! reports nothing wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use custom_delegation::aws::credentials::Accounts;
use custom_delegation::scan::{self, Scan, Source, Subject};
use delegation_model::digest::{Digest, RequestDigest};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{
    Claim, ClaimBasis, Claimant, Origin, OwnershipRecord, Stamp, record_name,
};
use delegation_model::record_set::Change;
use delegation_model::role::{ExternalId, Role};
use dns_check::{Report, Verifier};
use inventory::{Accepted, EntryFinding, Examined, Facts, FindingKind};
use sandbox::{Account, DnsFault, Quota, RecordSet, ZoneHandle};
use test_support::{Network, poll_until};

/// The account that takes the inventory.
pub(crate) const AUDITOR: &str = "999999999999";
const EXTERNAL_ID: &str = "of-the-auditor";
/// The API quota of an account, over all actions (Route 53 Developer Guide, "Quotas on API
/// requests").
pub(crate) const QUOTA: Quota = Quota { per_second: 5.0, burst: 5.0 };

/// The accounts of an organization.
pub(crate) struct Organization {
    pub(crate) network: Network,
    pub(crate) parents: Vec<Account>,
    /// A role in each of the accounts.
    pub(crate) sources: Vec<Source>,
    /// The stacks that exist.
    stacks: Vec<String>,
}

impl Organization {
    pub(crate) fn new(parents: usize) -> Self {
        let network = Network::new();
        let parents: Vec<Account> = (1..=parents)
            .map(|number| network.aws.account(&format!("{number}").repeat(12)))
            .collect();
        let sources = parents.iter().map(Self::source).collect();
        Self { network, parents, sources, stacks: vec![stack("living")] }
    }

    /// Returns a role that may only read the zones of an account.
    pub(crate) fn source(account: &Account) -> Source {
        let role = account.role("auditor").trust_account(AUDITOR, Some(EXTERNAL_ID)).policy(
            serde_json::json!({
                "Statement": [{
                    "Effect": "Allow",
                    "Action": ["route53:ListHostedZones", "route53:ListResourceRecordSets"],
                    "Resource": "*",
                }],
            }),
        );
        let arn = role.arn().parse().unwrap();
        let external_id = Some(ExternalId::new(EXTERNAL_ID));
        Source { role: Some(Role { arn, through: None, external_id, region: None }), zone: None }
    }

    pub(crate) async fn auditor(&self) -> (Accounts, Verifier) {
        let role = self
            .network
            .aws
            .account(AUDITOR)
            .role("watch")
            .allow_assume("arn:aws:iam::*:role/auditor");
        self.network.program("watch", role.credentials()).await
    }

    async fn scan(&self) -> Scan {
        scan::read(&self.auditor().await.0, &self.sources, &|_| {}).await
    }

    /// Returns the kinds of the findings, by name.
    async fn findings(&self) -> BTreeMap<String, BTreeSet<FindingKind>> {
        let (accounts, verifier) = self.auditor().await;
        let scan = scan::read(&accounts, &self.sources, &|_| {}).await;
        let subjects: Vec<Subject> = scan::subjects(&scan.zones).collect();
        let mut reports: BTreeMap<Subject, Report> = BTreeMap::new();
        scan::check(&verifier, &scan.zones, &subjects, |subject, report| {
            assert!(reports.insert(subject, report).is_none(), "each name must be reported once");
        })
        .await;
        let accepted = Accepted::default();
        let facts = self.facts(&accepted);
        let mut found: BTreeMap<String, BTreeSet<FindingKind>> = BTreeMap::new();
        for subject in subjects {
            let Some(index) = subject.entry else {
                assert!(
                    reports[&subject].is_good(),
                    "the parent zone itself: {}",
                    reports[&subject]
                );
                continue;
            };
            let entry = &scan.zones[subject.zone].inventory.entries[index];
            let examined = Examined::new(entry, reports.get(&subject), &facts);
            if !examined.findings.is_empty() {
                found.entry(examined.name()).or_default().extend(examined.kinds());
            }
        }
        for unread in &scan.unread {
            found.entry(unread.subject()).or_default().insert(FindingKind::Unread);
        }
        found
    }

    fn facts<'a>(&'a self, accepted: &'a Accepted) -> Facts<'a> {
        Facts {
            now: self.now(),
            stacks: Some(&self.stacks),
            accepted,
            checked: true,
            unowned: false,
        }
    }

    /// Checks the only delegation.
    async fn report(&self) -> (Scan, Report) {
        let (accounts, verifier) = self.auditor().await;
        let scan = scan::read(&accounts, &self.sources, &|_| {}).await;
        let subjects: Vec<Subject> =
            scan::subjects(&scan.zones).filter(|subject| subject.entry.is_some()).collect();
        let mut reports = Vec::new();
        scan::check(&verifier, &scan.zones, &subjects, |_, report| reports.push(report)).await;
        assert_eq!(reports.len(), 1);
        (scan, reports.remove(0))
    }

    pub(crate) fn now(&self) -> i64 {
        let since = self.network.clock.now().duration_since(std::time::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_secs()).unwrap()
    }

    /// Creates a delegation as a stack does: the NS record set and the claim, and the zone on its
    /// name servers.
    pub(crate) fn delegate(&self, zone: &ZoneHandle, name: &str, servers: &[&str]) {
        Self::put_ns(zone, name, servers);
        put_record(zone, name, |record| record.put_claim(claim("living", name, servers)));
        self.network.dns.zone(name, servers.iter().copied(), []);
    }

    pub(crate) fn put_ns(zone: &ZoneHandle, name: &str, servers: &[&str]) {
        zone.put(RecordSet::new(
            name,
            "NS",
            300,
            servers.iter().map(|server| format!("{server}.")),
        ));
    }

    /// Adds an account whose role is denied everything. Returns the findings to expect.
    pub(crate) fn deny(&mut self) -> BTreeSet<FindingKind> {
        let denied = self.network.aws.account(&"4".repeat(12));
        self.sources.insert(1, Self::source(&denied));
        denied.role("auditor").without_policies();
        BTreeSet::from([FindingKind::Unread])
    }

    /// Adds a delegation for each kind of finding to a zone. Returns the findings to expect by
    /// name.
    pub(crate) fn add_faulty(&self, zone: &ZoneHandle) -> BTreeMap<String, BTreeSet<FindingKind>> {
        let dns = &self.network.dns;
        let at = |label: &str| format!("{label}.{}", zone.name().trim_end_matches('.'));
        let good = ["ns1.provider0.net", "ns2.provider0.net"];
        let claimed = |name: &str, servers: &[&str]| {
            Self::put_ns(zone, name, servers);
            put_record(zone, name, |record| record.put_claim(claim("living", name, servers)));
        };
        claimed(&at("takeover"), &["ns1.free.net", "ns2.free.net"]);
        claimed(&at("dangling"), &good);
        self.delegate(zone, &at("bogus"), &good);
        zone.put(RecordSet::new(&at("bogus"), "DS", 300, [format!("1 13 2 {}", "AB".repeat(32))]));
        self.delegate(zone, &at("outage"), &["ns1.silent.net", "ns2.silent.net"]);
        dns.fault("ns1.silent.net", DnsFault::Silent);
        dns.fault("ns2.silent.net", DnsFault::Silent);
        self.delegate(zone, &at("lame"), &["ns1.provider0.net", "ns1.refusing.net"]);
        dns.fault("ns1.refusing.net", DnsFault::Refused);
        put_record(zone, &at("missing"), |record| {
            record.put_claim(claim("living", &at("missing"), &good));
        });
        self.delegate(zone, &at("drifted"), &good);
        put_record(zone, &at("drifted"), |record| {
            record.put_claim(claim("living", &at("drifted"), &["ns1.provider1.net"]));
        });
        claimed(&at("differs"), &good);
        let own =
            RecordSet::new(&at("differs"), "NS", 300, ["ns1.provider0.net.", "ns3.provider0.net."]);
        dns.zone(&at("differs"), good, [own]);
        self.delegate(zone, &at("dead-claim"), &good);
        put_record(zone, &at("dead-claim"), |record| {
            record.put_claim(claim("deleted", &at("dead-claim"), &good));
        });
        self.delegate(zone, &at("unsettled"), &good);
        put_record(zone, &at("unsettled"), |record| {
            record.put_origin(Some(Origin { of: digest(&good), displaced: None }));
        });
        self.delegate(zone, &at("below.unsettled"), &good);
        self.delegate(zone, &at("unowned"), &good);
        zone.remove(record_of(&at("unowned")).as_str(), "TXT");
        put_record(zone, &at("leftover"), |record| {
            record.put_origin(Some(Origin { of: digest(&good), displaced: None }));
        });
        self.delegate(zone, &at("tombstone"), &good);
        let (claimant, now) =
            (Claimant::new(&stack("living"), "Cancelled", &name(&at("tombstone"))), self.now());
        put_record(zone, &at("tombstone"), |record| {
            record.put_tombstone(&claimant, now - 4000, now);
        });
        self.delegate(zone, &at("unknown"), &["ns1.unresolvable.net"]);
        [
            ("takeover", FindingKind::Takeover),
            ("dangling", FindingKind::Dangling),
            ("bogus", FindingKind::Bogus),
            ("outage", FindingKind::Outage),
            ("lame", FindingKind::Lame),
            ("missing", FindingKind::Missing),
            ("drifted", FindingKind::Drifted),
            ("differs", FindingKind::Differs),
            ("dead-claim", FindingKind::DeadClaim),
            ("unsettled", FindingKind::Unsettled),
            ("below.unsettled", FindingKind::Hidden),
            ("unowned", FindingKind::Unowned),
            ("leftover", FindingKind::Leftover),
            ("tombstone", FindingKind::ExpiredTombstone),
            ("unknown", FindingKind::Unknown),
        ]
        .into_iter()
        .map(|(label, kind)| (at(label), BTreeSet::from([kind])))
        .collect()
    }
}

fn stack(name: &str) -> String {
    format!("arn:aws:cloudformation:eu-west-1:{AUDITOR}:stack/{name}/1")
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn digest(servers: &[&str]) -> Digest {
    Digest::from_name_servers(&NameServers::parse(servers).unwrap())
}

fn record_of(cut: &str) -> Name {
    record_name(&name(cut)).unwrap()
}

/// Returns the claim of a stack that has been updated since it created the delegation.
fn claim(of: &str, cut: &str, servers: &[&str]) -> Claim {
    let claimant = Claimant::new(&stack(of), "Delegation", &name(cut));
    Claim {
        id: claimant.id(),
        ns: digest(servers),
        ds: None,
        intent: digest(servers),
        previous_intent: None,
        stamp: Stamp { time: 1_700_000_000, request: RequestDigest::new("r") },
        basis: ClaimBasis::Updated,
        saw: None,
        from: None,
        hold: None,
        again: false,
        owner: claimant.owner().clone(),
    }
}

/// Edits the ownership record of a cut.
fn put_record(zone: &ZoneHandle, cut: &str, edit: impl FnOnce(&mut OwnershipRecord)) {
    let record = record_of(cut);
    let values = zone.record(record.as_str(), "TXT").map(|set| set.values).unwrap_or_default();
    let mut ownership = OwnershipRecord::parse(&values);
    edit(&mut ownership);
    zone.put(RecordSet::new(record.as_str(), "TXT", 300, ownership.values()));
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_found_including_a_denied_role() {
    let mut organization = Organization::new(1);
    let zone = organization.parents[0].hosted_zone("example.com");
    organization.delegate(&zone, "good.example.com", &["ns1.provider0.net", "ns2.provider0.net"]);
    organization
        .network
        .dns
        .fault("resolver", DnsFault::ServFailFor(["ns1.unresolvable.net".to_owned()].into()));
    let mut expected = organization.add_faulty(&zone);
    expected.insert("4".repeat(12), organization.deny());
    let kinds: BTreeSet<FindingKind> = expected.values().flatten().copied().collect();
    assert_eq!(kinds, FindingKind::ALL.iter().copied().collect(), "every kind must be found");
    assert_eq!(organization.findings().await, expected);
}

#[tokio::test(start_paused = true)]
async fn each_account_is_read_within_its_quota_with_one_call_per_zone() {
    let organization = Organization::new(2);
    for account in &organization.parents {
        for number in 0..120 {
            account.hosted_zone(&format!("zone{number}.com"));
        }
        account.private_hosted_zone("private.com");
    }
    let network = &organization.network;
    network.aws.rate_limit_overall(Some(QUOTA));
    let begun = tokio::time::Instant::now();
    let scan = organization.scan().await;
    assert_eq!((scan.zones.len(), scan.unread.len()), (240, 0));
    let calls = network.aws.calls();
    assert!(
        calls.iter().all(|call| call.code() != Some("Throttling")),
        "the inventory must leave some of the quota to deployments"
    );
    let count = |action: &str| calls.iter().filter(|call| call.action == action).count();
    // 121 zones are two pages of a hundred each.
    assert_eq!(["AssumeRole", "ListHostedZones", "ListResourceRecordSets"].map(count), [2, 4, 240]);
    assert_eq!(calls.len(), 246);
    // The accounts are read concurrently.
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_two_roles_can_read_is_read_once_and_denials_are_named() {
    let organization = Organization::new(1);
    let account = &organization.parents[0];
    let (open, closed) = (account.hosted_zone("open.com"), account.hosted_zone("closed.com"));
    account.role("auditor").policy(serde_json::json!({"Statement": [{
        "Effect": "Deny", "Action": "route53:ListResourceRecordSets",
        "Resource": format!("arn:aws:route53:::hostedzone/{}", closed.id()),
    }]}));
    let sources = [Organization::source(account), Organization::source(account)];
    let (accounts, _) = organization.auditor().await;
    let scan = scan::read(&accounts, &sources, &|_| {}).await;
    let ids: Vec<&str> = scan.zones.iter().map(|scanned| scanned.zone.id.as_str()).collect();
    assert_eq!(ids, [open.id()]);
    assert_eq!(scan.unread[0].subject(), "closed.com");
    let message = scan.unread[0].failure.message();
    assert!(message.contains("denied") && message.contains(&closed.id()), "{message}");
}

/// Fills a zone with more ownership records than the watch keeps of one zone, as anybody can who
/// may write TXT record sets there.
pub(crate) fn fill(zone: &ZoneHandle) {
    let value = vec![format!("\"{}\"", "x".repeat(250)); 15].join(" ");
    for number in 0..600 {
        let name = format!("_delegation-t{number}.{}", zone.name().trim_end_matches('.'));
        zone.put(RecordSet::new(&name, "TXT", 60, vec![value.clone(); 8]));
    }
}

/// The memory of the command is that of its user.
#[tokio::test(start_paused = true)]
async fn the_command_reads_a_zone_of_any_size() {
    let organization = Organization::new(1);
    let zone = organization.parents[0].hosted_zone("example.com");
    fill(&zone);
    organization.delegate(&zone, "good.example.com", &["ns1.provider0.net", "ns2.provider0.net"]);
    let scan = organization.scan().await;
    assert_eq!((scan.zones.len(), scan.unread.len()), (1, 0));
    assert_eq!(scan.zones[0].inventory.entries.len(), 1);
}

/// Route 53 accepts names that are a byte too long for DNS, from anybody who may write TXT or
/// create zones.
#[tokio::test(start_paused = true)]
async fn a_name_that_is_too_long_for_dns_hides_no_zone_and_no_delegation() {
    let organization = Organization::new(1);
    let long = |below: &str| {
        let labels = [vec!["a".repeat(63); 3].join("."), "a".repeat(61 - below.len())].join(".");
        format!("{labels}.{below}.")
    };
    let zone = organization.parents[0].hosted_zone("example.com");
    organization.parents[0].hosted_zone(&long("example.net"));
    let record = RecordSet::new(&long("example.com"), "TXT", 60, ["\"token\""]);
    zone.change(&[sandbox::Change { action: sandbox::Action::Create, record }]).unwrap();
    organization.delegate(&zone, "good.example.com", &["ns1.provider0.net", "ns2.provider0.net"]);
    let scan = organization.scan().await;
    assert_eq!((scan.zones.len(), scan.unread.len()), (1, 0));
    assert_eq!(scan.zones[0].inventory.entries.len(), 1);
}

/// The names decide which delegations are checked at the same time.
#[tokio::test(start_paused = true)]
async fn the_last_delegations_of_a_zone_are_the_first_in_the_last_round() {
    let organization = Organization::new(1);
    let (dns, zone) =
        (&organization.network.dns, organization.parents[0].hosted_zone("example.com"));
    let (first, last, dead) = ("ns1.first.net", "ns1.last.net", "ns1.dead.net");
    organization.delegate(&zone, "a.example.com", &[first]);
    for number in 0..130 {
        organization.delegate(&zone, &format!("m{number}.example.com"), &[dead]);
    }
    organization.delegate(&zone, "z.example.com", &[last]);
    for (server, fault) in
        [(first, DnsFault::Refused), (last, DnsFault::Refused), (dead, DnsFault::Silent)]
    {
        dns.fault(server, fault);
    }
    let (accounts, verifier) = organization.auditor().await;
    let scan = scan::read(&accounts, &organization.sources, &|_| {}).await;
    let subjects: Vec<Subject> = scan::subjects(&scan.zones).collect();
    scan::check(&verifier, &scan.zones, &subjects, |_, _| {}).await;
    let asked: Vec<String> = dns.queries().into_iter().map(|query| query.server).collect();
    let asked: Vec<&str> =
        asked.iter().map(String::as_str).filter(|server| [first, last].contains(server)).collect();
    assert_eq!(asked, [first, last, first, last, last, first]);
}

/// The servers that were reached are good, and the others may be anything.
#[tokio::test(start_paused = true)]
async fn a_delegation_that_was_not_checked_to_the_end_is_unknown() {
    let organization = Organization::new(1);
    let zone = organization.parents[0].hosted_zone("example.com");
    let servers: Vec<String> = (0..32).map(|number| format!("ns{number}.provider0.net")).collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    Organization::put_ns(&zone, "large.example.com", &servers);
    organization.network.dns.zone("large.example.com", servers.iter().copied(), []);
    let unowned = BTreeSet::from([FindingKind::Unowned]);
    let of =
        |findings: &BTreeMap<String, BTreeSet<FindingKind>>| findings["large.example.com"].clone();
    assert_eq!(of(&organization.findings().await), unowned);
    for server in servers {
        organization.network.dns.fault(server, DnsFault::Slow(Duration::from_millis(950)));
    }
    let unknown = BTreeSet::from([FindingKind::Unowned, FindingKind::Unknown]);
    assert_eq!(of(&organization.findings().await), unknown);
}

/// Its domain may be delegated to a provider where anybody can create it, or the resolver may fail.
#[tokio::test(start_paused = true)]
async fn a_name_server_whose_name_fails_is_unknown() {
    let organization = Organization::new(1);
    let zone = organization.parents[0].hosted_zone("example.com");
    organization.delegate(&zone, "one.example.com", &["ns1.provider0.net", "ns1.partner.net"]);
    organization.delegate(&zone, "all.example.com", &["ns1.partner.net"]);
    organization.delegate(&zone, "none.example.com", &["ns1.provider0.net"]);
    let names = ["ns1.partner.net".to_owned()].into();
    organization.network.dns.fault("resolver", DnsFault::ServFailFor(names));
    let unknown = BTreeSet::from([FindingKind::Unknown]);
    let expected =
        ["all.example.com", "one.example.com"].map(|name| (name.to_owned(), unknown.clone()));
    assert_eq!(organization.findings().await, expected.into());
}

/// One name server refuses, and nothing is known of the other one: it may serve the zone.
#[tokio::test(start_paused = true)]
async fn a_delegation_with_an_unknown_name_server_is_not_dangling() {
    let organization = Organization::new(1);
    let zone = organization.parents[0].hosted_zone("example.com");
    let servers = ["ns1.refusing.net", "ns1.unresolvable.net"];
    organization.delegate(&zone, "some.example.com", &servers);
    organization.network.dns.fault("ns1.refusing.net", DnsFault::Refused);
    let names = ["ns1.unresolvable.net".to_owned()].into();
    organization.network.dns.fault("resolver", DnsFault::ServFailFor(names));
    let (scan, report) = organization.report().await;
    let accepted = Accepted::default();
    let entry = &scan.zones[0].inventory.entries[0];
    let examined = Examined::new(entry, Some(&report), &organization.facts(&accepted));
    let [found] = examined.findings.as_slice() else { panic!("{:?}", examined.findings) };
    assert_eq!(found.kind, FindingKind::Lame);
    // Its fix leaves the name server of which nothing is known.
    let left = found.fix.iter().find_map(|change| match change {
        Change::Create(set) => Some(set.values.clone()),
        Change::Delete(_) => None,
    });
    assert_eq!(left, Some(vec!["ns1.unresolvable.net.".to_owned()]));
}

impl Organization {
    /// Writes a claimed delegation, and no zone.
    fn put_claimed(&self, name: &str, servers: &[&str]) -> ZoneHandle {
        let zone = self.parents[0].hosted_zone("example.com");
        Self::put_ns(&zone, name, servers);
        put_record(&zone, name, |record| record.put_claim(claim("living", name, servers)));
        zone
    }

    /// Checks the only delegation. Returns its findings and, for each of them, the lines of the
    /// change that would fix it.
    async fn fixes(&self) -> Vec<(FindingKind, Vec<String>)> {
        let (scan, report) = self.report().await;
        let accepted = Accepted::default();
        let entry = &scan.zones[0].inventory.entries[0];
        let examined = Examined::new(entry, Some(&report), &self.facts(&accepted));
        let line = |change: &Change| {
            let sign = if matches!(change, Change::Create(_)) { "+" } else { "-" };
            let set = change.record_set();
            format!("{sign} {} {}", set.record_type, set.values.join(" "))
        };
        let of = |found: &EntryFinding| (found.kind, found.fix.iter().map(line).collect());
        examined.findings.iter().map(of).collect()
    }
}

/// Anybody can make a name server silent for as long as a check takes, by flooding it.
#[tokio::test(start_paused = true)]
async fn no_fix_removes_a_silent_name_server() {
    let (good, silent) = ("ns1.provider0.net", "ns1.silent.net");
    let (refusing, free) = ("ns1.refusing.net", "ns1.free.net");
    for (servers, kind, left) in [
        (vec![refusing, silent], FindingKind::Dangling, Some(vec![silent])),
        (vec![free, silent], FindingKind::Takeover, Some(vec![silent])),
        (vec![good, refusing, silent], FindingKind::Lame, Some(vec![good, silent])),
        (vec![good, silent], FindingKind::Lame, None),
        (vec![silent], FindingKind::Outage, None),
        (vec![refusing], FindingKind::Dangling, Some(vec![])),
    ] {
        let organization = Organization::new(1);
        organization.put_claimed("some.example.com", &servers);
        let dns = &organization.network.dns;
        let existing = servers.iter().copied().filter(|server| *server != free);
        let own = servers.iter().map(|server| format!("{server}."));
        let own = RecordSet::new("some.example.com", "NS", 300, own);
        dns.zone("some.example.com", existing, [own]);
        dns.fault(silent, DnsFault::Silent);
        dns.fault(refusing, DnsFault::Refused);
        let values = |servers: &[&str]| {
            servers.iter().map(|server| format!("{server}.")).collect::<Vec<_>>().join(" ")
        };
        let fix = left.map(|left| {
            let after = (!left.is_empty()).then(|| format!("+ NS {}", values(&left)));
            [format!("- NS {}", values(&servers))].into_iter().chain(after).collect::<Vec<_>>()
        });
        let expected = vec![(kind, fix.unwrap_or_default())];
        assert_eq!(organization.fixes().await, expected, "{servers:?}");
    }
}

/// The other address may be one that somebody added who may write addresses there.
#[tokio::test(start_paused = true)]
async fn no_fix_removes_a_name_server_that_serves_the_zone_at_one_of_its_addresses() {
    for (serving, kind, fix) in [
        (true, FindingKind::Lame, vec![]),
        (false, FindingKind::Dangling, vec!["- NS ns.some.example.com.".to_owned()]),
    ] {
        let organization = Organization::new(1);
        let (cut, host) = ("some.example.com", "ns.some.example.com");
        let zone = organization.put_claimed(cut, &[host]);
        let dns = &organization.network.dns;
        let at = ["ns1.provider0.net", "ns1.refusing.net"];
        let addresses = at.map(|server| dns.server(server).ip().to_string());
        let glue = RecordSet::new(host, "A", 300, addresses);
        zone.put(glue.clone());
        let own = RecordSet::new(cut, "NS", 300, [format!("{host}.")]);
        dns.zone(cut, [at[0]], [own, glue]);
        dns.fault(at[1], DnsFault::Refused);
        if !serving {
            dns.fault(at[0], DnsFault::Refused);
        }
        assert_eq!(organization.fixes().await, [(kind, fix)]);
    }
}

/// The null value is no name server, and hides nothing about the others.
#[tokio::test(start_paused = true)]
async fn a_value_that_is_no_host_does_not_keep_the_others_from_being_checked() {
    let (good, free, root) = ("ns1.provider0.net.", "ns1.free.net.", ".");
    for (values, kind, left) in [
        (vec![good, root], FindingKind::Lame, Some(good)),
        (vec![free, root], FindingKind::Takeover, None),
        (vec![good, free, root], FindingKind::Takeover, Some(good)),
    ] {
        let organization = Organization::new(1);
        let zone = organization.parents[0].hosted_zone("example.com");
        let cut = "some.example.com";
        zone.put(RecordSet::new(cut, "NS", 300, values.clone()));
        let hosts = values.iter().copied().filter(|value| *value != root);
        let own = RecordSet::new(cut, "NS", 300, hosts);
        organization.network.dns.zone(cut, ["ns1.provider0.net"], [own]);
        let after = left.map(|left| format!("+ NS {left}"));
        let fix: Vec<String> =
            [format!("- NS {}", values.join(" "))].into_iter().chain(after).collect();
        let fixes = organization.fixes().await;
        let found = fixes.iter().find(|(found, _)| *found == kind);
        assert_eq!(found, Some(&(kind, fix)), "{fixes:?}");
    }
}

/// The DS record set of a zone whose other name servers validate is not what is wrong.
#[tokio::test(start_paused = true)]
async fn one_bogus_name_server_does_not_have_the_ds_record_set_removed() {
    let (one, other) = ("ns1.provider0.net", "ns1.silent.net");
    for (servers, removes) in [(vec![one], true), (vec![one, other], false)] {
        let organization = Organization::new(1);
        let zone = organization.parents[0].hosted_zone("example.com");
        organization.delegate(&zone, "some.example.com", &servers);
        let ds = format!("1 13 2 {}", "AB".repeat(32));
        zone.put(RecordSet::new("some.example.com", "DS", 300, [ds.clone()]));
        organization.network.dns.fault(other, DnsFault::Silent);
        let fixes = organization.fixes().await;
        let bogus = fixes.iter().find(|(kind, _)| *kind == FindingKind::Bogus).unwrap();
        let expected = if removes { vec![format!("- DS {ds}")] } else { Vec::new() };
        assert_eq!(bogus.1, expected, "{servers:?}");
    }
}

/// The resolver fails after the first of three passes.
#[tokio::test(start_paused = true)]
async fn a_takeover_is_not_forgotten_when_a_later_lookup_fails() {
    let organization = Organization::new(1);
    let zone = organization.parents[0].hosted_zone("example.com");
    let (cut, servers) = ("some.example.com", ["ns1.provider0.net", "ns1.free.net"]);
    Organization::put_ns(&zone, cut, &servers);
    let own = RecordSet::new(cut, "NS", 300, servers.map(|server| format!("{server}.")));
    organization.network.dns.zone(cut, [servers[0]], [own]);
    let dns = &organization.network.dns;
    let lookups = || {
        let asked = dns.queries_to("resolver").into_iter();
        asked.filter(|query| query.name == "ns1.free.net." || query.name == "free.net.").count()
    };
    // The first pass asks for both families of the name, and for its domain.
    let fails = async {
        poll_until("the first pass", async || lookups() == 3).await;
        dns.fault("resolver", DnsFault::ServFailFor(["ns1.free.net".into()].into()));
    };
    let ((_, report), ()) = tokio::join!(organization.report(), fails);
    assert!(report.can_be_taken_over(), "{report}");
    assert!(lookups() > 3, "a later pass looks it up again");
    let (_, report) = organization.report().await;
    assert!(!report.can_be_taken_over(), "without the first pass: {report}");
}

/// Two dead servers behind many delegations cost hardly more than behind one.
#[tokio::test(start_paused = true)]
async fn dead_servers_are_remembered() {
    for silent in [true, false] {
        let organization = Organization::new(1);
        let (network, zone) =
            (&organization.network, organization.parents[0].hosted_zone("example.com"));
        let servers = ["ns1.dead.net", "ns2.dead.net"];
        for number in 0..120 {
            let name = format!("team{number}.example.com");
            Organization::put_ns(&zone, &name, &servers);
            if silent {
                network.dns.zone(&name, servers, []);
            }
        }
        for server in servers.iter().filter(|_| silent) {
            network.dns.fault(server, DnsFault::Silent);
        }
        let (accounts, verifier) = organization.auditor().await;
        let scan = scan::read(&accounts, &organization.sources, &|_| {}).await;
        let subjects: Vec<Subject> = scan::subjects(&scan.zones).collect();
        let begun = tokio::time::Instant::now();
        let mut told = 0;
        scan::check(&verifier, &scan.zones, &subjects, |_, _| told += 1).await;
        assert_eq!(told, 121);
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        let lookups = network.dns.queries_to("resolver").len();
        assert!(lookups < 50, "{lookups} lookups");
    }
}
