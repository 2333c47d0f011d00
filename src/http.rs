//! The shared HTTP client. The AWS SDK and the signal use the same connections and TLS settings.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use delegation_model::text::{may_have_secret, not_repeated, shortened};
use http::{Request, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The most time for connecting. After that, the request fails and can be retried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The most bytes of a response. A page of a listing usually has less than a hundredth of that, but
/// others may be able to write the record sets on it. Memory for them is a multiple of their size.
pub const MAX_RESPONSE: usize = 16 << 20;

/// Sends HTTP requests over the network, or to a test's own transport.
#[derive(Clone, Debug)]
pub struct Client(Arc<dyn Transport>);

/// Transports a request to a server, and its response back.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request. Returns the response with its whole body.
    fn send(&self, request: Request<Bytes>) -> Exchange;
}

/// A request in flight.
pub type Exchange = Pin<Box<dyn Future<Output = Result<Response<Bytes>, SendError>> + Send>>;

impl Client {
    /// Creates a client that uses this transport.
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self(Arc::new(transport))
    }

    /// Sends a request. Returns the response with its whole body.
    ///
    /// # Errors
    /// If there is no response. The request may nevertheless have been carried out, unless
    /// `SendError::is_unsent`.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendError> {
        self.0.send(request).await
    }
}

/// Why there is no response to a request. Never shows a URL.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct SendError {
    kind: SendErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// How far a request without a response got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendErrorKind {
    /// It is not a valid request.
    Invalid,
    /// There was no connection to send it on.
    Unconnected,
    /// It took too long.
    TimedOut,
    /// The connection was lost.
    Lost,
    /// The response has more than [`MAX_RESPONSE`] bytes.
    TooLarge,
}

impl SendError {
    /// Creates an error of this kind with its cause.
    pub fn new(kind: SendErrorKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: cause.into() }
    }

    /// Creates the error for a response that is too large.
    pub fn too_large() -> Self {
        let cause = format!("the response has more than {MAX_RESPONSE} bytes");
        Self::new(SendErrorKind::TooLarge, cause)
    }

    /// How far the request got.
    pub fn kind(&self) -> SendErrorKind {
        self.kind
    }

    /// True if no server received the request.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(self.kind, SendErrorKind::Invalid | SendErrorKind::Unconnected)
    }

    /// The cause, without generic messages such as "error sending request".
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

/// An error and its sources, from the outermost on, each once. Messages in `generic` are left out.
pub(crate) fn causes(error: &dyn Error, generic: &[&str]) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let message = error.to_string();
        if !generic.contains(&message.as_str()) && !text.ends_with(&message) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&message);
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
            let mut response = client.execute(request).await.map_err(SendError::from_reqwest)?;
            let mut complete = Response::new(Bytes::new());
            *complete.status_mut() = response.status();
            complete.headers_mut().clone_from(response.headers());
            let mut body = BytesMut::new();
            while let Some(part) = response.chunk().await.map_err(SendError::from_reqwest)? {
                if body.len() + part.len() > MAX_RESPONSE {
                    return Err(SendError::too_large());
                }
                body.extend_from_slice(&part);
            }
            *complete.body_mut() = body.freeze();
            Ok(complete)
        })
    }
}

/// Builds the client for the network. It connects lazily and does not follow redirects.
///
/// `bundle` is a PEM file of certificate authorities to trust instead of the compiled-in ones.
pub fn client(bundle: Option<&str>) -> Result<Client, HttpError> {
    let mut roots = RootCertStore::empty();
    match bundle {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            // Somebody may have entered an external id here by mistake. It may have dots.
            let shown = if may_have_secret(path) { not_repeated(path) } else { shortened(path) };
            let unreadable = |error: &dyn fmt::Display| {
                HttpError(format!("the file {shown} can't be read: {error}"))
            };
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

/// Why the client can't be built.
#[derive(Debug, thiserror::Error)]
#[error("The HTTP client can't be built: {0}. Correct AWS_CA_BUNDLE or SSL_CERT_FILE.")]
pub struct HttpError(String);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// The response to a request whose body has this many bytes.
    async fn response(bytes: usize) -> Result<Response<Bytes>, SendError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            // The client may have closed the connection.
            let _ = stream.write_all(&vec![b'x'; bytes]).await;
        });
        client(None).unwrap().send(Request::get(url).body(Bytes::new()).unwrap()).await
    }

    #[tokio::test]
    async fn a_response_has_a_limit() {
        let whole = response(MAX_RESPONSE).await.unwrap();
        assert_eq!(whole.body().len(), MAX_RESPONSE);
        let error = response(MAX_RESPONSE + 1).await.unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::TooLarge);
        assert_eq!(error.cause(), "the response has more than 16777216 bytes");
    }

    #[test]
    fn a_path_of_certificates_that_may_be_an_external_id_is_not_repeated() {
        let secret = "0123456789abcdef".repeat(4);
        for path in [secret.clone(), format!("/{secret}/a.b")] {
            let error = client(Some(&path)).unwrap_err().to_string();
            let length = format!("the file (a value of {} characters, not", path.len());
            assert!(error.contains(&length) && !error.contains("0123456789"), "{error}");
        }
        let error = client(Some("/nowhere/bundle.pem")).unwrap_err().to_string();
        assert!(error.contains("the file \"/nowhere/bundle.pem\" can't be read"), "{error}");
    }
}
