//! One request from its first look to its outcome, and how often it is tried.

use tokio::time::Instant;
use tracing::info;

use super::check::EarlierCheck;
use super::context::RequestContext;
use super::outcome::Outcome;
use super::{create_update, delete};
use crate::backoff::Backoff;
use crate::cfn::envelope::Kind;
use crate::error::{Code, Failure, Kind as FailureKind};
use std::time::Duration;

/// Between two tries of a denied request: the first pause on average, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What is left of the invocation after a denial was waited for, at most.
const AFTER_WAITING: Duration = Duration::from_secs(20);

/// What a denied call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// The permission may not have propagated yet: the request is tried again.
    MayPass,
    /// It was waited for as long as it is: a request that can do without what is denied does.
    Final,
}

/// Does what the request asks.
pub(super) async fn run(cx: &RequestContext<'_>) -> Result<Outcome, Failure> {
    if let Err(stale) = cx.check_fresh() {
        // What a stale Delete would have removed was removed, or is claimed, by a later request.
        return match cx.request.kind {
            Kind::Delete => Ok(cx.unchanged(vec![stale.into()])),
            Kind::Create | Kind::Update => Err(stale),
        };
    }
    if let (Some(error), Kind::Create | Kind::Update) = (&cx.request.unreadable, cx.request.kind) {
        return Err(error.clone().into());
    }
    if let (Some(problem), Kind::Create | Kind::Update) = (&cx.config.problem, cx.request.kind) {
        let message = format!(
            "The settings of this function are wrong, so it changes nothing until they are corrected: {problem}"
        );
        return Err(Failure::new(Code::InvalidSettings, message));
    }
    let left = cx.deadline.left_at_start();
    if left < cx.config.least_time && cx.request.kind != Kind::Delete {
        let left = left.as_secs_f64();
        let message = format!(
            "Only {left:.0} s were left when the function got this request, too few to change anything safely. Nothing was \
             changed. Deploy again. If this comes back, give more ServiceTimeout, or give the function more timeout."
        );
        return Err(Failure::new(Code::TooLittleTime, message));
    }
    // Some time is left after the wait, for an Update that can do without what is denied.
    let left = cx.deadline.work().saturating_duration_since(Instant::now());
    let until = Instant::now()
        + cx.config.propagation_wait.min(left.saturating_sub((left / 3).min(AFTER_WAITING)));
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut denial = Denial::MayPass;
    let mut invalidated = false;
    let mut check = EarlierCheck::default();
    loop {
        let result = match cx.request.kind {
            Kind::Create | Kind::Update => {
                Box::pin(create_update::run(cx, denial, &mut check)).await
            }
            Kind::Delete => Box::pin(delete::run(cx, denial)).await,
        };
        let failure = match result {
            Err(failure) if failure.kind() == FailureKind::Denied => failure,
            result => return result,
        };
        if !invalidated {
            // The credentials kept from an earlier invocation may be older than the permission.
            invalidated = true;
            cx.accounts.forget();
            continue;
        }
        if denial == Denial::Final {
            return Err(failure);
        }
        let pause = backoff.pause();
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
