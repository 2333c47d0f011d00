//! The whole life of a delegation with the shipped templates: the function, the role of the parent
//! zone, the child zone and its delegation.

use std::time::Duration;

use aws_sdk_route53::types::{DelegationSet, ResourceRecord, ResourceRecordSet};

use crate::backend::Side;
use crate::cleanup;
use crate::context::{Account, ProbeContext, Zone, create, error_text, set};
use crate::journal::Thing;
use crate::probe::Needs::Stacks;
use crate::probe::{Observed, Probe, probe};
use crate::stacks::{GONE, Template};

/// The external id of the parent role.
const EXTERNAL_ID: &str = "conformance-external-id";
/// A resource with properties that the function refuses, so that its deployment is rolled back.
const FAILS: &str = "
  Fails:
    Type: Custom::Delegation
    DependsOn: Delegation
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      ServiceToken: !ImportValue route53-delegation-ServiceToken
      NoProperty: of the resource

";

/// What all steps use.
struct Life<'a> {
    cx: &'a ProbeContext,
    prefix: &'a str,
    /// The suffix of the name of the stack with the child zone.
    stack: &'static str,
    /// `examples/child-stack.yaml`, changed for the function of this run.
    child_stack: String,
}

/// A deployment of the child stack.
#[derive(Clone, Copy)]
struct Step<'a> {
    template: &'a str,
    /// The first label of the child zone's name.
    label: &'a str,
    ttl: u32,
    /// The account with the parent zone, whose role the function assumes.
    parent: Side,
    /// `OFF`, `SIGNED` or `CHAINED`.
    dnssec: &'a str,
}

impl<'a> Life<'a> {
    /// Deploys the function and the parent role. Returns `None` if there is no function to deploy.
    async fn begin(cx: &'a ProbeContext, stack_name: &'static str) -> Result<Option<Self>, String> {
        let (env, prefix) = (&cx.env, cx.env.prefix.as_str());
        let Some(function) = env.backend.function(prefix) else {
            return Ok(None);
        };
        let making = |thing: Thing| env.journal.making(thing).map_err(|error| error.to_string());
        let side = Side::Child;
        if let Some((zip, key)) = &function.code {
            let bucket = format!("{prefix}-{}", env.backend.region());
            making(Thing::Bucket { side, name: bucket.clone() })?;
            env.backend.aws(side, &["s3", "mb", &format!("s3://{bucket}")]).await?;
            let tags = format!("TagSet=[{{Key=custom-delegation-conformance,Value={prefix}}}]");
            env.backend
                .aws(
                    side,
                    &["s3api", "put-bucket-tagging", "--bucket", &bucket, "--tagging", &tags],
                )
                .await?;
            env.backend.aws(side, &["s3", "cp", zip, &format!("s3://{bucket}/{key}")]).await?;
        }
        let stack = format!("{prefix}-function");
        making(Thing::LogGroups { side, prefix: format!("{stack}-") })?;
        let mut parameters = vec![
            ("TokenName", prefix.to_owned()),
            ("FunctionRoleName", format!("{prefix}-function")),
            (
                "ParentRoleArns",
                [&env.parent, &env.child].map(|account| cx.role(account, "parent")).join(","),
            ),
        ];
        parameters.extend(function.parameters);
        let status = env
            .deploy(side, &stack, &Template { path: function.template, parameters }, &[])
            .await?;
        if !status.is_fine() {
            return Err(format!("the stack {stack} is {}: {}", status.status, status.reason));
        }
        let life = Self { cx, prefix, stack: stack_name, child_stack: String::new() };
        life.make_role(Side::Parent, &env.zone).await?;
        let path = Template::shipped("examples/child-stack.yaml", Vec::new()).path;
        let child_stack = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let child_stack = child_stack
            .replace("route53-delegation-ServiceToken", &format!("{prefix}-ServiceToken"));
        Ok(Some(Self { child_stack, ..life }))
    }

