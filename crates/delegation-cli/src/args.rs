//! The command-line flags.
#![expect(clippy::doc_markdown, reason = "the help shows the comments of flags as they are")]

mod help;
mod properties;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::error::{ContextKind, ContextValue};
use clap::{ArgAction, Args as Flags, Parser, Subcommand};
use serde_json::{Map, Value};

use custom_delegation::cfn::properties::{ParentZone, Partial, PropertyError};
use delegation_model::role::Role;
use delegation_model::text::{may_have_secret, not_repeated};
use inventory::FindingKind;

use help::{LIST, PLAN, STATUSES, VERIFY};
pub(super) use properties::{in_flags, in_flags_of_plan};
use properties::{partial, put, put_list};

/// Parses the address of a resolver, with or without a port.
fn resolver(text: &str) -> Result<SocketAddr, String> {
    let address = text.trim_start_matches('[').trim_end_matches(']');
    let without_port = address.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, 53));
    // No server listens on port 0.
    let with_port = || text.parse().ok().filter(|address: &SocketAddr| address.port() != 0);
    without_port.or_else(with_port).ok_or_else(|| {
        "use an IP address, with or without a port, such as 9.9.9.9 or 127.0.0.1:5300".to_owned()
    })
}

/// Inspects delegations of Route 53 zones as the custom resource Custom::Delegation does, without
/// changing anything.
#[derive(Debug, Parser)]
#[command(name = "delegation", version, after_help = STATUSES, max_term_width = 120)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The flags of every subcommand.
#[derive(Debug, Flags)]
pub(super) struct Common {
    /// Print one JSON document instead of text
    #[arg(long, global = true, help_heading = "General", display_order = 100)]
    pub(super) json: bool,
    /// The AWS profile to use, instead of AWS_PROFILE and credentials in the environment
    #[arg(long, global = true, help_heading = "General", display_order = 100, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// The Region, instead of AWS_REGION; Route 53 is global, so it only determines the partition
    #[arg(
        long,
        global = true,
        help_heading = "General",
        display_order = 100,
        value_name = "REGION"
    )]
    pub(super) region: Option<String>,
    /// The resolver to use instead of the system's. Without a port, it is queried on port 53; with
    /// one, authoritative servers are queried on the same port
    #[arg(
        long,
        global = true,
        help_heading = "General",
        display_order = 100,
        value_name = "IP[:PORT]",
        value_parser = resolver
    )]
    pub(super) resolver: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what a Create or Update with these properties would change
    Plan(Box<Plan>),
    /// Query the name servers to check whether the delegation of a name resolves
    Verify(Box<Verify>),
    /// List the delegations of a parent zone with their owners and, with --check, their problems
    List(Box<List>),
}

impl Command {
    /// Returns whether the command calls AWS.
    pub(super) fn calls_aws(&self) -> bool {
        match self {
            Self::Plan(_) | Self::List(_) => true,
            Self::Verify(verify) => {
                verify.child.child_zone_id.is_some() || verify.parent.names_a_parent()
            }
        }
    }
}

/// The parent zone; the flags have the names of the properties.
#[derive(Debug, Flags)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(super) struct Parent {
    /// The id of the parent zone
    #[arg(long, value_name = "ID")]
    parent_zone_id: Option<String>,
    /// The name of the parent zone
    #[arg(long, value_name = "NAME")]
    parent_zone_name: Option<String>,
    /// The role that reads the parent zone; default: your own credentials
    #[arg(long, value_name = "ARN")]
    parent_role_arn: Option<String>,
    /// The external id of that role; a profile with `external_id` hides it from process listings
    #[arg(long, value_name = "ID", requires = "parent_role_arn")]
    parent_external_id: Option<String>,
    /// The Region whose STS endpoint assumes the roles; default: your Region, then that of Route 53
    #[arg(long, value_name = "REGION")]
    assume_role_region: Option<String>,
}

impl Parent {
    pub(super) fn names_a_parent(&self) -> bool {
        self.parent_zone_id.is_some()
            || self.parent_zone_name.is_some()
            || self.parent_role_arn.is_some()
    }

