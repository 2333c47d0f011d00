//! CloudFormation's response bucket: pre-signed PUTs of answers (CloudFormation User Guide, "Custom
//! resource request and response reference"; Amazon S3 API Reference, "Authenticating Requests:
//! Using Query Parameters").
//!
//! Probe: s3/put.

use std::fmt;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use axum::body::{Body, Bytes, to_bytes};
use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::PrimitiveDateTime;
use time::macros::format_description;

use crate::aws::received;
use crate::clock::Clock;
use crate::http_listener::{FREE_PORT, Listener, Reset};

const BUCKET: &str = "cloudformation-custom-resource-response-useast1";
/// The host of the bucket without a listener: S3's endpoint, with the bucket in the path.
const S3: &str = "s3.us-east-1.amazonaws.com";
/// How long CloudFormation's response URLs are valid.
const SIGNED_FOR: Duration = Duration::from_hours(2);
/// The largest body that the bucket reads.
const MAX_BODY: usize = 1024 * 1024;
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What an answer is for. Together, the fields are the key of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseKey {
    pub stack_id: String,
    /// The resource's name in the template.
    pub logical_id: String,
    pub request_id: String,
}

impl ResponseKey {
    fn object(&self) -> String {
        format!("{}|{}|{}", self.stack_id, self.logical_id, self.request_id)
    }
}

/// A fault of the bucket for a PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketFault {
    /// An error with this status. Nothing is stored.
    Status(u16),
    /// The connection is reset, and nothing is stored.
    ResetBefore,
    /// The answer is stored, and the connection is reset.
    ResetAfter,
    /// There is never a response, and nothing is stored.
    Hang,
    Latency(Duration),
}

/// A PUT, as the bucket received it.
#[derive(Clone)]
pub struct Put {
    /// The id of the request that it answers, according to the object's key.
    pub request_id: String,
    pub body: Vec<u8>,
    pub headers: Vec<(String, String)>,
    /// The status of the response. 0 if the connection was reset or never answered.
    pub status: u16,
    /// True if CloudFormation receives the answer.
    pub stored: bool,
}

impl Put {
    /// The body as JSON. Null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl fmt::Debug for Put {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put")
            .field("request_id", &self.request_id)
            .field("body", &String::from_utf8_lossy(&self.body))
            .field("status", &self.status)
            .field("stored", &self.stored)
            .finish_non_exhaustive()
    }
}

/// The response bucket. It runs behind a listener that stops when the last clone is dropped, or in
/// process.
#[derive(Clone)]
pub struct ResponseBucket {
    state: Arc<State>,
    /// None without a listener.
    listener: Option<Arc<Listener>>,
}

impl fmt::Debug for ResponseBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBucket").field("host", &self.host()).finish_non_exhaustive()
    }
}

struct State {
    clock: Clock,
    secret: String,
    put: Mutex<Puts>,
}

#[derive(Default)]
struct Puts {
    received: Vec<Put>,
    faults: Vec<(BucketFault, u64)>,
}

impl State {
    fn new(clock: Clock) -> Arc<Self> {
        let secret =
            hex::encode(std::iter::repeat_with(|| fastrand::u8(..)).take(20).collect::<Vec<_>>());
        Arc::new(Self { clock, secret, put: Mutex::default() })
    }

    fn puts(&self) -> MutexGuard<'_, Puts> {
        self.put.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResponseBucket {
    /// Starts a bucket at a free port of the loopback interface.
    pub async fn start() -> io::Result<Self> {
        let state = State::new(Clock::default());
        let served = Arc::clone(&state);
        let answer =
            Arc::new(move |request: Request<Incoming>| -> futures::future::BoxFuture<'static, _> {
                let state = Arc::clone(&served);
                Box::pin(async move {
                    let (parts, body) = request.into_parts();
                    let body = to_bytes(Body::new(body), MAX_BODY).await.map_err(|_| Reset)?;
                    Ok(answer(&state, &parts, &body).await?.map(Body::from))
                })
            });
        let listener = Some(Arc::new(Listener::start("response-bucket", FREE_PORT, answer).await?));
        Ok(Self { state, listener })
    }

    /// A bucket without sockets and threads, for [`ResponseBucket::call`]. Its URLs are those of a
    /// real bucket.
    pub fn in_process(clock: Clock) -> Self {
        Self { state: State::new(clock), listener: None }
    }

