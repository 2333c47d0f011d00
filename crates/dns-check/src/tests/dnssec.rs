//! Tests of DS records against the keys that are served, and against the parent zone's DS records.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG, SigInput};
use hickory_proto::dnssec::{Algorithm, DigestType, PublicKeyBuf, SigningKey as _, TBS};
use hickory_proto::op::{Message, OpCode, Query as WireQuery, ResponseCode};
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{DNSClass, RData, Record, RecordType, SerialNumber};

use super::super::dnssec::{Compared, Validation, Verifications};
use super::super::finding::{FindingKind, Tags};
use super::super::query::Query;
use super::super::response::{Parsed, Response, Section, parse};
use super::super::{Expected, Finding, Report, Timing, dnssec};
use super::internet::{Internet, delegated_to};
use super::script::*;
use delegation_model::ds::{Ds, DsRecords};
use delegation_model::name_servers::NameServers;
use domain::base::Rtype;

/// The inception of the signatures.
const INCEPTION: u64 = 1_700_000_000;
/// The expiration of the signatures.
const EXPIRATION: u64 = 3_000_000_000;

pub(super) struct Key {
    secret: EcdsaSigningKey,
    public: DNSKEY,
}

impl Key {
    fn key_signing() -> Self {
        Self::with_flags(true)
    }

    fn zone_signing() -> Self {
        Self::with_flags(false)
    }

    fn with_flags(secure_entry_point: bool) -> Self {
        let algorithm = Algorithm::ECDSAP256SHA256;
        let pkcs8 = EcdsaSigningKey::generate_pkcs8(algorithm).unwrap();
        let secret = EcdsaSigningKey::from_pkcs8(&pkcs8, algorithm).unwrap();
        let public = DNSKEY::new(true, secure_entry_point, false, secret.to_public_key().unwrap());
        Self { secret, public }
    }

    fn tag(&self) -> u16 {
        self.public.calculate_key_tag().unwrap()
    }

    fn record(&self) -> Record {
        Record::from_rdata(
            wire(CHILD),
            3600,
            RData::DNSSEC(DNSSECRData::DNSKEY(self.public.clone())),
        )
    }

    fn ds(&self, digest_type: DigestType) -> Ds {
        let digest = self.public.to_digest(&wire(CHILD), digest_type).unwrap();
        Ds::new(self.tag(), 13, digest_type.into(), digest.as_ref().to_vec()).unwrap()
    }

    /// This key's signature of a key set.
    fn sign(&self, keys: &[Record]) -> Record {
        self.sign_for(CHILD, keys)
    }

    /// The signature of a record set, with this key as a key of that zone.
    fn sign_for(&self, zone: &str, records: &[Record]) -> Record {
        let owner = records.first().map_or_else(|| wire(zone), |record| record.name.clone());
        let input = SigInput {
            type_covered: records.first().map_or(RecordType::DNSKEY, Record::record_type),
            algorithm: Algorithm::ECDSAP256SHA256,
            num_labels: owner.num_labels(),
            original_ttl: 3600,
            sig_expiration: SerialNumber::new(u32::try_from(EXPIRATION).unwrap()),
            sig_inception: SerialNumber::new(u32::try_from(INCEPTION).unwrap()),
            key_tag: self.tag(),
            signer_name: wire(zone),
        };
        let tbs = TBS::from_input(&owner, DNSClass::IN, &input, records.iter()).unwrap();
        let signature = RRSIG::from_sig(input, self.secret.sign(&tbs).unwrap());
        Record::from_rdata(owner, 3600, RData::DNSSEC(DNSSECRData::RRSIG(signature)))
    }

    /// The SOA record of the child zone, and its signature.
    fn soa(&self) -> Vec<Record> {
        let soa = soa(CHILD);
        let signature = self.sign_for(CHILD, std::slice::from_ref(&soa));
        vec![soa, signature]
    }
}

/// A key set and the signatures of some keys.
fn signed(keys: &[&Key], by: &[&Key]) -> Vec<Record> {
    let records: Vec<Record> = keys.iter().map(|key| key.record()).collect();
    let signatures: Vec<Record> = by.iter().map(|key| key.sign(&records)).collect();
    [records, signatures].concat()
}

/// These records as a response from the wire.
fn received(records: &[Record]) -> Response {
    received_for(RecordType::DNSKEY, records)
}

