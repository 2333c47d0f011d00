//! A run against real AWS, with two profiles and a zone. If a run is killed, the next one finds
//! what it made.

use std::fmt::Write as _;
use std::io::{BufRead as _, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_route53::types::HostedZoneConfig;
use futures_util::future::BoxFuture;
use tokio::process::Command;

use crate::backend::{Backend, Side};
use crate::cleanup::Cleaner;
use crate::context::{Account, Environment, create, error_text, http_client, set};
use crate::journal::{Journal, RunIdentity, Thing};
use crate::probe::{Needs, Probe};
use crate::probes::life::Function;
use crate::run::{self, Results};

#[derive(Clone, Debug)]
pub struct Request {
    /// The profile of the account with the parent zone.
    pub parent_profile: String,
    /// The profile of the other account.
    pub child_profile: String,
    /// The name of a public zone in the first account.
    pub zone: String,
    /// The Region in which stacks are created.
    pub region: String,
    pub journal: PathBuf,
    pub left: Left,
    /// The folder with the package of the function to deploy.
    pub dist: PathBuf,
    /// Whether to start without asking.
    pub yes: bool,
}

/// What to do if an earlier run has left something behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Report it, and stop.
    Refuse,
    /// Delete it, and continue with the probes that have no result yet.
    Resume,
    /// Delete it.
    CleanUp,
}

/// The results of a run. A resumed run is in the Region of the earlier one.
#[derive(Debug)]
pub struct RunResults {
    pub region: String,
    pub results: Results,
}

/// How a run ended.
#[derive(Debug)]
pub enum End {
    /// All probes have a result, and nothing is left behind.
    Complete(RunResults),
    /// Something is left behind. The cleanup can be repeated.
    Left(Option<RunResults>),
    /// Only a cleanup was requested, and it is complete.
    CleanedUp,
    /// There are no results, for this reason. This run leaves nothing behind.
    NoResults(String),
}

/// Real AWS, called through the AWS CLI.
#[derive(Debug)]
struct AwsCli {
    parent_profile: String,
    child_profile: String,
    region: String,
    dist: PathBuf,
    /// Whether `AWS_ENDPOINT_URL` is set: then a test's local AWS is in use, and nothing needs to
    /// be waited for.
    local: bool,
}

impl Backend for AwsCli {
    fn name(&self) -> &'static str {
        "AWS"
    }

    fn is_local(&self) -> bool {
        self.local
    }

    fn lacks(&self, needs: Needs) -> Option<String> {
        match needs {
            Needs::RealAws(what) if self.local => Some(what.to_owned()),
            _ => None,
        }
    }

    fn region(&self) -> String {
        self.region.clone()
    }

    fn function(&self, prefix: &str) -> Option<Function> {
        Function::packaged(&self.dist, prefix)
    }

    fn aws<'a>(
        &'a self,
        side: Side,
        words: &'a [&'a str],
    ) -> BoxFuture<'a, Result<String, String>> {
        let profile = match side {
            Side::Parent => &self.parent_profile,
            Side::Child => &self.child_profile,
        };
        Box::pin(async move {
            let mut command = Command::new("aws");
            command.args(words).args([
                "--profile",
                profile,
                "--region",
                &self.region,
                "--output",
                "json",
            ]);
            // The output is read here, so no pager may wait for a key.
            command.env("AWS_PAGER", "").stdin(Stdio::null()).kill_on_drop(true);
            let output = command
                .output()
                .await
                .map_err(|error| format!("the AWS CLI (aws) can't be started: {error}"))?;
            if output.status.success() {
                return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            let what = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
            Err(format!("aws {what}: {}", String::from_utf8_lossy(&output.stderr).trim()))
        })
    }
}