    /// Deploys the role with which the function writes to a parent zone in that account.
    async fn make_role(&self, side: Side, zone: &Zone) -> Result<(), String> {
        let (env, name) = (&self.cx.env, format!("{}-parent", self.prefix));
        // The template retains the role, because no delegation can be deleted without it.
        let role = Thing::Role { side, name: name.clone() };
        env.journal.making(role).map_err(|error| error.to_string())?;
        let parameters = vec![
            ("ParentZoneId", zone.id.clone()),
            ("Names", format!("*.{}", self.cx.domain())),
            ("FunctionAccounts", env.child.id.clone()),
            ("FunctionRoleName", format!("{}-function", self.prefix)),
            ("ExternalId", EXTERNAL_ID.to_owned()),
            ("RoleName", name),
        ];
        let stack = format!("{}-parent-role", self.prefix);
        let template = Template::shipped("examples/parent-role.yaml", parameters);
        let status = env.deploy(side, &stack, &template, &[]).await?;
        if status.is_fine() {
            Ok(())
        } else {
            Err(format!("the stack {stack} is {}: {}", status.status, status.reason))
        }
    }

    /// Deploys a variant of the child stack; returns how that ended.
    async fn deploy(&self, step: Step<'_>) -> Result<String, String> {
        let env = &self.cx.env;
        let path =
            std::env::temp_dir().join(format!("{}-life-{}.yaml", self.prefix, fastrand::u32(..)));
        std::fs::write(&path, step.template)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let parameters = vec![
            ("DomainName", self.cx.name(step.label)),
            ("ParentZoneName", env.zone.name.clone()),
            ("ParentRoleArn", self.cx.role(self.account(step.parent), "parent")),
            ("ParentExternalId", EXTERNAL_ID.to_owned()),
            ("TTL", step.ttl.to_string()),
            ("Dnssec", step.dnssec.to_owned()),
        ];
        let template = Template { path: path.clone(), parameters };
        let status = env.deploy(Side::Child, &self.stack(), &template, &[]).await;
        std::fs::remove_file(&path).map_err(|error| error.to_string())?;
        let status = status?;
        Ok(status.status)
    }

    fn stack(&self) -> String {
        format!("{}-{}", self.prefix, self.stack)
    }

    fn account(&self, side: Side) -> &Account {
        match side {
            Side::Parent => &self.cx.env.parent,
            Side::Child => &self.cx.env.child,
        }
    }

    /// Describes the delegation of a name in the run's parent zone.
    async fn at(&self, label: &str) -> Result<String, String> {
        self.in_zone(Side::Parent, &self.cx.env.zone, label).await
    }

