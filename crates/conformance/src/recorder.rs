//! The provider of custom resources: reads what CloudFormation sends from a queue, and answers as a
//! probe wants.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use custom_delegation::http::{self, Client};
use serde_json::{Value, json};

use crate::bench::{Bench, Lab};
use crate::place::{Place, Side};
use crate::stacks::{GONE, Stack, Status, Template};

/// Where stacks of custom resources are.
const SIDE: Side = Side::Child;
/// How often the queue is read for one operation of a stack: for more than an hour.
const READS: u32 = 1000;
/// How long a read waits for a message.
const WAIT: &str = "5";
/// A local queue is read again after this time.
const LOCAL_PAUSE: Duration = Duration::from_millis(10);

/// The name of the stack with topic and queue.
pub fn stack_name(prefix: &str) -> String {
    format!("{prefix}-recorder")
}

/// What is answered to a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// SUCCESS with that physical id.
    Success(&'static str),
    /// FAILED with that physical id.
    Failed(&'static str),
    /// Nothing, ever.
    Silence,
    /// This document.
    Document(Value),
}

/// A request of CloudFormation.
#[derive(Clone, Debug)]
pub struct Event {
    /// As it came.
    pub json: Value,
    /// By which the queue knows its message.
    receipt: String,
}

impl Event {
    /// A text of the event; empty if it has none.
    pub fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// `Create`, `Update` or `Delete`, and the logical id.
    pub fn what(&self) -> (&str, &str) {
        (self.text("/RequestType"), self.text("/LogicalResourceId"))
    }

    /// The event in one line: what, for which physical id, and the property `Value`, new and old.
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

    /// An answer to it.
    pub fn document(&self, status: &str, id: &str) -> Value {
        json!({
            "Status": status,
            "Reason": "as the probe wants",
            "PhysicalResourceId": id,
            "StackId": self.text("/StackId"),
            "RequestId": self.text("/RequestId"),
            "LogicalResourceId": self.text("/LogicalResourceId"),
        })
    }
}

/// The queue of a run.
#[derive(Debug)]
pub struct Recorder<'a> {
    place: &'a dyn Place,
    queue: String,
    http: Client,
}

impl<'a> Recorder<'a> {
    /// That of this run, if its stack exists.
    pub async fn of(place: &'a dyn Place, prefix: &str) -> Result<Option<Self>, String> {
        let name = stack_name(prefix);
        let stack = Stack { place, side: SIDE, name: &name };
        if !matches!(stack.status().await?.status.as_str(), "CREATE_COMPLETE") {
            return Ok(None);
        }
        let queue = stack.output("Queue").await?;
        let http = http::client(None).map_err(|error| error.to_string())?;
        Ok(Some(Self { place, queue, http }))
    }

    /// The next request, if one comes soon.
    async fn next(&self) -> Result<Option<Event>, String> {
        let words =
            ["sqs", "receive-message", "--queue-url", &self.queue, "--wait-time-seconds", WAIT];
        let answer = self.place.aws(SIDE, &words).await?;
        // Without a message there is no document at all.
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        let Some(message) = answer.pointer("/Messages/0") else {
            return Ok(None);
        };
        let text = |field: &str| message.get(field).and_then(Value::as_str).unwrap_or_default();
        let json =
            serde_json::from_str(text("Body")).map_err(|error| format!("no event: {error}"))?;
        Ok(Some(Event { json, receipt: text("ReceiptHandle").to_owned() }))
    }

    /// Takes an event out of the queue. Only once it is answered: else nobody could answer it after
    /// a run that was killed.
    async fn forget(&self, event: &Event) -> Result<(), String> {
        let words = [
            "sqs",
            "delete-message",
            "--queue-url",
            &self.queue,
            "--receipt-handle",
            &event.receipt,
        ];
        self.place.aws(SIDE, &words).await.map(drop)
    }

    /// PUTs a body to the event's URL; the status and the code of the error. The URL is in no text.
    pub async fn put(
        &self,
        event: &Event,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<String, String> {
        self.send("PUT", event.text("/ResponseURL"), body, headers).await
    }

    /// Sends a request to S3.
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
        let request = request.body(Bytes::from(body)).map_err(|_| "the response URL is no URL")?;
        let answer = self.http.send(request).await.map_err(|error| format!("S3: {error}"))?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let code = text.split("<Code>").nth(1).and_then(|rest| rest.split('<').next());
        Ok(code.map_or(answer.status().as_u16().to_string(), |code| {
            format!("{} {code}", answer.status().as_u16())
        }))
    }

    /// Answers whatever comes with success, until it is dropped.
    pub async fn agree(&self) -> Result<(), String> {
        loop {
            match self.next().await? {
                Some(event) => {
                    let id = event.text("/PhysicalResourceId");
                    let document =
                        event.document("SUCCESS", if id.is_empty() { "agreed" } else { id });
                    self.put(&event, document.to_string().into_bytes(), &[]).await?;
                    self.forget(&event).await?;
                }
                None if self.place.is_local() => tokio::time::sleep(LOCAL_PAUSE).await,
                None => {}
            }
        }
    }
}