/// Runs the probes, and cleans up afterwards in any case.
///
/// # Errors
/// If the journal can't be read or written, or output can't be written.
pub async fn conformance(
    request: &Request,
    probes: &[Probe],
    out: &mut (impl Write + Send),
) -> std::io::Result<End> {
    let journal = Arc::new(Journal::open(&request.journal)?);
    let before = journal.run();
    if before.is_some() && request.left == Left::Refuse {
        return Ok(End::NoResults(format!(
            "An earlier run was not finished. {} lists what it may have left behind. Use --resume to delete that and to continue, or --cleanup to \
delete it. Nothing was created.",
            request.journal.display()
        )));
    }
    let accounts = match accounts(request).await {
        Ok(accounts) => accounts,
        Err(error) => return Ok(End::NoResults(error)),
    };
    if let Some(run) = before
        .as_ref()
        .filter(|run| run.parent != accounts.parent.id || run.child != accounts.child.id)
    {
        return Ok(End::NoResults(format!(
            "The unfinished run used the accounts {} and {}, but the profiles are of {} and {}. Use the profiles of that run.",
            run.parent, run.child, accounts.parent.id, accounts.child.id
        )));
    }
    let region = before.as_ref().map_or(&request.region, |run| &run.region).clone();
    let backend: Arc<dyn Backend> = Arc::new(AwsCli {
        parent_profile: request.parent_profile.clone(),
        child_profile: request.child_profile.clone(),
        region: region.clone(),
        dist: request.dist.clone(),
        local: std::env::var_os("AWS_ENDPOINT_URL").is_some_and(|url| !url.is_empty()),
    });
    let Accounts { parent, child } = &accounts;
    let cleaner = Cleaner { parent, child, backend: &*backend, journal: &journal };
    if before.is_some() {
        writeln!(out, "Deleting what the unfinished run has left behind ...")?;
        if !clean(&cleaner, out).await? {
            return Ok(End::Left(None));
        }
    }
    if request.left == Left::CleanUp {
        std::fs::remove_file(&request.journal)?;
        return Ok(End::CleanedUp);
    }
    let zone = match zone_of(parent, &request.zone).await {
        Ok(zone) => zone,
        Err(error) => return Ok(End::NoResults(error)),
    };
    let prefix = new_prefix();
    let zone_name = format!("{prefix}.{}", request.zone);
    let run = RunIdentity {
        prefix,
        zone: zone_name,
        parent: parent.id.clone(),
        child: child.id.clone(),
        region,
    };
    if !request.yes && !confirm(request, &run, out)? {
        return Ok(End::NoResults("Nothing was created.".into()));
    }
    journal.begin(&run)?;

    let listener = tokio::spawn(stop_when_asked(Arc::clone(&journal)));
    let setup =
        Setup { run: &run, accounts: &accounts, zone: &zone, backend: &backend, journal: &journal };
    let results = run_probes(setup, probes, out).await;
    let results = results.map(|results| RunResults { region: run.region.clone(), results });
    listener.abort();
    finish(&cleaner, results, out).await
}

/// Deletes what the run created, and removes the journal if nothing is left.
async fn finish(
    cleaner: &Cleaner<'_>,
    results: Result<RunResults, String>,
    out: &mut (impl Write + Send),
) -> std::io::Result<End> {
    if let Err(error) = &results {
        writeln!(out, "\n{error}")?;
    }
    writeln!(out, "\nDeleting what was created ...")?;
    if !clean(cleaner, out).await? {
        return Ok(End::Left(results.ok()));
    }
    if let Some(journal) = cleaner.journal.path() {
        std::fs::remove_file(journal)?;
    }
    Ok(match results {
        Ok(results) => End::Complete(results),
        Err(error) => {
            End::NoResults(format!("{error}. Everything that was created has been deleted."))
        }
    })
}

/// After the first Ctrl-C, the run ends with its current step and cleans up. It can't end sooner: a
/// request that is on its way to AWS could be executed after the cleanup. The second Ctrl-C ends
/// the program immediately.
async fn stop_when_asked(journal: Arc<Journal>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        journal.stop();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    }
}

/// Administrators of the two accounts.
struct Accounts {
    parent: Account,
    child: Account,
}

/// What a run is set up from.
struct Setup<'a> {
    run: &'a RunIdentity,
    accounts: &'a Accounts,
    /// The id of the zone that the run's zone is delegated from.
    zone: &'a str,
    backend: &'a Arc<dyn Backend>,
    journal: &'a Arc<Journal>,
}

/// Sets up a run in the parent and the child account, and runs the probes.
async fn run_probes(
    Setup { run, accounts, zone, backend, journal }: Setup<'_>,
    probes: &[Probe],
    out: &mut (impl Write + Send),
) -> Result<Results, String> {
    let Accounts { parent, child } = accounts;
    let (parent, child) = (parent.clone(), child.clone());
    let env =
        Environment::set_up(parent, child, run, Arc::clone(backend), Arc::clone(journal)).await?;
    env.delegate(zone).await?;
    run::run(&env, probes, out).await.map_err(|error| error.to_string())
}

/// Deletes what the journal lists; returns whether nothing is left.
async fn clean(cleaner: &Cleaner<'_>, out: &mut impl Write) -> std::io::Result<bool> {
    let left = cleaner.clean().await;
    for (thing, why) in &left {
        writeln!(
            out,
            "could not delete {}: {why}",
            serde_json::to_string(thing).unwrap_or_default()
        )?;
    }
    if left.is_empty() {
        writeln!(out, "Nothing is left behind.")?;
    } else {
        let path =
            cleaner.journal.path().map(|path| path.display().to_string()).unwrap_or_default();
        writeln!(
            out,
            "{} resources are left behind; they are listed in {path}. Try again with --cleanup.",
            left.len()
        )?;
    }
    Ok(left.is_empty())
}

