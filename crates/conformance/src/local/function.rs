//! The product's function, running in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use custom_delegation::aws::credentials::{Accounts, FixedSettings};
use custom_delegation::clock::Clock;
use custom_delegation::config::Config;
use custom_delegation::handler::{self, Handler};
use custom_delegation::http;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sandbox::{
    CloudFormation, Dns, Function, Invocation, Physical, ResourceAction, ResourceRequest,
    ResourceType, ResponseBucket, Sandbox,
};
use serde_json::{Value, json};

use super::text;

/// The resource type for Lambda functions. All have the product's code, and run in this process.
pub(super) struct Functions {
    pub(super) aws: Sandbox,
    pub(super) bucket: ResponseBucket,
    pub(super) dns: Dns,
    pub(super) region: CloudFormation,
}

impl ResourceType for Functions {
    fn handle(&self, request: ResourceRequest) -> BoxFuture<'_, Result<Physical, String>> {
        async move {
            let name = text(&request.properties, "FunctionName");
            let arn = format!("arn:aws:lambda:us-east-1:{}:function:{name}", request.account);
            if let ResourceAction::Delete(_) = request.action {
                return Ok(Physical { id: name, attributes: json!({}) });
            }
            let role = text(&request.properties, "Role");
            let role = role.rsplit('/').next().unwrap_or_default();
            let keys = self.aws.account(&request.account).role(role).credentials();
            let settings = FixedSettings {
                endpoint_url: self.aws.endpoint_url(),
                region: "us-east-1".to_owned(),
                access_key_id: keys.access_key_id,
                secret_access_key: keys.secret_access_key,
                session_token: keys.session_token,
                clock: Clock::System,
            };
            let function =
                InProcess { settings, bucket: self.bucket.host(), resolver: self.dns.resolver() };
            self.region.register_function(&arn, Arc::new(function));
            Ok(Physical { id: name, attributes: json!({"Arn": arn}) })
        }
        .boxed()
    }
}

/// The function without Lambda. Each invocation has a thread of its own, because the function's
/// future can't move between threads.
struct InProcess {
    settings: FixedSettings,
    bucket: String,
    resolver: SocketAddr,
}

impl InProcess {
    fn run(settings: &FixedSettings, config: Config, event: &str) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(async {
            let http = http::client(None).map_err(|error| error.to_string())?;
            let accounts = Accounts::with_settings(http.clone(), "delegation", settings).await;
            let invocation = handler::Invocation {
                deadline: SystemTime::now() + Duration::from_mins(5),
                id: "conformance".to_owned(),
                log_stream: String::new(),
            };
            let handled = Handler::new(config, http, accounts).handle(event, &invocation).await;
            handled.map(drop).map_err(|error| error.to_string())
        })
    }
}

impl Function for InProcess {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation> {
        let (settings, event) = (self.settings.clone(), event.to_string());
        let config = Config {
            response_hosts: vec![self.bucket.clone()],
            dns_resolver: Some(self.resolver),
            // The sandbox's name servers listen on the loopback interface.
            dns_any_address: true,
            propagation_wait: Duration::ZERO,
            sync_pause: Duration::ZERO,
            check_patience: Duration::ZERO,
            ..Config::default()
        };
        let thread = tokio::task::spawn_blocking(move || Self::run(&settings, config, &event));
        async move {
            match thread.await {
                Ok(Ok(())) => Invocation::Returned(Value::Null),
                Ok(Err(message)) => {
                    Invocation::Failed { error_type: "HandlerError".to_owned(), message }
                }
                Err(panicked) => Invocation::Exited(panicked.to_string()),
            }
        }
        .boxed()
    }
}
