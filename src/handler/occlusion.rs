//! Whether the child zone has what its delegation would hide in the parent zone.

use super::child::Child;
use super::{RequestContext, child_failure};
use crate::aws::route53::PAGE;
use crate::error::Failure;
use delegation_model::partial_zone::Unread;
use delegation_model::reconcile::{self, Observation};

/// How many pages of the child zone one request reads beyond the first record sets. A child zone of
/// any size is compared with these: what they don't answer counts as lacking.
const PAGES: usize = 10;

/// Fills in which of the record sets that the delegation would hide the child zone answers for as
/// well.
pub(super) async fn fill_in(
    cx: &RequestContext<'_>,
    child: &mut Child,
    observed: &mut Observation,
) -> Result<(), Failure> {
    let hidden = reconcile::occluded(&child.name, child.name_servers.as_ref(), observed);
    let mut hidden: Vec<_> = hidden.map(|set| (set.name.clone(), set.rtype.clone())).collect();
    hidden.dedup();
    let Some(zone) = child.zone.as_mut().filter(|_| !hidden.is_empty()) else {
        return Ok(());
    };
    cx.progress.at(format!("comparing the child zone {} with the parent zone", zone.id));
    let mut pages = 0;
    for (name, rtype) in hidden {
        loop {
            match zone.excerpt.answers(&name, &rtype) {
                Ok(true) => drop(observed.covered.insert((name.clone(), rtype.clone()))),
                Ok(false) => {}
                Err(Unread(_)) if pages == PAGES => {}
                Err(Unread(from)) => {
                    pages += 1;
                    let page = zone.session.record_sets(&zone.id, Some((&from, None)), PAGE).await;
                    let page = page.map_err(|error| {
                        child_failure(&format!("reading the child zone {}", zone.id), &error)
                    })?;
                    zone.excerpt.add(&from, &page.sets, page.next);
                    continue;
                }
            }
            break;
        }
    }
    Ok(())
}
