//! The Lambda Runtime API for one process, with the times of its requests and answers.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

const PATH_PREFIX: &str = "/2018-06-01/runtime/";
/// The largest response of a function ("Lambda quotas").
const MAX_BODY: usize = 6 * 1024 * 1024;
/// The deadline that the function is given.
const TIMEOUT: Duration = Duration::from_mins(5);

/// A request of the process.
enum Message {
    /// It requested its next event.
    Next(Instant),
    /// It ended an invocation, or failed to initialize; with the body of an error.
    Ended(Instant, Result<(), String>),
}

/// The Runtime API of one process; it stops when dropped.
pub(crate) struct RuntimeApi {
    host: String,
    events: mpsc::UnboundedSender<(String, String)>,
    messages: mpsc::UnboundedReceiver<Message>,
    task: JoinHandle<()>,
    invocations: u64,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct State {
    events: Mutex<mpsc::UnboundedReceiver<(String, String)>>,
    messages: mpsc::UnboundedSender<Message>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let host = listener.local_addr()?.to_string();
        let (events, received) = mpsc::unbounded_channel();
        let (sender, messages) = mpsc::unbounded_channel();
        let state = Arc::new(State { events: Mutex::new(received), messages: sender });
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&state)));
            }
        });
        Ok(Self { host, events, messages, task, invocations: 0 })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Waits until the process requests its next event.
    pub(crate) async fn idle(&mut self) -> Result<Instant, String> {
        match self.messages.recv().await {
            Some(Message::Next(at)) => Ok(at),
            Some(Message::Ended(_, Err(error))) => {
                Err(format!("the process reported an error: {error}"))
            }
            Some(Message::Ended(_, Ok(()))) | None => {
                Err("the process sent an answer without an event".to_owned())
            }
        }
    }

    /// Sends an event, and returns the time until the invocation ended.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Duration, String> {
        self.invocations += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", self.invocations);
        let began = Instant::now();
        self.events
            .send((id, event.to_string()))
            .map_err(|_| "the Runtime API has stopped".to_owned())?;
        match self.messages.recv().await {
            Some(Message::Ended(at, Ok(()))) => Ok(at - began),
            Some(Message::Ended(_, Err(error))) => Err(format!("the invocation failed: {error}")),
            Some(Message::Next(_)) | None => {
                Err("the process requested an event before it answered".to_owned())
            }
        }
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(&state, request).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(state: &State, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix(PATH_PREFIX).unwrap_or_default();
    if parts.method == Method::GET && path == "invocation/next" {
        let mut events = state.events.lock().await;
        let _ = state.messages.send(Message::Next(Instant::now()));
        let Some((id, event)) = events.recv().await else { return response(500, Bytes::new()) };
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + TIMEOUT;
        let answer = Response::builder()
            .header("content-type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", id)
            .header("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string())
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:us-east-1:222222222222:function:delegation",
            )
            .header(
                "Lambda-Runtime-Trace-Id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
            );
        return answer.body(Full::new(event.into())).unwrap_or_default();
    }
    let body =
        Limited::new(body, MAX_BODY).collect().await.map(http_body_util::Collected::to_bytes);
    let ended = match path.rsplit('/').next() {
        Some("response") => Ok(()),
        Some("error") => {
            Err(body.map(|body| String::from_utf8_lossy(&body).into_owned()).unwrap_or_default())
        }
        _ => return response(404, Bytes::new()),
    };
    let _ = state.messages.send(Message::Ended(Instant::now(), ended));
    response(202, Bytes::from_static(b"{\"status\":\"OK\"}"))
}

fn response(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    if let Ok(status) = http::StatusCode::from_u16(status) {
        *response.status_mut() = status;
    }
    response
}
