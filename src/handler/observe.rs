//! Observes the parent zone: the record sets at, below and around the zone cut.

use super::parent_zone::MAX_LEVELS;
use super::{RequestContext, parent_failure};
use crate::aws::error::AwsError;
use crate::aws::route53::{PAGE, Page, Session};
use crate::error::Failure;
use delegation_model::name::Name;
use delegation_model::name_servers::NameServers;
use delegation_model::ownership_record::{Claim, record_name};
use delegation_model::point::DelegationPoint;
use delegation_model::reconcile::Observation;
use delegation_model::record_set::{RecordSet, RecordType};

/// How many record sets are read from an enclosing name on: its own, its wildcard, and in most
/// zones the ownership record.
const ENCLOSING_PAGE: i32 = 100;
/// How many record sets are read to find the addresses of one name server.
const GLUE_PAGE: i32 = 10;

/// Which observation of its delegation point a request makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pass {
    /// The first one.
    #[default]
    First,
    /// A later one: the zone changed, or the response to a batch was lost.
    Repeated,
}

/// The record sets at and below a zone cut.
#[derive(Debug)]
pub(super) struct CutContents {
    pub(super) at_cut: Vec<RecordSet>,
    pub(super) below: Vec<RecordSet>,
    /// True if there are more below it.
    pub(super) more_below: bool,
}

/// Reads the zone cut and the ownership record, for a Delete.
pub(super) async fn cut(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
) -> Result<Observation, Failure> {
    let read = async { tokio::try_join!(at_and_below(session, point), ownership(session, point)) };
    let (CutContents { at_cut, below, more_below }, ownership) = reading(cx, point, read).await?;
    Ok(Observation { at_cut, below, more_below, ownership, ..Observation::default() })
}

/// Reads the zone cut, the ownership record, and what is above the cut, for a Create or Update.
///
/// In most zones one listing that starts at the name above the cut has all of it: that name, its
/// wildcard, the ownership record, and the cut with everything below it. What that page does not
/// reach is read separately. In a repeated pass the cut and the ownership record are always read
/// separately.
pub(super) async fn surroundings(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
    name_servers: Option<&NameServers>,
    pass: Pass,
) -> Result<Observation, Failure> {
    reading(cx, point, around(session, point, name_servers, pass)).await
}

