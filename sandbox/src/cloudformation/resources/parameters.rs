//! `AWS::SSM::Parameter`.

use std::sync::Weak;

use futures::future::BoxFuture;
use serde_json::json;

use super::done;
use crate::cloudformation::{Physical, ResourceRequest, ResourceType, Shared};
use crate::lock::lock;

/// Parameters, which the templates of the same account can refer to.
pub(super) struct Parameters(pub(super) Weak<Shared>);

impl ResourceType for Parameters {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        let name = request.properties["Name"].as_str().unwrap_or_default().to_owned();
        if let Some(shared) = self.0.upgrade() {
            let key = (request.account.clone(), name.clone());
            lock(&shared.parameters).insert(key, request.properties["Value"].clone());
        }
        done(Physical { id: name, attributes: json!({}) })
    }
}
