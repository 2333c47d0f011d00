//! Real AWS: two profiles and a zone. What one run makes, the next one finds.

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

use crate::bench::{Account, Lab, told};
use crate::cleanup::Cleaner;
use crate::journal::{Journal, RunOf, Thing};
use crate::place::{Place, Side};
use crate::probe::{Needs, Probe};
use crate::probes::life::Function;
use crate::run::{self, Results};

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The profile of the account with the zone.
    pub parent_profile: String,
    /// That of the other account.
    pub child_profile: String,
    /// The name of a public zone of the first account.
    pub zone: String,
    /// Where stacks are made.
    pub region: String,
    /// The journal.
    pub journal: PathBuf,
    /// What to do with what another run has left.
    pub left: Left,
    /// The folder with the function that is deployed.
    pub dist: PathBuf,
    /// True if nobody is to be asked.
    pub yes: bool,
}

/// What to do if another run has left something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing: say so, and stop.
    Refuse,
    /// Take it away, and go on with the probes that have not looked.
    Resume,
    /// Take it away.
    CleanUp,
}

/// How it ended.
#[derive(Debug)]
pub enum End {
    /// The probes have looked, and nothing is left.
    Looked(Results),
    /// Something is left; the clean-up can be resumed.
    Left(Option<Results>),
    /// There was nothing to do but to clean up, and that is done.
    CleanedUp,
    /// Nothing was made.
    NotBegun(String),
}

/// AWS by its command line.
#[derive(Debug)]
struct CommandLine {
    parent_profile: String,
    child_profile: String,
    region: String,
    dist: PathBuf,
    /// True if the environment names an endpoint of one's own: nothing takes time there.
    local: bool,
}

impl Place for CommandLine {
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
            // What it prints is read here, and nobody is there to turn pages.
            command.env("AWS_PAGER", "").stdin(Stdio::null()).kill_on_drop(true);
            let output = command.output().await.map_err(|error| format!("aws: {error}"))?;
            if output.status.success() {
                return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            let what = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
            Err(format!("aws {what}: {}", String::from_utf8_lossy(&output.stderr).trim()))
        })
    }
}

/// Runs the probes, and cleans up whatever happens.
///
/// # Errors
/// If the journal can't be read or written, or nothing can be printed.
pub async fn conformance(
    request: &Request,
    probes: &[Probe],
    out: &mut (impl Write + Send),
) -> std::io::Result<End> {
    let journal = Arc::new(Journal::open(&request.journal)?);
    let before = journal.run();
    if before.is_some() && request.left == Left::Refuse {
        return Ok(End::NotBegun(format!(
            "A run was not finished: {} lists what it may have left. Use --resume to take that away and go on, or --cleanup to take \
             it away. Nothing was made.",
            request.journal.display()
        )));
    }
    let (parent, child) = match accounts(request).await {
        Ok(accounts) => accounts,
        Err(error) => return Ok(End::NotBegun(error)),
    };
    if let Some(run) =
        before.as_ref().filter(|run| run.parent != parent.id || run.child != child.id)
    {
        return Ok(End::NotBegun(format!(
            "The run that was not finished worked in the accounts {} and {}; the profiles are of {} and {}. Name the profiles of \
             that run.",
            run.parent, run.child, parent.id, child.id
        )));
    }
    let region = before.as_ref().map_or(&request.region, |run| &run.region).clone();
    let place: Arc<dyn Place> = Arc::new(CommandLine {
        parent_profile: request.parent_profile.clone(),
        child_profile: request.child_profile.clone(),
        region: region.clone(),
        dist: request.dist.clone(),
        local: std::env::var_os("AWS_ENDPOINT_URL").is_some_and(|url| !url.is_empty()),
    });
    let cleaner = Cleaner { parent: &parent, child: &child, place: &*place, journal: &journal };
    if before.is_some() {
        writeln!(out, "Taking away what the run that was not finished has left ...")?;
        if !clean(&cleaner, out).await? {
            return Ok(End::Left(None));
        }
    }
    if request.left == Left::CleanUp {
        std::fs::remove_file(&request.journal)?;
        return Ok(End::CleanedUp);
    }
    let zone = match zone_of(&parent, &request.zone).await {
        Ok(zone) => zone,
        Err(error) => return Ok(End::NotBegun(error)),
    };
    let prefix = new_prefix();
    let zone_name = format!("{prefix}.{}", request.zone);
    let run = RunOf {
        prefix,
        zone: zone_name,
        parent: parent.id.clone(),
        child: child.id.clone(),
        region,
    };
    if !request.yes && !asked(request, &run, out)? {
        return Ok(End::NotBegun("Nothing was made.".into()));
    }
    journal.begin(&run)?;

    let listener = tokio::spawn(stop_when_asked(Arc::clone(&journal)));
    let results = work(&run, &parent, &child, &zone, &place, &journal, probes, out).await;
    listener.abort();
    if let Err(error) = &results {
        writeln!(out, "\n{error}")?;
    }
    writeln!(out, "\nTaking away what was made ...")?;
    let clean = clean(&cleaner, out).await?;
    match (results, clean) {
        (results, false) => Ok(End::Left(results.ok())),
        (Err(error), true) => {
            std::fs::remove_file(&request.journal)?;
            Ok(End::NotBegun(format!("{error}. All that was made is gone.")))
        }
        (Ok(results), true) => {
            std::fs::remove_file(&request.journal)?;
            Ok(End::Looked(results))
        }
    }
}

