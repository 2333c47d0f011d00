//! Runs the probes that only real AWS can answer, with an AWS that answers as they expect.
//! Otherwise, only the run against real AWS would show whether they work. The requests of
//! CloudFormation are scripted; the rest is the sandbox.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use conformance::backend::{Backend, Side};
use conformance::context::ProbeContext;
use conformance::journal::RunIdentity;
use conformance::local::Local;
use conformance::probe::{Needs, Verdict};
use conformance::probes;
use futures_util::future::BoxFuture;
use sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::fixture::{accounts, environment, probe};

/// A request of CloudFormation for the resource `Thing`.
struct Request {
    kind: &'static str,
    physical_id: Option<&'static str>,
    /// The property `Value`.
    value: &'static str,
    /// The old property `Value`.
    old_value: Option<&'static str>,
}

fn create(value: &'static str) -> Request {
    Request { kind: "Create", physical_id: None, value, old_value: None }
}

/// An Update that changes the property from `old` to `new`.
fn update(id: &'static str, old: &'static str, new: &'static str) -> Request {
    Request { kind: "Update", physical_id: Some(id), value: new, old_value: Some(old) }
}

fn delete(id: &'static str, value: &'static str) -> Request {
    Request { kind: "Delete", physical_id: Some(id), value, old_value: None }
}

/// The effect of a stack command: requests, and the stack's status once the last of them is
/// answered.
struct Step {
    verb: &'static str,
    sends: Vec<Request>,
    ends: &'static str,
}

fn step(verb: &'static str, sends: impl IntoIterator<Item = Request>, ends: &'static str) -> Step {
    Step { verb, sends: sends.into_iter().collect(), ends }
}

fn create_stack() -> Step {
    step("create-stack", [create("a")], "CREATE_COMPLETE")
}

fn delete_stack() -> Step {
    step("delete-stack", [delete("one", "a")], "GONE")
}

/// The sandbox, with a script for the stack of a probe.
#[derive(Debug)]
struct Scripted {
    local: Arc<Local>,
    /// The name of the scripted stack.
    stack: String,
    bucket: u16,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    steps: VecDeque<Step>,
    /// The messages that were not received yet.
    queue: VecDeque<Value>,
    /// The number of requests of the last step that are not answered.
    open: usize,
    /// The index of the first request of the last step.
    from: usize,
    sent: usize,
    status: &'static str,
    /// Commands for which the script has no step.
    unexpected: Vec<String>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Starts a server that accepts every PUT, as CloudFormation's bucket does.
fn bucket() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(connection.try_clone().unwrap());
                let mut length = 0;
                for line in reader
                    .by_ref()
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                reader.read_exact(&mut vec![0; length]).unwrap();
                let mut connection = connection;
                let _ = connection.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            });
        }
    });
    port
}

impl Scripted {
    fn execute(&self, side: Side, words: &[&str]) -> Result<String, String> {
        let option = |name: &str| {
            words.iter().skip_while(|word| **word != name).nth(1).copied().unwrap_or_default()
        };
        let of_stack = option("--stack-name") == self.stack;
        let mut state = self.state.lock().unwrap();
        match words {
            ["cloudformation", "describe-stacks", ..] if of_stack => state.describe(&self.stack),
            ["cloudformation", verb, ..] if of_stack => {
                state.advance(verb, &self.stack, self.bucket)
            }
            ["cloudformation", "create-stack-refactor", ..] => {
                assert!(
                    option("--resource-mappings").contains("\"LogicalResourceId\":\"Renamed\""),
                    "{words:?}"
                );
                Ok(json!({"StackRefactorId": "refactor"}).to_string())
            }
            ["cloudformation", "describe-stack-refactor", ..] => {
                Ok(json!({"Status": "CREATE_COMPLETE", "ExecutionStatus": "EXECUTE_COMPLETE"})
                    .to_string())
            }
            ["cloudformation", "execute-stack-refactor", ..] => {
                state.advance("execute-stack-refactor", &self.stack, self.bucket)
            }
            ["lambda", "invoke", ..] => Ok(String::new()),
            ["sqs", "receive-message", ..] if option("--queue-url") == "queue-of-lambda" => {
                let body = json!({"requestContext": {"approximateInvokeCount": 3}}).to_string();
                Ok(json!({"Messages": [{"Body": body}]}).to_string())
            }
            ["sqs", "receive-message", ..] => {
                let message = state.queue.pop_front().map(|event| {
                    json!({"Messages": [{"Body": event.to_string(), "ReceiptHandle": event["RequestId"]}]}).to_string()
                });
                Ok(message.unwrap_or_default())
            }
            ["sqs", "delete-message", ..] => {
                if option("--receipt-handle")
                    .parse::<usize>()
                    .is_ok_and(|number| number >= state.from)
                {
                    state.open -= 1;
                }
                Ok(String::new())
            }
            _ => self.local.run(side, words),
        }
    }
}

impl State {
    fn describe(&self, name: &str) -> Result<String, String> {
        let status = match (self.open, self.status) {
            (0, "" | "GONE") => return Err(format!("Stack with id {name} does not exist")),
            (0, status) => status,
            _ => "UPDATE_IN_PROGRESS",
        };
        let output = |key: &str, value: &str| json!({"OutputKey": key, "OutputValue": value});
        let outputs = [output("Function", "failing"), output("Queue", "queue-of-lambda")];
        Ok(json!({"Stacks": [{"StackStatus": status, "Outputs": outputs}]}).to_string())
    }

