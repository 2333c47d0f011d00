//! The one HTTP client: the AWS SDK and the signal share its connections and its TLS.

mod early;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use url::{Origin, Url};

use early::{Early, Spares};

/// A connection that takes longer is given up and tried anew.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For so long after an answer its connection is taken to be there still.
const KEPT: Duration = Duration::from_mins(1);

/// The client, and what opens connections for it before they are needed.
#[derive(Clone, Debug)]
pub struct Client {
    requests: reqwest::Client,
    opener: Arc<Opener>,
}

#[derive(Debug)]
struct Opener {
    tls: ClientConfig,
    spares: Spares,
    client: OnceLock<Option<reqwest::Client>>,
    /// When connections to an origin were last opened, or known to be open.
    known: Mutex<HashMap<Origin, SystemTime>>,
}

impl Client {
    /// What sends requests.
    pub fn requests(&self) -> &reqwest::Client {
        &self.requests
    }

    /// The host of `url` has answered: its connection is kept.
    pub fn answered(&self, url: &Url) {
        self.opener.known().insert(url.origin(), SystemTime::now());
    }

    /// Begins to open so many connections to the host of `url`, for requests that are about to follow. Does nothing if there should
    /// be some: the host has answered, or connections were opened to it, within a minute.
    pub fn open(&self, url: &Url, connections: usize) {
        let known = self.opener.known().insert(url.origin(), SystemTime::now());
        if known.is_some_and(|at| is_within(KEPT, at)) {
            return;
        }
        let make = || build(self.opener.tls.clone(), Early { spares: self.opener.spares.clone(), makes: true }).ok();
        let Some(opener) = self.opener.client.get_or_init(make) else { return };
        for _ in 0..connections {
            // Fails as soon as it has a connector at work; the path and query of the URL stay out of it all the same.
            let mut request = Box::pin(opener.get(url.origin().ascii_serialization()).send());
            // Here and now, so that the request which is about to follow finds the connection.
            if request.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                tokio::spawn(async move { drop(request.await) });
            }
        }
    }
}

impl Opener {
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Origin, SystemTime>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By the clock, which goes on while Lambda has frozen the process.
fn is_within(time: Duration, at: SystemTime) -> bool {
    SystemTime::now().duration_since(at).is_ok_and(|age| age < time)
}

/// Builds the client. It connects lazily and follows no redirect.
///
/// `bundle` is a PEM file of certificate authorities to trust instead of the compiled-in ones.
pub fn client(bundle: Option<&str>) -> Result<Client, HttpError> {
    let mut roots = RootCertStore::empty();
    match bundle {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let unreadable = |error: &dyn std::fmt::Display| HttpError(format!("{path} can't be read: {error}"));
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
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
    let spares = Spares::default();
    let requests = build(tls.clone(), Early { spares: spares.clone(), makes: false })?;
    let opener = Opener { tls, spares, client: OnceLock::new(), known: Mutex::default() };
    Ok(Client { requests, opener: Arc::new(opener) })
}

fn build(tls: ClientConfig, early: Early) -> Result<reqwest::Client, HttpError> {
    reqwest::Client::builder()
        .connector_layer(early)
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| HttpError(error.without_url().to_string()))
}

/// Why there is no client.
#[derive(Debug)]
pub struct HttpError(String);

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the HTTP client can't be built: {}", self.0)
    }
}

impl std::error::Error for HttpError {}