    fn put(&self, into: &mut Map<String, Value>) {
        put(into, "ParentZoneId", self.parent_zone_id.as_ref());
        put(into, "ParentZoneName", self.parent_zone_name.as_ref());
        put(into, "ParentRoleArn", self.parent_role_arn.as_ref());
        put(into, "ParentExternalId", self.parent_external_id.as_ref());
        put(into, "AssumeRoleRegion", self.assume_role_region.as_ref());
    }

    /// Parses the zone and the role in the same way as the properties.
    pub(super) fn read(&self) -> Result<(ParentZone, Option<Role>), PropertyError> {
        let read = partial(|map| self.put(map))?;
        Ok((read.parent_zone.unwrap_or(ParentZone::Closest), read.parent_role))
    }
}

/// The child zone; the flags have the names of the properties.
#[derive(Debug, Flags)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(super) struct Child {
    /// The id of the child hosted zone
    #[arg(long, value_name = "ID")]
    child_zone_id: Option<String>,
    /// The role that reads the child zone; default: your own credentials
    #[arg(long, value_name = "ARN")]
    child_role_arn: Option<String>,
    /// The external id of that role
    #[arg(long, value_name = "ID", requires = "child_role_arn")]
    child_external_id: Option<String>,
    /// The name servers to use instead of those of the child zone
    // No value_delimiter: the property's parser splits at commas, so that its messages can quote
    // the whole value.
    #[arg(long, value_name = "NAME")]
    name_servers: Vec<String>,
}

impl Child {
    fn put(&self, into: &mut Map<String, Value>) {
        put(into, "ChildZoneId", self.child_zone_id.as_ref());
        put(into, "ChildRoleArn", self.child_role_arn.as_ref());
        put(into, "ChildExternalId", self.child_external_id.as_ref());
        put_list(into, "NameServers", &self.name_servers);
    }

    /// Parses the zone, the role and the name servers in the same way as the properties.
    pub(super) fn read(&self) -> Result<Partial, PropertyError> {
        partial(|map| self.put(map))
    }
}

#[derive(Debug, Flags)]
#[command(after_help = PLAN)]
pub(super) struct Plan {
    /// A JSON file with the properties, in the form of ResourceProperties; `-` is standard input.
    /// Flags take precedence over it
    #[arg(long, value_name = "FILE")]
    pub(super) properties: Option<PathBuf>,
    #[command(flatten)]
    child: Child,
    /// The child's name, if there is no child hosted zone
    #[arg(long, value_name = "NAME")]
    domain_name: Option<String>,
    #[command(flatten)]
    parent: Parent,
    /// The TTL of the NS record set
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    ttl: Option<String>,
    /// Replace or take over someone else's delegation
    #[arg(
        long,
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    allow_overwrite: Option<String>,
    /// Delegate even if that hides record sets of the parent zone that the child zone lacks
    #[arg(
        long,
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    allow_occlusion: Option<String>,
    /// Manage the DS record set as well
    #[arg(
        long,
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    dnssec: Option<String>,
    /// The child zone's keys that get a DS record; default: all ACTIVE ones
    #[arg(long, value_name = "NAME")]
    key_signing_keys: Vec<String>,
    /// The TTL of the DS record set
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    ds_ttl: Option<String>,
    /// NONE: do not query the name servers; REPORT: report problems; REQUIRE: a problem fails the
    /// request
    #[arg(long, value_name = "MODE")]
    verification: Option<String>,
    /// Accepted because it is a property; a plan never waits
    #[arg(
        long,
        value_name = "BOOLEAN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    wait_for_sync: Option<String>,
    /// Accepted because it is a property; it has no effect
    #[arg(long, value_name = "TEXT")]
    trigger: Option<String>,
    /// The physical id of the existing resource (its Ref): plan an Update instead of a Create
    #[arg(long, value_name = "ID", requires = "stack_id")]
    pub(super) physical_id: Option<String>,
    /// A JSON file with the properties before the Update; default: the same properties
    #[arg(long, value_name = "FILE", requires = "physical_id")]
    pub(super) old_properties: Option<PathBuf>,
    /// The ARN of the stack that owns the claim; default: a stack that does not exist yet
    #[arg(long, value_name = "ARN", requires = "logical_id")]
    pub(super) stack_id: Option<String>,
    /// The logical id of the resource in the template
    #[arg(long, value_name = "NAME", requires = "stack_id")]
    pub(super) logical_id: Option<String>,
    /// Plan the removal of the claim of this owner, whose stack no longer exists: STACK/LOGICAL-ID
    /// as `list` shows it, or the digest of the claim
    #[arg(long, value_name = "OWNER", conflicts_with_all = ["physical_id", "stack_id"])]
    pub(super) release: Option<String>,
}

