//! The provider of custom resources: it reads CloudFormation's requests from a queue, and answers
//! them as a probe asks.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use custom_delegation::http::{self, Client};
use serde_json::{Value, json};

use crate::backend::{Backend, Side};
use crate::context::{Environment, ProbeContext};
use crate::stacks::{GONE, Stack, Status, Template};

/// The account in which the stacks of custom resources are created.
const SIDE: Side = Side::Child;
/// The most reads of the queue in an operation of a stack. Each waits up to [`WAIT`], so on AWS
/// they take more than an hour.
const READS: u32 = 1000;
/// The most reads before the first request of an operation: a quarter of an hour on AWS.
const READS_BEFORE_FIRST: u32 = 200;
/// The most reads of a local queue, with [`LOCAL_PAUSE`] after each: at least five minutes.
const LOCAL_READS: u32 = 30_000;
/// The wait of a read for a message, in seconds.
const WAIT: &str = "5";
/// The pause before a local queue is read again.
const LOCAL_PAUSE: Duration = Duration::from_millis(10);

/// Returns the name of the stack with the topic and the queue.
pub(crate) fn stack_name(prefix: &str) -> String {
    format!("{prefix}-recorder")
}

/// An answer to a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// SUCCESS with this physical id.
    Success(&'static str),
    /// FAILED with this physical id.
    Failed(&'static str),
    /// No answer at all.
    Silence,
    /// This document.
    Document(Value),
}

/// A request from CloudFormation.
#[derive(Clone, Debug)]
pub struct Event {
    pub json: Value,
    /// The receipt handle of the queue's message.
    receipt: String,
}

impl Event {
    /// Returns a string in the event; empty if it is missing.
    pub fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns `Create`, `Update` or `Delete`, and the logical id.
    pub fn what(&self) -> (&str, &str) {
        (self.text("/RequestType"), self.text("/LogicalResourceId"))
    }

    /// Formats the event in one line: type, ids, and the property `Value`, new and old.
    fn line(&self, stack: &str) -> String {
        let (kind, logical_id) = self.what();
        let mut line = format!("{kind} {logical_id}");
        let id = self.text("/PhysicalResourceId");
        if id.starts_with(&format!("{stack}-{logical_id}-")) {
            line.push_str(" (invented)");
        } else if !id.is_empty() {
            line = format!("{line} {id}");
        }
        for (before, pointer) in
            [(": ", "/ResourceProperties/Value"), (" from ", "/OldResourceProperties/Value")]
        {
            let value = self.text(pointer);
            if !value.is_empty() {
                line = format!("{line}{before}{value}");
            }
        }
        line
    }

    fn answer(&self, answer: Answer) -> Option<Value> {
        let (status, id) = match answer {
            Answer::Silence => return None,
            Answer::Document(document) => return Some(document),
            Answer::Success(id) => ("SUCCESS", id),
            Answer::Failed(id) => ("FAILED", id),
        };
        Some(self.document(status, id))
    }

    /// Returns an answer to the event.
    pub fn document(&self, status: &str, id: &str) -> Value {
        json!({
            "Status": status,
            "Reason": "as requested by the probe",
            "PhysicalResourceId": id,
            "StackId": self.text("/StackId"),
            "RequestId": self.text("/RequestId"),
            "LogicalResourceId": self.text("/LogicalResourceId"),
        })
    }
}

#[derive(Debug)]
pub struct Recorder<'a> {
    backend: &'a dyn Backend,
    queue: String,
    http: Client,
}

impl<'a> Recorder<'a> {
    /// The queue of this run, if its stack exists.
    pub async fn open(backend: &'a dyn Backend, prefix: &str) -> Result<Option<Self>, String> {
        let name = stack_name(prefix);
        let stack = Stack { backend, side: SIDE, name: &name };
        if !matches!(stack.status().await?.status.as_str(), "CREATE_COMPLETE") {
            return Ok(None);
        }
        let queue = stack.output("Queue").await?;
        let http = http::client(None).map_err(|error| error.to_string())?;
        Ok(Some(Self { backend, queue, http }))
    }

    /// Returns the next request, if one arrives soon.
    async fn next(&self) -> Result<Option<Event>, String> {
        let words =
            ["sqs", "receive-message", "--queue-url", &self.queue, "--wait-time-seconds", WAIT];
        let answer = self.backend.aws(SIDE, &words).await?;
        // Without a message, the output is empty.
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        let Some(message) = answer.pointer("/Messages/0") else {
            return Ok(None);
        };
        let text = |field: &str| message.get(field).and_then(Value::as_str).unwrap_or_default();
        let json = serde_json::from_str(text("Body"))
            .map_err(|error| format!("the message is not an event: {error}"))?;
        Ok(Some(Event { json, receipt: text("ReceiptHandle").to_owned() }))
    }

