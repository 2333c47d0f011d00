//! The server of the AWS APIs: the steps of a call are parse, authenticate, record, hold, apply
//! faults, execute, respond.

mod sigv4;

use std::future::pending;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use http::Response;
use http::request::Parts;

use crate::error::ApiError;
use crate::fault::FaultKind;
use crate::gate::GateState;
use crate::http_listener::{HttpHandler, Reset};
use crate::identities::Caller;
use crate::journal::{Call, Outcome};
use crate::lock::lock;
use crate::query::Query;
use crate::route53::xml::Element;
use crate::route53::{NAMESPACE, api, routes};
use crate::shared_state::SharedState;
use crate::sts;

/// The largest body that is read.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// Returns what answers the requests of a listener.
pub(crate) fn http_answer(shared: &Arc<SharedState>) -> HttpHandler {
    let shared = Arc::clone(shared);
    Arc::new(move |request| {
        let shared = Arc::clone(&shared);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(Body::new(body), MAX_BODY).await.map_err(|_| Reset)?;
            Ok(answer(&shared, &parts, &body).await?.map(Body::from))
        })
    })
}

enum ServiceRequest {
    Route53(routes::Parsed),
    Sts(Query),
}

/// Answers a call, from the listener or in process.
pub(crate) async fn answer(
    shared: &Arc<SharedState>,
    parts: &Parts,
    body: &[u8],
) -> Result<Response<Bytes>, Reset> {
    let path = parts.uri.path();
    let request = if routes::serves(path) {
        ServiceRequest::Route53(routes::parse(
            parts.method.as_str(),
            path,
            parts.uri.query().unwrap_or(""),
            body,
        ))
    } else {
        ServiceRequest::Sts(Query::parse(body))
    };
    let service = request.service();
    let caller = sigv4::authenticate(shared, parts, body, service);
    let call =
        shared.journal.begin(request.call(shared, caller.as_ref().ok(), sigv4::region(parts)));
    let mut progress = Progress { shared, call };
    let outcome = match caller {
        Ok(caller) => progress.take(&request, &caller).await,
        Err(error) => Ok(Err(error)),
    };
    let request_id = format!("{:08x}-0000-4000-8000-{:012x}", fastrand::u32(..), progress.call.seq);
    match outcome {
        Ok(result) => Ok(progress.deliver(&request, result, &request_id)),
        Err(Reset) => Err(Reset),
    }
}

struct Progress<'a> {
    shared: &'a Arc<SharedState>,
    call: Call,
}

