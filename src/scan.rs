//! The delegations of many zones in many accounts, and whether they resolve: for the command and
//! the watch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;

use crate::aws::credentials::Accounts;
use crate::aws::route53::{HostedZone, Session};
use crate::cfn::properties::ParentZone;
use crate::error::Failure;
use crate::handler::{expected, reader_failure};
use delegation_model::ids::RoleArn;
use delegation_model::role::Role;
use dns_check::{Expected, Pace, Report, Verifier};
use inventory::{Acceptance, Accepted, FindingKind, Inventory, is_of_interest};

/// How many calls of Route 53 a second are made in one account: its quota is ten, over all who call
/// (Route 53 Developer Guide, "Throttling API requests", as of November 2026), and was five before.
/// Deployments need it too.
const CALLS: u32 = 4;

/// How many zones of an account are read at once; the quota bounds it more.
pub(crate) const ZONES_AT_ONCE: usize = 4;

/// Where delegations are looked for.
#[derive(Clone, Debug)]
pub struct Source {
    /// The role to read with; `None` for the own credentials.
    pub role: Option<Role>,
    /// The zone; `None` for every public zone of the account.
    pub zone: Option<ParentZone>,
}

impl Source {
    /// The role to read with; `None` for the own credentials.
    pub(crate) fn arn(&self) -> Option<&RoleArn> {
        self.role.as_ref().map(|role| &role.arn)
    }
}

/// A zone that was read.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The zone.
    pub zone: HostedZone,
    /// The role with which it was read; `None` for the own credentials.
    pub role: Option<RoleArn>,
    /// Its delegations.
    pub inventory: Inventory,
}

/// What could not be read.
#[derive(Clone, Debug)]
pub struct Unread {
    /// The role with which it was tried; `None` for the own credentials.
    pub role: Option<RoleArn>,
    /// The zone; `None` for the whole account.
    pub zone: Option<HostedZone>,
    /// Why.
    pub failure: Failure,
}

impl Unread {
    /// What it is about, as people call it: the zone, or else the account.
    pub fn subject(&self) -> String {
        match (&self.zone, &self.role) {
            (Some(zone), _) => zone.name.for_people(),
            (None, Some(role)) => role.account().to_owned(),
            (None, None) => "the own account".to_owned(),
        }
    }

    /// Who has accepted at `now`, in seconds since 1970, that it can't be read; `None` once that
    /// day has passed.
    pub fn acceptance<'a>(&self, accepted: &'a Accepted, now: i64) -> Option<&'a Acceptance> {
        accepted
            .find(&self.subject(), FindingKind::Unread, now)
            .filter(|acceptance| acceptance.holds(now))
    }
}

/// What was read of all sources.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The zones, in the order of their names.
    pub zones: Vec<Scanned>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// How far the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many more zones are to be read.
    Found(usize),
    /// One more was read, or could not be.
    Read,
}

/// Reads the zones of all sources, each account within its quota. A zone that several sources lead
/// to is read once.
pub async fn read(accounts: &Accounts, sources: &[Source], progress: &dyn Fn(Progress)) -> Scan {
    let mut paces: BTreeMap<&str, Arc<Pace>> = BTreeMap::new();
    let of_account: Vec<(&Source, Arc<Pace>)> = sources
        .iter()
        .map(|source| {
            let account = source.arn().map(RoleArn::account).unwrap_or_default();
            let pace = paces.entry(account).or_insert_with(|| Arc::new(Pace::per_second(CALLS)));
            (source, Arc::clone(pace))
        })
        .collect();
    let reads =
        of_account.into_iter().map(|(source, pace)| of_source(accounts, source, pace, progress));
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

async fn of_source(
    accounts: &Accounts,
    source: &Source,
    pace: Arc<Pace>,
    progress: &dyn Fn(Progress),
) -> (Vec<Scanned>, Vec<Unread>) {
    let account = match OpenAccount::with_pace(accounts, source, pace).await {
        Ok(account) => account,
        Err(unread) => return (Vec::new(), vec![unread]),
    };
    progress(Progress::Found(account.zones.len()));
    account.read(&account.zones, progress).await
}

/// An account whose zones are known, and not read yet.
#[derive(Debug)]
pub struct OpenAccount {
    /// The zones that its source leads to.
    pub zones: Vec<HostedZone>,
    role: Option<RoleArn>,
    session: Arc<Session>,
    pace: Arc<Pace>,
}

impl OpenAccount {
    /// Assumes the role and lists the zones, within the account's quota.
    ///
    /// # Errors
    /// Says why the account can't be read.
    pub async fn new(accounts: &Accounts, source: &Source) -> Result<Self, Unread> {
        Self::with_pace(accounts, source, Arc::new(Pace::per_second(CALLS))).await
    }

    async fn with_pace(
        accounts: &Accounts,
        source: &Source,
        pace: Arc<Pace>,
    ) -> Result<Self, Unread> {
        let role = source.arn().cloned();
        match zones_of(accounts, source, &pace).await {
            Ok((session, zones)) => Ok(Self { zones, role, session, pace }),
            Err(failure) => Err(Unread { role, zone: None, failure }),
        }
    }

    /// The role with which it is read; `None` for the own credentials.
    pub fn role(&self) -> Option<&RoleArn> {
        self.role.as_ref()
    }

    /// Reads some of its zones, in their order.
    pub async fn read(
        &self,
        zones: &[HostedZone],
        progress: &dyn Fn(Progress),
    ) -> (Vec<Scanned>, Vec<Unread>) {
        let reads = zones.iter().map(async |zone| {
            let inventory = inventory(&self.session, zone, &self.pace).await;
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
) -> Result<Inventory, Failure> {
    let sets = session.whole_zone(&zone.id, is_of_interest, async || pace.wait().await).await;
    let sets = sets
        .map_err(|error| reader_failure(&format!("listing the parent zone {}", zone.id), &error))?;
    Ok(Inventory::of(&zone.name, sets))
}

/// What was looked at: a zone by its place in the scan, and one of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The zone.
    pub zone: usize,
    /// The entry; `None` for the zone itself, whose own name servers were asked.
    pub entry: Option<usize>,
}

/// Asks the name servers of the zones and of their delegations, and tells what each says as it is
/// known. Delegations for which there is nothing to ask are passed over.
pub async fn look(
    verifier: &Verifier,
    zones: &[Scanned],
    subjects: &[Subject],
    mut tell: impl FnMut(Subject, Report),
) {
    let expected = |subject: &Subject| -> Option<Expected> {
        let scanned = zones.get(subject.zone)?;
        match subject.entry {
            Some(index) => scanned.inventory.entries.get(index)?.wanted(),
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
    inventory::look(verifier, &expected, |index, report| {
        if let Some(subject) = subjects.get(index) {
            tell(*subject, report);
        }
    })
    .await;
}

/// All zones of a scan and all their entries.
pub fn subjects(zones: &[Scanned]) -> impl Iterator<Item = Subject> {
    let of_zone = |(zone, scanned): (usize, &Scanned)| {
        let entries = (0..scanned.inventory.entries.len()).map(Some);
        std::iter::once(None).chain(entries).map(move |entry| Subject { zone, entry })
    };
    zones.iter().enumerate().flat_map(of_zone)
}
