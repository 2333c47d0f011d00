//! What exists before the probes run: two zones and the roles.

use std::sync::Arc;

use aws_config::SdkConfig;

use crate::backend::{Backend, Side};
use crate::context::{Account, Environment, Keys, Zone, error_text, local_config};
use crate::journal::{Journal, RunIdentity, Thing};
use crate::probe::Needs;
use crate::stacks::Template;

impl Environment {
    /// Creates what the probes need, and first records it in the journal. After an error, the
    /// caller has to delete what the journal lists.
    pub async fn set_up(
        parent: Account,
        child: Account,
        run: &RunIdentity,
        backend: Arc<dyn Backend>,
        journal: Arc<Journal>,
    ) -> Result<Arc<Self>, String> {
        let none = Zone { id: String::new(), name: run.zone.clone(), name_servers: Vec::new() };
        let (prefix, zone, child_zone) = (run.prefix.clone(), none.clone(), none);
        let mut env = Self { parent, child, zone, child_zone, prefix, backend, journal };
        if env.journal.run().is_none() {
            env.journal.begin(run).map_err(|error| error.to_string())?;
        }
        env.journal
            .making(Thing::Zones { name: run.zone.clone() })
            .map_err(|error| error.to_string())?;
        env.zone = env.make_zone(&env.parent, &run.zone, "").await?;
        env.child_zone = env.make_zone(&env.child, &format!("child.{}", run.zone), "").await?;
        if env.backend.has_commands() && env.backend.lacks(Needs::Roles).is_none() {
            env.make_roles().await?;
        }
        Ok(Arc::new(env))
    }

    /// Returns the caller reference of a zone with this name. It is always the same one, so that
    /// Route 53 refuses a repeated request instead of creating a second zone. It has at most 128
    /// characters, the limit of Route 53.
    pub fn reference(&self, name: &str, suffix: &str) -> String {
        let mut reference = format!("{}/{suffix}/{name}", self.prefix);
        reference.truncate(128);
        reference
    }

    /// Creates a hosted zone with the run's name or below it.
    pub(crate) async fn make_zone(
        &self,
        account: &Account,
        name: &str,
        suffix: &str,
    ) -> Result<Zone, String> {
        let call = account
            .route53
            .create_hosted_zone()
            .name(name)
            .caller_reference(self.reference(name, suffix));
        let answer = call.send().await.map_err(|error| {
            format!("Route 53 CreateHostedZone of {name}: {}", error_text(&error))
        })?;
        let id = answer
            .hosted_zone()
            .map(|zone| zone.id().trim_start_matches("/hostedzone/").to_owned());
        let id = id.ok_or("the response of Route 53 CreateHostedZone has no zone")?;
        let name_servers =
            answer.delegation_set().map(|set| set.name_servers().to_vec()).unwrap_or_default();
        if self.backend.has_commands() {
            let side = if account.id == self.parent.id { Side::Parent } else { Side::Child };
            let tag = format!("Key=custom-delegation-conformance,Value={}", self.prefix);
            let words = [
                "route53",
                "change-tags-for-resource",
                "--resource-type",
                "hostedzone",
                "--resource-id",
                &id,
            ];
            self.backend.aws(side, &[words.as_slice(), &["--add-tags", &tag]].concat()).await?;
        }
        Ok(Zone { id, name: name.to_owned(), name_servers })
    }

    async fn make_roles(&self) -> Result<(), String> {
        let prefix = ("Prefix", self.prefix.clone());
        let child = Template::own("child-roles.yaml", vec![prefix.clone()]);
        let parent = Template::own(
            "parent-roles.yaml",
            vec![
                prefix,
                ("ChildAccount", self.child.id.clone()),
                ("ZoneId", self.zone.id.clone()),
                ("ZoneName", self.zone.name.clone()),
            ],
        );
        for (side, template) in [(Side::Child, child), (Side::Parent, parent)] {
            let name = format!("{}-roles", self.prefix);
            let status = self.deploy(side, &name, &template, &[]).await?;
            if !status.is_fine() {
                return Err(format!("the stack {name} is {}: {}", status.status, status.reason));
            }
        }
        Ok(())
    }
}

impl RunIdentity {
    /// The identity of a run against the sandbox or an emulator.
    pub fn local(parent: &Account, child: &Account) -> Self {
        Self {
            prefix: "conformance-example".into(),
            zone: "conformance-example.example.com".into(),
            parent: parent.id.clone(),
            child: child.id.clone(),
            region: "us-east-1".into(),
        }
    }
}

/// Returns the SDK settings for two accounts of an emulator that accepts any key, and takes the
/// account from the ARN of an assumed role.
pub async fn emulated(url: &str) -> Result<[SdkConfig; 2], String> {
    let anybody = Account::load(local_config(url, "AKIAIOSFODNN7EXAMPLE", "not-a-secret")).await?;
    let mut configs = Vec::new();
    for account in ["111111111111", "222222222222"] {
        let role = format!("arn:aws:iam::{account}:role/administrator");
        let answer =
            anybody.sts.assume_role().role_arn(role).role_session_name("conformance").send().await;
        let keys = answer
            .map_err(|error| error_text(&error))?
            .credentials
            .ok_or("the response has no credentials")?;
        let keys = Keys {
            id: keys.access_key_id,
            secret: keys.secret_access_key,
            token: Some(keys.session_token),
        };
        configs.push(anybody.with_keys(&keys).config);
    }
    configs.try_into().map_err(|_| "expected two accounts".to_owned())
}

/// Returns the date in UTC, such as 2026-12-31.
pub fn today() -> String {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    time::OffsetDateTime::now_utc().format(format).unwrap_or_default()
}
