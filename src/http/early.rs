//! Connections that are opened before they are needed, as a layer around reqwest's connector. No request is sent for them.

use std::any::Any;
use std::collections::HashMap;
use std::error::Error;
use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower_layer::Layer;
use tower_service::Service;
use url::{Origin, Url};

use super::{CONNECT_TIMEOUT, is_within};

/// A connection that was opened early is used within so long, if at all: servers close those on which nothing is asked.
const FRESH: Duration = Duration::from_secs(3);

type Failed = Box<dyn Error + Send + Sync>;
/// A connection of a type that has no name outside of reqwest.
type Opened = Result<Box<dyn Any + Send>, Failed>;

/// The connections of each origin that were opened early, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Spares(Arc<Mutex<HashMap<Origin, Vec<Spare>>>>);

type Spare = (SystemTime, JoinHandle<Opened>);

impl Spares {
    fn put(&self, origin: Origin, connection: JoinHandle<Opened>) {
        let mut lock = self.lock();
        lock.retain(|_, spares| spares.iter().any(|(opened, _)| is_within(FRESH, *opened)));
        lock.entry(origin).or_default().push((SystemTime::now(), connection));
    }

    fn take(&self, origin: &Origin) -> Option<JoinHandle<Opened>> {
        let mut lock = self.lock();
        let spares = lock.get_mut(origin)?;
        spares.retain(|(opened, _)| is_within(FRESH, *opened));
        if spares.is_empty() { None } else { Some(spares.remove(0).1) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Vec<Spare>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer: of a client that takes spare connections, or of one that makes them and whose requests all fail before they are sent.
#[derive(Clone, Debug)]
pub(super) struct Early {
    pub(super) spares: Spares,
    pub(super) makes: bool,
}

impl<S> Layer<S> for Early {
    type Service = Connect<S>;

    fn layer(&self, inner: S) -> Connect<S> {
        Connect { inner, early: self.clone() }
    }
}

/// reqwest's connector inside the layer.
#[derive(Clone, Debug)]
pub(super) struct Connect<S> {
    inner: S,
    early: Early,
}

impl<S, R> Service<R> for Connect<S>
where
    S: Service<R, Error = Failed>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    R: Debug,
{
    type Response = S::Response;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Failed>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let origin = origin_of(&request);
        let connecting = self.inner.call(request);
        if self.early.makes {
            if let Some(origin) = origin {
                let connecting = timeout(CONNECT_TIMEOUT, connecting);
                let connection = tokio::spawn(async move { Ok(Box::new(connecting.await??) as _) });
                self.early.spares.put(origin, connection);
            }
            // The request that only opens it is not to be sent.
            return Box::pin(async { Err(io::Error::from(io::ErrorKind::Interrupted).into()) });
        }
        let Some(spare) = origin.and_then(|origin| self.early.spares.take(&origin)) else {
            return Box::pin(connecting);
        };
        Box::pin(async move {
            if let Ok(Ok(stream)) = spare.await
                && let Ok(stream) = stream.downcast()
            {
                return Ok(*stream);
            }
            connecting.await
        })
    }
}

/// Where a request of reqwest to its connector goes. Only its `Debug` text tells, `Name(https://host:port/)`; if that is not so,
/// nothing is opened early, for a connection to another host must never be taken.
fn origin_of(request: &impl Debug) -> Option<Origin> {
    let text = format!("{request:?}");
    let (_, url) = text.strip_suffix(')')?.split_once('(')?;
    Some(Url::parse(url).ok()?.origin()).filter(Origin::is_tuple)
}

#[cfg(test)]
mod tests;
