//! What events are delivered to.

use futures::future::BoxFuture;
use serde_json::Value;

/// A function of Lambda: a `bootstrap` behind the Runtime API, or a handler in process.
pub trait Function: Send + Sync {
    /// Delivers one event and waits for the end of the invocation.
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation>;
}

/// How an invocation ended.
#[derive(Debug, Clone)]
pub enum Invocation {
    /// With a result.
    Returned(Value),
    /// With an error, after which Lambda delivers an asynchronous event again.
    Failed {
        /// The type that the function gave.
        error_type: String,
        /// The message that the function gave.
        message: String,
    },
    /// Killed at its deadline.
    TimedOut,
    /// The process ended; its last words.
    Exited(String),
}
