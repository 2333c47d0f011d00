//! Observe: what stands at, below and around the zone cut in the parent zone.

use super::parent_zone::MOST_LEVELS;
use super::{RequestContext, parent_failure};
use crate::aws::error::AwsError;
use crate::aws::route53::{PAGE, Page, Session};
use crate::error::Failure;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{Claim, record_name};
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::Observation;
use delegation_model::record_set::RecordSet;

/// How many record sets are read from an enclosing name on: its own, its wildcard, and in most
/// zones the ownership record.
const ENCLOSING_PAGE: i32 = 100;
/// How many record sets one name server's addresses are looked for among.
const GLUE_PAGE: i32 = 10;

/// For a Delete: the zone cut and the ownership record.
pub(super) async fn cut(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
) -> Result<Observation, Failure> {
    let read = async { tokio::try_join!(at_and_below(session, point), ownership(session, point)) };
    let ((at_cut, below, more_below), ownership) = reading(cx, point, read).await?;
    Ok(Observation { at_cut, below, more_below, ownership, ..Observation::default() })
}

/// For a Create or Update: the same, and what stands above the cut.
///
/// In most zones one listing from the name above the cut on has all of it: that name, its wildcard,
/// the ownership record, and the cut with what lies below it. What it does not reach is read by
/// itself; after a rejection (`again`) cut and ownership record are.
pub(super) async fn surroundings(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
    name_servers: Option<&NameServers>,
    again: bool,
) -> Result<Observation, Failure> {
    reading(cx, point, around(session, point, name_servers, again)).await
}

async fn around(
    session: &Session,
    point: &DelegationPoint,
    name_servers: Option<&NameServers>,
    again: bool,
) -> Result<Observation, AwsError> {
    let Enclosing { apex, apex_name_servers, above, wildcard, first } =
        enclosing(session, point).await?;
    let first = first.filter(|_| !again);
    let ((at_cut, mut below, more_below), ownership) = tokio::try_join!(
        async {
            match first.as_ref().and_then(|page| whole_cut(page, &point.name)) {
                Some((at_cut, below)) => Ok((at_cut, below, false)),
                None => at_and_below(session, point).await,
            }
        },
        async {
            match (&first, record_name(&point.name)) {
                (Some(page), Some(record)) if reaches(page, &record) => Ok(page
                    .sets
                    .iter()
                    .find(|set| set.name == record && set.rtype == "TXT")
                    .cloned()),
                _ => ownership(session, point).await,
            }
        },
    )?;
    if more_below {
        below.extend(glue_beyond(session, point, name_servers, &below).await?);
    }
    Ok(Observation {
        at_cut,
        below,
        more_below,
        ownership,
        apex,
        apex_name_servers,
        above,
        wildcard,
        ..Observation::default()
    })
}

/// Before a batch that does not compare the whole zone cut: true if that still is as it was seen.
///
/// Cut and ownership record are read side by side, which is no snapshot: a batch may have come
/// between. One that makes or removes the delegation would be rejected then, but not one that only
/// claims or secures what stands, or changes name servers beside which a DS record set was added
/// meanwhile. Every batch of this resource rewrites the ownership record, so if the cut, read
/// *after* it, is as it was seen, and Route 53 then finds the ownership record as it was seen,
/// nothing of ours came between.
pub(super) async fn unchanged_since(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
    observed: &Observation,
) -> Result<bool, Failure> {
    let (at_cut, ..) = reading(cx, point, at_and_below(session, point)).await?;
    Ok(at_cut == observed.at_cut)
}

/// Our own claim at a delegation point.
pub(super) async fn own_claim(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
) -> Result<Option<Claim>, Failure> {
    let Some(record) = record_name(&point.name) else {
        return Ok(None);
    };
    let set = session.record_set(&point.zone, &record, "TXT").await;
    let set = set.map_err(|error| {
        parent_failure(&format!("reading {record} in the parent zone {}", point.zone), &error)
    })?;
    Ok(own_in(cx, point, &Observation { ownership: set, ..Observation::default() }))
}

/// The same, where it was read.
pub(super) fn own_in(
    cx: &RequestContext<'_>,
    point: &DelegationPoint,
    observed: &Observation,
) -> Option<Claim> {
    observed.record().own(&cx.claimant(&point.name), cx.now()).cloned()
}

async fn reading<T>(
    cx: &RequestContext<'_>,
    point: &DelegationPoint,
    read: impl Future<Output = Result<T, AwsError>>,
) -> Result<T, Failure> {
    let what = format!("reading {} in the parent zone {}", point.name, point.zone);
    cx.progress.at(&what);
    read.await.map_err(|error| parent_failure(&what, &error))
}

