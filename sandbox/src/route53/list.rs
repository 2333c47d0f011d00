//! The list operations and their paging.

use super::api::ApiResponse;
use super::model::{HostedZone, RecordKey};
use super::xml::Element;
use super::{name, order, output, rules};
use crate::error::ApiError;
use crate::query::Query;

/// Lists the record sets of a zone: "Results are sorted first by DNS name with the labels reversed,
/// then by record type … If you specify Name but not Type, the results begin with the first
/// resource record set in the list whose name is greater than or equal to Name" (API reference,
/// "`ListResourceRecordSets`"). A page has at most 300 items. Probe: route53/list-types,
/// route53/list-start, route53/list-type-needs-name, route53/list-pages, route53/list-300.
pub(crate) fn record_sets(zone: &HostedZone, query: &Query) -> Result<ApiResponse, ApiError> {
    let (start, rtype, identifier) =
        (query.get("name"), query.get("type"), query.get("identifier"));
    if let Some(rtype) = rtype.filter(|rtype| !rules::TYPES.contains(rtype)) {
        let bound = format!("satisfy enum value set: [{}]", rules::TYPES.join(", "));
        return Err(ApiError::constraint("InvalidInput", rtype, "type", &bound));
    }
    if rtype.is_some() && start.is_none() {
        return Err(ApiError::invalid_input("The input is not valid: a type requires a name"));
    }
    if identifier.is_some() && rtype.is_none() {
        return Err(ApiError::invalid_input(
            "The input is not valid: an identifier requires a name and a type",
        ));
    }
    let max = max_items(query, 300)?;
    let from = start.map(normalized).transpose()?.map(|start| RecordKey {
        name: order::reversed(&start),
        rtype: rtype.unwrap_or("").to_owned(),
        set_identifier: identifier.map(str::to_owned),
    });
    let mut rest = zone
        .records
        .iter()
        .filter(|(key, _)| from.as_ref().is_none_or(|from| *key >= from))
        .map(|(_, set)| set);
    let page: Vec<Element> = rest.by_ref().take(max).map(output::record_set).collect();
    let next = rest.next();
    let mut document = output::root("ListResourceRecordSetsResponse")
        .child(Element::new("ResourceRecordSets").children(page))
        .text("IsTruncated", bool_text(next.is_some()));
    if let Some(next) = next {
        document = document
            .text("NextRecordName", &next.name)
            .text("NextRecordType", &next.rtype)
            .maybe("NextRecordIdentifier", next.set_identifier.as_deref());
    }
    Ok((200, document.text("MaxItems", &max.to_string())))
}

/// Lists hosted zones (API reference, "`ListHostedZones`"). A page has at most 100 items; the
/// marker is the id of the first zone of the next page. Probe: route53/list-zones-marker.
pub(crate) fn zones(zones: &[HostedZone], query: &Query) -> Result<ApiResponse, ApiError> {
    let max = max_items(query, 100)?;
    let marker = query.get("marker").map(bare_id);
    if let Some(unknown) = marker.filter(|marker| !zones.iter().any(|zone| zone.id == *marker)) {
        return Err(ApiError::new(
            404,
            "NoSuchHostedZone",
            format!("No hosted zone found with ID: {unknown}"),
        ));
    }
    let private_only = query.get("hostedzonetype") == Some("PrivateHostedZone");
    let mut sorted: Vec<&HostedZone> =
        zones.iter().filter(|zone| zone.private || !private_only).collect();
    sorted.sort_by(|one, two| one.id.cmp(&two.id));
    let mut rest =
        sorted.into_iter().filter(|zone| marker.is_none_or(|marker| zone.id.as_str() >= marker));
    let page: Vec<Element> = rest.by_ref().take(max).map(output::hosted_zone).collect();
    let next = rest.next();
    let document = output::root("ListHostedZonesResponse")
        .child(Element::new("HostedZones").children(page))
        .maybe("Marker", marker)
        .text("IsTruncated", bool_text(next.is_some()))
        .maybe("NextMarker", next.map(|zone| zone.id.as_str()))
        .text("MaxItems", &max.to_string());
    Ok((200, document))
}

/// Lists hosted zones by name: "Retrieves a list of your hosted zones in lexicographic order …
/// sorts hosted zones by name with the labels reversed" (API reference, "`ListHostedZonesByName`").
/// The list begins with `dnsname` and, among the zones of that name, with `hostedzoneid`. It
/// includes private zones, and continues with the names that follow. A page has at most 100 items.
/// Probe: route53/list-zones-by-name, route53/list-zones-of-one-name,
/// route53/list-zones-id-needs-name.
pub(crate) fn zones_by_name(zones: &[HostedZone], query: &Query) -> Result<ApiResponse, ApiError> {
    let max = max_items(query, 100)?;
    let (start, id) = (query.get("dnsname"), query.get("hostedzoneid").map(bare_id));
    if id.is_some() && start.is_none() {
        return Err(ApiError::invalid_input(
            "The input is not valid: a hosted zone id requires a DNS name",
        ));
    }
    let start = start.map(normalized).transpose()?;
    let from = start.as_ref().map(|start| (order::reversed(start), id.unwrap_or("").to_owned()));
    let mut sorted: Vec<((Vec<u8>, String), &HostedZone)> =
        zones.iter().map(|zone| ((order::reversed(&zone.name), zone.id.clone()), zone)).collect();
    sorted.sort_by(|one, two| one.0.cmp(&two.0));
    let mut rest = sorted
        .into_iter()
        .filter(|(key, _)| from.as_ref().is_none_or(|from| key >= from))
        .map(|(_, zone)| zone);
    let page: Vec<Element> = rest.by_ref().take(max).map(output::hosted_zone).collect();
    let next = rest.next();
    let document = output::root("ListHostedZonesByNameResponse")
        .child(Element::new("HostedZones").children(page))
        .maybe("DNSName", start.as_deref())
        .maybe("HostedZoneId", id)
        .text("IsTruncated", bool_text(next.is_some()))
        .maybe("NextDNSName", next.map(|zone| zone.name.as_str()))
        .maybe("NextHostedZoneId", next.map(|zone| zone.id.as_str()))
        .text("MaxItems", &max.to_string());
    Ok((200, document))
}

/// Returns the `maxitems` of a query; a number above the maximum gives the maximum.
/// Probe: route53/list-no-items.
fn max_items(query: &Query, most: usize) -> Result<usize, ApiError> {
    let Some(text) = query.get("maxitems") else {
        return Ok(most);
    };
    match text.parse::<usize>() {
        Ok(n) if n > 0 => Ok(n.min(most)),
        _ => Err(ApiError::constraint(
            "InvalidInput",
            text,
            "maxItems",
            "have value greater than or equal to 1",
        )),
    }
}

/// Normalizes the name at which a list starts. No probe: clients do not send invalid start names.
fn normalized(start: &str) -> Result<String, ApiError> {
    name::normalize(start)
        .map_err(|problem| ApiError::new(400, "InvalidDomainName", rules::fatal(problem, start)))
}

fn bare_id(id: &str) -> &str {
    id.trim_start_matches("/hostedzone/")
}

fn bool_text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

#[cfg(test)]
mod tests;
