//! Executes requests, after checking the permission that each one needs.

use super::input::{Batch, NewZone};
use super::model::{HostedZone, RecordKey, Records};
use super::routes::Route53Request;
use super::served::ServedRecords;
use super::state::{ChangeState, Route53State};
use super::xml::Element;
use super::{SyncRule, list, name, name_servers, output};
use crate::error::ApiError;
use crate::identities::Caller;
use crate::lock::lock;
use crate::shared_state::SharedState;

/// The HTTP status and the XML document of a response.
pub(crate) type ApiResponse = (u16, Element);

/// Executes a request and returns the response.
/// Probe: route53/dnssec-unsigned.
pub(crate) fn serve(
    shared: &SharedState,
    caller: &Caller,
    request: &Route53Request,
) -> Result<ApiResponse, ApiError> {
    match request {
        Route53Request::GetHostedZone(id) => {
            permitted(caller, "route53:GetHostedZone", id)?;
            let state = shared.route53();
            let zone = own_zone(&state, caller, id)?;
            let root = output::root("GetHostedZoneResponse");
            Ok((200, root.child(output::hosted_zone(zone)).child(output::servers_or_vpcs(zone))))
        }
        Route53Request::GetDnssec(id) => {
            permitted(caller, "route53:GetDNSSEC", id)?;
            let state = shared.route53();
            let zone = own_zone(&state, caller, id)?;
            let status = Element::new("Status").text("ServeSignature", &zone.serve_signature);
            let keys = zone.keys.iter().map(|key| output::key_signing_key(zone, key));
            let keys = Element::new("KeySigningKeys").children(keys);
            Ok((200, output::root("GetDNSSECResponse").child(status).child(keys)))
        }
        Route53Request::DisableHostedZoneDnssec(id) => disable_signing(shared, caller, id),
        Route53Request::ListResourceRecordSets(id, query) => {
            permitted(caller, "route53:ListResourceRecordSets", id)?;
            let state = shared.route53();
            list::record_sets(own_zone(&state, caller, id)?, query)
        }
        Route53Request::ListHostedZones(query) => {
            caller.authorize("route53:ListHostedZones", None, &caller.context())?;
            list::zones(&own_zones(&shared.route53(), caller), query)
        }
        Route53Request::ListHostedZonesByName(query) => {
            caller.authorize("route53:ListHostedZonesByName", None, &caller.context())?;
            list::zones_by_name(&own_zones(&shared.route53(), caller), query)
        }
        Route53Request::CreateHostedZone(new) => create(shared, caller, new),
        Route53Request::DeleteHostedZone(id) => delete(shared, caller, id),
        Route53Request::GetChange(id) => change_status(shared, caller, id),
        Route53Request::ChangeResourceRecordSets(id, batch) => change(shared, caller, id, batch),
    }
}

fn permitted(caller: &Caller, action: &str, id: &str) -> Result<(), ApiError> {
    caller.authorize(action, Some(&format!("arn:aws:route53:::hostedzone/{id}")), &caller.context())
}

/// Returns the zone with this id if it is the caller's. An unknown id is `NoSuchHostedZone`. Hosted
/// zones have no resource policies, so access to another account's zone is denied whatever the
/// caller's own policies say. Probe: route53/zone-unknown, route53/zone-of-another-account.
fn own_zone<'a>(
    state: &'a Route53State,
    caller: &Caller,
    id: &str,
) -> Result<&'a HostedZone, ApiError> {
    let zone = state.zones.get(id).ok_or_else(|| {
        ApiError::new(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
    })?;
    if zone.account != caller.account {
        let message = format!("User: {} is not authorized to access this resource", caller.arn);
        return Err(ApiError::access_denied(message));
    }
    Ok(zone)
}

fn own_zones(state: &Route53State, caller: &Caller) -> Vec<HostedZone> {
    state.zones.values().filter(|zone| zone.account == caller.account).cloned().collect()
}