    /// Deletes an event from the queue. This must happen only after it has been answered: if the
    /// run is killed before, the next one can still answer it. To the local CloudFormation, an
    /// event that is deleted without an answer has exceeded its timeout.
    async fn delete_message(&self, event: &Event) -> Result<(), String> {
        let words = [
            "sqs",
            "delete-message",
            "--queue-url",
            &self.queue,
            "--receipt-handle",
            &event.receipt,
        ];
        self.backend.aws(SIDE, &words).await.map(drop)
    }

    /// Sends a body to the event's response URL with PUT; returns the status and the error code.
    /// The URL must not be in the result.
    pub async fn put(
        &self,
        event: &Event,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<String, String> {
        self.send("PUT", event.text("/ResponseURL"), body, headers).await
    }

    pub async fn send(
        &self,
        method: &str,
        url: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<String, String> {
        let mut request = ::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request =
            request.body(Bytes::from(body)).map_err(|_| "the response URL is not a valid URL")?;
        let answer = self.http.send(request).await.map_err(|error| format!("S3: {error}"))?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let code = text.split("<Code>").nth(1).and_then(|rest| rest.split('<').next());
        Ok(code.map_or(answer.status().as_u16().to_string(), |code| {
            format!("{} {code}", answer.status().as_u16())
        }))
    }

    /// Answers every request with success, until the future is dropped.
    pub async fn agree(&self) -> Result<(), String> {
        loop {
            match self.next().await? {
                Some(event) => {
                    let id = event.text("/PhysicalResourceId");
                    let document =
                        event.document("SUCCESS", if id.is_empty() { "agreed" } else { id });
                    self.put(&event, document.to_string().into_bytes(), &[]).await?;
                    self.delete_message(&event).await?;
                }
                None if self.backend.is_local() => tokio::time::sleep(LOCAL_PAUSE).await,
                None => {}
            }
        }
    }
}

/// An operation of a stack that has ended.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The requests that CloudFormation sent, a line each.
    pub requests: Vec<String>,
    pub status: Status,
}

/// The stack of a probe, and the requests that CloudFormation sent for it.
#[derive(Debug)]
pub struct StackRun<'a> {
    env: &'a Environment,
    recorder: Recorder<'a>,
    pub name: String,
    topic: String,
    known: BTreeSet<String>,
}

impl<'a> StackRun<'a> {
    /// Prepares a stack without creating it. The first one of a run creates the topic and the
    /// queue.
    pub async fn new(cx: &'a ProbeContext) -> Result<Self, String> {
        let env = &*cx.env;
        let recorder_name = stack_name(&env.prefix);
        let recorder = if let Some(recorder) = Recorder::open(&*env.backend, &env.prefix).await? {
            recorder
        } else {
            let status = env
                .deploy(SIDE, &recorder_name, &Template::own("recorder.yaml", Vec::new()), &[])
                .await?;
            if !status.is_fine() {
                return Err(format!(
                    "the stack {recorder_name} is {}: {}",
                    status.status, status.reason
                ));
            }
            Recorder::open(&*env.backend, &env.prefix).await?.ok_or("no queue")?
        };
        let topic = env.stack(SIDE, &recorder_name).output("Topic").await?;
        let name = format!("{}-{}", env.prefix, cx.slug());
        Ok(Self { env, recorder, name, topic, known: BTreeSet::new() })
    }

