//! Authenticates with Signature Version 4 ("AWS Signature Version 4 for API requests"): signs the
//! request as its client should have, and rejects it if the signatures differ.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use http::request::Parts;
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::error::ApiError;
use crate::identities::{AccessKey, Caller};
use crate::shared_state::SharedState;

/// The parsed `Authorization` header.
struct Claimed<'a> {
    key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// Returns who signed the request ("Common Errors" of both API references for the errors). The
/// Region in the credential scope is not checked, because a client with a custom endpoint signs for
/// its own Region. Probe: route53/signed-by-nobody, sts/every-region.
pub(crate) fn authenticate(
    shared: &SharedState,
    parts: &Parts,
    body: &[u8],
    service: &str,
) -> Result<Caller, ApiError> {
    let missing = || {
        ApiError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    };
    let authorization = header(parts, "authorization").ok_or_else(missing)?;
    let claimed = claims(authorization).ok_or_else(|| {
        ApiError::new(
            400,
            "IncompleteSignature",
            "The request signature does not conform to AWS standards.",
        )
    })?;
    let timestamp = header(parts, "x-amz-date").ok_or_else(missing)?;
    let signed_at = parse_time(timestamp).ok_or_else(|| {
        let message = format!("Date must be in ISO-8601 'basic format'. Got '{timestamp}'.");
        ApiError::new(400, "IncompleteSignature", message)
    })?;
    fresh(shared.clock.signature_time(), signed_at, timestamp)?;

    let invalid = || {
        ApiError::new(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        )
    };
    let (key, caller) = {
        let identities = shared.identities();
        let key = identities.keys.get(claimed.key_id).cloned().ok_or_else(invalid)?;
        let caller = identities.caller(&key);
        (key, caller)
    };
    if header(parts, "x-amz-security-token") != key.token.as_deref() {
        return Err(invalid());
    }
    if claimed.service != service {
        return Err(mismatch(&format!(
            "Credential should be scoped to correct service: '{service}'. "
        )));
    }
    if claimed.date != timestamp.get(..8).unwrap_or("") {
        return Err(mismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP. ",
        ));
    }
    if !claimed.signed_headers.contains(&"host") {
        return Err(mismatch("'Host' must be a 'SignedHeader' in the AWS Authorization. "));
    }
    let expected = signature(&key, &claimed, parts, body, signed_at);
    if expected.as_deref() != Some(claimed.signature) {
        return Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
             and signing method. Consult the service documentation for details.",
        ));
    }
    if key.expires.is_some_and(|expires| expires <= shared.clock.now()) {
        return Err(ApiError::new(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        ));
    }
    Ok(caller)
}

/// No probe: the SDK signs correctly, and uses the time of the service.
fn mismatch(message: &str) -> ApiError {
    ApiError::new(403, "SignatureDoesNotMatch", message)
}

/// A signature is valid for five minutes before and after its time.
fn fresh(now: i64, signed_at: SystemTime, timestamp: &str) -> Result<(), ApiError> {
    let signed = signed_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let age = now.saturating_sub(i64::try_from(signed).unwrap_or(i64::MAX));
    if age > 300 {
        return Err(mismatch(&format!(
            "Signature expired: {timestamp} is now {age} seconds old (5 min. allowed)"
        )));
    }
    if age < -300 {
        return Err(mismatch(&format!(
            "Signature not yet current: {timestamp} is still {} seconds ahead",
            -age
        )));
    }
    Ok(())
}

/// The Region that a request was signed for, according to its header.
pub(crate) fn region(parts: &Parts) -> &str {
    header(parts, "authorization").and_then(claims).map_or("", |claimed| claimed.region)
}

fn claims(authorization: &str) -> Option<Claimed<'_>> {
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256")?;
    let field = |name: &str| {
        fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let scope: Vec<&str> = field("Credential")?.split('/').collect();
    let [key_id, date, region, service, "aws4_request"] = scope.as_slice() else {
        return None;
    };
    Some(Claimed {
        key_id,
        date,
        region,
        service,
        signed_headers: field("SignedHeaders")?.split(';').collect(),
        signature: field("Signature")?,
    })
}

/// The signature of this request with the key.
fn signature(
    key: &AccessKey,
    claimed: &Claimed<'_>,
    parts: &Parts,
    body: &[u8],
    at: SystemTime,
) -> Option<String> {
    let credentials =
        Credentials::new(claimed.key_id, key.secret.as_str(), key.token.clone(), None, "sandbox");
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    if claimed.signed_headers.contains(&"x-amz-content-sha256") {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(claimed.region)
        .name(claimed.service)
        .time(at)
        .settings(settings)
        .build()
        .ok()?
        .into();
    // The signer adds these three itself.
    let added = ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
    let headers = parts
        .headers
        .iter()
        .filter(|(name, _)| {
            claimed.signed_headers.contains(&name.as_str()) && !added.contains(&name.as_str())
        })
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let uri = format!("http://{}{target}", header(parts, "host")?);
    let request =
        SignableRequest::new(parts.method.as_str(), uri, headers, SignableBody::Bytes(body))
            .ok()?;
    Some(sign(request, &params).ok()?.into_parts().1)
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}

fn parse_time(timestamp: &str) -> Option<SystemTime> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let seconds = PrimitiveDateTime::parse(timestamp, format).ok()?.assume_utc().unix_timestamp();
    Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?))
}
