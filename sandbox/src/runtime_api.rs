//! The Lambda Runtime API (AWS Lambda Developer Guide, "Using the Lambda runtime API for custom
//! runtimes") for one `bootstrap`, which [`crate::process`] starts and drives.
//!
//! No probe: only the runtime crate uses it, within Lambda.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::{Body, to_bytes};
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

use crate::function::Invocation;
use crate::http_listener::{FREE_PORT, Listener, Reset};

const VERSION: &str = "/2018-06-01/runtime/";
/// The largest response of an invocation ("Lambda quotas": 6 MB).
const MAX_RESPONSE: usize = 6 * 1024 * 1024;
const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:222222222222:function:delegation";

/// The API, for one process at a time.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    state: Arc<State>,
    listener: Listener,
}

#[derive(Debug, Default)]
struct State {
    slot: Mutex<Slot>,
    /// Notified when something in the slot changes.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Slot {
    /// The number of the process. Requests of an earlier process are rejected.
    process: u64,
    /// True if the process has requested its next event and is waiting.
    waiting: bool,
    init_error: Option<String>,
    next: Option<Event>,
    current: Option<(String, oneshot::Sender<Invocation>)>,
}

#[derive(Debug)]
struct Event {
    request_id: String,
    deadline_ms: u128,
    body: String,
    done: oneshot::Sender<Invocation>,
}

impl State {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RuntimeApi {
    pub(crate) async fn start() -> io::Result<Self> {
        let state = Arc::new(State::default());
        let served = Arc::clone(&state);
        let answer = Arc::new(move |request| -> BoxFuture<'static, _> {
            let state = Arc::clone(&served);
            Box::pin(async move { answer(&state, request).await })
        });
        Ok(Self { state, listener: Listener::start("runtime-api", FREE_PORT, answer).await? })
    }

    /// `127.0.0.1:<port>`, for `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn host(&self) -> String {
        self.listener.address().to_string()
    }

    /// Starts a new process. Everything from the previous one is dropped.
    pub(crate) fn begin(&self) {
        let mut slot = self.state.slot();
        *slot = Slot { process: slot.process + 1, ..Slot::default() };
        drop(slot);
        self.state.changed.notify_waiters();
    }

    /// Waits until the process requests its next event. Returns the error that it reports instead.
    pub(crate) async fn idle(&self) -> Result<(), String> {
        loop {
            let changed = self.state.changed.notified();
            {
                let slot = self.state.slot();
                if let Some(error) = &slot.init_error {
                    return Err(error.clone());
                }
                if slot.waiting {
                    return Ok(());
                }
            }
            changed.await;
        }
    }

    /// Sends an event to the process. The receiver gets its answer.
    pub(crate) fn post(
        &self,
        request_id: &str,
        event: &Value,
        deadline: SystemTime,
    ) -> oneshot::Receiver<Invocation> {
        let (done, receiver) = oneshot::channel();
        let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.state.slot().next = Some(Event {
            request_id: request_id.to_owned(),
            deadline_ms,
            body: event.to_string(),
            done,
        });
        self.state.changed.notify_waiters();
        receiver
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Result<Response<Body>, Reset> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix(VERSION).unwrap_or_default().to_owned();
    if parts.method == Method::GET && path == "invocation/next" {
        return next(state).await;
    }
    let Ok(body) = to_bytes(Body::new(body), MAX_RESPONSE).await else {
        return Ok(error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "Exceeded maximum allowed payload size",
        ));
    };
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let field = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if path == "init/error" {
        state.slot().init_error =
            Some(format!("{}: {}", field("errorType"), field("errorMessage")));
        state.changed.notify_waiters();
        return Ok(accepted());
    }
    let Some((id, what)) = path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/'))
    else {
        return Ok(error(StatusCode::NOT_FOUND, "NotFound", "no such resource"));
    };
    let invocation = match what {
        "response" => Invocation::Returned(said.clone()),
        "error" => {
            Invocation::Failed { error_type: field("errorType"), message: field("errorMessage") }
        }
        _ => return Ok(error(StatusCode::NOT_FOUND, "NotFound", "no such resource")),
    };
    let current = {
        let mut slot = state.slot();
        slot.current.take_if(|(current, _)| current == id)
    };
    // There is one answer per invocation, and only for the current one.
    let Some((_, done)) = current else {
        return Ok(error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"));
    };
    let _ = done.send(invocation);
    Ok(accepted())
}

async fn next(state: &State) -> Result<Response<Body>, Reset> {
    let process = {
        let mut slot = state.slot();
        slot.waiting = true;
        slot.process
    };
    state.changed.notify_waiters();
    loop {
        let changed = state.changed.notified();
        {
            let mut slot = state.slot();
            if slot.process != process {
                return Err(Reset);
            }
            if let Some(event) = slot.next.take() {
                slot.waiting = false;
                let answer = Response::builder()
                    .header("content-type", "application/json")
                    .header("Lambda-Runtime-Aws-Request-Id", &event.request_id)
                    .header("Lambda-Runtime-Deadline-Ms", event.deadline_ms.to_string())
                    .header("Lambda-Runtime-Invoked-Function-Arn", FUNCTION_ARN)
                    .header(
                        "Lambda-Runtime-Trace-Id",
                        "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
                    )
                    .body(Body::from(event.body))
                    .map_err(|_| Reset);
                slot.current = Some((event.request_id, event.done));
                return answer;
            }
        }
        changed.await;
    }
}

fn accepted() -> Response<Body> {
    json_response(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Response<Body> {
    json_response(status, &json!({"errorType": error_type, "errorMessage": message}))
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Body::from(body.to_string())).unwrap_or_default()
}