    pub fn recorder(&self) -> &Recorder<'a> {
        &self.recorder
    }

    /// Deploys these resources and answers the requests. Resources are custom resources with this
    /// run's topic, unless they have another type.
    pub async fn deploy(
        &mut self,
        resources: &Value,
        extra: &[&str],
        answer: impl FnMut(&Event) -> Answer,
    ) -> Result<Operation, String> {
        self.begin(resources, extra).await?;
        self.answer(answer).await
    }

    /// Starts a deployment, without answering yet.
    pub async fn begin(&mut self, resources: &Value, extra: &[&str]) -> Result<(), String> {
        let path = self.template(resources)?;
        let template = Template { path: path.clone(), parameters: Vec::new() };
        let begun = self.env.begin_deploy(SIDE, &self.name, &template, extra).await;
        std::fs::remove_file(path).map_err(|error| error.to_string())?;
        begun
    }

    /// Writes a template with these resources.
    pub fn template(&self, resources: &Value) -> Result<PathBuf, String> {
        let mut resources = resources.clone();
        for resource in resources.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
            if let Some(resource) = resource.as_object_mut() {
                resource.entry("Type").or_insert(json!("Custom::Recorded"));
                let properties = resource.entry("Properties").or_insert(json!({}));
                if let Some(properties) = properties.as_object_mut() {
                    properties.entry("ServiceToken").or_insert(json!(self.topic));
                }
            }
        }
        let document = json!({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources});
        let path = std::env::temp_dir().join(format!("{}-{}.json", self.name, fastrand::u32(..)));
        std::fs::write(&path, document.to_string())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }

    /// Deletes the stack, and answers the requests.
    pub async fn delete(
        &mut self,
        answer: impl FnMut(&Event) -> Answer,
    ) -> Result<Operation, String> {
        self.stack().command("delete-stack", &[]).await?;
        self.answer(answer).await
    }

    /// Returns the stack, whether it exists or not.
    pub fn stack(&self) -> Stack<'_> {
        Stack { backend: &*self.env.backend, side: SIDE, name: &self.name }
    }

    /// Answers requests until the stack's operation has ended.
    pub async fn answer(
        &mut self,
        mut answer: impl FnMut(&Event) -> Answer,
    ) -> Result<Operation, String> {
        let mut requests = Vec::new();
        let reads = self.reads(READS);
        for _ in 0..reads {
            let Some(event) = self.next().await? else {
                let status = self.stack().status().await?;
                if status.is_at_rest() {
                    if status.status == GONE {
                        self.record_deleted()?;
                    }
                    return Ok(Operation { requests, status });
                }
                self.pause().await;
                continue;
            };
            requests.push(event.line(&self.name));
            if let Some(document) = event.answer(answer(&event)) {
                self.recorder.put(&event, document.to_string().into_bytes(), &[]).await?;
            }
            self.recorder.delete_message(&event).await?;
        }
        Err(format!("the stack {} is still busy after {reads} reads of the queue", self.name))
    }

    /// Waits for the first request of a deployment: about a quarter of an hour on AWS, and at least
    /// five minutes on a local AWS.
    pub async fn first(&mut self) -> Result<Event, String> {
        let reads = self.reads(READS_BEFORE_FIRST);
        for _ in 0..reads {
            if let Some(event) = self.next().await? {
                return Ok(event);
            }
            self.pause().await;
        }
        Err(format!("CloudFormation sent no request within {reads} reads of the queue"))
    }

    /// Returns the most reads of the queue, if it is this number on AWS.
    fn reads(&self, on_aws: u32) -> u32 {
        if self.env.backend.is_local() { LOCAL_READS } else { on_aws }
    }

    /// Pauses before the next read. On AWS, the read itself waits.
    async fn pause(&self) {
        if self.env.backend.is_local() {
            tokio::time::sleep(LOCAL_PAUSE).await;
        }
    }

    /// Returns the next new request for this stack.
    pub async fn next(&mut self) -> Result<Option<Event>, String> {
        let Some(event) = self.recorder.next().await? else {
            return Ok(None);
        };
        if !event.text("/StackId").contains(&format!(":stack/{}/", self.name)) {
            // The event is of an earlier probe, whose stack is deleted.
            self.recorder.delete_message(&event).await?;
            return Ok(None);
        }
        // The queue may deliver a message twice.
        Ok(self.known.insert(event.text("/RequestId").to_owned()).then_some(event))
    }

    /// Deletes the stack in any state, so that the probe leaves nothing behind.
    pub async fn end(mut self) -> Result<(), String> {
        let Operation { status, .. } = self
            .delete(|event| Answer::Document(event.document("SUCCESS", sent_or_new_id(event))))
            .await?;
        if status.status == GONE {
            Ok(())
        } else {
            Err(format!("{}: {}", status.status, status.reason))
        }
    }

    fn record_deleted(&self) -> Result<(), String> {
        let thing = crate::journal::Thing::Stack { side: SIDE, name: self.name.clone() };
        self.env.journal.gone(&thing).map_err(|error| error.to_string())
    }
}

/// Returns the physical id of the request; `made` if it is a Create.
pub(crate) fn sent_or_new_id(event: &Event) -> &str {
    let id = event.text("/PhysicalResourceId");
    if id.is_empty() { "made" } else { id }
}
