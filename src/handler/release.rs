//! Plans the release of a claim whose resource no longer exists.

use super::observe::{self, CutContents};
use super::parent_failure;
use crate::aws::route53::{HostedZone, Session};
use crate::error::Failure;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{Claim, OwnershipRecord, record_name};
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::{Observation, ReconciliationPlan, plan_release};
use delegation_model::record_set::RecordType;

/// A delegation point, as read before a claim is released.
#[derive(Clone, Debug)]
pub struct Holders {
    /// The delegation point.
    pub point: DelegationPoint,
    /// What exists there.
    pub observed: Observation,
}

/// Reads the delegation and the ownership record of `name` in `zone`.
///
/// # Errors
/// If they can't be read.
pub async fn holders(
    session: &Session,
    zone: &HostedZone,
    name: &Name,
) -> Result<Holders, Failure> {
    let point = DelegationPoint { zone: zone.id.clone(), name: name.clone() };
    let record = async {
        match record_name(name) {
            Some(record) => session.record_set(&point.zone, &record, &RecordType::Txt).await,
            None => Ok(None),
        }
    };
    let read = tokio::try_join!(observe::at_and_below(session, &point), record);
    let what = format!("reading {name} in the parent zone {}", zone.id);
    let (CutContents { at_cut, below, more_below }, ownership) =
        read.map_err(|error| parent_failure(&what, &error))?;
    Ok(Holders {
        point,
        observed: Observation { at_cut, below, more_below, ownership, ..Observation::default() },
    })
}

impl Holders {
    /// The parsed ownership record.
    pub fn record(&self) -> OwnershipRecord {
        self.observed.record()
    }

    /// Plans the Delete that the resource of this claim would receive if it still existed, at `now`
    /// in seconds since 1970. `known` are name servers of the child zone, which such a Delete may
    /// remove although the claim names others.
    pub fn release(
        &self,
        claim: &Claim,
        known: Option<NameServers>,
        now: i64,
    ) -> ReconciliationPlan {
        plan_release(&self.point.name, claim, known, now, &self.observed)
    }
}
