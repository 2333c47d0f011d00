//! The Lambda function and its watch. Wiring only.

use std::io::{Write as _, stderr};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use custom_delegation::aws::credentials::Accounts;
use custom_delegation::clock::Clock;
use custom_delegation::config::Config;
use custom_delegation::handler::{Handler, Invocation};
use custom_delegation::http::{self, Client};
use custom_delegation::logging::{self, print};
use custom_delegation::watch::{self, Settings, Watch};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;

/// The variables that the runtime needs. Lambda sets all of them.
const SET_BY_LAMBDA: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Some(name) = SET_BY_LAMBDA.into_iter().find(|name| variable(name).is_none()) {
        let _ = writeln!(
            stderr(),
            "bootstrap: the environment variable {name} is not set. This program is an AWS Lambda \
             function: Lambda starts it, and sets this variable. To try the function on this \
             machine, run `make demo`."
        );
        return ExitCode::FAILURE;
    }
    logging::init(std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().as_deref());
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function can't run");
            ExitCode::FAILURE
        }
    }
}

/// The program to run, according to `_HANDLER`.
enum Program {
    Function(Box<Handler>),
    Watch(Box<Watch>),
}

async fn serve() -> Result<(), Error> {
    let bundle = variable("AWS_CA_BUNDLE")
        .or_else(|| variable("SSL_CERT_FILE"))
        .filter(|path| !path.is_empty());
    let client = http::client(bundle.as_deref());
    let program = if variable("_HANDLER").as_deref() == Some(watch::HANDLER) {
        Program::Watch(Box::new(watch(client?).await))
    } else {
        Program::Function(Box::new(function(client).await?))
    };
    // Both share one loop, because each loop would be a copy of the runtime's code.
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let invocation = Invocation {
            deadline: SystemTime::UNIX_EPOCH + Duration::from_millis(event.context.deadline),
            id: event.context.request_id.clone(),
            log_stream: event.context.env_config.log_stream.clone(),
        };
        match &program {
            Program::Function(handler) => {
                let result = handler.handle(event.payload.get(), &invocation).await;
                result.map(|()| Value::Null).map_err(|error| diagnostic(error.name(), &error))
            }
            Program::Watch(watch) => {
                let result = Box::pin(watch.run(event.payload.get(), &invocation)).await;
                result.map_err(|error| diagnostic(error.name(), &error))
            }
        }
    }))
    .await
}

async fn function(client: Result<Client, http::HttpError>) -> Result<Handler, Error> {
    let mut config = Config::read(variable);
    // With the compiled-in roots, at least the response can be sent, and say what is wrong.
    let client = client.or_else(|error| {
        config.problem.get_or_insert(error.to_string());
        http::client(None)
    })?;
    if let Some(problem) = &config.problem {
        tracing::error!(problem, "the settings are wrong");
    }
    let accounts = accounts(client.clone()).await;
    Ok(Handler::new(config, client, accounts)
        .with_metrics(|metrics| print(&metrics.line(Clock::System.now()))))
}

async fn watch(client: Client) -> Watch {
    let settings = Settings::read(variable);
    if let Err(problem) = &settings {
        tracing::error!(%problem, "the settings are wrong");
    }
    Watch::new(settings, accounts(client).await).with_metrics(print)
}

async fn accounts(client: Client) -> Accounts {
    Accounts::load(client, &variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default()).await
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn diagnostic(name: &str, error: &dyn std::error::Error) -> Diagnostic {
    Diagnostic { error_type: name.into(), error_message: error.to_string() }
}
