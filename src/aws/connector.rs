//! The SDK's HTTP interface over the one HTTP client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::http::{Client, SendError, SendErrorKind};

/// Sends the SDK's requests with a [`Client`], and counts the answers that said that there were too many.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) client: Client,
    pub(super) throttled: Arc<AtomicU64>,
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { client, throttled } = self.clone();
        HttpConnectorFuture::new(async move { send(client, request, &throttled).await })
    }
}

async fn send(client: Client, request: HttpRequest, throttled: &AtomicU64) -> Result<HttpResponse, ConnectorError> {
    let (head, body) = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?.into_parts();
    // Every request of Route 53 and STS is held in memory; a stream would have no bytes.
    let bytes = body.bytes().map(Bytes::copy_from_slice);
    let bytes = bytes.ok_or_else(|| ConnectorError::user("the body of the request is a stream".into()))?;
    let answer = client.send(http::Request::from_parts(head, bytes)).await.map_err(connector_error)?;
    if answer.status().is_client_error() && says_too_many(answer.body()) {
        throttled.fetch_add(1, Ordering::Relaxed);
    }
    HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
}

/// The codes of Route 53 and STS (Route 53 API Reference and STS API Reference, "Common Errors"; Route 53 Developer Guide,
/// "Quotas on API requests").
fn says_too_many(body: &[u8]) -> bool {
    let codes = ["<Code>Throttling</Code>", "<Code>ThrottlingException</Code>", "<Code>PriorRequestNotComplete</Code>"];
    let text = String::from_utf8_lossy(body);
    codes.iter().any(|code| text.contains(code))
}

fn connector_error(error: SendError) -> ConnectorError {
    match error.kind() {
        SendErrorKind::Invalid => ConnectorError::user(error.into()),
        SendErrorKind::TimedOut => ConnectorError::timeout(error.into()),
        SendErrorKind::Unconnected | SendErrorKind::Lost => ConnectorError::io(error.into()),
    }
}
