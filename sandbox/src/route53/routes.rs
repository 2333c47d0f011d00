//! Routes an HTTP request to the operation that it calls.

use percent_encoding::percent_decode_str;

use super::input::{self, Batch, NewZone};
use crate::error::ApiError;
use crate::query::Query;

/// A request, parsed as far as possible without knowing the caller.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub action: &'static str,
    pub zone: Option<String>,
    pub request: Result<Route53Request, ApiError>,
}

#[derive(Debug, Clone)]
pub(crate) enum Route53Request {
    GetHostedZone(String),
    DeleteHostedZone(String),
    CreateHostedZone(NewZone),
    ListHostedZones(Query),
    ListHostedZonesByName(Query),
    ListResourceRecordSets(String, Query),
    ChangeResourceRecordSets(String, Batch),
    GetChange(String),
    GetDnssec(String),
    DisableHostedZoneDnssec(String),
}

/// Returns whether the path belongs to Route 53.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with("/2013-04-01/")
}

/// Parses a request (API reference, "Request Syntax" of each action). A trailing slash does not
/// matter. Probe: route53/zone-id-with-path.
pub(crate) fn parse(method: &str, path: &str, query: &str, body: &[u8]) -> Parsed {
    let decoded: Vec<String> = path
        .trim_start_matches("/2013-04-01/")
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let query = Query::parse(query.as_bytes());
    let parsed = |action, id: &str, request: Result<Route53Request, ApiError>| Parsed {
        action,
        zone: Some(id.to_owned()),
        request: zone_id(id).and(request),
    };
    let global = |action, request| Parsed { action, zone: None, request };
    match (method, segments.as_slice()) {
        ("GET", ["hostedzone"]) => {
            global("ListHostedZones", Ok(Route53Request::ListHostedZones(query)))
        }
        ("POST", ["hostedzone"]) => {
            global("CreateHostedZone", input::new_zone(body).map(Route53Request::CreateHostedZone))
        }
        ("GET", ["hostedzonesbyname"]) => {
            global("ListHostedZonesByName", Ok(Route53Request::ListHostedZonesByName(query)))
        }
        ("GET", ["hostedzone", id]) => {
            parsed("GetHostedZone", id, Ok(Route53Request::GetHostedZone((*id).to_owned())))
        }
        ("DELETE", ["hostedzone", id]) => {
            parsed("DeleteHostedZone", id, Ok(Route53Request::DeleteHostedZone((*id).to_owned())))
        }
        ("GET", ["hostedzone", id, "rrset"]) => {
            let request = Route53Request::ListResourceRecordSets((*id).to_owned(), query);
            parsed("ListResourceRecordSets", id, Ok(request))
        }
        ("POST", ["hostedzone", id, "rrset"]) => {
            let request = input::batch(body)
                .map(|batch| Route53Request::ChangeResourceRecordSets((*id).to_owned(), batch));
            parsed("ChangeResourceRecordSets", id, request)
        }
        ("GET", ["hostedzone", id, "dnssec"]) => {
            parsed("GetDNSSEC", id, Ok(Route53Request::GetDnssec((*id).to_owned())))
        }
        ("POST", ["hostedzone", id, "disable-dnssec"]) => parsed(
            "DisableHostedZoneDNSSEC",
            id,
            Ok(Route53Request::DisableHostedZoneDnssec((*id).to_owned())),
        ),
        ("GET", ["change", id]) => {
            global("GetChange", Ok(Route53Request::GetChange((*id).to_owned())))
        }
        _ => {
            let message = "The requested operation is not part of the sandbox";
            global("Unknown", Err(ApiError::new(404, "UnknownOperationException", message)))
        }
    }
}

/// Checks the length of a hosted zone id: "Length Constraints: Maximum length of 32".
/// Probe: route53/zone-long-id.
fn zone_id(id: &str) -> Result<(), ApiError> {
    if id.chars().count() > 32 {
        return Err(ApiError::constraint(
            "InvalidInput",
            id,
            "id",
            "have length less than or equal to 32",
        ));
    }
    Ok(())
}

/// Describes the request in one line, for the journal.
pub(crate) fn summary(parsed: &Parsed) -> String {
    let zone = parsed.zone.as_deref().unwrap_or("");
    match &parsed.request {
        Ok(Route53Request::ChangeResourceRecordSets(_, batch)) => {
            let changes: Vec<String> = batch.changes.iter().map(ToString::to_string).collect();
            format!("{zone}: {}", changes.join("; "))
        }
        Ok(Route53Request::ListResourceRecordSets(_, query)) => format!(
            "{zone} from {} {}",
            query.get("name").unwrap_or("the start"),
            query.get("type").unwrap_or("")
        )
        .trim_end()
        .to_owned(),
        Ok(Route53Request::ListHostedZonesByName(query)) => {
            format!("from {}", query.get("dnsname").unwrap_or("the start"))
        }
        Ok(Route53Request::CreateHostedZone(new)) => new.name.clone(),
        Ok(Route53Request::GetChange(id)) => id.clone(),
        Ok(_) | Err(_) => zone.to_owned(),
    }
}