impl Plan {
    /// Returns the properties: those of the file, overridden by those of the flags.
    pub(super) fn properties(&self, mut file: Map<String, Value>) -> Value {
        let into = &mut file;
        self.child.put(into);
        self.parent.put(into);
        let strings = [
            ("DomainName", &self.domain_name),
            ("TTL", &self.ttl),
            ("AllowOverwrite", &self.allow_overwrite),
            ("AllowOcclusion", &self.allow_occlusion),
            ("Dnssec", &self.dnssec),
            ("DsTTL", &self.ds_ttl),
            ("Verification", &self.verification),
            ("WaitForSync", &self.wait_for_sync),
            ("Trigger", &self.trigger),
        ];
        for (key, text) in strings {
            put(into, key, text.as_ref());
        }
        put_list(into, "KeySigningKeys", &self.key_signing_keys);
        Value::Object(file)
    }
}

#[derive(Debug, Flags)]
#[command(after_help = VERIFY)]
pub(super) struct Verify {
    /// The name, such as testing.example.com; several names are checked one after the other
    #[arg(required = true, value_name = "NAME")]
    pub(super) names: Vec<String>,
    #[command(flatten)]
    pub(super) child: Child,
    /// An expected DS record, "12345 13 2 0A1B..."; may be repeated
    #[arg(long, value_name = "RECORD", action = ArgAction::Append)]
    pub(super) ds: Vec<String>,
    /// Expect the DS records of the child zone's ACTIVE keys
    #[arg(long, requires = "child_zone_id", conflicts_with = "ds")]
    pub(super) dnssec: bool,
    /// Query only the child's name servers; use this before the delegation exists
    #[arg(long)]
    pub(super) child_only: bool,
    #[command(flatten)]
    pub(super) parent: Parent,
}

#[derive(Debug, Flags)]
#[command(after_help = LIST)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) scope: Scope,
    /// Query the name servers of every delegation, and compare them with its claims
    #[arg(long)]
    pub(super) check: bool,
    /// Treat delegations without a claim as alarms too
    #[arg(long, requires = "check")]
    pub(super) unowned: bool,
    /// A file with the ARNs of all existing stacks: a claim of any other stack is dead
    #[arg(long, value_name = "FILE")]
    pub(super) stacks: Option<PathBuf>,
    /// A JSON file with accepted findings, each with a reason and an expiry date
    #[arg(long, value_name = "FILE")]
    pub(super) accepted: Option<PathBuf>,
    /// Only list what has one of these findings
    #[arg(long, value_name = "FINDING", value_delimiter = ',', value_parser = finding)]
    pub(super) finding: Vec<FindingKind>,
    /// Only list what this owner claims: STACK, or STACK/LOGICAL-ID
    #[arg(long, value_name = "OWNER", value_parser = NonEmptyStringValueParser::new())]
    pub(super) owner: Option<String>,
    /// Print one JSON document per line for each delegation, as soon as it is known
    #[arg(long, conflicts_with = "json")]
    pub(super) json_lines: bool,
    /// Write a self-contained HTML page to this file
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Write template skeletons to this folder, for adopting the delegations that no stack claims
    #[arg(long, value_name = "FOLDER")]
    pub(super) skeletons: Option<PathBuf>,
}