    fn advance(&mut self, verb: &str, name: &str, bucket: u16) -> Result<String, String> {
        let Some(step) = self.steps.pop_front().filter(|step| step.verb == verb) else {
            self.unexpected.push(verb.to_owned());
            return Err(format!("the script has no step for {verb}"));
        };
        (self.status, self.open, self.from) = (step.ends, step.sends.len(), self.sent);
        for Request { kind, physical_id, value, old_value } in step.sends {
            let mut event = json!({
                "RequestType": kind,
                "LogicalResourceId": "Thing",
                "RequestId": self.sent.to_string(),
                "StackId": format!("arn:aws:cloudformation:us-east-1:222222222222:stack/{name}/0"),
                "ResponseURL": format!("http://127.0.0.1:{bucket}/answer"),
                "ResourceProperties": {"Value": value},
            });
            if let Some(id) = physical_id {
                event["PhysicalResourceId"] = json!(id.replace("STACK", name));
            }
            if let Some(value) = old_value {
                event["OldResourceProperties"] = json!({"Value": value});
            }
            self.queue.push_back(event);
            self.sent += 1;
        }
        Ok(String::new())
    }
}

impl Backend for Scripted {
    fn name(&self) -> &'static str {
        "the script"
    }

    fn is_local(&self) -> bool {
        true
    }

    fn lacks(&self, _: Needs) -> Option<String> {
        None
    }

    fn aws<'a>(
        &'a self,
        side: Side,
        words: &'a [&'a str],
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(std::future::ready(self.execute(side, words)))
    }
}

/// Runs a probe with a script for the stack whose name has this suffix; returns the result.
async fn run_scripted(id: &str, stack: &str, steps: impl IntoIterator<Item = Step>) -> Verdict {
    let local = Arc::new(Local::start().await.unwrap());
    let accounts = accounts(&local).await;
    let run = RunIdentity::local(&accounts[0], &accounts[1]);
    let state = State { steps: steps.into_iter().collect(), ..State::default() };
    let scripted = Scripted {
        local: Arc::clone(&local),
        stack: format!("{}-{stack}", run.prefix),
        bucket: bucket(),
        state: Mutex::new(state),
    };
    let backend = Arc::new(scripted);
    let env = environment(accounts, backend.clone()).await;
    if id == "sts/opt-in-region" {
        let message = "The security token included in the request is invalid".to_owned();
        let kind = FaultKind::Error { status: 403, code: "InvalidClientTokenId".into(), message };
        local.sandbox().fault(Fault::on("GetCallerIdentity").always().kind(kind));
    }
    let probe = probe(id);
    let verdict = probe.verdict(&ProbeContext::new(&env, probe.slug())).await;
    let state = backend.state.lock().unwrap();
    assert_eq!(
        (state.unexpected.as_slice(), state.steps.len()),
        (&[][..] as &[String], 0),
        "{id}: {verdict:?}"
    );
    verdict
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_of_real_aws_agree_with_scripted_answers() {
    for (id, stack, steps) in [
        (
            "cloudformation/cancelled-create",
            "cancelled-create",
            vec![create_stack(), step("delete-stack", [delete("STACK-Thing-1ABC", "a")], "GONE")],
        ),
        (
            "cloudformation/cancelled-update",
            "cancelled-update",
            vec![
                create_stack(),
                step("update-stack", [update("one", "a", "b")], "UPDATE_COMPLETE"),
                step("cancel-update-stack", [update("one", "b", "a")], "UPDATE_ROLLBACK_COMPLETE"),
                delete_stack(),
            ],
        ),
        (
            "cloudformation/retried",
            "retried",
            vec![
                step("create-stack", [create("a")], "CREATE_FAILED"),
                step("update-stack", [create("b"), delete("made", "a")], "UPDATE_COMPLETE"),
                delete_stack(),
            ],
        ),
        (
            "cloudformation/service-token",
            "service-token",
            vec![
                create_stack(),
                step("update-stack", [], "UPDATE_ROLLBACK_COMPLETE"),
                delete_stack(),
            ],
        ),
        (
            "cloudformation/refactoring",
            "refactoring",
            vec![
                create_stack(),
                step("execute-stack-refactor", [], "UPDATE_COMPLETE"),
                delete_stack(),
            ],
        ),
        (
            "lambda/deliveries",
            "failing",
            vec![step("create-stack", [], "CREATE_COMPLETE"), step("delete-stack", [], "GONE")],
        ),
        ("sts/opt-in-region", "nothing", vec![]),
    ] {
        assert_eq!(run_scripted(id, stack, steps).await, Verdict::Agrees, "{id}");
    }
}

/// An AWS that behaves differently must be reported.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_aws_is_reported() {
    let sends = step("update-stack", [update("one", "a", "a")], "UPDATE_COMPLETE");
    let verdict = run_scripted(
        "cloudformation/service-token",
        "service-token",
        [create_stack(), sends, delete_stack()],
    )
    .await;
    assert_eq!(verdict, Verdict::Differs("Update Thing one: a from a -> UPDATE_COMPLETE".into()));
    let fails = step("delete-stack", [delete("STACK-Thing-1ABC", "a")], "DELETE_FAILED");
    let verdict = run_scripted(
        "cloudformation/cancelled-create",
        "cancelled-create",
        [create_stack(), fails],
    )
    .await;
    assert_eq!(
        verdict,
        Verdict::Differs("Create Thing: a; Delete Thing (invented): a -> DELETE_FAILED".into())
    );
}

/// One probe has no script, because it needs an S3 bucket with a name that AWS chooses.
#[test]
fn every_probe_of_real_aws_is_scripted_or_excused() {
    let source = include_str!("scripted.rs");
    for probe in probes::all().iter().filter(|probe| matches!(probe.needs, Needs::RealAws(_))) {
        let is_excused = probe.id == "cloudformation/response-url";
        assert!(is_excused || source.contains(&format!("\"{}\"", probe.id)), "{}", probe.id);
    }
}
