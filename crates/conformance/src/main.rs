//! The program `conformance`: checks whether the sandbox, an emulator or real AWS behaves as the
//! code relies on.
#![allow(clippy::print_stderr, reason = "a command-line tool")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use conformance::aws::{self, End, Left, Request, RunResults};
use conformance::backend::{Backend, Emulator, Side};
use conformance::cleanup::Cleaner;
use conformance::context::{Account, Environment};
use conformance::journal::{Journal, RunIdentity};
use conformance::local::Local;
use conformance::page::Page;
use conformance::probe::Probe;
use conformance::run::{self, Results};
use conformance::{probes, setup};

/// Checks whether AWS behaves as the code and the sandbox rely on: docs/conformance.md
#[derive(Debug, Parser)]
#[command(name = "conformance")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the sandbox
    Sandbox(Only),
    /// Check an emulator that has Route 53 and STS, such as moto
    Emulator {
        /// The URL of the emulator
        #[arg(long, value_name = "URL")]
        endpoint_url: String,
        #[command(flatten)]
        only: Only,
    },
    /// Check real AWS, clean up, and write the page
    Aws(AwsArgs),
    /// Rewrite the page with a row for each probe, and keep the earlier results
    Page {
        /// The path of the page
        #[arg(long, default_value = "docs/conformance.md")]
        page: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Only {
    /// Run only the probes whose names begin like this, such as sts/ or route53/delete
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct AwsArgs {
    /// The profile of the account that has the zone
    #[arg(long)]
    parent_profile: String,
    /// The profile of another account
    #[arg(long)]
    child_profile: String,
    /// The name of a public hosted zone in the first account
    #[arg(long)]
    zone: String,
    /// The Region for stacks
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Delete what an earlier run has left behind, and continue it
    #[arg(long, conflicts_with = "cleanup")]
    resume: bool,
    /// Only delete what an earlier run has left behind
    #[arg(long)]
    cleanup: bool,
    /// Start without asking
    #[arg(long)]
    yes: bool,
    /// The path of the journal, which lists what was created
    #[arg(long, default_value = "target/conformance/journal.jsonl")]
    journal: PathBuf,
    /// The path of the page
    #[arg(long, default_value = "docs/conformance.md")]
    page: PathBuf,
    /// The folder with the function to deploy, which `make package` creates
    #[arg(long, value_name = "FOLDER", default_value = "dist")]
    dist: PathBuf,
    #[command(flatten)]
    only: Only,
}

impl Only {
    fn probes(&self) -> Vec<Probe> {
        let mut probes = probes::all();
        probes.retain(|probe| {
            self.only.is_empty() || self.only.iter().any(|only| probe.id.starts_with(only))
        });
        probes
    }
}

/// Everything is as expected.
const AS_EXPECTED: u8 = 0;
/// Something differs or is left behind.
const DIFFERS: u8 = 1;
/// There is no result.
const NOT_RUN: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let status = match Args::parse().command {
        Command::Sandbox(only) => sandbox(&only.probes()).await,
        Command::Emulator { endpoint_url, only } => emulator(&endpoint_url, &only.probes()).await,
        Command::Aws(args) => run_on_aws(&args).await,
        Command::Page { page } => write_page(&page, None),
    };
    match status {
        Ok(status) => status.into(),
        Err(error) => {
            eprintln!("{error}");
            NOT_RUN.into()
        }
    }
}

async fn sandbox(probes: &[Probe]) -> Result<u8, String> {
    let local = Arc::new(Local::start().await.map_err(|error| error.to_string())?);
    let configs = [local.config(Side::Parent), local.config(Side::Child)];
    run_locally(configs, local, probes).await
}

async fn emulator(url: &str, probes: &[Probe]) -> Result<u8, String> {
    run_locally(setup::emulated(url).await?, Arc::new(Emulator), probes).await
}

/// Runs the probes against a local AWS.
async fn run_locally(
    configs: [aws_config::SdkConfig; 2],
    backend: Arc<dyn Backend>,
    probes: &[Probe],
) -> Result<u8, String> {
    let [parent, child] = configs;
    let (parent, child) = (Account::load(parent).await?, Account::load(child).await?);
    let run = RunIdentity::local(&parent, &child);
    let env =
        Environment::set_up(parent, child, &run, backend, Arc::new(Journal::in_memory())).await?;
    let results = run::run(&env, probes, &mut std::io::stdout().lock()).await;
    let cleaner = Cleaner {
        parent: &env.parent,
        child: &env.child,
        backend: &*env.backend,
        journal: &env.journal,
    };
    let left = cleaner.clean().await;
    let results = results.map_err(|error| error.to_string())?;
    for (thing, why) in &left {
        eprintln!("could not delete {thing:?}: {why}");
    }
    Ok(if left.is_empty() { status(&results) } else { DIFFERS })
}

fn status(results: &Results) -> u8 {
    if results.differences().next().is_none() { AS_EXPECTED } else { DIFFERS }
}

async fn run_on_aws(args: &AwsArgs) -> Result<u8, String> {
    let request = Request {
        parent_profile: args.parent_profile.clone(),
        child_profile: args.child_profile.clone(),
        zone: args.zone.trim_end_matches('.').to_ascii_lowercase(),
        region: args.region.clone(),
        journal: args.journal.clone(),
        left: match (args.resume, args.cleanup) {
            (true, _) => Left::Resume,
            (_, true) => Left::CleanUp,
            (false, false) => Left::Refuse,
        },
        dist: args.dist.clone(),
        yes: args.yes,
    };
    let end = aws::conformance(&request, &args.only.probes(), &mut std::io::stdout()).await;
    match end.map_err(|error| error.to_string())? {
        End::Complete(RunResults { region, results }) => {
            write_page(&args.page, Some(&Page::new(&setup::today(), &region, &results)))?;
            Ok(status(&results))
        }
        End::Left(results) => {
            if let Some(RunResults { region, results }) = results {
                write_page(&args.page, Some(&Page::new(&setup::today(), &region, &results)))?;
            }
            Ok(DIFFERS)
        }
        End::CleanedUp => Ok(AS_EXPECTED),
        End::NoResults(why) => Err(why),
    }
}

/// Writes the page, with the results of this run or those that it already has.
fn write_page(path: &PathBuf, page: Option<&Page>) -> Result<u8, String> {
    let unwritable = |error: std::io::Error| format!("{}: {error}", path.display());
    let before = std::fs::read_to_string(path).unwrap_or_default();
    let known = Page::parse(&before);
    let text = page.unwrap_or(&known).render(&probes::all());
    let mut file = std::fs::File::create(path).map_err(unwritable)?;
    file.write_all(text.as_bytes()).map_err(unwritable)?;
    Ok(AS_EXPECTED)
}
