//! Waits until all name servers of Route 53 have a change.

use tokio::time::sleep;
use tracing::info;

use super::{RequestContext, parent_failure};
use crate::aws::route53::ChangeStatus;
use crate::backoff::Backoff;
use crate::error::{Warning, WarningCode};
use crate::metrics::Step;
use delegation_model::role::Role;

/// The longest pause between two status requests, as a multiple of the first.
const LONGEST_PAUSE: u32 = 14;

/// The result of a wait.
pub(super) struct Waited {
    pub(super) status: ChangeStatus,
    pub(super) warning: Option<Warning>,
}

/// The warning if the request did not wait for its change, because it was in transit for so long
/// that other requests are waiting as well (TIME-5).
pub(super) fn did_not_wait(seconds: i64) -> Warning {
    let message = format!(
        "Route 53 accepted the change, but the request did not wait until it is INSYNC: it reached \
         the function only after {seconds} s, more than half of its ServiceTimeout, so other \
         requests are waiting for the function. Give the function more concurrency."
    );
    Warning::new(WarningCode::SyncUnknown, message)
}

/// Waits until a pending change is in sync, or the caller runs out of time. The change was made
/// with `role`. Its id is `None` if it was lost with the response.
///
/// Route 53 allows 10 calls of one action per second and account, with a burst of 50 (Developer
/// Guide, "Quotas"). So that a hundred requests can wait at once, the first status request is sent
/// after 1.5 to 4.5 seconds, and each pause is twice the previous one, up to 42 seconds. A change
/// takes up to a minute.
pub(super) async fn wait(
    cx: &RequestContext<'_>,
    role: Option<&Role>,
    change_id: Option<&str>,
) -> Waited {
    let done = |status, warning| Waited { status, warning };
    let Some(id) = change_id else {
        info!(
            "the id of the change was lost with its response, so it is not known when all name \
             servers have it"
        );
        return done(ChangeStatus::Pending, None);
    };
    cx.progress.at(format!("waiting until all name servers of Route 53 have the change {id}"));
    let _timing = cx.progress.time(Step::Sync);
    let first = cx.config.sync_pause;
    let mut backoff = Backoff::new(first, first * LONGEST_PAUSE);
    loop {
        sleep(backoff.pause()).await;
        let status = cx.with_fresh_credentials(async || {
            let failure =
                |error| parent_failure(&format!("reading the status of the change {id}"), &error);
            let session = cx.session(role).await.map_err(failure)?;
            session.change_status(id).await.map_err(failure)
        });
        match status.await {
            Ok(ChangeStatus::Insync) => {
                info!(change_id = id, "all name servers have the change");
                return done(ChangeStatus::Insync, None);
            }
            Ok(ChangeStatus::Pending) => {}
            Err(failure) => {
                let message = format!(
                    "Route 53 accepted the change, but the request could not wait until it is \
                     INSYNC: {}",
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