async fn around(
    session: &Session,
    point: &DelegationPoint,
    name_servers: Option<&NameServers>,
    pass: Pass,
) -> Result<Observation, AwsError> {
    let Enclosing { apex, apex_name_servers, above, wildcard, first } =
        enclosing(session, point).await?;
    let first = first.filter(|_| pass == Pass::First);
    let (CutContents { at_cut, mut below, more_below }, ownership) = tokio::try_join!(
        async {
            match first.as_ref().and_then(|page| whole_cut(page, &point.name)) {
                Some((at_cut, below)) => Ok(CutContents { at_cut, below, more_below: false }),
                None => at_and_below(session, point).await,
            }
        },
        async {
            match (&first, record_name(&point.name)) {
                (Some(page), Some(record)) if reaches(page, &record) => Ok(page
                    .sets
                    .iter()
                    .find(|set| set.name == record && set.record_type == RecordType::Txt)
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

/// True if the zone cut is still as it was observed. Needed before a batch for which Route 53 does
/// not compare the whole cut.
///
/// The cut and the ownership record are read side by side, which is not a snapshot: a batch may
/// have been applied in between. Route 53 would then reject a batch that creates or removes the
/// delegation, but not one that only claims or secures the existing one, or that changes name
/// servers while a DS record set was added next to them. Every batch of this resource type rewrites
/// the ownership record. So if the cut, read *after* the record, is still as observed, and Route 53
/// then finds the ownership record as observed, no such batch was applied in between.
pub(super) async fn unchanged_since(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
    observed: &Observation,
) -> Result<bool, Failure> {
    let cut = reading(cx, point, at_and_below(session, point)).await?;
    Ok(cut.at_cut == observed.at_cut)
}

/// Reads the resource's own claim at a delegation point.
pub(super) async fn own_claim(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
) -> Result<Option<Claim>, Failure> {
    let Some(record) = record_name(&point.name) else {
        return Ok(None);
    };
    let set = session.record_set(&point.zone, &record, &RecordType::Txt).await;
    let set = set.map_err(|error| {
        parent_failure(&format!("reading {record} in the parent zone {}", point.zone), &error)
    })?;
    Ok(own_in(cx, point, &Observation { ownership: set, ..Observation::default() }))
}

/// True if the zone delegates a name above the cut, and has no NS record set at the cut (TRUST-4).
pub(super) async fn is_occluded(
    cx: &RequestContext<'_>,
    session: &Session,
    point: &DelegationPoint,
) -> Result<bool, Failure> {
    let read = async {
        let ns = session.record_set(&point.zone, &point.name, &RecordType::Ns).await?;
        Ok::<_, AwsError>(ns.is_none() && !enclosing(session, point).await?.above.is_empty())
    };
    reading(cx, point, read).await
}

/// The resource's own claim in an observation.
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

/// Reads the record sets at the zone cut and those below it.
pub(super) async fn at_and_below(
    session: &Session,
    point: &DelegationPoint,
) -> Result<CutContents, AwsError> {
    let page = session.record_sets(&point.zone, Some((&point.name, None)), PAGE).await?;
    let more =
        left_off(session, point, &page, &point.name, [RecordType::Ds, RecordType::Ns]).await?;
    let more_below = page.next.is_some_and(|next| is_among(&next, &point.name));
    let (mut at_cut, below) = at_or_below(page.sets, &point.name);
    at_cut.extend(more);
    Ok(CutContents { at_cut, below, more_below })
}

/// Reads the record sets of these types of `name`, the name that `page` starts at, if the page ends
/// among the record sets of that name and lacks them. With routing policies, a name may have more
/// record sets than fit on a page (TRUST-5).
async fn left_off(
    session: &Session,
    point: &DelegationPoint,
    page: &Page,
    name: &Name,
    types: [RecordType; 2],
) -> Result<Vec<RecordSet>, AwsError> {
    let mut found = Vec::new();
    if page.next.as_ref() == Some(name) {
        for record_type in types {
            if !page.sets.iter().any(|set| set.name == *name && set.record_type == record_type) {
                found.extend(session.record_set(&point.zone, name, &record_type).await?);
            }
        }
    }
    Ok(found)
}

/// Splits a listing into the record sets at the zone cut and those below it.
fn at_or_below(
    sets: impl IntoIterator<Item = RecordSet>,
    cut: &Name,
) -> (Vec<RecordSet>, Vec<RecordSet>) {
    sets.into_iter().filter(|set| set.name.is_at_or_below(cut)).partition(|set| set.name == *cut)
}

/// The record sets at and below the cut, from a page of the listing that starts above the cut.
/// `None` if the page ends before the last of them.
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
        Some(record) => session.record_set(&point.zone, &record, &RecordType::Txt).await,
    }
}

/// True if a page of the listing that starts above the ownership record includes it, or would if it
/// existed.
fn reaches(page: &Page, record: &Name) -> bool {
    page.next.as_ref().is_none_or(|next| next.position() > record.position())
}

/// What is above the cut.
#[derive(Default)]
struct Enclosing {
    apex: Option<Name>,
    apex_name_servers: Option<NameServers>,
    above: Vec<RecordSet>,
    wildcard: Option<Name>,
    /// The first page that was read.
    first: Option<Page>,
}

/// Reads from the name above the cut up to the apex, the only name with an SOA record: the
/// delegations in between, and the wildcard of the closest name that exists, which answers for the
/// cut (RFC 4592, section 3.3.1).
async fn enclosing(session: &Session, point: &DelegationPoint) -> Result<Enclosing, AwsError> {
    let (mut around, mut exists) = (Enclosing::default(), false);
    // A zone further above fails the request anyway.
    for name in point.name.ancestors().take(MAX_LEVELS) {
        let page = session.record_sets(&point.zone, Some((&name, None)), ENCLOSING_PAGE).await?;
        let more =
            left_off(session, point, &page, &name, [RecordType::Ns, RecordType::Soa]).await?;
        let find = |record_type: &RecordType| {
            let mut sets = page.sets.iter().chain(&more);
            sets.find(|set| set.name == name && set.record_type == *record_type)
        };
        let apex = find(&RecordType::Soa).is_some();
        if apex {
            around.apex_name_servers =
                find(&RecordType::Ns).and_then(|set| NameServers::of_names(&set.values));
        } else {
            around.above.extend(find(&RecordType::Ns).cloned());
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

/// Reads the addresses of name servers below the cut that are not on the first page.
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