impl Progress<'_> {
    /// No probe: faults are a test's own.
    async fn take(
        &mut self,
        request: &ServiceRequest,
        caller: &Caller,
    ) -> Result<Result<(u16, Element), ApiError>, Reset> {
        let hooks = lock(&self.shared.hooks).clone();
        for hook in &hooks.before {
            hook(&self.call);
        }
        let gates: Vec<Arc<GateState>> = {
            let mut gates = lock(&self.shared.gates);
            gates.retain(|gate| !gate.is_open());
            gates.iter().filter(|gate| gate.stops(&self.call)).cloned().collect()
        };
        for gate in gates {
            gate.pass().await;
        }
        let faults = self.shared.faults.strike(&self.call);
        self.call.faults = faults.iter().map(|fault| format!("{fault:?}")).collect();
        self.shared.journal.update(&self.call);
        for fault in &faults {
            match fault {
                FaultKind::Latency(time) => tokio::time::sleep(*time).await,
                FaultKind::Throttle => return Ok(Err(ApiError::throttling())),
                FaultKind::Status(status) => return Ok(Err(server_error(*status))),
                FaultKind::Error { status, code, message } => {
                    return Ok(Err(ApiError::new(*status, code, message.as_str())));
                }
                FaultKind::ResetBefore => return Err(Reset),
                FaultKind::Hang => return pending::<Result<_, Reset>>().await,
                FaultKind::ResetAfter | FaultKind::HangAfter => {}
            }
        }
        let now = self.shared.clock.now();
        // The quota is that of the Route 53 API. STS has its own.
        let route53 = self.call.service == "route53";
        if route53 && !lock(&self.shared.buckets).take(&self.call.account, &self.call.action, now) {
            return Ok(Err(ApiError::throttling()));
        }
        let result = match request {
            ServiceRequest::Route53(parsed) => parsed
                .request
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|request| api::serve(self.shared, caller, request)),
            ServiceRequest::Sts(query) => {
                sts::serve(self.shared, caller, query, "sandbox").map(|document| (200, document))
            }
        };
        let lost = faults
            .iter()
            .find(|fault| matches!(fault, FaultKind::ResetAfter | FaultKind::HangAfter));
        self.finish(&result, lost);
        for hook in &hooks.after {
            hook(&self.call);
        }
        match lost {
            Some(FaultKind::HangAfter) => pending::<Result<_, Reset>>().await,
            Some(_) => Err(Reset),
            None => Ok(result),
        }
    }

    /// Records the outcome. `lost` is the fault that keeps the response from the client.
    fn finish(&mut self, result: &Result<(u16, Element), ApiError>, lost: Option<&FaultKind>) {
        let delivered = lost.is_none();
        let outcome = match result {
            Ok((status, _)) => Outcome { status: *status, code: None, message: None, delivered },
            Err(error) => Outcome {
                status: error.status,
                code: Some(error.code.clone()),
                message: Some(error.message.clone()),
                delivered,
            },
        };
        self.call.outcome = Some(outcome);
        self.shared.journal.update(&self.call);
    }

    fn deliver(
        &mut self,
        request: &ServiceRequest,
        result: Result<(u16, Element), ApiError>,
        request_id: &str,
    ) -> Response<Bytes> {
        if self.call.outcome.is_none() {
            self.finish(&result, None);
        }
        let (status, document) = result.unwrap_or_else(|error| {
            let document = match request {
                ServiceRequest::Route53(_) => {
                    Element::error_response(NAMESPACE, &error, request_id)
                }
                ServiceRequest::Sts(_) => sts::error(&error, request_id),
            };
            (error.status, document)
        });
        let response = Response::builder()
            .status(status)
            .header("content-type", "text/xml")
            .header("x-amzn-requestid", request_id)
            .body(Bytes::from(document.document()));
        response.unwrap_or_default()
    }
}

impl ServiceRequest {
    fn service(&self) -> &'static str {
        match self {
            Self::Route53(_) => "route53",
            Self::Sts(_) => "sts",
        }
    }

    fn call(&self, shared: &SharedState, caller: Option<&Caller>, region: &str) -> Call {
        let (action, zone, summary, role_arn) = match self {
            Self::Route53(parsed) => {
                (parsed.action.to_owned(), parsed.zone.clone(), routes::summary(parsed), None)
            }
            Self::Sts(query) => {
                let role = query.get("RoleArn").map(str::to_owned);
                (query.action().to_owned(), None, role.clone().unwrap_or_default(), role)
            }
        };
        let (changes, comment) = match self {
            Self::Route53(routes::Parsed {
                request: Ok(routes::Route53Request::ChangeResourceRecordSets(_, batch)),
                ..
            }) => (batch.changes.clone(), batch.comment.clone()),
            _ => (Vec::new(), None),
        };
        Call {
            seq: 0,
            at: shared.clock.now(),
            service: self.service(),
            region: region.to_owned(),
            action,
            account: caller.map(|caller| caller.account.clone()).unwrap_or_default(),
            principal: caller.map(|caller| caller.arn.clone()).unwrap_or_default(),
            zone,
            summary,
            changes,
            comment,
            role_arn,
            outcome: None,
            faults: Vec::new(),
        }
    }
}

/// No probe: no service fails on request.
fn server_error(status: u16) -> ApiError {
    match status {
        503 => ApiError::new(503, "ServiceUnavailable", "Service is unavailable"),
        other => ApiError::new(
            other,
            "InternalFailure",
            "We encountered an internal error. Please try again.",
        ),
    }
}