/// A stack of one probe, and what CloudFormation sent for it.
#[derive(Debug)]
pub struct Play<'a> {
    lab: &'a Lab,
    recorder: Recorder<'a>,
    /// The name of the stack.
    pub name: String,
    topic: String,
    known: BTreeSet<String>,
}

impl<'a> Play<'a> {
    /// One without a stack yet. The first one of a run makes topic and queue.
    pub async fn new(bench: &'a Bench) -> Result<Self, String> {
        let lab = &*bench.lab;
        let recorder_name = stack_name(&lab.prefix);
        let recorder = if let Some(recorder) = Recorder::of(&*lab.place, &lab.prefix).await? {
            recorder
        } else {
            let status = lab
                .deploy(SIDE, &recorder_name, &Template::own("recorder.yaml", Vec::new()), &[])
                .await?;
            if !status.is_fine() {
                return Err(format!(
                    "the stack {recorder_name} is {}: {}",
                    status.status, status.reason
                ));
            }
            Recorder::of(&*lab.place, &lab.prefix).await?.ok_or("no queue")?
        };
        let topic = lab.stack(SIDE, &recorder_name).output("Topic").await?;
        let name = format!("{}-{}", lab.prefix, bench.slug());
        Ok(Self { lab, recorder, name, topic, known: BTreeSet::new() })
    }

    /// The queue.
    pub fn recorder(&self) -> &Recorder<'a> {
        &self.recorder
    }

    /// Deploys these resources, all custom ones of this run's topic unless they say otherwise, and
    /// answers. Gives what was sent, a line each, and how the stack is then.
    pub async fn deploy(
        &mut self,
        resources: &Value,
        extra: &[&str],
        answer: impl FnMut(&Event) -> Answer,
    ) -> Result<(Vec<String>, Status), String> {
        self.begin(resources, extra).await?;
        self.answer(answer).await
    }

    /// The same without answering yet.
    pub async fn begin(&mut self, resources: &Value, extra: &[&str]) -> Result<(), String> {
        let path = self.template(resources)?;
        let template = Template { path: path.clone(), parameters: Vec::new() };
        let begun = self.lab.begin_deploy(SIDE, &self.name, &template, extra).await;
        std::fs::remove_file(path).map_err(|error| error.to_string())?;
        begun
    }

    /// A file with these resources.
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

    /// Deletes the stack, and answers.
    pub async fn delete(
        &mut self,
        answer: impl FnMut(&Event) -> Answer,
    ) -> Result<(Vec<String>, Status), String> {
        self.stack().command("delete-stack", &[]).await?;
        self.answer(answer).await
    }

    /// The stack, whether it exists or not.
    pub fn stack(&self) -> Stack<'_> {
        Stack { place: &*self.lab.place, side: SIDE, name: &self.name }
    }

    /// Answers until nothing goes on with the stack.
    pub async fn answer(
        &mut self,
        mut answer: impl FnMut(&Event) -> Answer,
    ) -> Result<(Vec<String>, Status), String> {
        let mut lines = Vec::new();
        for _ in 0..READS {
            let Some(event) = self.next().await? else {
                let status = self.stack().status().await?;
                if status.is_at_rest() {
                    if status.status == GONE {
                        self.forget()?;
                    }
                    return Ok((lines, status));
                }
                if self.lab.place.is_local() {
                    tokio::time::sleep(LOCAL_PAUSE).await;
                }
                continue;
            };
            lines.push(event.line(&self.name));
            if let Some(document) = event.answer(answer(&event)) {
                self.recorder.put(&event, document.to_string().into_bytes(), &[]).await?;
            }
            self.recorder.forget(&event).await?;
        }
        Err(format!("the stack {} is still busy after an hour", self.name))
    }

    /// The next request for this stack that was not seen before.
    pub async fn next(&mut self) -> Result<Option<Event>, String> {
        let Some(event) = self.recorder.next().await? else {
            return Ok(None);
        };
        if !event.text("/StackId").contains(&format!(":stack/{}/", self.name)) {
            // Of a probe before this one, whose stack is gone.
            self.recorder.forget(&event).await?;
            return Ok(None);
        }
        // The queue may deliver twice.
        Ok(self.known.insert(event.text("/RequestId").to_owned()).then_some(event))
    }

    /// Takes the stack away, whatever it is; so that a probe leaves nothing for those after it.
    pub async fn end(mut self) -> Result<(), String> {
        let (_, status) =
            self.delete(|event| Answer::Document(event.document("SUCCESS", given(event)))).await?;
        if status.status == GONE {
            Ok(())
        } else {
            Err(format!("{}: {}", status.status, status.reason))
        }
    }

    fn forget(&self) -> Result<(), String> {
        let thing = crate::journal::Thing::Stack { side: SIDE, name: self.name.clone() };
        self.lab.journal.gone(&thing).map_err(|error| error.to_string())
    }
}

fn given(event: &Event) -> &str {
    let id = event.text("/PhysicalResourceId");
    if id.is_empty() { "made" } else { id }
}
