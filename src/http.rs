//! The one HTTP client: the AWS SDK and the signal share its connections and its TLS.

use std::sync::Arc;
use std::time::Duration;

pub use reqwest::Client;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A connection that takes longer is given up and tried anew.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

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
    Client::builder()
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
