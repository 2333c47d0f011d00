//! Reads whether the child zone has the records that its delegation would hide in the parent zone.

use super::child::Child;
use super::{RequestContext, child_failure};
use crate::aws::route53::PAGE;
use crate::error::Failure;
use delegation_model::partial_zone::Unread;
use delegation_model::reconcile::{self, Observation};

/// How many pages of the child zone one request reads, besides the first record sets. Record sets
/// that these pages don't include count as missing from the child zone.
const PAGES: usize = 10;

/// Records in `observed` which of the record sets that the delegation would hide are answered by
/// the child zone as well.
pub(super) async fn fill_in(
    cx: &RequestContext<'_>,
    child: &mut Child,
    observed: &mut Observation,
) -> Result<(), Failure> {
    let hidden = reconcile::occluded(&child.name, child.name_servers.as_ref(), observed);
    let mut hidden: Vec<_> =
        hidden.map(|set| (set.name.clone(), set.record_type.clone())).collect();
    hidden.dedup();
    let Some(zone) = child.zone.as_mut().filter(|_| !hidden.is_empty()) else {
        return Ok(());
    };
    cx.progress.at(format!("comparing the child zone {} with the parent zone", zone.id));
    let mut pages = 0;
    for (name, record_type) in hidden {
        loop {
            match zone.contents.answers(&name, &record_type) {
                Ok(true) => drop(observed.covered.insert((name.clone(), record_type.clone()))),
                Ok(false) => {}
                Err(Unread(_)) if pages == PAGES => {}
                Err(Unread(from)) => {
                    pages += 1;
                    let page = zone.session.record_sets(&zone.id, Some((&from, None)), PAGE).await;
                    let page = page.map_err(|error| {
                        child_failure(&format!("reading the child zone {}", zone.id), &error)
                    })?;
                    zone.contents.add(&from, &page.sets, page.next);
                    continue;
                }
            }
            break;
        }
    }
    Ok(())
}
