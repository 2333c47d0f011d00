//! The functions of custom resources.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use crate::function::{Function, Invocation};
use crate::lock::lock;

/// All functions, by ARN. As a function, it passes each event to the one that the event's service
/// token names.
#[derive(Clone, Default)]
pub(super) struct Functions(Arc<Mutex<BTreeMap<String, Arc<dyn Function>>>>);

impl Functions {
    pub(super) fn insert(&self, arn: &str, function: Arc<dyn Function>) {
        lock(&self.0).insert(arn.to_owned(), function);
    }

    pub(super) fn remove(&self, arn: &str) {
        lock(&self.0).remove(arn);
    }
}

impl Function for Functions {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation> {
        let token =
            event["ResourceProperties"]["ServiceToken"].as_str().unwrap_or_default().to_owned();
        let function = lock(&self.0).get(&token).cloned();
        async move {
            match function {
                Some(function) => function.invoke(event).await,
                None => Invocation::Exited(format!("there is no function {token}")),
            }
        }
        .boxed()
    }
}
