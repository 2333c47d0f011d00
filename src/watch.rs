//! The watch: checks every delegation of an organization on a schedule, and reports what is wrong.
//!
//! If Lambda's `_HANDLER` variable is [`HANDLER`], the program `bootstrap` runs as the watch.
//! [`Watch::run`] takes an event, reads all public zones of the accounts in [`Settings`], and
//! queries the name servers of each delegation. It reports each finding in three places: as a log
//! line, as a count in the metrics, and in its result, which Lambda passes to the function's
//! destination.
//!
//! An invocation has at most fifteen minutes. If one part of a run can't read everything, its
//! result says where the next part continues ([`Position`]). A rule in the template sends that to
//! the function as its next event. The watch keeps no other state.

mod finding;
pub mod metrics;
mod part;
mod position;
mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument as _, error, info, info_span};

use crate::aws::credentials::Accounts;
use crate::aws::route53::HostedZone;
use crate::deadline::Deadline;
use crate::error::{Code, Failure};
use crate::handler::Invocation;
use crate::scan::{self, OpenAccount, Source, Subject, Unread};
use dns_check::Verifier;
use part::Part;
use position::Stop;
pub use position::{Position, Totals};
pub use settings::{Settings, SettingsError};

/// The value of `_HANDLER` for which the program is the watch.
pub const HANDLER: &str = "watch";

/// A step is only started if this much time is left. The first step of a part is always started,
/// and may use all of the time.
const STEP: Duration = Duration::from_mins(5);

/// The most zones in a step: few enough to report findings soon, and enough to benefit from cached
/// name servers.
const ZONES_PER_STEP: usize = 20;

/// The number of delegations after which a step reads no more zones. A zone may have more. They are
/// checked this many at a time, so that no more reports are in memory.
const DELEGATIONS_PER_STEP: usize = 2000;

/// The watch. It is built once, and serves every invocation of a warm execution environment.
pub struct Watch {
    settings: Result<Settings, SettingsError>,
    accounts: Accounts,
    verifier: Verifier,
    metrics: Box<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// An error that fails the invocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// A setting is invalid.
    #[error("{0}")]
    Settings(#[from] SettingsError),
    /// The event is not one of the watch's.
    #[error("{0}")]
    Event(String),
}

impl WatchError {
    /// The name of the error, which Lambda reports as `errorType`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Settings(_) => "InvalidSettings",
            Self::Event(_) => "InvalidEvent",
        }
    }
}

impl Watch {
    /// Creates the watch with these settings. If they are invalid, every invocation fails with
    /// their error.
    pub fn new(settings: Result<Settings, SettingsError>, accounts: Accounts) -> Self {
        let verifier = match &settings {
            Ok(settings) => {
                Verifier::new(settings.dns_resolver).at_any_address(settings.dns_any_address)
            }
            Err(_) => Verifier::new(None),
        };
        Self { settings, accounts, verifier, metrics: Box::new(|_| {}) }
    }

    /// Replaces the DNS verifier.
    #[must_use]
    pub fn with_verifier(self, verifier: Verifier) -> Self {
        Self { verifier, ..self }
    }

    /// Calls `metrics` with each line of metrics.
    #[must_use]
    pub fn with_metrics(self, metrics: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { metrics: Box::new(metrics), ..self }
    }

    /// Runs one part of a run: the first for the event `{}`, and a later one for the `next` of the
    /// previous part's result.
    ///
    /// # Errors
    /// If a setting or the event is invalid. An account or a zone that can't be read is a finding,
    /// not an error.
    pub async fn run(&self, event: &str, invocation: &Invocation) -> Result<Value, WatchError> {
        let prepared = self.prepare(event, invocation);
        let (settings, position) = prepared.inspect_err(|error| {
            error!(lambda_request_id = invocation.id, problem = %error, "the watch can't begin");
        })?;
        let span = info_span!(
            "watch",
            lambda_request_id = invocation.id,
            run = position.run,
            part = position.part
        );
        Ok(Box::pin(self.run_part(settings, position, invocation)).instrument(span).await)
    }

    fn prepare(
        &self,
        event: &str,
        invocation: &Invocation,
    ) -> Result<(&Settings, Position), WatchError> {
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let position = Position::parse(event, &invocation.id)?;
        if position.first_source(&settings.sources()).is_none() {
            let message = "The event continues with a role that is not in DELEGATION_WATCH_ROLES. \
                           The setting was changed during a run. Start a new run with the event \
                           {}.";
            return Err(WatchError::Event(message.to_owned()));
        }
        Ok((settings, position))
    }

    async fn run_part(
        &self,
        settings: &Settings,
        position: Position,
        invocation: &Invocation,
    ) -> Value {
        let now = self.accounts.clock().now();
        let deadline = Deadline::new(invocation.deadline, None, now).work();
        // New sessions last longer than the part, and have recently granted permissions.
        self.accounts.invalidate_sessions();
        let sources = settings.sources();
        info!(accounts = sources.len(), "the watch begins");
        let mut part = Part::new(&settings.accepted, now);
        let stop = self.walk(&sources, &position, deadline, &mut part).await;
        let next = stop.map(|stop| position.next(stop, &part.totals));
        let ended = part.end(&position, next.as_ref());
        let at = self.accounts.clock().now();
        for line in ended.metrics(at) {
            (self.metrics)(&line);
        }
        ended.log();
        ended.result
    }