fn received_for(record_type: RecordType, records: &[Record]) -> Response {
    let asked = Query::direct(&CHILD.parse().unwrap(), Rtype::from_int(record_type.into()))
        .signed()
        .with_edns();
    let id = u16::from_be_bytes([asked.bytes[0], asked.bytes[1]]);
    let mut message = Message::response(id, OpCode::Query);
    message.add_query(WireQuery::query(wire(CHILD), record_type));
    message.answers = records.to_vec();
    match parse(&asked, &message.to_vec().unwrap()) {
        Parsed::Response(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn at(seconds: u64, verifications: &Verifications) -> Validation<'_> {
    Validation { now: UNIX_EPOCH + Duration::from_secs(seconds), verifications }
}

fn found(ds: &DsRecords, answer: &[Record], seconds: u64) -> Vec<FindingKind> {
    compared(ds, answer, &at(seconds, &Verifications::default())).findings
}

fn compared(ds: &DsRecords, answer: &[Record], validation: &Validation<'_>) -> Compared {
    dnssec::compare(&CHILD.parse().unwrap(), ds, &received(answer).answers, validation)
}

fn findings(ds: Ds, answer: &[Record]) -> Vec<FindingKind> {
    found(&DsRecords::new([ds]).unwrap(), answer, INCEPTION)
}

#[test]
fn a_ds_record_must_match_a_key_that_signs_the_key_set() {
    let (ksk, zsk, other) = (Key::key_signing(), Key::zone_signing(), Key::key_signing());
    let answer = signed(&[&zsk, &ksk], &[&ksk, &zsk]);
    for digest_type in [DigestType::SHA256, DigestType::SHA384] {
        assert_eq!(findings(ksk.ds(digest_type), &answer), []);
    }
    assert_eq!(
        findings(other.ds(DigestType::SHA256), &answer),
        [FindingKind::NoKey(other.tag().into())]
    );
    let unsigned = signed(&[&zsk, &ksk], &[&zsk]);
    assert_eq!(
        findings(ksk.ds(DigestType::SHA256), &unsigned),
        [FindingKind::NotSigning(ksk.tag().into())]
    );
    // The signature is for another key set.
    let old = [vec![zsk.record()], signed(&[&ksk], &[&ksk])].concat();
    assert_eq!(
        findings(ksk.ds(DigestType::SHA256), &old),
        [FindingKind::NotSigning(ksk.tag().into())]
    );
    assert_eq!(findings(ksk.ds(DigestType::SHA256), &[]), [FindingKind::NoKey(ksk.tag().into())]);
}

#[test]
fn every_field_of_a_ds_record_is_compared() {
    let ksk = Key::key_signing();
    let answer = signed(&[&ksk], &[&ksk]);
    let good = ksk.ds(DigestType::SHA256);
    let ds = |tag, algorithm, digest_type, digest: &[u8]| {
        Ds::new(tag, algorithm, digest_type, digest.to_vec()).unwrap()
    };
    let tag = good.key_tag();
    assert_eq!(findings(ds(tag, 13, 2, good.digest()), &answer), []);
    assert_eq!(
        findings(ds(tag ^ 1, 13, 2, good.digest()), &answer),
        [FindingKind::NoKey((tag ^ 1).into())]
    );
    assert_eq!(findings(ds(tag, 8, 2, good.digest()), &answer), [FindingKind::NoKey(tag.into())]);
    assert_eq!(findings(ds(tag, 13, 4, good.digest()), &answer), [FindingKind::NoKey(tag.into())]);
    assert_eq!(
        findings(ds(tag, 13, 2, &good.digest()[..31]), &answer),
        [FindingKind::NoKey(tag.into())]
    );
    assert_eq!(findings(ds(tag, 16, 2, good.digest()), &answer), [FindingKind::NoKey(tag.into())]);
    assert_eq!(
        findings(ds(tag, 13, 1, &good.digest()[..20]), &answer),
        [FindingKind::NoKey(tag.into())]
    );
    for other in [0, 3, 5, 6] {
        let found = findings(ds(tag, 13, other, good.digest()), &answer);
        assert_eq!(found, [FindingKind::Unverifiable(tag.into(), "digest type", other)]);
    }
}

#[test]
fn a_signature_is_only_valid_between_inception_and_expiration() {
    let ksk = Key::key_signing();
    let answer = signed(&[&ksk], &[&ksk]);
    let ds = DsRecords::new([ksk.ds(DigestType::SHA256)]).unwrap();
    let found = |seconds| found(&ds, &answer, seconds);
    assert_eq!(found(INCEPTION - 1), [FindingKind::OutOfTime(ksk.tag())]);
    assert_eq!(found(INCEPTION), []);
    assert_eq!(found(EXPIRATION), []);
    assert_eq!(found(EXPIRATION + 1), [FindingKind::OutOfTime(ksk.tag())]);
}

#[test]
fn a_revoked_key_does_not_count() {
    let mut ksk = Key::key_signing();
    ksk.public = DNSKEY::new(true, true, true, ksk.secret.to_public_key().unwrap());
    let answer = signed(&[&ksk], &[&ksk]);
    assert_eq!(
        findings(ksk.ds(DigestType::SHA256), &answer),
        [FindingKind::NoKey(ksk.tag().into())]
    );
    // Neither does a key that is not a zone key.
    ksk.public = DNSKEY::new(false, true, false, ksk.secret.to_public_key().unwrap());
    let answer = signed(&[&ksk], &[&ksk]);
    assert_eq!(
        findings(ksk.ds(DigestType::SHA256), &answer),
        [FindingKind::NoKey(ksk.tag().into())]
    );
}

/// A zone with many DS records, each of a key of its own, does not cause more work than one with
/// few: what is beyond the limit counts as not signed.
#[test]
fn the_ds_records_of_a_zone_share_the_limit_of_signatures() {
    let mut keys: Vec<Key> = Vec::new();
    while keys.len() < 9 {
        let key = Key::key_signing();
        // A key tag that two keys have would take more signatures.
        if keys.iter().all(|other| other.tag() != key.tag()) {
            keys.push(key);
        }
    }
    keys.sort_by_key(Key::tag);
    let (last, others) = keys.split_last().unwrap();
    let records: Vec<Record> = keys.iter().map(Key::record).collect();
    let ds = |keys: &[Key]| DsRecords::new(keys.iter().map(|key| key.ds(DigestType::SHA256)));
    // Each of the others signs another set.
    let wrong = others.iter().map(|key| key.sign(&records[..1]));
    let answer: Vec<Record> =
        records.iter().cloned().chain(wrong).chain([last.sign(&records)]).collect();
    let tags = |keys: &[Key]| Tags::new(keys.iter().map(Key::tag)).unwrap();
    let spare = FindingKind::Spare(tags(&others[1..]));
    assert_eq!(found(&ds(&keys[1..]).unwrap(), &answer, INCEPTION), [spare]);
    let all = FindingKind::NotSigning(tags(&keys));
    assert_eq!(found(&ds(&keys).unwrap(), &answer, INCEPTION), [all]);
}

#[test]
fn signatures_beyond_the_limit_of_a_check_are_unknown_and_not_missing() {
    let (ksk, zsk) = (Key::key_signing(), Key::zone_signing());
    let keys = signed(&[&ksk, &zsk], &[&ksk]);
    let ds = DsRecords::new([ksk.ds(DigestType::SHA256)]).unwrap();
    let none = Verifications::new(0);
    let unknown = Compared { findings: vec![FindingKind::Unverified], is_secure: None };
    assert_eq!(compared(&ds, &keys, &at(INCEPTION, &none)), unknown);
    let one = Verifications::new(1);
    let secure = Compared { findings: vec![], is_secure: Some(true) };
    assert_eq!(compared(&ds, &keys, &at(INCEPTION, &one)), secure);
    assert_eq!(data_found(&zsk, &keys, &at(INCEPTION, &one)), Some(FindingKind::Unverified));
    // A signature that another server has, too, is not verified again.
    assert_eq!(compared(&ds, &keys, &at(INCEPTION, &one)), secure);
    assert_eq!(
        compared(&ds, &signed(&[&ksk, &zsk], &[&ksk]), &at(INCEPTION, &one)),
        unknown,
        "a new signature of the same keys"
    );
}

/// Each server has signatures of its own. The servers of a hostile zone could otherwise occupy the
/// processor until the checks of other delegations are late.
#[tokio::test(start_paused = true)]
async fn a_check_in_a_run_verifies_its_share_of_signatures() {
    let (ksk, zsk) = (Key::key_signing(), Key::zone_signing());
    let names: Vec<&'static str> =
        (0..32).map(|number| &*format!("n{number}.example.net").leak()).collect();
    let internet = Internet::new();
    for (number, name) in names.iter().enumerate() {
        let address = format!("205.251.200.{number}");
        internet.host(name, &[&address]);
        let keys = signed(&[&ksk, &zsk], &[&ksk]);
        internet.zone(&[&address], &Zone { keys, soa: zsk.soa(), ..child(&names) });
    }
    let ds = DsRecords::new([ksk.ds(DigestType::SHA256)]);
    let name_servers = NameServers::from_values(&names).unwrap();
    let expected = Expected { name_servers, ds, ..delegated_to(SERVERS) };
    let report = internet.before(&expected).await;
    assert!(report.is_good() && !report.is_incomplete(), "{report}");
    let run = internet.verifier().for_run(120);
    for _ in 0..2 {
        // Each check has its own share.
        let report = run.verify_child(&expected, Duration::ZERO).await;
        let verified = report.servers().len() - report.unknowns().count();
        assert_eq!((verified, codes(&report)[0]), (20, "signatures-not-verified"), "{report}");
        assert!(report.is_incomplete() && !report.has_bogus_server(), "{report}");
    }
}

/// Hundreds of DS records and of keys, all with one key tag: each key is hashed once for each
/// digest type, and not once for each DS record.
#[test]
fn each_key_is_hashed_once_per_digest_type_however_many_ds_records_there_are() {
    // The bytes at even places add up to the same number.
    let key = |first: u8| {
        let mut data = vec![1, 1, 3, 13, first, 0, 255 - first];
        data.resize(68, 0);
        data
    };
    let keys: BTreeSet<Vec<u8>> = (0..255).map(key).collect();
    let tags: BTreeSet<u16> = keys.iter().map(|key| ds_of(key).key_tag()).collect();
    assert_eq!((keys.len(), tags.len()), (255, 1));
    let tag = *tags.first().unwrap();
    let records = (0..400u16).map(|number| {
        let (digest_type, length) = if number % 2 == 0 { (2, 32) } else { (4, 48) };
        let digest = [&number.to_be_bytes()[..], &vec![7; length - 2]].concat();
        Ds::new(tag, 13, digest_type, digest).unwrap()
    });
    let ds = DsRecords::new(records.chain(keys.last().map(|key| ds_of(key)))).unwrap();
    let section = Section { keys, ..Section::default() };
    let before = dnssec::COMPUTED.get();
    let verifications = Verifications::default();
    let compared =
        dnssec::compare(&CHILD.parse().unwrap(), &ds, &section, &at(INCEPTION, &verifications));
    let computed = dnssec::COMPUTED.get() - before;
    assert!(computed <= 2 * 255, "{computed} digests");
    // The one DS record of a key finds it.
    let is_found = |kind: &FindingKind| *kind == FindingKind::NotSigning(tag.into());
    assert!(compared.findings.iter().any(is_found), "{:?}", compared.findings);
}

/// What is found does not grow with the number of DS records.
#[test]
fn hundreds_of_ds_records_are_few_findings() {
    let ksk = Key::key_signing();
    let answer = signed(&[&ksk], &[&ksk]);
    let ds = |number: u16, algorithm, digest_type| {
        Ds::new(number, algorithm, digest_type, vec![7; 32]).unwrap()
    };
    let nobodys = (0..400).map(|number| ds(number, 13, 2));
    let odd = (5..255).map(|digest_type| ds(1, 13, digest_type));
    let many = DsRecords::new(nobodys.clone().chain(odd)).unwrap();
    assert_eq!(
        found(&many, &answer, INCEPTION),
        [
            FindingKind::NoKey(Tags { first: vec![0, 1, 2, 3], more: 396 }),
            FindingKind::Unverifiable(1.into(), "digest type", 5),
        ]
    );
    // With a good one, which is found among the others.
    let good = [ksk.ds(DigestType::SHA256)];
    let many = DsRecords::new(nobodys.filter(|ds| ds.key_tag() != ksk.tag()).chain(good)).unwrap();
    let found = found(&many, &answer, INCEPTION);
    assert!(
        matches!(found.as_slice(), [FindingKind::Spare(Tags { more, .. })] if *more >= 395),
        "{found:?}"
    );
}

pub(super) fn ds_record(ds: &Ds) -> Record {
    let (algorithm, digest_type) =
        (Algorithm::from_u8(ds.algorithm()), DigestType::from(ds.digest_type()));
    let ds = DS::new(ds.key_tag(), algorithm, digest_type, ds.digest().to_vec());
    Record::from_rdata(wire(CHILD), 3600, RData::DNSSEC(DNSSECRData::DS(ds)))
}

/// Checks a signed child zone with these keys, below a parent zone with these DS records.
async fn check(soa: &[Record], keys: &[Record], above: &[&Ds], expected: &Expected) -> Report {
    let zone = Zone { keys: keys.to_vec(), soa: soa.to_vec(), ..child(SERVERS) };
    let above = Zone { ds: above.iter().map(|ds| ds_record(ds)).collect(), ..parent(SERVERS) };
    let fixture = Fixture::start(vec![
        (RESOLVER, resolver(HOSTS)),
        (11, zone.clone().script()),
        (12, zone.script()),
        (21, above.clone().script()),
        (22, above.script()),
    ]);
    let timing = Timing { pause: Duration::from_millis(1), ..patient() };
    fixture.verifier(timing).verify_delegation(&parent_zone(), expected, Duration::ZERO).await
}

#[tokio::test]
async fn a_signed_delegation_is_checked_with_its_ds_records() {
    let (ksk, zsk, next) = (Key::key_signing(), Key::zone_signing(), Key::key_signing());
    let (ds, next_ds) = (ksk.ds(DigestType::SHA256), next.ds(DigestType::SHA256));
    let keys = signed(&[&ksk, &zsk], &[&ksk]);
    let signed_by = |ds: &[&Ds]| Expected {
        ds: DsRecords::new(ds.iter().map(|ds| (*ds).clone())),
        ..expected()
    };

    let report = check(&zsk.soa(), &keys, &[&ds], &signed_by(&[&ds])).await;
    assert_eq!(
        report.to_string(),
        "the 2 name servers answer for testing.example.com with the keys of its DS records, and the 2 servers of example.com \
         refer to them; example.com is not signed, so a DS record set in it has no effect"
    );
    let report = check(&zsk.soa(), &keys, &[], &signed_by(&[&ds])).await;
    let text = report.to_string();
    assert!(
        text.contains(
            "p1.example.org (127.0.0.21) of the parent zone has no DS record set for the name"
        ),
        "{text}"
    );
    let report = check(&zsk.soa(), &keys, &[&ds, &next_ds], &signed_by(&[&ds])).await;
    assert!(
        report
            .to_string()
            .contains("of the parent zone has a different DS record set for the name"),
        "{report}"
    );
    let report = check(&zsk.soa(), &keys, &[&ds, &next_ds], &signed_by(&[&ds, &next_ds])).await;
    let words = format!("serves no key for the DS record with key tag {}", next.tag());
    assert!(
        report.is_good()
            && report.to_string().contains(&format!("ns1.example.net (127.0.0.11) {words}")),
        "{report}"
    );

    // If no DS record set is expected, an existing one is a finding with `check_ds`, and ignored
    // without it.
    let report = check(&zsk.soa(), &keys, &[&ds], &expected()).await;
    assert!(
        report
            .to_string()
            .contains("of the parent zone has a different DS record set for the name"),
        "{report}"
    );
    let report =
        check(&zsk.soa(), &keys, &[&ds], &Expected { check_ds: false, ..expected() }).await;
    assert!(report.is_good(), "{report}");
    let report = check(&[], &[], &[], &expected()).await;
    assert!(report.is_good(), "{report}");
}

/// The results of [`Report::has_secure_server`] and [`Report::has_bogus_server`] for two servers of
/// the child.
async fn security(ds: &[&Ds], servers: [Script; 2]) -> (bool, bool) {
    let report = security_report(ds, servers).await;
    (report.has_secure_server(), report.has_bogus_server())
}

async fn security_report(ds: &[&Ds], servers: [Script; 2]) -> Report {
    let [ns1, ns2] = servers;
    let fixture = Fixture::start(vec![(RESOLVER, resolver(HOSTS)), (11, ns1), (12, ns2)]);
    let timing = Timing { pause: Duration::from_millis(1), ..patient() };
    let expected = Expected { ds: DsRecords::new(ds.iter().map(|ds| (*ds).clone())), ..expected() };
    fixture.verifier(timing).verify_child(&expected, Duration::ZERO).await
}

/// One name server that serves other keys says nothing about the DS record set.
#[tokio::test]
async fn a_server_may_be_secure_unless_its_keys_or_its_answers_say_that_it_is_not() {
    let (ksk, other) = (Key::key_signing(), Key::key_signing());
    let ds = ksk.ds(DigestType::SHA256);
    let with = |key: &Key| {
        let keys = signed(&[key], &[key]);
        Zone { keys, soa: key.soa(), ..child(SERVERS) }
    };
    let (good, bogus) = (with(&ksk), with(&other));
    let refuses_keys = bogus.clone();
    let refuses_keys = script(move |ask| match ask.record_type() {
        RecordType::DNSKEY => ask.code(ResponseCode::Refused),
        _ => refuses_keys.answer(ask),
    });
    let code = |code: ResponseCode| script(move |ask| ask.code(code));
    let garbage: Script = Box::new(|ask| vec![ask.message.metadata.id.to_be_bytes().to_vec()]);
    for (second, may_be_secure) in [
        (good.script(), true),
        (bogus.clone().script(), false),
        (refuses_keys, true),
        (code(ResponseCode::Refused), false),
        (code(ResponseCode::ServFail), true),
        (garbage, true),
    ] {
        let report = security_report(&[&ds], [bogus.clone().script(), second]).await;
        let found = (report.has_bogus_server(), report.may_have_secure_server());
        assert_eq!(found, (true, may_be_secure), "{report}");
    }
}

#[tokio::test]
async fn one_secure_server_vouches_for_the_ds_records() {
    let (ksk, next) = (Key::key_signing(), Key::key_signing());
    let (ds, other) = (ksk.ds(DigestType::SHA256), next.ds(DigestType::SHA256));
    let signed = signed(&[&ksk], &[&ksk]);
    let serves =
        |keys: &[Record]| Zone { keys: keys.to_vec(), soa: ksk.soa(), ..child(SERVERS) }.script();
    let good = || serves(&signed);
    let refused = || script(|ask| ask.code(ResponseCode::Refused));

    assert_eq!(security(&[&ds], [good(), good()]).await, (true, false));
    assert_eq!(
        security(&[&ds, &other], [good(), good()]).await,
        (true, false),
        "one matching DS record is enough"
    );
    assert_eq!(security(&[&other], [good(), good()]).await, (false, true));
    assert_eq!(security(&[], [good(), good()]).await, (false, false), "nothing to vouch for");
    assert_eq!(security(&[&ds], [good(), refused()]).await, (true, false), "one server is enough");
    assert_eq!(
        security(&[&ds], [good(), serves(&[])]).await,
        (true, true),
        "the other server has no keys"
    );
    assert_eq!(security(&[&ds], [refused(), refused()]).await, (false, false));
    assert_eq!(
        security(&[&ds], [serves(&signed[..1]), refused()]).await,
        (false, true),
        "the key is served without a signature"
    );

    // A DS record with an unsupported digest type can't be checked.
    let unknown = Ds::new(ksk.tag(), 13, 3, vec![1; 32]).unwrap();
    assert_eq!(security(&[&unknown], [good(), good()]).await, (false, false));
    // Of two DS records for the same key, one is correct.
    let wrong = Ds::new(ksk.tag(), 13, 2, vec![1; 32]).unwrap();
    assert_eq!(security(&[&wrong, &ds], [good(), good()]).await, (true, false));
    assert_eq!(security(&[&wrong], [good(), good()]).await, (false, true));

    // It has the keys, but does not serve the zone.
    let lame = || {
        let zone = Zone { keys: signed.clone(), soa: ksk.soa(), ..child(SERVERS) };
        script(move |ask| match ask.record_type() {
            RecordType::NS => ask.code(ResponseCode::Refused),
            _ => zone.answer(ask),
        })
    };
    assert_eq!(security(&[&ds], [lame(), lame()]).await, (false, false));
    assert_eq!(security(&[&ds], [lame(), good()]).await, (true, false));
}

/// The report on two servers with this key set and SOA record, below a parent zone with these DS
/// records.
async fn served(soa: &[Record], keys: &[Record], ds: &[&Ds]) -> Report {
    let expected = Expected { ds: DsRecords::new(ds.iter().map(|ds| (*ds).clone())), ..expected() };
    check(soa, keys, ds, &expected).await
}

fn codes(report: &Report) -> Vec<&str> {
    let mut codes: Vec<&str> = report.findings().iter().map(Finding::code).collect();
    codes.dedup();
    codes
}

/// The same results as unbound's: RFC 4509, section 3; RFC 6840, section 5.11; RFC 6781, section
/// 4.1.2.
#[tokio::test]
async fn one_ds_record_that_leads_to_a_key_is_enough() {
    let (ksk, zsk, next) = (Key::key_signing(), Key::zone_signing(), Key::key_signing());
    let keys = signed(&[&ksk, &zsk], &[&ksk]);
    let (ds, sha1, standby) =
        (ksk.ds(DigestType::SHA256), ksk.ds(DigestType::SHA1), next.ds(DigestType::SHA256));
    let report = served(&zsk.soa(), &keys, &[&ds, &sha1]).await;
    assert!(
        report.is_good() && codes(&report) == ["parent-unsigned"],
        "SHA-256 and SHA-1 of one key: {report}"
    );
    let report = served(&zsk.soa(), &keys, &[&ds, &standby]).await;
    assert!(
        report.is_good() && codes(&report) == ["ds-spare", "parent-unsigned"],
        "a stand-by key: {report}"
    );
    // ED448, whose keys can be compared but not verified: together with another algorithm, and
    // alone.
    let ed448 = DNSKEY::with_flags(257, PublicKeyBuf::new(vec![7; 57], Algorithm::Unknown(16)));
    let digest = ed448.to_digest(&wire(CHILD), DigestType::SHA256).unwrap().as_ref().to_vec();
    let record =
        Record::from_rdata(wire(CHILD), 3600, RData::DNSSEC(DNSSECRData::DNSKEY(ed448.clone())));
    let both = [ksk.record(), zsk.record(), record];
    let both = [both.to_vec(), vec![ksk.sign(&both)]].concat();
    let nobodys = Ds::new(4711, 16, 2, vec![1; 32]).unwrap();
    let ed448 = Ds::new(ed448.calculate_key_tag().unwrap(), 16, 2, digest).unwrap();
    let report = served(&zsk.soa(), &both, &[&ds, &ed448]).await;
    assert!(report.is_good(), "{report}");
    let report = served(&zsk.soa(), &both, &[&nobodys]).await;
    assert!(
        report.has_bogus_server() && codes(&report) == ["ds-without-key", "parent-unsigned"],
        "{report}"
    );
    let report = served(&zsk.soa(), &both, &[&ed448]).await;
    assert!(
        report.is_good() && codes(&report) == ["ds-not-supported", "parent-unsigned"],
        "{report}"
    );
    assert!(!report.has_bogus_server() && !report.has_secure_server());
    assert!(!report.to_string().contains("with the keys of its DS records"), "{report}");
    // SHA-1 alone is valid, but being phased out (RFC 9905). A valid SHA-1 digest is ignored next
    // to an invalid stronger one.
    let report = served(&zsk.soa(), &keys, &[&sha1]).await;
    assert!(report.is_good() && codes(&report) == ["ds-weak", "parent-unsigned"], "{report}");
    let report = served(&zsk.soa(), &keys, &[&standby, &sha1]).await;
    assert!(
        report.has_bogus_server() && codes(&report) == ["ds-without-key", "parent-unsigned"],
        "{report}"
    );
}

/// Zones that validators reject although the keys match the DS records (RFC 4035, sections 5.2 and
/// 5.3).
#[tokio::test]
async fn data_must_be_signed_by_the_zone_s_keys() {
    let (ksk, zsk, other) = (Key::key_signing(), Key::zone_signing(), Key::zone_signing());
    let keys = signed(&[&ksk, &zsk], &[&ksk]);
    let ds = ksk.ds(DigestType::SHA256);
    for (soa, why) in [
        (vec![soa(CHILD)], "not signed"),
        (other.soa(), "by a key that is not in the key set"),
        (vec![soa(CHILD), keys[2].clone()], "by a signature of something else"),
    ] {
        let report = served(&soa, &keys, &[&ds]).await;
        assert!(report.has_bogus_server() && !report.has_secure_server(), "{why}: {report}");
        assert_eq!(codes(&report), ["data-unsigned", "parent-unsigned"], "{why}: {report}");
    }
    assert_eq!(data_at(&zsk, &keys, INCEPTION), None);
    assert_eq!(data_at(&zsk, &keys, EXPIRATION + 1), Some(FindingKind::DataOutOfTime));
}

fn data_at(zsk: &Key, keys: &[Record], seconds: u64) -> Option<FindingKind> {
    data_found(zsk, keys, &at(seconds, &Verifications::default()))
}

fn data_found(zsk: &Key, keys: &[Record], validation: &Validation<'_>) -> Option<FindingKind> {
    let (soa, keys) = (received_for(RecordType::SOA, &zsk.soa()), received(keys));
    let answers = &soa.answers;
    dnssec::data(
        &CHILD.parse().unwrap(),
        answers.soa.as_ref()?,
        &answers.signatures,
        &keys.answers,
        validation,
    )
}

/// The DS record set must be signed by the parent zone's keys, if it has any.
#[tokio::test]
async fn the_ds_record_set_must_be_signed_in_a_signed_parent_zone() {
    let (ksk, zsk, above, stranger) =
        (Key::key_signing(), Key::zone_signing(), Key::zone_signing(), Key::zone_signing());
    let (keys, ds) = (signed(&[&ksk, &zsk], &[&ksk]), ksk.ds(DigestType::SHA256));
    let record = ds_record(&ds);
    let of_parent = vec![Record::from_rdata(wire(PARENT), 3600, above.record().data)];
    for (signature, found) in [
        (Some(above.sign_for(PARENT, std::slice::from_ref(&record))), vec![]),
        (Some(stranger.sign_for(PARENT, std::slice::from_ref(&record))), vec!["ds-unsigned"]),
        (None, vec!["ds-unsigned"]),
    ] {
        let zone = Zone { keys: keys.clone(), soa: zsk.soa(), ..child(SERVERS) };
        let ds_set = std::iter::once(record.clone()).chain(signature).collect();
        let parent = Zone { ds: ds_set, keys: of_parent.clone(), ..parent(SERVERS) };
        let fixture = Fixture::start(vec![
            (RESOLVER, resolver(HOSTS)),
            (11, zone.clone().script()),
            (12, zone.script()),
            (21, parent.clone().script()),
            (22, parent.script()),
        ]);
        let timing = Timing { pause: Duration::from_millis(1), ..patient() };
        let expected = Expected { ds: DsRecords::new([ds.clone()]), ..expected() };
        let report = fixture
            .verifier(timing)
            .verify_delegation(&parent_zone(), &expected, Duration::ZERO)
            .await;
        assert_eq!(
            (codes(&report), report.is_good()),
            (found.clone(), found.is_empty()),
            "{report}"
        );
    }
}

/// The key set with this heading, and its signatures. Another program generated them, with every
/// supported algorithm.
fn generated(heading: &str) -> Vec<(RecordType, Vec<u8>)> {
    let file = include_str!("signed_keys.txt").lines();
    let own = file
        .skip_while(|line| *line != format!("[{heading}]"))
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let record = |line: &str| {
        let (record_type, hex) = line.split_once(' ').unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (record_type.parse().unwrap(), (0..hex.len()).step_by(2).map(byte).collect())
    };
    own.map(record).collect()
}

fn records(data: &[(RecordType, Vec<u8>)]) -> Vec<Record> {
    let record = |(code, data): &(RecordType, Vec<u8>)| {
        let data = RData::Unknown { code: *code, rdata: NULL::with(data.clone()) };
        Record::from_rdata(wire(CHILD), 3600, data)
    };
    data.iter().map(record).collect()
}

/// The DS record of a key.
fn ds_of(key: &[u8]) -> Ds {
    let owned = [super::super::query::wire(&CHILD.parse().unwrap()), key.to_vec()].concat();
    let digest = ring::digest::digest(&ring::digest::SHA256, &owned);
    let public = PublicKeyBuf::new(key[4..].to_vec(), Algorithm::from_u8(key[3]));
    let tag = DNSKEY::with_flags(257, public).calculate_key_tag().unwrap();
    Ds::new(tag, key[3], 2, digest.as_ref().to_vec()).unwrap()
}

#[test]
fn every_supported_algorithm_is_verified() {
    for algorithm in [5, 7, 8, 10, 13, 14, 15] {
        let mut set = generated(&algorithm.to_string());
        let ds = ds_of(&set[0].1);
        let tag = ds.key_tag();
        assert_eq!(ds.algorithm(), algorithm);
        let one = DsRecords::new([ds.clone()]).unwrap();
        let weak =
            matches!(algorithm, 5 | 7).then_some(FindingKind::Weak(tag, "algorithm", algorithm));
        assert_eq!(found(&one, &records(&set), INCEPTION), Vec::from_iter(weak), "{algorithm}");
        assert_eq!(
            found(&one, &records(&set), EXPIRATION + 1),
            [FindingKind::OutOfTime(tag)],
            "{algorithm}"
        );
        // A bit of the signature changes.
        *set[1].1.last_mut().unwrap() ^= 1;
        assert_eq!(
            found(&one, &records(&set), INCEPTION),
            [FindingKind::NotSigning(tag.into())],
            "{algorithm}"
        );
        // A bit of the key changes, which makes it another key.
        *set[0].1.last_mut().unwrap() ^= 1;
        assert_eq!(
            found(&one, &records(&set), INCEPTION),
            [FindingKind::NoKey(tag.into())],
            "{algorithm}"
        );
    }
}

/// Keys of three algorithms, of which two sign. One of the algorithms in the DS record set is
/// enough (RFC 6840, section 5.11).
#[test]
fn one_of_several_algorithms_is_enough() {
    let set = generated("mixed");
    let [rsa, ecdsa, ed25519] = [0, 1, 2].map(|at: usize| ds_of(&set[at].1));
    assert_eq!([rsa.algorithm(), ecdsa.algorithm(), ed25519.algorithm()], [8, 13, 15]);
    let found = |ds: &[&Ds]| {
        found(
            &DsRecords::new(ds.iter().map(|ds| (*ds).clone())).unwrap(),
            &records(&set),
            INCEPTION,
        )
    };
    assert_eq!(found(&[&rsa]), []);
    assert_eq!(found(&[&ed25519]), []);
    assert_eq!(found(&[&rsa, &ed25519]), []);
    assert_eq!(found(&[&ecdsa]), [FindingKind::NotSigning(ecdsa.key_tag().into())]);
    assert_eq!(found(&[&ecdsa, &ed25519]), [FindingKind::Spare(ecdsa.key_tag().into())]);
}

#[tokio::test]
async fn a_signed_zone_without_ds_records_is_a_remark() {
    let (ksk, zsk) = (Key::key_signing(), Key::zone_signing());
    let zone = Zone { keys: signed(&[&ksk, &zsk], &[&ksk]), ..child(SERVERS) };
    let scripts = || {
        vec![(RESOLVER, resolver(HOSTS)), (11, zone.clone().script()), (12, zone.clone().script())]
    };
    let fixture = Fixture::start(scripts());
    let report =
        fixture.verifier(patient()).thorough().verify_child(&expected(), Duration::ZERO).await;
    assert!(report.is_good() && codes(&report) == ["signed-without-ds"], "{report}");
    // A check that is not thorough does not query for remarks.
    let fixture = Fixture::start(scripts());
    assert!(
        fixture
            .verifier(patient())
            .verify_child(&expected(), Duration::ZERO)
            .await
            .findings()
            .is_empty()
    );
    assert_eq!(fixture.count(11, RecordType::DNSKEY), 0);
}