/// The record sets at the zone cut, those below it, and whether there are more of these.
pub(super) async fn at_and_below(
    session: &Session,
    point: &DelegationPoint,
) -> Result<(Vec<RecordSet>, Vec<RecordSet>, bool), AwsError> {
    let page = session.record_sets(&point.zone, Some((&point.name, None)), PAGE).await?;
    let more_below = page.next.is_some_and(|next| is_among(&next, &point.name));
    let (at_cut, below) = at_or_below(page.sets, &point.name);
    Ok((at_cut, below, more_below))
}

/// The record sets at the zone cut, and those below it.
fn at_or_below(
    sets: impl IntoIterator<Item = RecordSet>,
    cut: &Name,
) -> (Vec<RecordSet>, Vec<RecordSet>) {
    sets.into_iter().filter(|set| set.name.is_at_or_below(cut)).partition(|set| set.name == *cut)
}

/// The same from a page of the listing that starts above the cut; `None` if it ends before the last
/// of them.
fn whole_cut(page: &Page, cut: &Name) -> Option<(Vec<RecordSet>, Vec<RecordSet>)> {
    let ends_beyond = |next: &Name| next.position() > cut.position() && !is_among(next, cut);
    page.next.as_ref().is_none_or(ends_beyond).then(|| at_or_below(page.sets.iter().cloned(), cut))
}

/// True if a name is listed among those at and below the cut: names below it may come after this
/// one. A label with a dot in it, such as `cut\056x`, is listed there and lies elsewhere.
fn is_among(name: &Name, cut: &Name) -> bool {
    name.position().starts_with(&cut.position())
}

async fn ownership(
    session: &Session,
    point: &DelegationPoint,
) -> Result<Option<RecordSet>, AwsError> {
    match record_name(&point.name) {
        None => Ok(None),
        Some(record) => session.record_set(&point.zone, &record, "TXT").await,
    }
}

/// True if a page of the listing that starts above the ownership record holds it, or would hold it.
fn reaches(page: &Page, record: &Name) -> bool {
    page.next.as_ref().is_none_or(|next| next.position() > record.position())
}

/// What stands above the cut.
#[derive(Default)]
struct Enclosing {
    apex: Option<Name>,
    apex_name_servers: Option<NameServers>,
    above: Vec<RecordSet>,
    wildcard: Option<Name>,
    /// The first page read.
    first: Option<Page>,
}

/// From the name above the cut up to the apex, which alone has an SOA record: the delegations on
/// the way, and the wildcard of the first name that exists, which answers for the cut (RFC 4592,
/// section 3.3.1).
async fn enclosing(session: &Session, point: &DelegationPoint) -> Result<Enclosing, AwsError> {
    let (mut around, mut exists) = (Enclosing::default(), false);
    // A zone further above fails the request, whatever is found on the way.
    for name in point.name.ancestors().take(MOST_LEVELS) {
        let page = session.record_sets(&point.zone, Some((&name, None)), ENCLOSING_PAGE).await?;
        let find =
            |rtype: &str| page.sets.iter().find(|set| set.name == name && set.rtype == rtype);
        let apex = find("SOA").is_some();
        if apex {
            around.apex_name_servers =
                find("NS").and_then(|set| NameServers::from_values(&set.values));
        } else {
            around.above.extend(find("NS").cloned());
        }
        if !exists && page.sets.iter().any(|set| set.name.is_at_or_below(&name)) {
            exists = true;
            around.wildcard = name
                .wildcard()
                .filter(|wildcard| page.sets.iter().any(|set| set.name == *wildcard));
        }
        around.first = around.first.or(Some(page));
        if apex {
            around.apex = Some(name);
            break;
        }
    }
    Ok(around)
}

/// The addresses of name servers below the cut that one page did not reach.
async fn glue_beyond(
    session: &Session,
    point: &DelegationPoint,
    name_servers: Option<&NameServers>,
    below: &[RecordSet],
) -> Result<Vec<RecordSet>, AwsError> {
    let mut glue = Vec::new();
    let servers = name_servers.into_iter().flat_map(NameServers::iter);
    let last = below.last().map(|set| set.name.position());
    for server in
        servers.filter(|server| server.is_below(&point.name) && Some(server.position()) >= last)
    {
        let page = session.record_sets(&point.zone, Some((server, None)), GLUE_PAGE).await?;
        let new = page.sets.into_iter().filter(|set| set.name == *server && !below.contains(set));
        glue.extend(new);
    }
    Ok(glue)
}
