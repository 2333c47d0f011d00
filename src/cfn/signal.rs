//! The answer on its way: one PUT to the pre-signed URL.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::{Instant, timeout};

use super::response_url::ResponseUrl;
use crate::backoff::Backoff;
use crate::http::{Client, SendError, SendErrorKind};

/// One attempt takes at most this long.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Why the answer did not get through. Displayed as words for a person, with the host of the
/// bucket; none shows the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// The bucket refused it for good.
    #[error("{0}")]
    Refused(String),
    /// No attempt got through in time.
    #[error("{0}")]
    OutOfTime(String),
    /// One of these, but the answer to an attempt was lost, so that CloudFormation may have the
    /// answer all the same.
    #[error("{0}")]
    Unacknowledged(String),
}

/// Sends the answer. Network errors, 5xx and 429 are retried with jitter until `end`; another 4xx
/// is final.
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
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) if answer.status().is_client_error() && answer.status().as_u16() != 429 => {
                let status = answer.status().as_u16();
                let message = format!(
                    "CloudFormation's response bucket, {host}, refused the answer with status {status}. The URL has expired, or a \
                     VPC endpoint policy or a proxy forbids the upload."
                );
                let error = if may_have_arrived {
                    SignalError::Unacknowledged
                } else {
                    SignalError::Refused
                };
                return Err(error(message));
            }
            Ok(answer) => format!("status {}", answer.status().as_u16()),
            Err(error) => {
                may_have_arrived |= !error.is_unsent();
                error.cause()
            }
        };
        let pause = backoff.pause();
        if Instant::now() + pause >= end {
            let message = format!(
                "CloudFormation's response bucket, {host}, did not take the answer in time. Tries: {tries}; last error: {last}. \
                 Make sure that the function can reach S3."
            );
            let error =
                if may_have_arrived { SignalError::Unacknowledged } else { SignalError::OutOfTime };
            return Err(error(message));
        }
        tokio::time::sleep(pause).await;
    }
}

/// One PUT. Without a content type: the URL is signed for none.
async fn attempt(
    client: &Client,
    url: &ResponseUrl,
    body: String,
    most: Duration,
) -> Result<Response<Bytes>, SendError> {
    let request = Request::put(url.expose().as_str()).body(Bytes::from(body));
    let request = request.map_err(|error| SendError::new(SendErrorKind::Invalid, error))?;
    let timed_out = |_| {
        SendError::new(SendErrorKind::TimedOut, format!("no answer within {} ms", most.as_millis()))
    };
    timeout(most, client.send(request)).await.map_err(timed_out)?
}