    /// Answers an HTTP request like the listener.
    ///
    /// # Errors
    /// If a fault resets the connection instead.
    pub async fn call(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Reset> {
        let (parts, body) = received(request);
        answer(&self.state, &parts, &body).await
    }

    /// `127.0.0.1:<port>`, for `DELEGATION_RESPONSE_HOSTS`. In process, it is a host of S3.
    pub fn host(&self) -> String {
        self.listener.as_ref().map_or(S3.to_owned(), |listener| listener.address().to_string())
    }

    pub fn clock(&self) -> Clock {
        self.state.clock.clone()
    }

    /// A response URL, signed now.
    pub fn presign(&self, key: &ResponseKey) -> String {
        self.presign_at(key, self.state.clock.now())
    }

    /// A response URL, signed at this time.
    pub fn presign_at(&self, key: &ResponseKey, at: SystemTime) -> String {
        let path = path(&key.object());
        let url = presigned(&self.state.secret, &self.host(), &path, at);
        let url = url.unwrap_or_else(|| unreachable!("the bucket's own URL is well-formed"));
        self.of_scheme(url)
    }

    /// A response URL, signed at this time, for a host that terminates TLS in front of the bucket.
    pub fn presign_behind(&self, host: &str, key: &ResponseKey, at: SystemTime) -> String {
        let path = path(&key.object());
        let url = presigned(&self.state.secret, host, &path, at);
        let url = url.unwrap_or_else(|| unreachable!("the bucket's own URL is well-formed"));
        url.replacen("http://", "https://", 1)
    }

    /// A response URL with Signature Version 2, which has `Expires` and no date.
    #[cfg(test)]
    pub(crate) fn presign_v2(&self, key: &ResponseKey, at: SystemTime) -> String {
        let path = path(&key.object());
        let expires = seconds(at) + SIGNED_FOR.as_secs();
        let signature = signature_v2(&self.state.secret, &path, expires);
        let host = self.host();
        self.of_scheme(format!(
            "http://{host}{path}?AWSAccessKeyId=AKIASANDBOX&Signature={signature}&Expires={expires}"
        ))
    }

    /// Replaces https by http for a listener, which has no TLS.
    fn of_scheme(&self, url: String) -> String {
        if self.listener.is_some() { url } else { url.replacen("http://", "https://", 1) }
    }

    /// Every PUT so far, including rejected ones.
    pub fn puts(&self) -> Vec<Put> {
        self.state.puts().received.clone()
    }

    /// The stored answers to a request, in order of arrival.
    pub fn answers(&self, request_id: &str) -> Vec<Put> {
        let puts = self.state.puts();
        puts.received
            .iter()
            .filter(|put| put.stored && put.request_id == request_id)
            .cloned()
            .collect()
    }

    /// Lets the next `times` PUTs fail, after earlier faults are used up.
    pub fn fault(&self, kind: BucketFault, times: u64) {
        self.state.puts().faults.push((kind, times));
    }

    pub fn clear_faults(&self) {
        self.state.puts().faults.clear();
    }
}

fn path(object: &str) -> String {
    let encoded: Vec<String> =
        object.split('/').map(|part| utf8_percent_encode(part, UNRESERVED).to_string()).collect();
    format!("/{BUCKET}/{}", encoded.join("/"))
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn presigned(secret: &str, host: &str, path: &str, at: SystemTime) -> Option<String> {
    let identity = Credentials::new("AKIASANDBOX", secret, None, None, "sandbox").into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(SIGNED_FOR);
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("s3")
        .time(at)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let url = format!("http://{host}{path}");
    let request =
        SignableRequest::new("PUT", &url, std::iter::empty(), SignableBody::UnsignedPayload)
            .ok()?;
    let (instructions, _) = sign(request, &params).ok()?.into_parts();
    let pairs = instructions.params().iter().map(|(key, value)| {
        format!(
            "{}={}",
            utf8_percent_encode(key, UNRESERVED),
            utf8_percent_encode(value, UNRESERVED)
        )
    });
    Some(format!("{url}?{}", pairs.collect::<Vec<_>>().join("&")))
}

/// A signature with the same inputs as the real one, but not its HMAC-SHA1. No client computes it.
fn signature_v2(secret: &str, path: &str, expires: u64) -> String {
    hex::encode(Sha256::digest(format!("{secret}\nPUT\n\n\n{expires}\n{path}")))
}

async fn answer(state: &State, parts: &Parts, body: &[u8]) -> Result<Response<Bytes>, Reset> {
    let headers = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let key = percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
    let put = Put {
        request_id: key.rsplit('|').next().unwrap_or_default().to_owned(),
        body: body.to_vec(),
        headers: headers.collect(),
        status: 0,
        stored: false,
    };
    let fault = {
        let mut puts = state.puts();
        puts.faults.retain(|(_, times)| *times > 0);
        puts.faults.first_mut().map(|(fault, times)| {
            *times -= 1;
            fault.clone()
        })
    };
    match fault {
        None => {}
        Some(BucketFault::Latency(by)) => tokio::time::sleep(by).await,
        Some(BucketFault::Status(status)) => {
            return Ok(record(state, put, status, "InternalError", "on demand"));
        }
        Some(BucketFault::ResetBefore) => {
            state.puts().received.push(put);
            return Err(Reset);
        }
        Some(BucketFault::Hang) => {
            state.puts().received.push(put);
            return pending().await;
        }
        Some(BucketFault::ResetAfter) => {
            let stored = check(state, parts).is_ok();
            state.puts().received.push(Put { stored, ..put });
            return Err(Reset);
        }
    }
    Ok(match check(state, parts) {
        Ok(()) => record(state, put, 200, "", ""),
        Err(Rejection { status, code, message }) => record(state, put, status, code, message),
    })
}

fn record(state: &State, put: Put, status: u16, code: &str, message: &str) -> Response<Bytes> {
    state.puts().received.push(Put { status, stored: status == 200, ..put });
    let body = if status == 200 {
        String::new()
    } else {
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
    };
    Response::builder().status(status).body(Bytes::from(body)).unwrap_or_default()
}

/// The response to a request that S3 rejects.
#[derive(Clone, Copy)]
struct Rejection {
    status: u16,
    code: &'static str,
    message: &'static str,
}

impl Rejection {
    const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message }
    }
}

