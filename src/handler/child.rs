//! Reading the child zone: what it is called and which name servers serve it.

use super::{Work, aws_failure};
use crate::aws::route53::HostedZone;
use crate::cfn::properties::Role;
use crate::dns::name_servers::NameServers;
use crate::error::{Failure, Kind};
use crate::ids::ZoneId;

/// How many record sets of the apex are read at once: enough for its NS record set in all but odd zones.
const APEX_PAGE: i32 = 20;

/// The child zone, checked: public, and (unless the name servers are given) its apex agrees with its delegation set.
pub(super) async fn read(
    work: &Work<'_>,
    id: &ZoneId,
    role: Option<&Role>,
    given: bool,
) -> Result<HostedZone, Failure> {
    work.progress.at(format!("reading the child zone {id}"));
    let failure = |error| aws_failure(&format!("reading the child zone {id}"), &error);
    let session = work.accounts.session(role).await.map_err(failure)?;
    let (zone, head) = tokio::join!(session.hosted_zone(id), async {
        if given { Ok(Vec::new()) } else { session.record_sets(id, None, APEX_PAGE).await }
    });
    let zone = zone.map_err(failure)?;
    if zone.private {
        let message = format!(
            "the child zone {id} ({}) is private: nobody on the internet can resolve it; give a public zone",
            zone.name
        );
        return Err(Failure::new(Kind::Refused, message));
    }
    if given {
        return Ok(zone);
    }
    let mut apex = head.map_err(failure)?.into_iter().find(|set| set.name == zone.name && set.rtype == "NS");
    if apex.is_none() {
        apex = session.record_set(id, &zone.name, "NS").await.map_err(failure)?;
    }
    let apex = apex.and_then(|set| NameServers::found(&set.values));
    if apex != zone.name_servers {
        let text = |servers: &Option<NameServers>| servers.as_ref().map_or("none".into(), ToString::to_string);
        let message = format!(
            "the child zone {id} ({}) contradicts itself: its NS record set names {}, and Route 53 serves it from {}; \
             correct that record set, or give NameServers",
            zone.name,
            text(&apex),
            text(&zone.name_servers),
        );
        return Err(Failure::new(Kind::Refused, message));
    }
    Ok(zone)
}

/// The name and name servers of a zone that may be anything, for an old resource or a Delete.
pub(super) async fn glance(work: &Work<'_>, id: &ZoneId, role: Option<&Role>) -> Result<HostedZone, Failure> {
    let failure = |error| aws_failure(&format!("reading the child zone {id}"), &error);
    let session = work.accounts.session(role).await.map_err(failure)?;
    session.hosted_zone(id).await.map_err(failure)
}