/// The first Ctrl-C has the run clean up after the step that it is at: what is on its way to AWS
/// would come after the clean-up has looked. The second one ends it at once.
async fn stop_when_asked(journal: Arc<Journal>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        journal.stop();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "what one run is made of")]
async fn work(
    run: &RunOf,
    parent: &Account,
    child: &Account,
    zone: &str,
    place: &Arc<dyn Place>,
    journal: &Arc<Journal>,
    probes: &[Probe],
    out: &mut (impl Write + Send),
) -> Result<Results, String> {
    let (parent, child) = (parent.clone(), child.clone());
    let lab = Lab::set_up(parent, child, run, Arc::clone(place), Arc::clone(journal)).await?;
    lab.delegate(zone).await?;
    run::run(&lab, probes, out).await.map_err(|error| error.to_string())
}

/// True if nothing is left.
async fn clean(cleaner: &Cleaner<'_>, out: &mut impl Write) -> std::io::Result<bool> {
    let left = cleaner.clean().await;
    for (thing, why) in &left {
        writeln!(out, "left: {}: {why}", serde_json::to_string(thing).unwrap_or_default())?;
    }
    if left.is_empty() {
        writeln!(out, "Nothing is left.")?;
    } else {
        let path =
            cleaner.journal.path().map(|path| path.display().to_string()).unwrap_or_default();
        writeln!(out, "{} of it is left, as {path} tells. Try again with --cleanup.", left.len())?;
    }
    Ok(left.is_empty())
}

async fn accounts(request: &Request) -> Result<(Account, Account), String> {
    let load = async |profile: &str| {
        // Keys of the environment would outrank both profiles: the SDK's chain looks at them first.
        let region = Region::new(request.region.clone());
        let of_profile = ProviderConfig::without_region().with_region(Some(region.clone()));
        let credentials =
            ProfileFileCredentialsProvider::builder().configure(&of_profile).profile_name(profile);
        let loader =
            aws_config::defaults(BehaviorVersion::latest()).profile_name(profile).region(region);
        let config = loader.credentials_provider(credentials.build()).load().await;
        Account::load(config).await.map_err(|error| format!("The profile {profile}: {error}"))
    };
    let (parent, child) =
        (load(&request.parent_profile).await?, load(&request.child_profile).await?);
    if parent.id == child.id {
        return Err(format!(
            "Both profiles are of the account {}. Name the profiles of two accounts.",
            parent.id
        ));
    }
    Ok((parent, child))
}

/// The one public zone of that name.
async fn zone_of(parent: &Account, name: &str) -> Result<String, String> {
    let page = parent.route53.list_hosted_zones_by_name().dns_name(name).send().await;
    let page = page.map_err(|error| format!("Route 53 ListHostedZonesByName: {}", told(&error)))?;
    let public = page.hosted_zones().iter().filter(|zone| {
        zone.name().trim_end_matches('.') == name
            && !zone.config().is_some_and(HostedZoneConfig::private_zone)
    });
    let ids: Vec<&str> = public.map(|zone| zone.id().trim_start_matches("/hostedzone/")).collect();
    match ids.as_slice() {
        [id] => Ok((*id).to_owned()),
        [] => Err(format!(
            "The account {} has no public hosted zone {name}. Name one that it has, without a dot at the end.",
            parent.id
        )),
        several => Err(format!(
            "The account {} has {} public hosted zones {name}: {}. Name another one.",
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

/// Says what will be made, and asks.
fn asked(request: &Request, run: &RunOf, out: &mut impl Write) -> std::io::Result<bool> {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "This will make, in the accounts {} (profile {}) and {} (profile {}), Region {}:",
        run.parent, request.parent_profile, run.child, request.child_profile, run.region
    );
    let _ = writeln!(
        text,
        "  - hosted zones {} and below it, in both accounts, with some thousand record sets",
        run.zone
    );
    let _ = writeln!(
        text,
        "  - one NS record set {} in your zone {}; nothing else there is touched",
        run.zone, request.zone
    );
    let _ = writeln!(
        text,
        "  - stacks with names that begin with {}: roles that only these accounts may assume",
        run.prefix
    );
    let _ = writeln!(
        text,
        "  - a topic and a queue, to which CloudFormation sends what the probes look at"
    );
    let _ = writeln!(
        text,
        "  - for a while two signed zones, one after the other, each with a key of KMS, and the function of dist/ with its bucket, roles \
         and log"
    );
    let _ = writeln!(
        text,
        "It takes about an hour and a half and costs less than 2 US dollars, mostly nothing: hosted zones that are"
    );
    let _ = writeln!(
        text,
        "deleted within twelve hours are free. All of it is tagged custom-delegation-conformance={},",
        run.prefix
    );
    let _ = writeln!(
        text,
        "listed in {} before it is made, and taken away at the end.",
        request.journal.display()
    );
    write!(out, "{text}\nType yes to begin: ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

impl Lab {
    /// Leads the world to the run's zone: one NS record set in the zone that was named, which its
    /// name servers have when this ends.
    async fn delegate(&self, zone: &str) -> Result<(), String> {
        use crate::bench::{create, set};
        let thing = Thing::Delegation { zone: zone.to_owned(), name: self.zone.name.clone() };
        self.journal.making(thing).map_err(|error| error.to_string())?;
        let servers: Vec<&str> = self.zone.name_servers.iter().map(String::as_str).collect();
        // A CREATE never replaces anything.
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
        let answer = answer
            .map_err(|error| format!("Route 53 ChangeResourceRecordSets: {}", told(&error)))?;
        // Some probes look names up.
        match answer.change_info() {
            Some(info) => self.in_sync(info).await,
            None => Ok(()),
        }
    }
}