/// The checks of S3 for a pre-signed PUT (Amazon S3 User Guide, "Sharing objects with presigned
/// URLs"). Probe: s3/put, cloudformation/response-url.
fn check(state: &State, parts: &Parts) -> Result<(), Rejection> {
    let path = parts.uri.path();
    if !path.starts_with(&format!("/{BUCKET}/")) {
        let message = "The specified bucket does not exist";
        return Err(Rejection::new(404, "NoSuchBucket", message));
    }
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes())
            .into_owned()
            .collect();
    let query =
        |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let denied = Rejection::new(403, "AccessDenied", "Access Denied");
    let too_late = Rejection::new(403, "AccessDenied", "Request has expired");
    let mismatch = Rejection::new(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided.",
    );
    // The method is part of what is signed.
    if parts.method != Method::PUT {
        return Err(mismatch);
    }
    // The URL is signed without a content type ("the content type must be empty"). crhelper,
    // cfn-response and the examples in the User Guide send none.
    if parts.headers.get("content-type").is_some_and(|value| !value.is_empty()) {
        return Err(mismatch);
    }
    let now = seconds(state.clock.now());
    if let Some(date) = query("X-Amz-Date") {
        let form = format_description!("[year][month][day]T[hour][minute][second]Z");
        let at =
            PrimitiveDateTime::parse(date, form).map_err(|_| denied)?.assume_utc().unix_timestamp();
        let at = UNIX_EPOCH + Duration::from_secs(u64::try_from(at).map_err(|_| denied)?);
        let host =
            parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let expected = presigned(&state.secret, host, path, at).ok_or(denied)?;
        let signature = query("X-Amz-Signature").ok_or(denied)?;
        if !expected.contains(&format!("X-Amz-Signature={signature}")) || signature.len() != 64 {
            return Err(mismatch);
        }
        return if now > seconds(at) + SIGNED_FOR.as_secs() { Err(too_late) } else { Ok(()) };
    }
    let expires: u64 = query("Expires").and_then(|expires| expires.parse().ok()).ok_or(denied)?;
    if query("Signature") != Some(&signature_v2(&state.secret, path, expires)) {
        return Err(mismatch);
    }
    if now > expires { Err(too_late) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
