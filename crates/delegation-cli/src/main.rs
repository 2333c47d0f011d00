//! The command `delegation`, for people: what the function would do, whether a delegation resolves,
//! and what a parent zone delegates. It changes nothing.

mod args;
mod diff;
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
use custom_delegation::aws::Met;
use custom_delegation::aws::credentials::{Accounts, Choice};
use custom_delegation::config::Config;
use custom_delegation::error::{Failure, Kind};
use custom_delegation::http;
use dns_check::Verifier;

/// How the command ended; the number is its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// All is as wanted.
    Fine = 0,
    /// The question was not answered.
    Error = 1,
    /// Something is not as wanted: there are changes, or findings.
    Found = 2,
    /// The function would refuse.
    Refused = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        (status as u8).into()
    }
}

/// Why a question was not answered, in words for a person.
#[derive(Debug)]
struct Unanswered {
    message: String,
    /// Whether AWS is why.
    by_aws: bool,
}

impl Unanswered {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), by_aws: false }
    }

    /// The same in the words of flags: a subcommand that reads no properties knows none.
    fn in_flags(self) -> Self {
        Self { message: args::in_flags(&self.message), ..self }
    }

    /// The same in the words of the flags of `plan`.
    fn in_flags_of_plan(self) -> Self {
        Self { message: args::in_flags_of_plan(&self.message), ..self }
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self { message: failure.message().to_owned(), by_aws: failure.kind() == Kind::Aws }
    }
}

/// What the subcommands work with.
struct Tools {
    config: Config,
    accounts: Option<Accounts>,
    verifier: Verifier,
    /// Whether the answer is a JSON document.
    json: bool,
}

impl Tools {
    /// The accounts; only what asks AWS has them.
    fn accounts(&self) -> Result<&Accounts, Unanswered> {
        self.accounts.as_ref().ok_or_else(|| Unanswered::new("this subcommand does not ask AWS"))
    }
}

/// Runs the command with these arguments, the program's name first; `get` gives a variable of the
/// environment.
async fn run(
    args: impl IntoIterator<Item = OsString>,
    get: impl Fn(&str) -> Option<String>,
) -> Status {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let text = error.render().to_string();
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                output::lines(&text);
                return Status::Fine;
            }
            output::usage(&text);
            return Status::Error;
        }
    };
    match answer(&args, get).await {
        Ok(status) => status,
        Err(unanswered) => {
            output::complain(&unanswered.message);
            Status::Error
        }
    }
}

async fn answer(args: &Args, get: impl Fn(&str) -> Option<String>) -> Result<Status, Unanswered> {
    let tools = tools(args, get).await?;
    let result = match &args.command {
        // Somebody who gave a file of properties looks for the property.
        Command::Plan(of) if of.properties.is_some() => plan::run(&tools, of).await,
        Command::Plan(of) => plan::run(&tools, of).await.map_err(Unanswered::in_flags_of_plan),
        Command::Verify(of) => verify::run(&tools, of).await.map_err(Unanswered::in_flags),
        Command::List(of) => list::run(&tools, of).await.map_err(Unanswered::in_flags),
    };
    match (result, &tools.accounts) {
        // AWS can't say that nobody asked it.
        (Err(unanswered), Some(accounts))
            if unanswered.by_aws && !accounts.have_credentials().await =>
        {
            let message = format!(
                "there are no AWS credentials; name a profile with --profile or AWS_PROFILE, log in with `aws sso login`, or set \
                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY ({})",
                unanswered.message
            );
            Err(Unanswered::new(message))
        }
        (Err(unanswered), Some(accounts)) if unanswered.by_aws && is_silent(accounts) => {
            let message = unanswered.message;
            let advice =
                "Check the network, the proxy (HTTPS_PROXY) and AWS_ENDPOINT_URL, then try again.";
            Err(Unanswered::new(format!("{message}. {advice}")))
        }
        (result, _) => result,
    }
}

/// True if the last call had no answer at all.
fn is_silent(accounts: &Accounts) -> bool {
    accounts.last_problem().is_some_and(|problem| matches!(problem.last, Met::Silence(_)))
}

/// A URL of the environment that has no scheme, about which the SDK has no words for a person.
fn wrong_endpoint(get: impl Fn(&str) -> Option<String>) -> Option<Unanswered> {
    ["AWS_ENDPOINT_URL_ROUTE_53", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"].into_iter().find_map(
        |name| {
            let url = get(name).filter(|url| !url.is_empty() && !url.contains("://"))?;
            Some(Unanswered::new(format!(
                "{name} \"{url}\" must be a URL, such as https://{url}. Correct it, or unset it."
            )))
        },
    )
}

async fn tools(args: &Args, get: impl Fn(&str) -> Option<String>) -> Result<Tools, Unanswered> {
    let mut config = Config::read(&get);
    if let Some(problem) = config.problem.take() {
        return Err(Unanswered::new(format!("the environment is wrong: {problem}")));
    }
    config.dns_resolver = args.common.resolver.or(config.dns_resolver);
    if args.command.asks_aws()
        && let Some(wrong) = wrong_endpoint(&get)
    {
        return Err(wrong);
    }
    let bundle =
        get("AWS_CA_BUNDLE").or_else(|| get("SSL_CERT_FILE")).filter(|path| !path.is_empty());
    let http =
        http::client(bundle.as_deref()).map_err(|error| Unanswered::new(error.to_string()))?;
    let choice =
        Choice { profile: args.common.profile.clone(), region: args.common.region.clone() };
    let accounts = if args.command.asks_aws() {
        Some(Accounts::attended(http, "delegation-command", &choice).await)
    } else {
        None
    };
    // Who names such a resolver by a flag asks in a network of their own.
    let own = args.common.resolver.is_some_and(|resolver| !dns_check::is_public_resolver(resolver));
    let verifier = Verifier::new(config.dns_resolver).at_any_address(own || config.dns_any_address);
    Ok(Tools { config, accounts, verifier, json: args.common.json })
}

/// The time in seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run(std::env::args_os(), |name| std::env::var(name).ok()).await.into()
}