/// Applies a batch (API reference, "`ChangeResourceRecordSets`"). The IAM condition keys are those
/// of "Using IAM policy conditions for fine-grained access control" (Developer Guide). Unlike the
/// service, it never answers `PriorRequestNotComplete`: route53/changes-at-once. Probe:
/// iam/key-names, iam/key-names-escaped, iam/key-types, iam/key-actions,
/// route53/batch-messages-of-the-sdk.
fn change(
    shared: &SharedState,
    caller: &Caller,
    id: &str,
    batch: &Batch,
) -> Result<ApiResponse, ApiError> {
    let mut context = caller.context();
    let key = |suffix: &str| format!("route53:ChangeResourceRecordSets{suffix}");
    let sets = || batch.changes.iter().map(|change| &change.record);
    let normalized =
        sets().map(|set| name::normalize_lossy(&set.name).trim_end_matches('.').to_owned());
    context.set(&key("NormalizedRecordNames"), normalized);
    context.set(&key("RecordTypes"), sets().map(|set| set.rtype.clone()));
    context.set(&key("Actions"), batch.changes.iter().map(|change| change.action.to_string()));
    let resource = format!("arn:aws:route53:::hostedzone/{id}");
    caller.authorize("route53:ChangeResourceRecordSets", Some(&resource), &context)?;

    let refusals = lock(&shared.hooks).refusals.get(id).cloned().unwrap_or_default();
    let refused: Vec<String> =
        refusals.iter().filter_map(|refusal| refusal(&batch.changes)).collect();
    let mut state = shared.route53();
    let zone = own_zone(&state, caller, id)?;
    let records = zone.after(&batch.changes, &|name, server| state.hosts(name, server));
    let records = if refused.is_empty() { records } else { records.and(Err(refused)) };
    let records = records.map_err(|messages| {
        ApiError::new(400, "InvalidChangeBatch", format!("[{}]", messages.join(", ")))
    })?;
    let (change_id, change) = submit(shared, &mut state, caller, batch.comment.clone());
    if let Some(zone) = state.zones.get_mut(id) {
        zone.served.submit(&change_id, &zone.records, &records);
        zone.records = records;
        zone.revision += 1;
    }
    Ok((
        200,
        output::root("ChangeResourceRecordSetsResponse")
            .child(output::change_info(&change_id, &change)),
    ))
}

/// Turns the DNSSEC signing of a zone off (API reference, "`DisableHostedZoneDNSSEC`").
fn disable_signing(
    shared: &SharedState,
    caller: &Caller,
    id: &str,
) -> Result<ApiResponse, ApiError> {
    permitted(caller, "route53:DisableHostedZoneDNSSEC", id)?;
    own_zone(&shared.route53(), caller, id)?;
    let look_up = lock(&shared.ds_look_up).clone();
    end_signing(shared, id, &|name| {
        look_up.as_ref().map_or_else(|| Some(Vec::new()), |look_up| look_up(name))
    })?;
    let (change_id, change) = submit(shared, &mut shared.route53(), caller, None);
    Ok((
        200,
        output::root("DisableHostedZoneDNSSECResponse")
            .child(output::change_info(&change_id, &change)),
    ))
}

