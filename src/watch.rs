//! The watch: every delegation of an organization, on a schedule, with what is wrong with it.
//!
//! The same `bootstrap` is the watch where Lambda's `_HANDLER` says so. [`Watch::run`] takes an
//! event, reads all public zones of the accounts in [`Settings`], asks the name servers of each
//! delegation, and tells each finding three times: as a line of the log, as a count among the
//! metrics, and in its result, which Lambda hands to the function's destination.
//!
//! An invocation has fifteen minutes at most. A part that can't do all says in its result where the
//! next one goes on ([`Position`]); the template has a rule that delivers that to the function as
//! its next event. Nothing else is remembered.

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
use part::{Batch, Part};
use position::Stop;
pub use position::{Position, Totals};
pub use settings::{Settings, SettingsError};

/// The name of the handler for which the program is the watch.
pub const HANDLER: &str = "watch";

/// No step begins with less time than this, unless it is the first of its part, which has all that
/// there is.
const STEP: Duration = Duration::from_mins(5);

/// The zones of a step: few enough that its findings are told soon, and enough that name servers
/// are remembered.
const ZONES: usize = 20;

/// No step goes on reading zones with more delegations than these.
const DELEGATIONS: usize = 2000;

/// The function of the watch: built once, and kept while warm.
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

/// Why an invocation fails towards Lambda.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// A setting is wrong.
    #[error("{0}")]
    Settings(#[from] SettingsError),
    /// The event is none of the watch's.
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
    /// The watch with these settings; where they are wrong, every invocation says so.
    pub fn new(settings: Result<Settings, SettingsError>, accounts: Accounts) -> Self {
        let verifier = match &settings {
            Ok(settings) => {
                Verifier::new(settings.dns_resolver).at_any_address(settings.dns_any_address)
            }
            Err(_) => Verifier::new(None),
        };
        Self { settings, accounts, verifier, metrics: Box::new(|_| {}) }
    }

    /// The same with another DNS check.
    #[must_use]
    pub fn with_verifier(self, verifier: Verifier) -> Self {
        Self { verifier, ..self }
    }

    /// The same, handing each line of metrics to `metrics`.
    #[must_use]
    pub fn with_metrics(self, metrics: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { metrics: Box::new(metrics), ..self }
    }

    /// Runs a part: the first of a run for the event `{}`, a further one for the `next` of the part
    /// before.
    ///
    /// # Errors
    /// If a setting or the event is wrong. An account or a zone that can't be read is a finding and
    /// no error.
    pub async fn run(&self, event: &str, invocation: &Invocation) -> Result<Value, WatchError> {
        let begun = self.begin(event, invocation);
        let (settings, position) = begun.inspect_err(|error| {
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

    fn begin(
        &self,
        event: &str,
        invocation: &Invocation,
    ) -> Result<(&Settings, Position), WatchError> {
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let position = Position::parse(event, &invocation.id)?;
        if position.first_of(&settings.sources()).is_none() {
            let message = "The event goes on with a role that DELEGATION_WATCH_ROLES does not name. The setting was \
                           changed during a run: begin a new one with the event {}.";
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
        // Sessions that outlive the part, and know of rights that were granted since.
        self.accounts.forget();
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

    /// Goes through the accounts from a position on, until all are done or the time is short.
    async fn walk(
        &self,
        sources: &[Source],
        position: &Position,
        deadline: Instant,
        part: &mut Part<'_>,
    ) -> Option<Stop> {
        let mut after = position.after.clone();
        for source in sources.iter().skip(position.first_of(sources).unwrap_or(0)) {
            let after = after.take();
            match self.step(part, deadline, OpenAccount::new(&self.accounts, source)).await {
                Some(Ok(account)) => {
                    let stop = self.walk_account(&account, after, deadline, part).await;
                    if stop.is_some() {
                        return stop;
                    }
                }
                Some(Err(unread)) => part.take_unread(&unread),
                None if part.has_progressed => {
                    return Some(Stop { role: source.arn().cloned(), after });
                }
                None => {
                    let role = source.arn().cloned();
                    part.take_unread(&Unread { role, zone: None, failure: self.out_of_time() });
                }
            }
        }
        None
    }

    /// Goes through the zones of an account behind one of them, until all are done or the time is
    /// short.
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
            let mut begun = 0;
            let batch = self.step(part, deadline, self.batch(account, left, &mut begun)).await;
            if batch.is_none() && part.has_progressed {
                return Some(Stop { role: account.role().cloned(), after });
            }
            let (done, rest) = left.split_at_checked(begun.max(1)).unwrap_or((left, &[]));
            match batch {
                Some(batch) => part.take(&batch),
                None => done.iter().for_each(|zone| {
                    let (role, zone) = (account.role().cloned(), Some(zone.clone()));
                    part.take_unread(&Unread { role, zone, failure: self.out_of_time() });
                }),
            }
            after = done.last().map(|zone| zone.id.as_str().to_owned());
            left = rest;
        }
        None
    }

    /// Does a step if there is time for it; nothing if it would not fit or did not. The first of a
    /// part has all the time that there is, so that what takes long is done then, and no part ends
    /// where it began.
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
        self.accounts.forget_problem();
        // On the heap, for it is large.
        timeout_at(end, Box::pin(step)).await.ok()
    }

    /// Reads the first of these zones and asks the name servers of their delegations. `begun` tells
    /// how many zones these are.
    async fn batch(&self, account: &OpenAccount, zones: &[HostedZone], begun: &mut usize) -> Batch {
        let mut batch = Batch::default();
        let mut delegations = 0;
        for group in zones.chunks(scan::ZONES_AT_ONCE) {
            *begun += group.len();
            let (scanned, unread) = account.read(group, &|_| {}).await;
            delegations +=
                scanned.iter().map(|scanned| scanned.inventory.entries.len()).sum::<usize>();
            batch.scanned.extend(scanned);
            batch.unread.extend(unread);
            if *begun >= ZONES || delegations >= DELEGATIONS {
                break;
            }
        }
        let subjects: Vec<Subject> = scan::subjects(&batch.scanned).collect();
        let mut reports = BTreeMap::new();
        scan::look(&self.verifier, &batch.scanned, &subjects, |subject, report| {
            reports.insert(subject, report);
        })
        .await;
        batch.reports = reports;
        batch
    }

    fn out_of_time(&self) -> Failure {
        let met =
            self.accounts.last_problem().map(|problem| format!(": {problem}")).unwrap_or_default();
        let message = format!(
            "A whole part of the watch was not enough time for it{met}. Give the function of the watch more memory or a longer \
             timeout, or look at what AWS answered."
        );
        Failure::new(Code::OutOfTime, message)
    }
}
