//! Where the probes run: the sandbox, moto, or AWS itself.

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
    /// That of the parent zone.
    Parent,
    /// That of the child zone.
    Child,
}

/// What the kinds of AWS have in common beside Route 53 and STS, which the SDK asks.
pub trait Place: fmt::Debug + Send + Sync {
    /// Its name for people.
    fn name(&self) -> &str;

    /// True if nothing there takes time, and no right has to spread.
    fn is_local(&self) -> bool;

    /// Whether a probe can look there; otherwise why not.
    fn lacks(&self, needs: Needs) -> Option<String>;

    /// Switches the quota of requests on, where it is off.
    fn throttle(&self, _on: bool) {}

    /// A command of the AWS CLI, without the program's name and the profile; what it prints, or why
    /// it failed.
    fn aws<'a>(&'a self, side: Side, words: &'a [&'a str])
    -> BoxFuture<'a, Result<String, String>>;

    /// Where stacks are made.
    fn region(&self) -> String {
        "us-east-1".to_owned()
    }

    /// The function to deploy, if there is one.
    fn function(&self, _prefix: &str) -> Option<Function> {
        None
    }

    /// True if it has the commands of [`Place::aws`].
    fn has_commands(&self) -> bool {
        true
    }
}

/// An emulator that has Route 53 and STS and no more: moto's server.
#[derive(Debug)]
pub struct Emulator;

impl Place for Emulator {
    fn name(&self) -> &'static str {
        "moto"
    }

    fn is_local(&self) -> bool {
        true
    }

    fn lacks(&self, needs: Needs) -> Option<String> {
        match needs {
            // It assumes any role, whether it exists or not.
            Needs::Api | Needs::Roles => None,
            Needs::Stacks => Some("CloudFormation with custom resources".to_owned()),
            Needs::RealAws(what) => Some(what.to_owned()),
        }
    }

    fn aws<'a>(&'a self, _: Side, words: &'a [&'a str]) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move { Err(format!("moto has no `aws {}` here", words.join(" "))) })
    }

    fn has_commands(&self) -> bool {
        false
    }
}
