//! The kinds of AWS that the probes run on: the sandbox, moto, or AWS itself.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::probe::Needs;
use crate::probes::life::Function;

/// One of the two accounts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The account with the parent zone.
    Parent,
    /// The account with the child zone.
    Child,
}

/// A kind of AWS: what the probes use in addition to Route 53 and STS, which they call with the
/// SDK.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Returns its name for the output.
    fn name(&self) -> &str;

    /// Returns whether it runs on this machine, where every change takes effect immediately.
    fn is_local(&self) -> bool;

    /// Returns what a probe with these needs lacks there; `None` if it can run.
    fn lacks(&self, needs: Needs) -> Option<String>;

    /// Turns the API quota on, where it is off by default.
    fn start_throttling(&self) {}

    /// Turns the API quota off again, where it is off by default.
    fn stop_throttling(&self) {}

    /// Runs an AWS CLI command, given without the program's name and the profile. Returns its
    /// output, or its error message.
    fn aws<'a>(&'a self, side: Side, words: &'a [&'a str])
    -> BoxFuture<'a, Result<String, String>>;

    /// Returns the Region in which stacks are created.
    fn region(&self) -> String {
        "us-east-1".to_owned()
    }

    /// Returns the function to deploy, if there is one.
    fn function(&self, _prefix: &str) -> Option<Function> {
        None
    }

    /// Returns whether [`Backend::aws`] works.
    fn has_commands(&self) -> bool {
        true
    }
}

/// An emulator, such as moto's server. The probes use only its Route 53 and STS.
#[derive(Debug)]
pub struct Emulator;

impl Backend for Emulator {
    fn name(&self) -> &'static str {
        "the emulator"
    }

    fn is_local(&self) -> bool {
        true
    }

    fn lacks(&self, needs: Needs) -> Option<String> {
        match needs {
            // It assumes any role, whether the role exists or not.
            Needs::Api | Needs::Roles => None,
            Needs::Stacks => Some("CloudFormation with custom resources".to_owned()),
            Needs::RealAws(what) => Some(what.to_owned()),
        }
    }

    fn aws<'a>(&'a self, _: Side, words: &'a [&'a str]) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(
            async move { Err(format!("the emulator can't run `aws {}` here", words.join(" "))) },
        )
    }

    fn has_commands(&self) -> bool {
        false
    }
}
