//! Waiting until all name servers of Route 53 know of a change.

use tokio::time::sleep;
use tracing::info;

use super::{RequestContext, parent_failure};
use crate::aws::route53::ChangeStatus;
use crate::backoff::Backoff;
use crate::error::{Warning, WarningCode};
use crate::metrics::Step;
use delegation_model::role::Role;

/// The longest pause between two questions, as a multiple of the first.
const LONGEST_PAUSE: u32 = 14;

/// How a wait ended.
pub(super) struct Waited {
    pub(super) status: ChangeStatus,
    pub(super) warning: Option<Warning>,
}

/// What the user should know of a change that was not waited for, because the request had been on
/// its way for so long that others wait as well (TIME-5).
pub(super) fn place_given_up(seconds: i64) -> Warning {
    let message = format!(
        "Route 53 accepted the change, but the request did not wait until it is INSYNC: it reached the function only after \
         {seconds} s, more than half of its ServiceTimeout, so other requests are waiting for the function. Give the function \
         more concurrency."
    );
    Warning::new(WarningCode::SyncUnknown, message)
}

/// Waits until a pending change is in sync, or the caller runs out of time. The change was made
/// with the rights of `role`; its id is `None` if it was lost with its answer.
///
/// The quota of Route 53 is 10 calls of an action a second and account with a burst of 50
/// (Developer Guide, "Quotas"). So that a hundred requests can wait at once, the first question
/// comes after 1.5 to 4.5 seconds, and each pause is twice the one before, up to 42 seconds. Route
/// 53 takes up to a minute.
pub(super) async fn wait(
    cx: &RequestContext<'_>,
    role: Option<&Role>,
    change_id: Option<&str>,
) -> Waited {
    let done = |status, warning| Waited { status, warning };
    let Some(id) = change_id else {
        info!(
            "the id of the change was lost with its answer, so it is not known when all name servers have it"
        );
        return done(ChangeStatus::Pending, None);
    };
    cx.progress.at(format!("waiting until all name servers of Route 53 have the change {id}"));
    let _timing = cx.progress.time(Step::Sync);
    let first = cx.config.sync_pause;
    let mut backoff = Backoff::new(first, first * LONGEST_PAUSE);
    loop {
        sleep(backoff.pause()).await;
        let asked = cx.with_fresh_credentials(async || {
            let failure = |error| {
                parent_failure(&format!("asking for the status of the change {id}"), &error)
            };
            let session = cx.session(role).await.map_err(failure)?;
            session.change_status(id).await.map_err(failure)
        });
        match asked.await {
            Ok(ChangeStatus::Insync) => {
                info!(change_id = id, "all name servers have the change");
                return done(ChangeStatus::Insync, None);
            }
            Ok(ChangeStatus::Pending) => {}
            Err(failure) => {
                let message = format!(
                    "Route 53 accepted the change, but the request could not wait until it is INSYNC: {}",
                    failure.coded()
                );
                return done(
                    ChangeStatus::Pending,
                    Some(Warning::new(WarningCode::SyncUnknown, message)),
                );
            }
        }
    }
}