/// Ends the signing of a hosted zone. Fails while a lookup finds a DS record of one of its keys in
/// the parent zone, and where that lookup fails (API reference, "`DisableHostedZoneDNSSEC`":
/// `KeySigningKeyInParentDSRecord`, "Due to DNS lookup failure"). Probe:
/// route53/dnssec-off-beside-ds.
pub(crate) fn end_signing(
    shared: &SharedState,
    id: &str,
    look_up: &dyn Fn(&str) -> Option<Vec<String>>,
) -> Result<(), ApiError> {
    let missing =
        || ApiError::new(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"));
    let (name, keys) = {
        let state = shared.route53();
        let zone = state.zones.get(id).ok_or_else(missing)?;
        (zone.name.clone(), zone.keys.clone())
    };
    // The lock is not held here: the name servers need it to answer the lookup.
    let Some(found) = look_up(&name) else {
        let message = format!(
            "Due to DNS lookup failure, the DS records of {name} could not be read; retry later"
        );
        return Err(ApiError::new(400, "InvalidInput", message));
    };
    if let Some(key) =
        keys.iter().find(|key| found.iter().any(|ds| ds.eq_ignore_ascii_case(&key.ds_record())))
    {
        let message = format!("the key {} is specified in a parent DS record", key.name);
        return Err(ApiError::new(400, "KeySigningKeyInParentDSRecord", message));
    }
    let mut state = shared.route53();
    "NOT_SIGNING".clone_into(&mut state.zones.get_mut(id).ok_or_else(missing)?.serve_signature);
    Ok(())
}

fn submit(
    shared: &SharedState,
    state: &mut Route53State,
    caller: &Caller,
    comment: Option<String>,
) -> (String, ChangeState) {
    let change = ChangeState {
        account: caller.account.clone(),
        submitted: shared.clock.now(),
        comment,
        in_sync: state.sync == SyncRule::Immediately,
        polls: 0,
    };
    let id = shared.ids.id("C", 21);
    state.changes.insert(id.clone(), change.clone());
    (id, change)
}

/// Reports whether a change has reached the name servers: "`PENDING` indicates that the changes in
/// this request have not propagated to all Amazon Route 53 DNS servers" (API reference,
/// "`GetChange`"). Probe: route53/change-unknown, route53/change-insync, iam/denied-get-change.
fn change_status(shared: &SharedState, caller: &Caller, id: &str) -> Result<ApiResponse, ApiError> {
    caller.authorize(
        "route53:GetChange",
        Some(&format!("arn:aws:route53:::change/{id}")),
        &caller.context(),
    )?;
    let mut state = shared.route53();
    let sync = state.sync;
    let change =
        state.changes.get_mut(id).filter(|change| change.account == caller.account).ok_or_else(
            || ApiError::new(404, "NoSuchChange", format!("Could not find resource with ID: {id}")),
        )?;
    change.in_sync |= change.would_be_in_sync(sync);
    change.polls += 1;
    Ok((200, output::root("GetChangeResponse").child(output::change_info(id, change))))
}

/// Creates a hosted zone (API reference, "`CreateHostedZone`").
/// Probe: route53/zone-reference-twice.
fn create(shared: &SharedState, caller: &Caller, new: &NewZone) -> Result<ApiResponse, ApiError> {
    caller.authorize("route53:CreateHostedZone", None, &caller.context())?;
    let mut state = shared.route53();
    let used = |zone: &HostedZone| {
        zone.account == caller.account && zone.caller_reference == new.caller_reference
    };
    if state.zones.values().any(used) {
        let message = "A hosted zone has already been created with the specified caller reference.";
        return Err(ApiError::new(409, "HostedZoneAlreadyExists", message));
    }
    let id = shared.ids.id("Z", 21);
    let number = shared.ids.next();
    let mut zone = HostedZone::new(&id, &caller.account, &new.name, name_servers(number));
    zone.private = new.private;
    zone.number = number;
    zone.comment.clone_from(&new.comment);
    zone.caller_reference.clone_from(&new.caller_reference);
    let (change_id, change) = submit(shared, &mut state, caller, None);
    // The records of the new zone have to propagate to the name servers as well.
    zone.served = ServedRecords::default();
    zone.served.submit(&change_id, &Records::new(), &zone.records);
    let document = output::root("CreateHostedZoneResponse")
        .child(output::hosted_zone(&zone))
        .child(output::change_info(&change_id, &change))
        .child(output::servers_or_vpcs(&zone));
    state.zones.insert(id, zone);
    Ok((201, document))
}

/// Deletes a hosted zone: "You can delete a hosted zone only if it contains only the default SOA
/// and NS records" (API reference, "`DeleteHostedZone`"). Probe: route53/zone-not-empty.
fn delete(shared: &SharedState, caller: &Caller, id: &str) -> Result<ApiResponse, ApiError> {
    permitted(caller, "route53:DeleteHostedZone", id)?;
    let mut state = shared.route53();
    let zone = own_zone(&state, caller, id)?;
    let required = ["NS", "SOA"].map(|rtype| zone.find(&zone.name, rtype).map(RecordKey::new));
    if zone.records.keys().any(|key| !required.contains(&Some(key.clone()))) {
        let message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
        return Err(ApiError::new(400, "HostedZoneNotEmpty", message));
    }
    state.zones.remove(id);
    let (change_id, change) = submit(shared, &mut state, caller, None);
    Ok((
        200,
        output::root("DeleteHostedZoneResponse").child(output::change_info(&change_id, &change)),
    ))
}
