//! The Lambda function: wiring only.

use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use custom_delegation::aws::credentials::Accounts;
use custom_delegation::clock::Clock;
use custom_delegation::config::Config;
use custom_delegation::handler::{Handler, Invocation};
use custom_delegation::http;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    custom_delegation::logging::init(std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().as_deref());
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function can't run");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Error> {
    let variable = |name: &str| std::env::var(name).ok();
    let mut config = Config::read(variable);
    let bundle = variable("AWS_CA_BUNDLE").or_else(|| variable("SSL_CERT_FILE")).filter(|path| !path.is_empty());
    // With the compiled-in roots at least the answer goes out, and says what is wrong.
    let http = http::client(bundle.as_deref()).or_else(|error| {
        config.problem.get_or_insert(error.to_string());
        http::client(None)
    })?;
    if let Some(problem) = &config.problem {
        tracing::error!(problem, "the settings are wrong");
    }
    let accounts = Accounts::load(http.clone(), &variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default()).await;
    let handler = Handler::new(config, http, accounts).with_metrics(|metrics| {
        // A log that can't be written is no reason to fail a request.
        let _ = writeln!(stdout(), "{}", metrics.line(Clock::System.now()));
    });
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let invocation = Invocation {
            deadline: SystemTime::UNIX_EPOCH + Duration::from_millis(event.context.deadline),
            id: event.context.request_id.clone(),
            log_stream: event.context.env_config.log_stream.clone(),
        };
        let result = handler.handle(event.payload.get(), &invocation).await;
        result.map_err(|error| Diagnostic { error_type: error.name().into(), error_message: error.to_string() })
    }))
    .await
}
