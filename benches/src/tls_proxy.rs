//! Puts TLS in front of a local server, and adds a latency to each round trip: half of it in each
//! direction, and all of it once for the TCP handshake, which the kernel answers immediately.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;

/// A certificate authority and a certificate for `127.0.0.1`, generated for one run.
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    bundle: PathBuf,
}

impl Tls {
    /// Generates both, and writes the authority's certificate to a file in `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "the bench's authority");
        let authority_key = KeyPair::generate()?;
        let certificate = authority.self_signed(&authority_key)?;
        std::fs::create_dir_all(folder)?;
        let bundle = folder.join("authority.pem");
        std::fs::write(&bundle, certificate.pem())?;

        let key = KeyPair::generate()?;
        let mut params =
            CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &Issuer::new(authority, authority_key))?;
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        let mut provider = rustls::crypto::ring::default_provider();
        // AES with 128 bits is preferred, as by AWS's endpoints.
        provider
            .cipher_suites
            .sort_by_key(|suite| !format!("{:?}", suite.suite()).contains("AES_128"));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone(), certificate.der().clone()], key)?;
        config.ignore_client_order = true;
        Ok(Self { config: Arc::new(config), bundle })
    }

    /// Returns the file with the authority's certificate.
    pub(crate) fn bundle(&self) -> &Path {
        &self.bundle
    }
}

/// The latency of every round trip; all proxies with the same handle share it.
#[derive(Clone, Default)]
pub(crate) struct Latency(Arc<AtomicU64>);

impl Latency {
    pub(crate) fn set(&self, latency: Duration) {
        self.0.store(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// A TLS listener that forwards to a local server without TLS.
pub(crate) struct TlsProxy {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
}

impl TlsProxy {
    pub(crate) async fn start(
        tls: &Tls,
        latency: &Latency,
        behind: SocketAddr,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicU64::new(0));
        let (acceptor, latency, count) =
            (TlsAcceptor::from(Arc::clone(&tls.config)), latency.clone(), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let _ = stream.set_nodelay(true);
                let (acceptor, latency) = (acceptor.clone(), latency.get());
                tokio::spawn(async move {
                    let _ = if latency.is_zero() {
                        serve(acceptor, stream, behind).await
                    } else {
                        serve(acceptor, delayed(stream, latency), behind).await
                    };
                });
            }
        });
        Ok(Self { address, connections })
    }

    /// Returns `127.0.0.1:<port>`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the number of connections so far.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn serve(
    acceptor: TlsAcceptor,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    behind: SocketAddr,
) -> io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut server = TcpStream::connect(behind).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut stream, &mut server).await?;
    Ok(())
}

/// Returns the stream as a client at this distance sees it.
fn delayed(stream: TcpStream, latency: Duration) -> tokio::io::DuplexStream {
    let (near, far) = tokio::io::duplex(256 * 1024);
    let (from_client, to_client) = stream.into_split();
    let (from_server, to_server) = tokio::io::split(far);
    // For the client, the TCP handshake is complete; at this distance it would only have begun.
    let connected = Instant::now() + latency;
    tokio::spawn(carry(from_client, to_server, connected, latency / 2));
    tokio::spawn(carry(from_server, to_client, connected, latency / 2));
    near
}

async fn carry(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin,
    not_before: Instant,
    delay: Duration,
) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let bytes = buffer.get(..read).unwrap_or_default().to_vec();
            if sender.send((Instant::now().max(not_before) + delay, bytes)).is_err() {
                return;
            }
        }
    });
    while let Some((due, bytes)) = receiver.recv().await {
        sleep_until(due).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
