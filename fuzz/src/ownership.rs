//! Ownership records.

use delegation_model::digest::{Digest, Intent, RequestDigest};
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{
    Claim, ClaimBasis, Claimant, Displaced, Origin, OwnershipRecord, Stamp, Value as Entry,
    record_name,
};
use delegation_model::ttl::Ttl;

/// Parses the lines as the values of an ownership record, and lets a stack resource write to it.
/// What is written must parse to the same, the values of others must stay byte for byte, and the
/// resource must be able to remove what it wrote.
pub fn ownership(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let values: Vec<&str> = text.lines().collect();
    let found = OwnershipRecord::parse(&values);
    assert_eq!(found.values(), values, "the values must stay as they are");
    for entry in found.iter() {
        let mut again = OwnershipRecord::default();
        match entry {
            Entry::Claim(claim) => again.put_claim(claim.clone()),
            Entry::Origin(origin) => again.put_origin(Some(origin.clone())),
            Entry::Tombstone(_) | Entry::Unreadable | Entry::Foreign => continue,
        }
        let written = again.values();
        assert_eq!(
            OwnershipRecord::parse(&written).iter().collect::<Vec<_>>(),
            [entry],
            "{written:?}"
        );
    }

    let mut parts = text.splitn(3, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let Ok(cut) = "testing.example.com".parse::<Name>() else { panic!("a name") };
    let (stack, logical_id) = (part(), part());
    let claimant = Claimant::new(stack, logical_id, &cut);
    assert_ne!(
        Claimant::new(stack, "Sibling", &cut).id(),
        Claimant::new(stack, "Other", &cut).id()
    );
    let Ok(servers) = NameServers::parse(&["ns1.example.net"]) else { panic!("a name server") };
    let digest = Digest::from_name_servers(&servers);
    let time = data.iter().fold(0_i64, |time, byte| (time * 256 + i64::from(*byte)) % (1 << 33));
    let intent = Intent {
        child_zone: None,
        name_servers: Some(&servers),
        dnssec: false,
        key_signing_keys: None,
    };
    let claim = Claim {
        id: claimant.id(),
        ns: digest,
        ds: data.len().is_multiple_of(2).then_some(digest),
        intent: Digest::from_intent(&intent),
        previous_intent: data.len().is_multiple_of(3).then_some(digest),
        stamp: Stamp { time, request: RequestDigest::new(logical_id) },
        basis: if data.len().is_multiple_of(2) { ClaimBasis::Made } else { ClaimBasis::Came },
        saw: data.len().is_multiple_of(5).then_some(time),
        from: None,
        hold: data.len().is_multiple_of(7).then_some(time),
        again: data.len().is_multiple_of(11),
        owner: claimant.owner().clone(),
    };
    let displaced = Displaced { name_servers: servers, ttl: Ttl::DELEGATION, time, claimed: true };
    let origin =
        Origin { of: digest, displaced: data.len().is_multiple_of(2).then_some(displaced) };
    let mut record = found.clone();
    record.put_claim(claim.clone());
    record.put_origin(Some(origin.clone()));
    record.put_tombstone(&claimant, time, time);
    for value in record.values().iter().filter(|value| !values.contains(&value.as_str())) {
        assert!(value.starts_with('"') && value.ends_with('"') && value.is_ascii(), "{value}");
        let strings = value.trim_matches('"').split("\" \"");
        assert!(
            strings.clone().all(|text| text.len() <= 255 && !text.contains(['"', '\\'])),
            "{value}"
        );
    }
    let read = OwnershipRecord::parse(&record.values());
    assert_eq!(read, record);
    assert_eq!(read.own(&claimant, time).map(|own| own.ns), Some(digest));
    assert_eq!((read.recorded_origin(), read.origin(digest)), (Some(&origin), Some(&origin)));
    assert!(read.tombstone(&claimant, time).is_some_and(|stone| stone.time >= time));

    record.remove_claim(&claimant);
    record.put_origin(None);
    assert!(record.own(&claimant, time).is_none() && record.recorded_origin().is_none());
    let others = |record: &OwnershipRecord| -> Vec<Entry> {
        let kept = |entry: &&Entry| match entry {
            Entry::Claim(other) => other.id != claim.id,
            Entry::Origin(_) | Entry::Tombstone(_) => false,
            Entry::Unreadable | Entry::Foreign => true,
        };
        record.iter().filter(kept).cloned().collect()
    };
    assert_eq!(others(&record), others(&found), "the values of others must stay");
    if let Ok(cut) = part().parse::<Name>()
        && let Some(record) = record_name(&cut)
    {
        assert_eq!(record.parent(), cut.parent(), "the record must be next to the cut");
        assert_ne!(record, cut);
    }
}
