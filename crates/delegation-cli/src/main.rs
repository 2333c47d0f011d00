//! The command `delegation`, for people. It shows what the function would do, whether a delegation
//! resolves, and what a parent zone delegates. It changes nothing.

mod args;
mod diff;
mod error;
mod list;
mod output;
mod plan;
mod release;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser as _;
use clap::error::ErrorKind;

use args::{Args, Command};
use custom_delegation::aws::ProblemCause;
use custom_delegation::aws::credentials::{Accounts, Overrides};
use custom_delegation::config::Config;
use custom_delegation::error::Code;
use custom_delegation::http;
use delegation_model::text::quoted;
use dns_check::Verifier;
use error::{ErrorCode, Unanswered};

/// How the command ended. The number is its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Everything is as expected.
    AsExpected = 0,
    /// The command could not answer.
    Error = 1,
    /// Something is not as expected: there are changes, or findings.
    NotAsExpected = 2,
    /// The function would refuse.
    Refused = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        (status as u8).into()
    }
}

/// What all subcommands share.
struct Tools {
    config: Config,
    accounts: Option<Accounts>,
    verifier: Verifier,
    /// True if the output is a JSON document.
    json: bool,
}

impl Tools {
    /// The AWS accounts. Only subcommands that call AWS have them.
    fn accounts(&self) -> Result<&Accounts, Unanswered> {
        self.accounts.as_ref().ok_or_else(|| {
            Unanswered::of_function(Code::InternalError, "this subcommand does not call AWS")
        })
    }
}

/// Runs the command with these arguments, starting with the program's name. `get` returns the value
/// of an environment variable.
async fn run(
    args: impl IntoIterator<Item = OsString>,
    get: impl Fn(&str) -> Option<String>,
) -> Status {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let kind = error.kind();
            let text = args::without_secrets(error).render().to_string();
            if matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                output::lines(&text);
                return Status::AsExpected;
            }
            output::usage(&text, ErrorCode::InvalidFlags);
            return Status::Error;
        }
    };
    match answer(&args, get).await {
        Ok(status) => status,
        Err(unanswered) => {
            output::error(&unanswered.to_string());
            Status::Error
        }
    }
}

async fn answer(args: &Args, get: impl Fn(&str) -> Option<String>) -> Result<Status, Unanswered> {
    let tools = tools(args, get).await?;
    let result = match &args.command {
        // With a file of properties, messages name the properties.
        Command::Plan(args) if args.properties.is_some() => plan::run(&tools, args).await,
        Command::Plan(args) => plan::run(&tools, args).await.map_err(Unanswered::in_flags_of_plan),
        Command::Verify(args) => verify::run(&tools, args).await.map_err(Unanswered::in_flags),
        Command::List(args) => list::run(&tools, args).await.map_err(Unanswered::in_flags),
    };
    match (result, &tools.accounts) {
        // AWS's error does not say that there were no credentials.
        (Err(unanswered), Some(accounts))
            if unanswered.by_aws && !accounts.have_credentials().await =>
        {
            let message = format!(
                "there are no AWS credentials; choose a profile with --profile or AWS_PROFILE, log \
                 in with `aws sso login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY ({})",
                unanswered.message()
            );
            Err(Unanswered::new(ErrorCode::NoCredentials, message))
        }
        (Err(unanswered), Some(accounts)) if unanswered.by_aws && is_silent(accounts) => {
            let advice =
                "Check the network, the proxy (HTTPS_PROXY) and AWS_ENDPOINT_URL, then try again.";
            Err(unanswered.followed_by(advice))
        }
        (result, _) => result,
    }
}

/// True if there was no response to the last call.
fn is_silent(accounts: &Accounts) -> bool {
    accounts
        .last_problem()
        .is_some_and(|problem| matches!(problem.last, ProblemCause::NoResponse(_)))
}

/// An endpoint variable whose URL has no scheme. The SDK's own error for it is not helpful.
fn invalid_endpoint(get: impl Fn(&str) -> Option<String>) -> Option<Unanswered> {
    ["AWS_ENDPOINT_URL_ROUTE_53", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"].into_iter().find_map(
        |name| {
            let url = get(name).filter(|url| !url.is_empty() && !url.contains("://"))?;
            let shown = quoted(&url, |c| c.is_ascii_alphanumeric() || "-_.:/[]".contains(c));
            let message = format!(
                "{name} {shown} must be a URL, such as https://127.0.0.1:4566. Correct it, or \
                 unset it."
            );
            Some(Unanswered::of_function(Code::InvalidSettings, message))
        },
    )
}

async fn tools(args: &Args, get: impl Fn(&str) -> Option<String>) -> Result<Tools, Unanswered> {
    let mut config = Config::read(&get);
    if let Some(problem) = config.problem.take() {
        let message = format!("an environment variable is invalid: {problem}");
        return Err(Unanswered::of_function(Code::InvalidSettings, message));
    }
    config.dns_resolver = args.common.resolver.or(config.dns_resolver);
    if args.command.calls_aws()
        && let Some(error) = invalid_endpoint(&get)
    {
        return Err(error);
    }
    let bundle =
        get("AWS_CA_BUNDLE").or_else(|| get("SSL_CERT_FILE")).filter(|path| !path.is_empty());
    let http = http::client(bundle.as_deref())
        .map_err(|error| Unanswered::of_function(Code::InvalidSettings, error.to_string()))?;
    let overrides =
        Overrides { profile: args.common.profile.clone(), region: args.common.region.clone() };
    let accounts = if args.command.calls_aws() {
        Some(Accounts::attended(http, "delegation-command", &overrides).await)
    } else {
        None
    };
    // Anybody who names a private resolver with a flag queries their own network.
    let is_private =
        args.common.resolver.is_some_and(|resolver| !dns_check::is_public_resolver(resolver));
    let verifier =
        Verifier::new(config.dns_resolver).at_any_address(is_private || config.dns_any_address);
    Ok(Tools { config, accounts, verifier, json: args.common.json })
}

/// The current time in seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(std::env::args_os(), |name| std::env::var(name).ok()).await.into()
}