async fn accounts(request: &Request) -> Result<Accounts, String> {
    let load = async |profile: &str| {
        // Credentials in the environment must not take precedence over the profiles, as in the
        // SDK's default chain.
        let region = Region::new(request.region.clone());
        let of_profile = ProviderConfig::without_region()
            .with_region(Some(region.clone()))
            .with_http_client(http_client());
        let credentials =
            ProfileFileCredentialsProvider::builder().configure(&of_profile).profile_name(profile);
        let loader =
            aws_config::defaults(BehaviorVersion::latest()).profile_name(profile).region(region);
        let loader = loader.http_client(http_client());
        let config = loader.credentials_provider(credentials.build()).load().await;
        Account::load(config)
            .await
            .map_err(|error| format!("The profile {profile} can't be used: {error}"))
    };
    let (parent, child) =
        (load(&request.parent_profile).await?, load(&request.child_profile).await?);
    if parent.id == child.id {
        return Err(format!(
            "Both profiles are of the account {}. Use profiles of two accounts.",
            parent.id
        ));
    }
    Ok(Accounts { parent, child })
}

/// Returns the id of the public zone with this name, if there is only one.
async fn zone_of(parent: &Account, name: &str) -> Result<String, String> {
    let page = parent.route53.list_hosted_zones_by_name().dns_name(name).send().await;
    let page =
        page.map_err(|error| format!("Route 53 ListHostedZonesByName: {}", error_text(&error)))?;
    let public = page.hosted_zones().iter().filter(|zone| {
        zone.name().trim_end_matches('.') == name
            && !zone.config().is_some_and(HostedZoneConfig::private_zone)
    });
    let ids: Vec<&str> = public.map(|zone| zone.id().trim_start_matches("/hostedzone/")).collect();
    match ids.as_slice() {
        [id] => Ok((*id).to_owned()),
        [] => Err(format!(
            "The account {} has no public hosted zone {name}. Use the name of an existing public hosted zone.",
            parent.id
        )),
        several => Err(format!(
            "The account {} has {} public hosted zones named {name}: {}. Name another zone.",
            parent.id,
            several.len(),
            several.join(", ")
        )),
    }
}

fn new_prefix() -> String {
    let random: String = std::iter::repeat_with(|| fastrand::char('a'..='z')).take(8).collect();
    format!("conformance-{random}")
}

/// Prints what will be created, and asks for confirmation.
fn confirm(request: &Request, run: &RunIdentity, out: &mut impl Write) -> std::io::Result<bool> {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "This will create, in the accounts {} (profile {}) and {} (profile {}), Region {}:",
        run.parent, request.parent_profile, run.child, request.child_profile, run.region
    );
    let _ = writeln!(
        text,
        "  - the hosted zone {} and zones below it, in both accounts, with several thousand record sets",
        run.zone
    );
    let _ = writeln!(
        text,
        "  - the NS record set {} in your zone {}; nothing else in that zone is changed",
        run.zone, request.zone
    );
    let _ = writeln!(
        text,
        "  - stacks whose names begin with {}, with roles that only these accounts may assume",
        run.prefix
    );
    let _ = writeln!(text, "  - a topic and a queue for the requests that CloudFormation sends");
    let _ = writeln!(
        text,
        "  - for some time, two signed zones one after the other, each with a KMS key, and the function in dist/ with its bucket, \
         roles and log group"
    );
    let _ = writeln!(
        text,
        "It takes about an hour and a half, and costs less than 2 US dollars. Hosted zones deleted within twelve hours are free."
    );
    let _ = writeln!(text, "Everything is tagged custom-delegation-conformance={}.", run.prefix);
    let _ = writeln!(
        text,
        "{} lists everything before it is created. Everything is deleted at the end.",
        request.journal.display()
    );
    write!(out, "{text}\nType yes to begin: ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

impl Environment {
    /// Delegates the run's zone in the given zone, with one NS record set, and waits until its name
    /// servers have it.
    async fn delegate(&self, zone: &str) -> Result<(), String> {
        let thing = Thing::Delegation { zone: zone.to_owned(), name: self.zone.name.clone() };
        self.journal.making(thing).map_err(|error| error.to_string())?;
        let servers: Vec<&str> = self.zone.name_servers.iter().map(String::as_str).collect();
        // A CREATE never replaces a record set.
        let batch =
            aws_sdk_route53::types::ChangeBatch::builder().comment("custom-delegation conformance");
        let batch = batch.changes(create(set(&self.zone.name, "NS", &servers))).build();
        let batch = batch.map_err(|error| error.to_string())?;
        let call = self
            .parent
            .route53
            .change_resource_record_sets()
            .hosted_zone_id(zone)
            .change_batch(batch);
        let answer = call.send().await;
        let answer = answer.map_err(|error| {
            format!("Route 53 ChangeResourceRecordSets: {}", error_text(&error))
        })?;
        // Some probes need the zone to resolve.
        match answer.change_info() {
            Some(info) => self.in_sync(info).await,
            None => Ok(()),
        }
    }
}
