//! Reads the delegations of many zones in many accounts, and checks whether they resolve. Used by
//! the command and the watch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;

use crate::aws::credentials::Accounts;
use crate::aws::route53::{HostedZone, Session};
use crate::cfn::properties::ParentZone;
use crate::error::{Code, Failure};
use crate::handler::{expected, reader_failure};
use delegation_model::ids::RoleArn;
use delegation_model::role::Role;
use dns_check::{Expected, Pace, Report, Verifier};
use inventory::{Acceptance, Accepted, FindingKind, Inventory, is_of_interest};

/// How many Route 53 calls are made per second in one account. The quota of an account is ten for
/// all callers (Route 53 Developer Guide, "Throttling API requests", as of November 2026), and was
/// five before. Deployments need some of it.
const CALLS_PER_SECOND: u32 = 4;

/// How many zones of an account are read concurrently. The quota limits the rate further.
pub(crate) const ZONES_AT_ONCE: usize = 4;

/// How many bytes of memory the watch spends on the record sets of one zone, and on what becomes of
/// them. Its function has 1,024 MB, and reads up to twenty zones in a step. Anybody who may write
/// TXT record sets in a zone can fill it with ownership records.
const MAX_ZONE: usize = 16_777_216;

/// Where to search for delegations.
#[derive(Clone, Debug)]
pub struct Source {
    /// The role to read with. `None` for the caller's own credentials.
    pub role: Option<Role>,
    /// The zone. `None` for every public zone of the account.
    pub zone: Option<ParentZone>,
}

impl Source {
    /// The ARN of the role to read with. `None` for the caller's own credentials.
    pub(crate) fn arn(&self) -> Option<&RoleArn> {
        self.role.as_ref().map(|role| &role.arn)
    }
}

/// A zone that was read.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The zone.
    pub zone: HostedZone,
    /// The role that read it. `None` for the caller's own credentials.
    pub role: Option<RoleArn>,
    /// Its delegations.
    pub inventory: Inventory,
}

/// A zone or an account that could not be read.
#[derive(Clone, Debug)]
pub struct Unread {
    /// The role that tried to read it. `None` for the caller's own credentials.
    pub role: Option<RoleArn>,
    /// The zone. `None` if it is the whole account.
    pub zone: Option<HostedZone>,
    /// The reason.
    pub failure: Failure,
}

impl Unread {
    /// What could not be read, for people: the name of the zone, or the account.
    pub fn subject(&self) -> String {
        match (&self.zone, &self.role) {
            (Some(zone), _) => zone.name.for_people(),
            (None, Some(role)) => role.account().to_owned(),
            (None, None) => "the caller's own account".to_owned(),
        }
    }

    /// The acceptance of this finding that is valid at `now`, in seconds since 1970. `None` if
    /// there is none, or if it has expired.
    pub fn acceptance<'a>(&self, accepted: &'a Accepted, now: i64) -> Option<&'a Acceptance> {
        accepted
            .find(&self.subject(), FindingKind::Unread, now)
            .filter(|acceptance| acceptance.is_valid(now))
    }
}

/// The result of reading all sources.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The zones, sorted by name.
    pub zones: Vec<Scanned>,
    /// The zones and accounts that could not be read.
    pub unread: Vec<Unread>,
}

/// The progress of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// This many more zones have been found.
    Found(usize),
    /// One more zone was read, or could not be read.
    Read,
}

/// Reads the zones of all sources, within the quota of each account. A zone that several sources
/// have is read once. A zone of any size is read: the memory is that of the user who asks.
pub async fn read(accounts: &Accounts, sources: &[Source], progress: &dyn Fn(Progress)) -> Scan {
    let mut paces: BTreeMap<&str, Arc<Pace>> = BTreeMap::new();
    let of_account: Vec<(&Source, Arc<Pace>)> = sources
        .iter()
        .map(|source| {
            let account = source.arn().map(RoleArn::account).unwrap_or_default();
            let pace = paces
                .entry(account)
                .or_insert_with(|| Arc::new(Pace::per_second(CALLS_PER_SECOND)));
            (source, Arc::clone(pace))
        })
        .collect();
    let reads =
        of_account.into_iter().map(|(source, pace)| read_source(accounts, source, pace, progress));
    let mut scan = Scan::default();
    let mut known = BTreeSet::new();
    for (zones, unread) in join_all(reads).await {
        scan.zones.extend(
            zones.into_iter().filter(|scanned| known.insert(scanned.zone.id.as_str().to_owned())),
        );
        scan.unread.extend(unread);
    }
    scan.zones.sort_by_cached_key(|scanned| {
        (scanned.zone.name.position(), scanned.zone.id.as_str().to_owned())
    });
    scan
}

async fn read_source(
    accounts: &Accounts,
    source: &Source,
    pace: Arc<Pace>,
    progress: &dyn Fn(Progress),
) -> (Vec<Scanned>, Vec<Unread>) {
    let account = match OpenAccount::with_pace(accounts, source, pace, usize::MAX).await {
        Ok(account) => account,
        Err(unread) => return (Vec::new(), vec![unread]),
    };
    progress(Progress::Found(account.zones.len()));
    account.read(&account.zones, progress).await
}

/// An account whose zones are listed, but not read yet.
#[derive(Debug)]
pub struct OpenAccount {
    /// The zones of its source.
    pub zones: Vec<HostedZone>,
    role: Option<RoleArn>,
    session: Arc<Session>,
    pace: Arc<Pace>,
    /// How many bytes of a zone are kept.
    most: usize,
}

