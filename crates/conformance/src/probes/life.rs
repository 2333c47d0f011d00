//! The whole life of a delegation by the shipped templates: the function, the role of the parent zone, the child zone and its
//! delegation.

use aws_sdk_route53::types::DelegationSet;

use crate::bench::{Bench, told};
use crate::journal::Thing;
use crate::place::Side;
use crate::probe::Needs::Stacks;
use crate::probe::{Probe, Seen, probe};
use crate::stacks::{GONE, Template};

/// What the parent role asks for and the resource gives.
const EXTERNAL_ID: &str = "conformance-external-id";
/// A resource whose properties the function refuses, so that what comes with it is rolled back.
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

/// What all steps work with.
struct Life<'a> {
    bench: &'a Bench,
    prefix: &'a str,
    /// `examples/child-stack.yaml`, for the function of this run.
    child_stack: String,
}

impl<'a> Life<'a> {
    /// Deploys the function and the parent role. None if there is no function to deploy.
    async fn begin(bench: &'a Bench) -> Result<Option<Self>, String> {
        let (lab, prefix) = (&bench.lab, bench.lab.prefix.as_str());
        let Some(function) = lab.place.function(prefix) else {
            return Ok(None);
        };
        let making = |thing: Thing| lab.journal.making(thing).map_err(|error| error.to_string());
        let side = Side::Child;
        if let Some((zip, key)) = &function.code {
            let bucket = format!("{prefix}-{}", lab.place.region());
            making(Thing::Bucket { side, name: bucket.clone() })?;
            lab.place.aws(side, &["s3", "mb", &format!("s3://{bucket}")]).await?;
            let tags = format!("TagSet=[{{Key=custom-delegation-conformance,Value={prefix}}}]");
            lab.place.aws(side, &["s3api", "put-bucket-tagging", "--bucket", &bucket, "--tagging", &tags]).await?;
            lab.place.aws(side, &["s3", "cp", zip, &format!("s3://{bucket}/{key}")]).await?;
        }
        let stack = format!("{prefix}-function");
        making(Thing::LogGroups { side, prefix: format!("{stack}-") })?;
        let mut parameters = vec![
            ("TokenName", prefix.to_owned()),
            ("FunctionRoleName", format!("{prefix}-function")),
            ("ParentRoleArns", bench.role(&lab.parent, "parent")),
        ];
        parameters.extend(function.parameters);
        let status = lab.deploy(side, &stack, &Template { path: function.template, parameters }, &[]).await?;
        if !status.is_fine() {
            return Err(format!("the stack {stack} is {}: {}", status.status, status.reason));
        }
        // The template keeps the role: without it no delegation can be removed.
        let name = format!("{prefix}-parent");
        making(Thing::Role { side: Side::Parent, name: name.clone() })?;
        let parameters = vec![
            ("ParentZoneId", lab.zone.id.clone()),
            ("Names", format!("*.{}", bench.domain())),
            ("FunctionAccounts", lab.child.id.clone()),
            ("FunctionRoleName", format!("{prefix}-function")),
            ("ExternalId", EXTERNAL_ID.to_owned()),
            ("RoleName", name),
        ];
        let stack = format!("{prefix}-parent-role");
        let template = Template::shipped("examples/parent-role.yaml", parameters);
        let status = lab.deploy(Side::Parent, &stack, &template, &[]).await?;
        if !status.is_fine() {
            return Err(format!("the stack {stack} is {}: {}", status.status, status.reason));
        }
        let path = Template::shipped("examples/child-stack.yaml", Vec::new()).path;
        let child_stack = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let child_stack = child_stack.replace("route53-delegation-ServiceToken", &format!("{prefix}-ServiceToken"));
        Ok(Some(Self { bench, prefix, child_stack }))
    }

    /// Deploys a form of the child stack.
    async fn deploy(&self, template: &str, label: &str, ttl: u32) -> Result<String, String> {
        let lab = &self.bench.lab;
        let path = std::env::temp_dir().join(format!("{}-life-{}.yaml", self.prefix, fastrand::u32(..)));
        std::fs::write(&path, template).map_err(|error| format!("{}: {error}", path.display()))?;
        let parameters = vec![
            ("DomainName", self.bench.name(label)),
            ("ParentZoneName", lab.zone.name.clone()),
            ("ParentRoleArn", self.bench.role(&lab.parent, "parent")),
            ("ParentExternalId", EXTERNAL_ID.to_owned()),
            ("TTL", ttl.to_string()),
        ];
        let template = Template { path: path.clone(), parameters };
        let status = lab.deploy(Side::Child, &self.stack(), &template, &[]).await;
        std::fs::remove_file(&path).map_err(|error| error.to_string())?;
        let status = status?;
        Ok(status.status)
    }

