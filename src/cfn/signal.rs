//! Sends the response: one PUT to the pre-signed URL.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::{Instant, timeout};

use super::response_url::ResponseUrl;
use crate::backoff::Backoff;
use crate::http::{Client, SendError, SendErrorKind};

/// The most time that one attempt takes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Why the response was not delivered. The message names the host of the bucket, and never shows
/// the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// The bucket rejected it permanently.
    #[error("{0}")]
    Refused(String),
    /// No attempt succeeded in time.
    #[error("{0}")]
    OutOfTime(String),
    /// One of these, but an attempt got no reply, so CloudFormation may have received the response.
    #[error("{0}")]
    Unacknowledged(String),
}

/// Sends the response. Network errors, 5xx and 429 are retried with jitter until `end`. Any other
/// 4xx is final.
pub async fn send(
    client: &Client,
    url: &ResponseUrl,
    body: String,
    end: Instant,
) -> Result<(), SignalError> {
    let host = url.expose().host_str().unwrap_or_default();
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let (mut may_have_arrived, mut tries) = (false, 0);
    loop {
        let most = ATTEMPT_TIMEOUT.min(end.saturating_duration_since(Instant::now()));
        tries += 1;
        let last = match attempt(client, url, body.clone(), most).await {
            Ok(reply) if reply.status().is_success() => return Ok(()),
            Ok(reply) if reply.status().is_client_error() && reply.status().as_u16() != 429 => {
                let status = reply.status().as_u16();
                let message = format!(
                    "CloudFormation's response bucket, {host}, rejected the response with status \
                     {status}. The URL has expired, or a VPC endpoint policy or a proxy denies the \
                     upload."
                );
                let error = if may_have_arrived {
                    SignalError::Unacknowledged
                } else {
                    SignalError::Refused
                };
                return Err(error(message));
            }
            Ok(reply) => format!("status {}", reply.status().as_u16()),
            Err(error) => {
                may_have_arrived |= !error.is_unsent();
                error.cause()
            }
        };
        let pause = backoff.pause();
        if Instant::now() + pause >= end {
            let message = format!(
                "CloudFormation's response bucket, {host}, did not accept the response in time. \
                 Tries: {tries}; last error: {last}. Check that the function can reach S3."
            );
            let error =
                if may_have_arrived { SignalError::Unacknowledged } else { SignalError::OutOfTime };
            return Err(error(message));
        }
        tokio::time::sleep(pause).await;
    }
}

/// Sends one PUT, without a content type because the URL is signed without one.
async fn attempt(
    client: &Client,
    url: &ResponseUrl,
    body: String,
    most: Duration,
) -> Result<Response<Bytes>, SendError> {
    let request = Request::put(url.expose().as_str()).body(Bytes::from(body));
    let request = request.map_err(|error| SendError::new(SendErrorKind::Invalid, error))?;
    let timed_out = |_| {
        SendError::new(
            SendErrorKind::TimedOut,
            format!("no response within {} ms", most.as_millis()),
        )
    };
    timeout(most, client.send(request)).await.map_err(timed_out)?
}
