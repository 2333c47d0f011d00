//! Runs one request from its first read to its outcome, with retries after a denial.

use tokio::time::Instant;
use tracing::info;

use super::check::EarlierCheck;
use super::context::RequestContext;
use super::outcome::Outcome;
use super::{create_update, delete};
use crate::backoff::Backoff;
use crate::cfn::envelope::RequestType;
use crate::error::{Code, Failure, FailureKind};
use std::time::Duration;

/// The average first pause between two attempts of a denied request.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two attempts of a denied request.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The shortest pause after an attempt, for each call that it made. A denied request therefore
/// makes about two calls a second, however many an attempt needs, and leaves the rest to other
/// requests: the quota of the whole parent account is ten a second with a burst of fifty
/// (`docs/limits.md`).
const PAUSE_PER_CALL: Duration = Duration::from_millis(500);
/// The most time that is kept for the rest of the request after waiting for a denied permission.
const KEPT_AFTER_WAITING: Duration = Duration::from_secs(20);

/// How to treat a denied call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// The permission may not have propagated yet. The request is tried again.
    MayPass,
    /// The wait is over. The request continues without the permission if it can.
    Final,
}

/// Runs the request.
pub(super) async fn run(cx: &RequestContext<'_>) -> Result<Outcome, Failure> {
    if let Err(stale) = cx.check_fresh() {
        // Whatever an expired Delete would have removed, a later request has removed or claimed.
        return match cx.request.kind {
            RequestType::Delete => Ok(cx.unchanged(vec![stale.into()])),
            RequestType::Create | RequestType::Update => Err(stale),
        };
    }
    if let (Some(error), RequestType::Create | RequestType::Update) =
        (&cx.request.unreadable, cx.request.kind)
    {
        return Err(error.clone().into());
    }
    if let (Some(problem), RequestType::Create | RequestType::Update) =
        (&cx.config.problem, cx.request.kind)
    {
        let message = format!(
            "The settings of this function are wrong, so it changes nothing until they are \
             corrected: {problem}"
        );
        return Err(Failure::new(Code::InvalidSettings, message));
    }
    let left = cx.deadline.left_at_start();
    if left < cx.config.least_time && cx.request.kind != RequestType::Delete {
        let left = left.as_secs_f64();
        let message = format!(
            "Only {left:.0} s were left when the function received this request, too few to change \
             anything safely. Nothing was changed. Deploy again. If this happens again, increase \
             ServiceTimeout or the timeout of the function.",
        );
        return Err(Failure::new(Code::TooLittleTime, message));
    }
    // Keeps some time for an Update that can continue without the permission.
    let left = cx.deadline.work().saturating_duration_since(Instant::now());
    let until = Instant::now()
        + cx.config.propagation_wait.min(left.saturating_sub((left / 3).min(KEPT_AFTER_WAITING)));
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut denial = Denial::MayPass;
    let mut invalidated = false;
    let mut check = EarlierCheck::default();
    loop {
        let sent_before = cx.accounts.calls_sent();
        let result = match cx.request.kind {
            RequestType::Create | RequestType::Update => {
                Box::pin(create_update::run(cx, denial, &mut check)).await
            }
            RequestType::Delete => Box::pin(delete::run(cx, denial)).await,
        };
        let failure = match result {
            Err(failure) if failure.kind() == FailureKind::Denied => failure,
            result => return result,
        };
        if !invalidated {
            // The cached credentials may be older than the permission.
            invalidated = true;
            cx.accounts.invalidate_sessions();
            continue;
        }
        if denial == Denial::Final {
            return Err(failure);
        }
        let calls = cx.accounts.calls_sent().saturating_sub(sent_before);
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let pause = backoff.pause().max(PAUSE_PER_CALL.saturating_mul(calls));
        if Instant::now() + pause >= until {
            denial = Denial::Final;
            continue;
        }
        let (code, reason) = (failure.code(), failure.message());
        info!(
            code,
            reason, "access denied; retrying in case the permission has not propagated yet"
        );
        cx.progress.at(format!("waiting for a permission to propagate ({failure})"));
        tokio::time::sleep(pause).await;
    }
}
