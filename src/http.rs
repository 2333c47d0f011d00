//! The one HTTP client: the AWS SDK and the signal share its connections and its TLS.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A connection that takes longer is given up and tried anew.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends HTTP requests: over the network, or to what a test puts in its place.
#[derive(Clone, Debug)]
pub struct Client(Arc<dyn Transport>);

/// What carries a request to a server and its answer back.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request, and gives the answer with its whole body.
    fn send(&self, request: Request<Bytes>) -> Exchange;
}

/// A request on its way.
pub type Exchange = Pin<Box<dyn Future<Output = Result<Response<Bytes>, SendError>> + Send>>;

impl Client {
    /// A client that sends its requests by this transport.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self(Arc::new(transport))
    }

    /// Sends a request, and gives the answer with its whole body.
    ///
    /// # Errors
    /// If there is no answer. The request may have been carried out all the same, unless
    /// [`SendError::is_unsent`].
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendError> {
        self.0.send(request).await
    }
}

/// Why a request has no answer. It shows no URL.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct SendError {
    kind: SendErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// How far a request got that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendErrorKind {
    /// It is no request that can be sent.
    Invalid,
    /// There was no connection to send it on.
    Unconnected,
    /// It took too long.
    TimedOut,
    /// The connection was lost.
    Lost,
}

impl SendError {
    /// An error of this kind with its cause.
    pub fn new(kind: SendErrorKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: cause.into() }
    }

    /// How far the request got.
    pub fn kind(&self) -> SendErrorKind {
        self.kind
    }

    /// True if no server got the request.
    pub fn is_unsent(&self) -> bool {
        matches!(self.kind, SendErrorKind::Invalid | SendErrorKind::Unconnected)
    }

    /// What the network did, without what says nothing: that a request could not be sent.
    pub fn cause(&self) -> String {
        causes(
            self,
            &["error sending request", "client error (Connect)", "client error (SendRequest)"],
        )
    }

    fn from_reqwest(error: reqwest::Error) -> Self {
        let kind = match &error {
            error if error.is_builder() => SendErrorKind::Invalid,
            error if error.is_connect() => SendErrorKind::Unconnected,
            error if error.is_timeout() => SendErrorKind::TimedOut,
            _ => SendErrorKind::Lost,
        };
        Self::new(kind, error.without_url())
    }
}

/// An error and its sources, from the outermost on, each once and without those words that say
/// nothing.
pub(crate) fn causes(error: &dyn Error, idle: &[&str]) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let words = error.to_string();
        if !idle.contains(&words.as_str()) && !text.ends_with(&words) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&words);
        }
        next = error.source();
    }
    text
}

impl Transport for reqwest::Client {
    fn send(&self, request: Request<Bytes>) -> Exchange {
        let client = self.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(SendError::from_reqwest)?;
            let response = client.execute(request).await.map_err(SendError::from_reqwest)?;
            let mut answer = Response::new(Bytes::new());
            *answer.status_mut() = response.status();
            answer.headers_mut().clone_from(response.headers());
            *answer.body_mut() = response.bytes().await.map_err(SendError::from_reqwest)?;
            Ok(answer)
        })
    }
}

/// Builds the client that talks to the network. It connects lazily and follows no redirect.
///
/// `bundle` is a PEM file of certificate authorities to trust instead of the compiled-in ones.
pub fn client(bundle: Option<&str>) -> Result<Client, HttpError> {
    let mut roots = RootCertStore::empty();
    match bundle {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let unreadable =
                |error: &dyn fmt::Display| HttpError(format!("{path} can't be read: {error}"));
            for certificate in
                CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))?
            {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| HttpError(error.without_url().to_string()))?;
    Ok(Client::new(client))
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("The HTTP client can't be built: {0}. Correct AWS_CA_BUNDLE or SSL_CERT_FILE.")]
pub struct HttpError(String);
