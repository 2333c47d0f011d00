//! Stacks, by the AWS CLI.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::Lab;
use crate::journal::Thing;
use crate::place::{Place, Side};

/// How often a stack is looked at, and how long is waited in between. An hour in all.
const LOOKS: (u32, Duration) = (720, Duration::from_secs(5));
/// The same for a local AWS: two minutes in all.
const LOCAL_LOOKS: (u32, Duration) = (6000, Duration::from_millis(20));

/// The status of a stack that does not exist.
pub const GONE: &str = "GONE";

/// A template and what is given to it.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// The file.
    pub path: PathBuf,
    /// Parameters and their values.
    pub parameters: Vec<(&'static str, String)>,
}

impl Template {
    /// One of this crate.
    pub fn own(name: &str, parameters: Vec<(&'static str, String)>) -> Self {
        Self {
            path: Path::new(env!("CARGO_MANIFEST_DIR")).join("templates").join(name),
            parameters,
        }
    }

    /// One that this repository ships.
    pub fn shipped(name: &str, parameters: Vec<(&'static str, String)>) -> Self {
        Self { path: Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name), parameters }
    }
}

/// What is known of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Such as `CREATE_COMPLETE`; `GONE` once there is none.
    pub status: String,
    /// Why, if CloudFormation says so.
    pub reason: String,
}

impl Status {
    /// True if nothing goes on.
    pub fn is_at_rest(&self) -> bool {
        !self.status.ends_with("_IN_PROGRESS")
    }

    /// True if the last operation ended as asked.
    pub fn is_fine(&self) -> bool {
        matches!(self.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE" | GONE)
    }
}

/// A stack of one of the accounts, whether it exists or not.
#[derive(Clone, Copy, Debug)]
pub struct Stack<'a> {
    /// Where it is.
    pub place: &'a dyn Place,
    /// In which account.
    pub side: Side,
    /// Its name.
    pub name: &'a str,
}

impl Stack<'_> {
    /// What CloudFormation says of it.
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

    /// Waits until nothing goes on with it.
    pub async fn at_rest(&self) -> Result<Status, String> {
        let (looks, pause) = if self.place.is_local() { LOCAL_LOOKS } else { LOOKS };
        for _ in 0..looks {
            let status = self.status().await?;
            if status.is_at_rest() {
                return Ok(status);
            }
            tokio::time::sleep(pause).await;
        }
        Err(format!("the stack {} is busy for too long", self.name))
    }

    /// Deletes it, and waits for the end of that.
    pub async fn delete(&self) -> Result<Status, String> {
        self.command("delete-stack", &[]).await?;
        self.at_rest().await
    }

    /// An output.
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

    /// A command of `aws cloudformation` for it.
    pub async fn command(&self, verb: &str, options: &[&str]) -> Result<String, String> {
        let words = [&["cloudformation", verb, "--stack-name", self.name], options].concat();
        self.place.aws(self.side, &words).await
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

impl Lab {
    /// A stack of the run, whether it exists or not. Its name begins with the run's prefix.
    pub fn stack<'a>(&'a self, side: Side, name: &'a str) -> Stack<'a> {
        Stack { place: &*self.place, side, name }
    }

    /// Makes or updates a stack, and waits for the end of that. `extra` are further options of the
    /// command.
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

    /// The same without waiting.
    pub async fn begin_deploy(
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
        // In JSON, because a value may have commas.
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