    /// Describes the delegation of a name in a parent zone: its TTL, whether it leads to the
    /// stack's zone, and whether it has the DS record set of that zone's keys.
    async fn in_zone(&self, side: Side, parent: &Zone, label: &str) -> Result<String, String> {
        let (env, name) = (&self.cx.env, self.cx.name(label));
        let route53 = &self.account(side).route53;
        let call =
            route53.list_resource_record_sets().hosted_zone_id(&parent.id).start_record_name(&name);
        let page = call.max_items(20).send().await.map_err(|error| error_text(&error))?;
        let own = format!("{name}.");
        let find = |rtype: &str| {
            page.resource_record_sets()
                .iter()
                .find(|set| set.name() == own && set.r#type().as_str() == rtype)
        };
        let (Some(ns), ds) = (find("NS"), find("DS")) else {
            return Ok(
                if find("DS").is_some() { "a DS record set alone" } else { "nothing" }.to_owned()
            );
        };
        // Without the stack, the id of its zone is unknown.
        let Ok(zone) = env.stack(Side::Child, &self.stack()).output("ZoneId").await else {
            return Ok(format!("{} left behind", ns.ttl().unwrap_or_default()));
        };
        let answer = env
            .child
            .route53
            .get_hosted_zone()
            .id(&zone)
            .send()
            .await
            .map_err(|error| error_text(&error))?;
        let servers = answer.delegation_set().into_iter().flat_map(DelegationSet::name_servers);
        let to = if values(ns) == sorted(servers.map(String::as_str)) {
            "to the zone"
        } else {
            "elsewhere"
        };
        let Some(ds) = ds else { return Ok(format!("{} {to}", ns.ttl().unwrap_or_default())) };
        let signing = env
            .child
            .route53
            .get_dnssec()
            .hosted_zone_id(&zone)
            .send()
            .await
            .map_err(|error| error_text(&error))?;
        let keys = sorted(signing.key_signing_keys().iter().filter_map(|key| key.ds_record()));
        let by = if values(ds) == keys { "with its DS" } else { "with another DS" };
        Ok(format!("{} {to} {by}", ns.ttl().unwrap_or_default()))
    }

    /// Deletes the child account's zones with this name or below it, which the stack has retained.
    async fn delete_zones(&self, label: &str) -> Result<(), String> {
        let child = &self.cx.env.child;
        for zone in cleanup::zones(child, &self.cx.name(label)).await? {
            cleanup::remove_zone(child, &zone).await?;
        }
        Ok(())
    }

    /// Deletes the child stack; returns how that ended, and what is left at a name.
    async fn delete(&self, label: &str) -> Result<String, String> {
        let status = self.cx.env.delete_stack(Side::Child, &self.stack()).await?;
        let left = if status.status == GONE { self.at(label).await? } else { status.reason };
        Ok(format!("deleted: {}, {left}", status.status))
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(|name| name.trim_end_matches('.').to_owned()).collect();
    names.sort_unstable();
    names
}

fn values(set: &ResourceRecordSet) -> Vec<String> {
    sorted(set.resource_records().iter().map(ResourceRecord::value))
}

pub(super) const PROBES: &[Probe] = &[
    probe!(
        "life/by-the-templates",
        Page,
        Stacks,
        "template.yaml and examples/ of this repository",
        "With the shipped templates, a delegation is created, changed, renamed, kept through a \
         rollback, moved to another name, moved to a name that somebody delegated by hand, moved to \
         a parent zone of another account and back, and deleted.",
        "created: CREATE_COMPLETE, 300 to the zone; TTL: UPDATE_COMPLETE, 600 to the zone; renamed: UPDATE_COMPLETE, 600 to the zone; rolled \
         back: UPDATE_ROLLBACK_COMPLETE, 600 to the zone; named back: UPDATE_COMPLETE, 600 to the zone; moved: UPDATE_COMPLETE, 600 to the \
         zone, before nothing; made by hand: UPDATE_ROLLBACK_COMPLETE, 300 elsewhere, before 600 to the zone; taken over: UPDATE_COMPLETE, \
         600 to the zone, before nothing; settled: UPDATE_COMPLETE, 600 to the zone; other account: UPDATE_COMPLETE, 600 to the zone, before \
         nothing; back: UPDATE_COMPLETE, 600 to the zone, before nothing; deleted: GONE, nothing",
        |cx| {
            let Some(life) = Life::begin(cx, "child").await? else {
                return Ok(Observed::Nothing(
                    "there is no function in dist/; run `make package`".into(),
                ));
            };
            let plain = life.child_stack.clone();
            let renamed = plain
                .replace("\n  Delegation:\n", "\n  Renamed:\n")
                .replace("Delegation.", "Renamed.");
            // Renames the resource back, together with a resource that fails after it, so that the
            // rename is rolled back.
            let refused = FAILS.replace(
                "route53-delegation-ServiceToken",
                &format!("{}-ServiceToken", life.prefix),
            );
            let fails = plain.replacen("\nOutputs:\n", &format!("{refused}Outputs:\n"), 1);
            let overwrites = plain.replace(
                "      TTL: !Ref TTL\n",
                "      TTL: !Ref TTL\n      AllowOverwrite: true\n",
            );
            let step = Step {
                template: &plain,
                label: "a",
                ttl: 600,
                parent: Side::Parent,
                dnssec: "OFF",
            };
            let mut observed = Vec::new();
            for (name, step) in [
                ("created", Step { ttl: 300, ..step }),
                ("TTL", step),
                ("renamed", Step { template: &renamed, ..step }),
                ("rolled back", Step { template: &fails, ttl: 900, ..step }),
                ("named back", step),
            ] {
                let status = life.deploy(step).await?;
                observed.push(format!("{name}: {status}, {}", life.at("a").await?));
            }

            let moved = Step { label: "b", ..step };
            let status = life.deploy(moved).await?;
            observed.push(format!(
                "moved: {status}, {}, before {}",
                life.at("b").await?,
                life.at("a").await?
            ));
            life.delete_zones("a").await?;

            // Somebody else has delegated the next name.
            let by_hand = set(&cx.name("c"), "NS", &["ns1.example.net", "ns2.example.net"]);
            cx.change_or_fail([create(by_hand)]).await?;
            let step = Step { label: "c", ..step };
            let status = life.deploy(step).await?;
            observed.push(format!(
                "made by hand: {status}, {}, before {}",
                life.at("c").await?,
                life.at("b").await?
            ));
            let status = life.deploy(Step { template: &overwrites, ..step }).await?;
            observed.push(format!(
                "taken over: {status}, {}, before {}",
                life.at("c").await?,
                life.at("b").await?
            ));
            life.delete_zones("b").await?;
            // The date of a request has a resolution of a second, so in the second of the take-over
            // this request could count as its duplicate.
            tokio::time::sleep(Duration::from_millis(1100)).await;
            let status = life.deploy(step).await?;
            observed.push(format!("settled: {status}, {}", life.at("c").await?));

            // A second zone with the parent zone's name, in the child account. Nothing delegates to
            // it, but the function finds it through that account's parent role.
            let other = cx.env.make_zone(&cx.env.child, &cx.env.zone.name, "other").await?;
            life.make_role(Side::Child, &other).await?;
            // From now on, the child stack can't be deleted without that role.
            let stack = Thing::Stack { side: Side::Child, name: life.stack() };
            cx.env.journal.making(stack).map_err(|error| error.to_string())?;
            let status = life.deploy(Step { parent: Side::Child, ..step }).await?;
            let there = life.in_zone(Side::Child, &other, "c").await?;
            observed
                .push(format!("other account: {status}, {there}, before {}", life.at("c").await?));
            let status = life.deploy(step).await?;
            let before = life.in_zone(Side::Child, &other, "c").await?;
            observed.push(format!("back: {status}, {}, before {before}", life.at("c").await?));
            observed.push(life.delete("c").await?);
            for zone in cleanup::zones(&cx.env.child, &other.name).await? {
                if zone.id().ends_with(&format!("/{}", other.id)) {
                    cleanup::remove_zone(&cx.env.child, &zone).await?;
                }
            }
            Ok(Observed::Text(observed.join("; ")))
        }
    ),
    probe!(
        "life/signed-by-the-templates",
        Page,
        Stacks,
        "template.yaml and examples/ of this repository",
        "With the shipped templates, a signed zone is created and delegated with its DS record \
         set, the DS record set is removed, and the stack can be deleted.",
        "signed and delegated: CREATE_COMPLETE, 300 to the zone with its DS; without DS: UPDATE_COMPLETE, 300 to the zone; deleted: GONE, \
         nothing",
        |cx| {
            if cx.env.backend.region() != "us-east-1" {
                return Ok(Observed::Nothing(
                    "Route 53 signs with keys of us-east-1 alone, and the run is in another Region"
                        .into(),
                ));
            }
            let Some(life) = Life::begin(cx, "signed-child").await? else {
                return Ok(Observed::Nothing(
                    "there is no function in dist/; run `make package`".into(),
                ));
            };
            let plain = life.child_stack.clone();
            let mut observed = Vec::new();
            for (name, dnssec) in [("signed and delegated", "CHAINED"), ("without DS", "SIGNED")] {
                let step =
                    Step { template: &plain, label: "d", ttl: 300, parent: Side::Parent, dnssec };
                let status = life.deploy(step).await?;
                observed.push(format!("{name}: {status}, {}", life.at("d").await?));
            }
            // No resolver has looked up the DS record set, so it is in no cache.
            observed.push(life.delete("d").await?);
            Ok(Observed::Text(observed.join("; ")))
        }
    ),
];

/// The function that a run deploys.
#[derive(Clone, Debug)]
pub struct Function {
    pub template: std::path::PathBuf,
    /// The template's parameters, except for names.
    pub parameters: Vec<(&'static str, String)>,
    /// The path of its zip file, and the object's key in the run's bucket.
    pub code: Option<(String, String)>,
}

impl Function {
    /// Returns the package that `make package` has created in that folder; if there are several,
    /// the one for the cheaper processor.
    pub fn packaged(dist: &std::path::Path, prefix: &str) -> Option<Self> {
        let names: Vec<String> = std::fs::read_dir(dist)
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        ["arm64", "x86_64"].iter().find_map(|processor| {
            let template = dist.join(format!("template-{processor}.yaml"));
            let zip = names.iter().find(|name| {
                name.starts_with("custom-delegation-")
                    && name.ends_with(&format!("-{processor}.zip"))
            })?;
            let parameters =
                vec![("CodeBucketPrefix", prefix.to_owned()), ("CodeKey", zip.clone())];
            let code = Some((dist.join(zip).display().to_string(), zip.clone()));
            template.exists().then_some(Self { template, parameters, code })
        })
    }
}
