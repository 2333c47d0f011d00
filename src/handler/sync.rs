//! Waiting until all name servers of Route 53 know of a change.

use tokio::time::sleep;
use tracing::info;

use super::apply::Applied;
use super::{Work, aws_failure};
use crate::aws::route53::ChangeStatus;
use crate::metrics::Step;
use delegation_model::role::Role;

/// The longest pause between two questions, as a multiple of the first.
const MAX_PAUSE: u32 = 14;

/// How a wait ended.
pub(super) struct Waited {
    pub(super) status: ChangeStatus,
    pub(super) warning: Option<String>,
}

/// Waits for the change that was made with the rights of `role`, until it is in sync or the caller runs out of time.
///
/// The quota of Route 53 is 10 calls of an action a second and account with a burst of 50 (Developer Guide, "Quotas"). So that a
/// hundred requests can wait at once, the first question comes after 1.5 to 4.5 seconds, and each pause is twice the one before,
/// up to 42 seconds. Route 53 takes up to a minute.
pub(super) async fn wait(work: &Work<'_>, role: Option<&Role>, applied: &Applied) -> Waited {
    let done = |status, warning| Waited { status, warning };
    if applied.status == ChangeStatus::Insync {
        return done(ChangeStatus::Insync, None);
    }
    let Some(id) = &applied.change else {
        info!("the id of the change was lost with its answer, so it is not known when all name servers have it");
        return done(ChangeStatus::Pending, None);
    };
    work.progress.at(format!("waiting until all name servers of Route 53 have the change {id}"));
    let _timing = work.progress.time(Step::Sync);
    let first = work.config.sync_pause;
    let mut pause = first;
    loop {
        sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
        let asked = work.afresh(async || {
            let failure = |error| aws_failure(&format!("asking for the status of the change {id}"), &error);
            let session = work.accounts.session(role).await.map_err(failure)?;
            session.change_status(id).await.map_err(failure)
        });
        match asked.await {
            Ok(ChangeStatus::Insync) => {
                info!(change_id = id, "all name servers have the change");
                return done(ChangeStatus::Insync, None);
            }
            Ok(ChangeStatus::Pending) => pause = (pause * 2).min(first * MAX_PAUSE),

            Err(failure) => {
                let warning = format!("The change was accepted, but not waited for: {failure}");
                return done(ChangeStatus::Pending, Some(warning));
            }
        }
    }
}
