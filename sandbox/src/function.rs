//! The functions that receive events.

use futures::future::BoxFuture;
use serde_json::Value;

/// A Lambda function: a `bootstrap` behind the Runtime API, or a handler in process.
pub trait Function: Send + Sync {
    /// Delivers an event, and waits until the invocation ends.
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation>;
}

/// How an invocation ended.
#[derive(Debug, Clone)]
pub enum Invocation {
    Returned(Value),
    /// With an error. Lambda then delivers an asynchronous event again.
    Failed {
        error_type: String,
        message: String,
    },
    /// It was killed at its deadline.
    TimedOut,
    /// The process ended. Has its last output.
    Exited(String),
}
