//! CloudFormation stacks, with the AWS CLI.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::backend::{Backend, Side};
use crate::context::Environment;
use crate::journal::Thing;

/// The most polls of a stack, and the pause between them: an hour in total.
const LOOKS: (u32, Duration) = (720, Duration::from_secs(5));
/// The same for a local AWS: at least two minutes in total.
const LOCAL_LOOKS: (u32, Duration) = (6000, Duration::from_millis(20));

/// The status of a stack that does not exist.
pub const GONE: &str = "GONE";

/// A template with its parameters.
#[derive(Clone, Debug, Default)]
pub struct Template {
    pub path: PathBuf,
    /// The names and values of its parameters.
    pub parameters: Vec<(&'static str, String)>,
}

impl Template {
    /// A template of this crate.
    pub fn own(name: &str, parameters: Vec<(&'static str, String)>) -> Self {
        Self {
            path: Path::new(env!("CARGO_MANIFEST_DIR")).join("templates").join(name),
            parameters,
        }
    }

    /// A template that this repository ships.
    pub fn shipped(name: &str, parameters: Vec<(&'static str, String)>) -> Self {
        Self { path: Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name), parameters }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The status, such as `CREATE_COMPLETE`; `GONE` for a stack that does not exist.
    pub status: String,
    /// The reason, if CloudFormation gives one.
    pub reason: String,
}

impl Status {
    /// Returns whether no operation is in progress.
    pub(crate) fn is_at_rest(&self) -> bool {
        !self.status.ends_with("_IN_PROGRESS")
    }

    /// Returns whether the last operation succeeded.
    pub(crate) fn is_fine(&self) -> bool {
        matches!(self.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE" | GONE)
    }
}

/// A stack of one of the accounts, whether it exists or not.
#[derive(Clone, Copy, Debug)]
pub struct Stack<'a> {
    pub backend: &'a dyn Backend,
    pub side: Side,
    pub name: &'a str,
}

impl Stack<'_> {
    pub async fn status(&self) -> Result<Status, String> {
        let answer = match self.described().await {
            Ok(answer) => answer,
            Err(error) if error.contains("does not exist") => {
                return Ok(Status { status: GONE.into(), reason: String::new() });
            }
            Err(error) => return Err(error),
        };
        let text =
            |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Status { status: text("StackStatus"), reason: text("StackStatusReason") })
    }

    /// Waits until no operation is in progress.
    pub(crate) async fn at_rest(&self) -> Result<Status, String> {
        let (looks, pause) = if self.backend.is_local() { LOCAL_LOOKS } else { LOOKS };
        for _ in 0..looks {
            let status = self.status().await?;
            if status.is_at_rest() {
                return Ok(status);
            }
            tokio::time::sleep(pause).await;
        }
        Err(format!("the stack {} is still busy after {looks} polls", self.name))
    }

    /// Deletes the stack, and waits until that has ended.
    pub async fn delete(&self) -> Result<Status, String> {
        self.command("delete-stack", &[]).await?;
        self.at_rest().await
    }

    pub async fn output(&self, output: &str) -> Result<String, String> {
        let answer = self.described().await?;
        let outputs = answer.get("Outputs").and_then(Value::as_array).cloned().unwrap_or_default();
        let found =
            outputs.iter().find(|one| one.get("OutputKey").and_then(Value::as_str) == Some(output));
        let value = found.and_then(|one| one.get("OutputValue")).and_then(Value::as_str);
        value
            .map(str::to_owned)
            .ok_or_else(|| format!("the stack {} has no output {output}", self.name))
    }

    /// Runs a command of `aws cloudformation` for the stack.
    pub async fn command(&self, verb: &str, options: &[&str]) -> Result<String, String> {
        let words = [&["cloudformation", verb, "--stack-name", self.name], options].concat();
        self.backend.aws(self.side, &words).await
    }

    async fn described(&self) -> Result<Value, String> {
        let answer = self.command("describe-stacks", &[]).await?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        answer
            .pointer("/Stacks/0")
            .cloned()
            .ok_or_else(|| format!("the stack {} does not exist", self.name))
    }
}

impl Environment {
    /// A stack of the run, whether it exists or not. Its name begins with the run's prefix.
    pub fn stack<'a>(&'a self, side: Side, name: &'a str) -> Stack<'a> {
        Stack { backend: &*self.backend, side, name }
    }

    /// Creates or updates a stack, and waits until that has ended. `extra` are additional options
    /// of the command.
    pub async fn deploy(
        &self,
        side: Side,
        name: &str,
        template: &Template,
        extra: &[&str],
    ) -> Result<Status, String> {
        self.begin_deploy(side, name, template, extra).await?;
        self.stack(side, name).at_rest().await
    }

    /// Starts to create or update a stack, without waiting.
    pub(crate) async fn begin_deploy(
        &self,
        side: Side,
        name: &str,
        template: &Template,
        extra: &[&str],
    ) -> Result<(), String> {
        let stack = self.stack(side, name);
        let there = stack.status().await?.status != GONE;
        if !there {
            let thing = Thing::Stack { side, name: name.to_owned() };
            self.journal.making(thing).map_err(|error| error.to_string())?;
        }
        let (body, tags) = (
            format!("file://{}", template.path.display()),
            format!("Key=custom-delegation-conformance,Value={}", self.prefix),
        );
        let mut options = vec![
            "--template-body",
            &body,
            "--capabilities",
            "CAPABILITY_NAMED_IAM",
            "--tags",
            &tags,
        ];
        options.extend(extra);
        // The parameters are in JSON, because values may contain commas.
        let parameter =
            |(name, value): &(&str, String)| json!({"ParameterKey": name, "ParameterValue": value});
        let parameters =
            Value::Array(template.parameters.iter().map(parameter).collect()).to_string();
        if !template.parameters.is_empty() {
            options.extend(["--parameters", &parameters]);
        }
        match stack.command(if there { "update-stack" } else { "create-stack" }, &options).await {
            Err(error) if error.contains("No updates are to be performed") => Ok(()),
            result => result.map(drop),
        }
    }

    /// Deletes a stack, and waits until it is gone.
    pub async fn delete_stack(&self, side: Side, name: &str) -> Result<Status, String> {
        let status = self.stack(side, name).delete().await?;
        if status.status == GONE {
            let thing = Thing::Stack { side, name: name.to_owned() };
            self.journal.gone(&thing).map_err(|error| error.to_string())?;
        }
        Ok(status)
    }
}