    /// Goes through the accounts from a position on, until all are done or too little time is left.
    async fn walk(
        &self,
        sources: &[Source],
        position: &Position,
        deadline: Instant,
        part: &mut Part<'_>,
    ) -> Option<Stop> {
        let mut after = position.after.clone();
        for source in sources.iter().skip(position.first_source(sources).unwrap_or(0)) {
            let after = after.take();
            match self.step(part, deadline, OpenAccount::new(&self.accounts, source)).await {
                Some(Ok(account)) => {
                    let stop = self.walk_account(&account, after, deadline, part).await;
                    if stop.is_some() {
                        return stop;
                    }
                }
                Some(Err(unread)) => part.add_unread(&unread),
                None if part.has_progressed => {
                    return Some(Stop { role: source.arn().cloned(), after });
                }
                None => {
                    let role = source.arn().cloned();
                    part.add_unread(&Unread { role, zone: None, failure: self.out_of_time() });
                }
            }
        }
        None
    }

    /// Goes through the zones of an account after the zone `after`, until all are done or too
    /// little time is left.
    async fn walk_account(
        &self,
        account: &OpenAccount,
        mut after: Option<String>,
        deadline: Instant,
        part: &mut Part<'_>,
    ) -> Option<Stop> {
        let is_left =
            |zone: &&HostedZone| after.as_deref().is_none_or(|after| zone.id.as_str() > after);
        let mut zones: Vec<HostedZone> = account.zones.iter().filter(is_left).cloned().collect();
        zones.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        let mut left = zones.as_slice();
        while !left.is_empty() {
            let mut started = 0;
            let batch = self.batch(account, left, &mut started, part.of_step());
            let batch = self.step(part, deadline, batch).await;
            if batch.is_none() && part.has_progressed {
                return Some(Stop { role: account.role().cloned(), after });
            }
            let (done, rest) = left.split_at_checked(started.max(1)).unwrap_or((left, &[]));
            match batch {
                Some(batch) => part.add_step(batch),
                None => done.iter().for_each(|zone| {
                    let (role, zone) = (account.role().cloned(), Some(zone.clone()));
                    part.add_unread(&Unread { role, zone, failure: self.out_of_time() });
                }),
            }
            after = done.last().map(|zone| zone.id.as_str().to_owned());
            left = rest;
        }
        None
    }

    /// Runs a step if there is time for it. `None` if there is not, or if it did not finish in
    /// time. The first step of a part has all the remaining time, so that long steps are done then,
    /// and every part makes progress.
    async fn step<T>(
        &self,
        part: &Part<'_>,
        deadline: Instant,
        step: impl Future<Output = T>,
    ) -> Option<T> {
        let end = if part.has_progressed { Instant::now() + STEP } else { deadline };
        if end > deadline {
            return None;
        }
        self.accounts.clear_last_problem();
        // Boxed because it is large.
        timeout_at(end, Box::pin(step)).await.ok()
    }

    /// Reads the first of these zones and queries the name servers of their delegations. Sets
    /// `started` to the number of these zones. Adds what it finds to `results`, and returns them.
    async fn batch<'a>(
        &self,
        account: &OpenAccount,
        zones: &[HostedZone],
        started: &mut usize,
        mut results: Part<'a>,
    ) -> Part<'a> {
        let (mut scanned, mut delegations) = (Vec::new(), 0);
        for group in zones.chunks(scan::ZONES_AT_ONCE) {
            *started += group.len();
            let (read, unread) = account.read(group, &|_| {}).await;
            delegations += read.iter().map(|zone| zone.inventory.entries.len()).sum::<usize>();
            scanned.extend(read);
            for unread in &unread {
                results.add_unread(unread);
            }
            if *started >= ZONES_PER_STEP || delegations >= DELEGATIONS_PER_STEP {
                break;
            }
        }
        let subjects: Vec<Subject> = scan::subjects(&scanned).collect();
        for slice in subjects.chunks(DELEGATIONS_PER_STEP) {
            let mut reports = BTreeMap::new();
            scan::check(&self.verifier, &scanned, slice, |subject, report| {
                reports.insert(subject, report);
            })
            .await;
            results.add(&scanned, slice, &reports);
        }
        results
    }

    fn out_of_time(&self) -> Failure {
        let cause =
            self.accounts.last_problem().map(|problem| format!(": {problem}")).unwrap_or_default();
        let message = format!(
            "A whole part of the watch was not enough time for it{cause}. Increase the memory or \
             the timeout of the watch's function, or check what AWS responded."
        );
        Failure::new(Code::OutOfTime, message)
    }
}