/// The zones to list, and the roles that read them.
#[derive(Debug, Flags)]
pub(super) struct Scope {
    /// The id of the parent zone
    #[arg(long, value_name = "ID", conflicts_with = "all_zones")]
    parent_zone_id: Option<String>,
    /// The name of the parent zone
    #[arg(long, value_name = "NAME", conflicts_with = "all_zones")]
    parent_zone_name: Option<String>,
    /// Every public zone of the account, or of the account of each role
    #[arg(long)]
    pub(super) all_zones: bool,
    /// The role that reads the zones, repeatable with --all-zones; default: your own credentials
    #[arg(long, value_name = "ARN", action = ArgAction::Append)]
    parent_role_arn: Vec<String>,
    /// The external id of these roles; a profile with `external_id` hides it from process listings
    #[arg(long, value_name = "ID", requires = "parent_role_arn")]
    parent_external_id: Option<String>,
    /// A file with more roles, one per line, each followed by its external id if it has one
    #[arg(long, value_name = "FILE", requires = "all_zones")]
    pub(super) roles: Option<PathBuf>,
    /// The Region whose STS endpoint assumes the roles; default: your Region, then that of Route 53
    #[arg(long, value_name = "REGION")]
    assume_role_region: Option<String>,
}

impl Scope {
    /// Parses the named zone in the same way as the property.
    pub(super) fn zone(&self) -> Result<Option<ParentZone>, PropertyError> {
        let read = partial(|map| {
            put(map, "ParentZoneId", self.parent_zone_id.as_ref());
            put(map, "ParentZoneName", self.parent_zone_name.as_ref());
        })?;
        Ok(read.parent_zone.filter(|zone| *zone != ParentZone::Closest))
    }

    /// Parses the roles of the flags in the same way as the properties.
    pub(super) fn roles(&self) -> Result<Vec<Role>, PropertyError> {
        let roles =
            self.parent_role_arn.iter().map(|arn| self.role(arn, self.parent_external_id.as_ref()));
        Ok(roles.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Parses a role in the same way as the properties.
    pub(super) fn role(
        &self,
        arn: &String,
        external_id: Option<&String>,
    ) -> Result<Option<Role>, PropertyError> {
        let read = partial(|map| {
            put(map, "ParentRoleArn", Some(arn));
            put(map, "ParentExternalId", external_id);
            put(map, "AssumeRoleRegion", self.assume_role_region.as_ref());
        })?;
        Ok(read.parent_role)
    }
}

/// Replaces what was typed in an error of the flag parser if it may be an external id, for example
/// one behind a misspelled flag.
pub(super) fn without_secrets(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue]
    {
        let Some(ContextValue::String(typed)) = error.get(kind) else { continue };
        if may_have_secret(typed) {
            let shown = not_repeated(typed);
            error.insert(kind, ContextValue::String(shown));
            // The suggestion repeats it, too.
            error.remove(ContextKind::Suggested);
        }
    }
    error
}

/// Parses the code of a finding.
fn finding(text: &str) -> Result<FindingKind, String> {
    text.parse().map_err(|_| {
        let words: Vec<&str> = FindingKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("unknown finding; use one of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_may_have_a_port() {
        for (text, address) in [
            ("9.9.9.9", "9.9.9.9:53"),
            ("127.0.0.1:5300", "127.0.0.1:5300"),
            ("2620:fe::fe", "[2620:fe::fe]:53"),
            ("[2620:fe::fe]", "[2620:fe::fe]:53"),
            ("[::1]:5300", "[::1]:5300"),
        ] {
            assert_eq!(resolver(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "localhost",
            "9.9.9",
            "9.9.9.9:",
            "9.9.9.9:dns",
            "9.9.9.9:0",
            "9.9.9.9:65536",
            "dns.quad9.net:53",
        ] {
            assert!(resolver(text).is_err(), "{text}");
        }
    }
}