impl OpenAccount {
    /// Assumes the role and lists the zones, within the account's quota. A zone that takes too much
    /// memory will not be read.
    ///
    /// # Errors
    /// If the account can't be read.
    pub async fn new(accounts: &Accounts, source: &Source) -> Result<Self, Unread> {
        let pace = Arc::new(Pace::per_second(CALLS_PER_SECOND));
        Self::with_pace(accounts, source, pace, MAX_ZONE).await
    }

    async fn with_pace(
        accounts: &Accounts,
        source: &Source,
        pace: Arc<Pace>,
        most: usize,
    ) -> Result<Self, Unread> {
        let role = source.arn().cloned();
        match zones_of(accounts, source, &pace).await {
            Ok((session, zones)) => Ok(Self { zones, role, session, pace, most }),
            Err(failure) => Err(Unread { role, zone: None, failure }),
        }
    }

    /// The role that reads it. `None` for the caller's own credentials.
    pub fn role(&self) -> Option<&RoleArn> {
        self.role.as_ref()
    }

    /// Reads some of its zones, and returns them in the same order.
    pub async fn read(
        &self,
        zones: &[HostedZone],
        progress: &dyn Fn(Progress),
    ) -> (Vec<Scanned>, Vec<Unread>) {
        let reads = zones.iter().map(async |zone| {
            let inventory = inventory(&self.session, zone, &self.pace, self.most).await;
            progress(Progress::Read);
            (zone.clone(), inventory)
        });
        let reads: Vec<_> = stream::iter(reads).buffered(ZONES_AT_ONCE).collect().await;
        let (mut scanned, mut unread) = (Vec::new(), Vec::new());
        for (zone, inventory) in reads {
            let role = self.role.clone();
            match inventory {
                Ok(inventory) => scanned.push(Scanned { zone, role, inventory }),
                Err(failure) => unread.push(Unread { role, zone: Some(zone), failure }),
            }
        }
        (scanned, unread)
    }
}

async fn zones_of(
    accounts: &Accounts,
    source: &Source,
    pace: &Pace,
) -> Result<(Arc<Session>, Vec<HostedZone>), Failure> {
    if let Some(zone) = &source.zone {
        let (session, zone) =
            expected::parent_zone(accounts, source.role.as_ref(), zone, None).await?;
        return Ok((session, vec![zone]));
    }
    let session = accounts.session(source.role.as_ref(), None).await;
    let session =
        session.map_err(|error| reader_failure("assuming the role to read with", &error))?;
    let zones = session.every_public_zone(async || pace.wait().await).await;
    let zones = zones.map_err(|error| reader_failure("listing the hosted zones", &error))?;
    Ok((session, zones))
}

async fn inventory(
    session: &Session,
    zone: &HostedZone,
    pace: &Pace,
    most: usize,
) -> Result<Inventory, Failure> {
    let sets = session.whole_zone(&zone.id, is_of_interest, most, async || pace.wait().await).await;
    let sets = sets
        .map_err(|error| reader_failure(&format!("listing the parent zone {}", zone.id), &error))?;
    let sets = sets.ok_or_else(|| {
        let message = format!(
            "The zone {} has more than {most} bytes of delegations, addresses and ownership \
             records. The watch does not read it, because its memory must last for the other zones \
             too. Remove record sets that nobody needs, such as TXT record sets _delegation-... \
             that no stack wrote, and list the zone with the command delegation until then.",
            zone.id
        );
        Failure::new(Code::ZoneTooLarge, message)
    })?;
    Ok(Inventory::new(&zone.name, sets))
}

/// What a DNS check is about: a zone, by its index in the scan, and optionally one of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The zone.
    pub zone: usize,
    /// The entry. `None` for the zone itself, whose own name servers are queried.
    pub entry: Option<usize>,
}

/// Queries the name servers of zones and delegations. Calls `report` with each result as soon as it
/// is known. Skips delegations that have no name servers to query.
pub async fn check(
    verifier: &Verifier,
    zones: &[Scanned],
    subjects: &[Subject],
    mut report: impl FnMut(Subject, Report),
) {
    let expected = |subject: &Subject| -> Option<Expected> {
        let scanned = zones.get(subject.zone)?;
        match subject.entry {
            Some(index) => scanned.inventory.entries.get(index)?.expected(),
            None => match (&scanned.inventory.apex, &scanned.zone.name_servers) {
                (Some(apex), Some(name_servers)) => {
                    Some(Expected { name_servers: name_servers.clone(), ..apex.clone() })
                }
                (apex, _) => apex.clone(),
            },
        }
    };
    let (subjects, expected): (Vec<Subject>, Vec<Expected>) =
        subjects.iter().filter_map(|subject| Some((*subject, expected(subject)?))).unzip();
    inventory::check(verifier, &expected, |index, result| {
        if let Some(subject) = subjects.get(index) {
            report(*subject, result);
        }
    })
    .await;
}

/// All zones of a scan and all their entries, as subjects of a DNS check.
pub fn subjects(zones: &[Scanned]) -> impl Iterator<Item = Subject> {
    let zone_and_entries = |(zone, scanned): (usize, &Scanned)| {
        let entries = (0..scanned.inventory.entries.len()).map(Some);
        std::iter::once(None).chain(entries).map(move |entry| Subject { zone, entry })
    };
    zones.iter().enumerate().flat_map(zone_and_entries)
}
