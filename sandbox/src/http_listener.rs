//! The HTTP listener of every local service, with its own threads so that a test may block.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::body::Body;
use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};

/// The connection is reset instead of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection reset on demand")]
pub struct Reset;

/// A free port of the loopback interface.
pub(crate) const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) type HttpHandler = Arc<
    dyn Fn(Request<Incoming>) -> BoxFuture<'static, Result<Response<Body>, Reset>> + Send + Sync,
>;

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    stop: watch::Sender<bool>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

impl Listener {
    /// Serves at this address until it is dropped.
    pub(crate) async fn start(name: &str, at: SocketAddr, answer: HttpHandler) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (started, start) = oneshot::channel();
        let name = name.to_owned();
        thread::Builder::new().name(name.clone()).spawn(move || {
            let runtime = match Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name(name)
                .enable_all()
                .build()
            {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(async move {
                let listener = match TcpListener::bind(at).await {
                    Ok(listener) => listener,
                    Err(error) => return drop(started.send(Err(error))),
                };
                let _ = started.send(listener.local_addr());
                accept(listener, answer, stopped).await;
            });
            // An orderly shutdown would wait forever for requests that hang.
            runtime.shutdown_background();
        })?;
        let address = start.await.map_err(io::Error::other)??;
        Ok(Self { address, stop })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Accepts connections until the stop signal, or until its sender is dropped.
async fn accept(listener: TcpListener, answer: HttpHandler, mut stopped: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        if let Ok((stream, _)) = accepted {
            tokio::spawn(connection(stream, Arc::clone(&answer)));
        } else {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn connection(stream: TcpStream, answer: HttpHandler) {
    let mut connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(move |request| answer(request)));
    if poll_fn(|context| connection.poll_without_shutdown(context)).await.is_err() {
        // Without time to linger, closing sends a reset.
        let stream = connection.into_parts().io.into_inner();
        let _ = stream.set_zero_linger();
    }
}