    fn stack(&self) -> String {
        format!("{}-child", self.prefix)
    }

    /// What the parent zone has at a name: the TTL, and whether it is the stack's zone to which it leads.
    async fn at(&self, label: &str) -> Result<String, String> {
        let (lab, name) = (&self.bench.lab, self.bench.name(label));
        let call = lab.parent.route53.list_resource_record_sets().hosted_zone_id(&lab.zone.id).start_record_name(&name);
        let page = call.max_items(20).send().await.map_err(|error| told(&error))?;
        let own = format!("{name}.");
        let Some(ns) =
            page.resource_record_sets().iter().find(|set| set.name() == own && set.r#type().as_str() == "NS")
        else {
            return Ok("nothing".to_owned());
        };
        let mut values: Vec<&str> =
            ns.resource_records().iter().map(|record| record.value().trim_end_matches('.')).collect();
        values.sort_unstable();
        let zone = lab.stack(Side::Child, &self.stack()).output("ZoneId").await?;
        let zone = lab.child.route53.get_hosted_zone().id(zone).send().await.map_err(|error| told(&error))?;
        let mut servers: Vec<&str> =
            zone.delegation_set().into_iter().flat_map(DelegationSet::name_servers).map(String::as_str).collect();
        servers.sort_unstable();
        let to = if values == servers { "to the zone" } else { "elsewhere" };
        Ok(format!("{} {to}", ns.ttl().unwrap_or_default()))
    }
}

pub(super) const PROBES: &[Probe] = &[probe!(
    "life/by-the-templates",
    Page,
    Stacks,
    "template.yaml and examples/ of this repository",
    "By the shipped templates a delegation is created, changed, renamed, kept by a rollback, moved to another name, and deleted.",
    "created: CREATE_COMPLETE, 300 to the zone; TTL: UPDATE_COMPLETE, 600 to the zone; renamed: UPDATE_COMPLETE, 600 to the zone; rolled \
     back: UPDATE_ROLLBACK_COMPLETE, 600 to the zone; named back: UPDATE_COMPLETE, 600 to the zone; moved: UPDATE_COMPLETE, 600 to the \
     zone, before nothing; deleted: GONE, nothing",
    |bench| {
        let Some(life) = Life::begin(bench).await? else {
            return Ok(Seen::Nothing("there is no function in dist/; `make package` makes one".into()));
        };
        let plain = life.child_stack.clone();
        let renamed = plain.replace("\n  Delegation:\n", "\n  Renamed:\n").replace("Delegation.", "Renamed.");
        // The rename of the rename, and something that fails after it.
        let refused = FAILS.replace("route53-delegation-ServiceToken", &format!("{}-ServiceToken", life.prefix));
        let fails = plain.replacen("\nOutputs:\n", &format!("{refused}Outputs:\n"), 1);
        let mut seen = Vec::new();
        for (step, template, label, ttl) in [
            ("created", &plain, "a", 300),
            ("TTL", &plain, "a", 600),
            ("renamed", &renamed, "a", 600),
            ("rolled back", &fails, "a", 900),
            ("named back", &plain, "a", 600),
            ("moved", &plain, "b", 600),
        ] {
            let status = life.deploy(template, label, ttl).await?;
            let before = if step == "moved" { format!(", before {}", life.at("a").await?) } else { String::new() };
            seen.push(format!("{step}: {status}, {}{before}", life.at(label).await?));
        }
        let status = bench.lab.delete_stack(Side::Child, &life.stack()).await?;
        let left = if status.status == GONE { life.at("b").await? } else { status.reason };
        seen.push(format!("deleted: {}, {left}", status.status));
        Ok(Seen::Text(seen.join("; ")))
    }
)];

/// The function that a run deploys.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its template.
    pub template: std::path::PathBuf,
    /// What its template needs beside names.
    pub parameters: Vec<(&'static str, String)>,
    /// Its zip file, and its key in the bucket of the run.
    pub code: Option<(String, String)>,
}

impl Function {
    /// What `make package` has made, for the processor that is cheaper if it is there.
    pub fn packaged(prefix: &str) -> Option<Self> {
        let dist = Template::shipped("dist", Vec::new()).path;
        let names: Vec<String> =
            std::fs::read_dir(&dist).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        ["arm64", "x86_64"].iter().find_map(|processor| {
            let template = dist.join(format!("template-{processor}.yaml"));
            let zip = names
                .iter()
                .find(|name| name.starts_with("custom-delegation-") && name.ends_with(&format!("-{processor}.zip")))?;
            let parameters = vec![("CodeBucketPrefix", prefix.to_owned()), ("CodeKey", zip.clone())];
            let code = Some((dist.join(zip).display().to_string(), zip.clone()));
            template.exists().then_some(Self { template, parameters, code })
        })
    }
}
