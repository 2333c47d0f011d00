//! `delegation list`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::args::List as Args;
use super::{Status, Tools, Unanswered, output};
use custom_delegation::aws::route53::HostedZone;
use custom_delegation::cfn::properties::ParentZone;
use custom_delegation::handler::survey::Survey;
use custom_delegation::handler::{expected, survey};
use custom_delegation::inventory::{Entry, Inventory, Mark};
use delegation_model::name::Name;
use delegation_model::ownership_record::{Claim, Value as Ownership};
use delegation_model::ttl::Ttl;
use dns_check::Report;

pub(super) async fn run(tools: &Tools, args: &Args) -> Result<Status, Unanswered> {
    let (asked, role) = args.parent.read().map_err(|error| Unanswered::new(error.to_string()))?;
    if asked == ParentZone::Closest {
        return Err(Unanswered::new("no parent zone is given; name it with --parent-zone-id or --parent-zone-name"));
    }
    let (session, zone) = expected::parent_zone(tools.accounts()?, role.as_ref(), &asked, None).await?;
    let inventory = survey::read(&session, &zone).await?;
    let survey = if args.check { Some(survey::check(&tools.verifier, &zone, &inventory).await) } else { None };
    let stacks = args.stacks.as_deref().map(read_stacks).transpose()?;
    let known = Known { now: super::now(), stacks };
    let lines = Line::all(&inventory, &known, survey.as_ref());
    let alarms = lines.iter().filter(|line| line.is_alarm(args.unowned)).count();
    let unknown = lines.iter().filter(|line| line.marks.contains(&Mark::Unknown)).count();
    let parent = survey.as_ref().and_then(|survey| survey.parent.as_ref());
    if tools.json {
        let entries: Vec<Value> = lines.iter().map(|line| line.document(&known, args)).collect();
        output::document(&json!({
            "parent_zone_id": zone.id.as_str(),
            "parent_zone_name": zone.name.as_str(),
            "checked": args.check,
            "parent_zone_finding": parent.map(ToString::to_string),
            "alarms": alarms,
            "unknown": unknown,
            "delegations": entries,
        }));
    } else {
        print(&zone, &lines, &known, survey.is_some(), parent);
    }
    if alarms == 0 && unknown > 0 {
        output::complain(&format!("the name servers of {unknown} delegations could not be asked"));
    }
    Ok(match (alarms, unknown) {
        _ if !args.check => Status::Fine,
        (0, 0) => Status::Fine,
        (0, _) => Status::Error,
        _ => Status::Found,
    })
}

/// What the findings depend on beside the zone itself.
struct Known {
    /// The time, in seconds since 1970.
    now: i64,
    /// The ARNs of all stacks that exist, with `--stacks`.
    stacks: Option<Vec<String>>,
}

/// Reads the ARNs of stacks, separated by white space as `aws cloudformation list-stacks --output text`
/// prints them.
fn read_stacks(path: &Path) -> Result<Vec<String>, Unanswered> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| Unanswered::new(format!("{}: the file can't be read: {error}", path.display())))?;
    let stacks: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let is_stack =
        |text: &str| text.starts_with("arn:") && text.contains(":cloudformation:") && text.contains(":stack/");
    if let Some(other) = stacks.iter().find(|text| !is_stack(text)) {
        return Err(Unanswered::new(format!(
            "{}: \"{}\" is not the ARN of a stack. The file must have the ARNs of all stacks, which \
             `aws cloudformation list-stacks --query 'StackSummaries[].StackId' --output text` prints.",
            path.display(),
            output::ascii(other),
        )));
    }
    if stacks.is_empty() {
        return Err(Unanswered::new(format!(
            "{}: the file is empty, so every claim would count as dead. It must have the ARNs of all stacks.",
            path.display()
        )));
    }
    Ok(stacks)
}

/// A line of the table.
struct Line<'a> {
    entry: &'a Entry,
    /// The findings; those of DNS only with a check.
    marks: BTreeSet<Mark>,
    dns: Option<&'a Report>,
}

impl<'a> Line<'a> {
    fn all(inventory: &'a Inventory, known: &Known, survey: Option<&'a Survey>) -> Vec<Self> {
        let line = |(index, entry): (usize, &'a Entry)| {
            let mut marks = entry.record_marks(known.now, known.stacks.as_deref());
            let dns = survey.and_then(|survey| survey.entries.get(index)?.as_ref());
            if survey.is_some() {
                marks.extend(entry.dns_marks(dns));
            }
            Line { entry, marks, dns }
        };
        inventory.entries.iter().enumerate().map(line).collect()
    }

    fn is_alarm(&self, unowned: bool) -> bool {
        self.marks.iter().any(|mark| mark.is_alarm() || (unowned && *mark == Mark::Unowned))
    }

    /// The zone cut, or the ownership record where the cut is not known.
    fn name(&self) -> String {
        self.entry.name.as_ref().or(self.entry.record.as_ref()).map(Name::for_people).unwrap_or_default()
    }

    fn document(&self, known: &Known, args: &Args) -> Value {
        let entry = self.entry;
        let delegation = entry.delegation.as_ref();
        let owner = |claim: &Claim| {
            json!({
                "owner": claim.owner.as_str(),
                "claim": claim.id.to_string(),
                "at": claim.stamp.time,
                "by": claim.origin.to_string(),
                "holds": entry.is_held_by(claim),
                "dead": known.stacks.as_deref().map(|stacks| entry.is_dead(claim, stacks)),
            })
        };
        let owners: Vec<Value> = entry.ownership.claims().map(owner).collect();
        let tombstone = |value: &Ownership| match value {
            Ownership::Tombstone(stone) => {
                Some(json!({"claim": stone.id.to_string(), "at": stone.time, "expired": stone.is_over(known.now)}))
            }
            _ => None,
        };
        let tombstones: Vec<Value> = entry.ownership.iter().filter_map(tombstone).collect();
        let displaced = entry.ownership.before().and_then(|before| before.displaced.as_ref());
        json!({
            "name": entry.name.as_ref().map(Name::as_str),
            "ownership_record": entry.record.as_ref().map(Name::as_str),
            "name_servers": delegation.map(servers).unwrap_or_default(),
            "ttl": delegation.and_then(|delegation| delegation.ttl).map(Ttl::seconds),
            "ds": delegation.map(|delegation| delegation.ds.clone()).unwrap_or_default(),
            "owners": owners,
            "unreadable_claims": entry.ownership.has_unreadable(),
            "displaced_name_servers": displaced.map(|displaced| displaced.name_servers.values()),
            "tombstones": tombstones,
            "hidden_by": delegation.and_then(|delegation| delegation.hidden_by.as_ref()).map(Name::as_str),
            "findings": self.marks.iter().copied().map(Mark::as_str).collect::<Vec<_>>(),
            "alarm": self.is_alarm(args.unowned),
            "problems": self.problems(),
        })
    }

    fn problems(&self) -> Vec<String> {
        self.dns
            .map(|finding| finding.problems().chain(finding.unknowns()).map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    /// The findings, owners, DS and name servers, for the table.
    fn cells(&self, known: &Known, checked: bool) -> [String; 5] {
        let entry = self.entry;
        let marks: Vec<&str> = self.marks.iter().copied().map(Mark::as_str).collect();
        let finding = match marks.as_slice() {
            [] if checked => "in order".to_owned(),
            marks => marks.join(", "),
        };
        let ds = entry.delegation.as_ref().filter(|delegation| !delegation.ds.is_empty());
        let servers = entry.delegation.as_ref().map(servers).unwrap_or_default();
        [
            self.name(),
            finding,
            self.owners(known).join(", "),
            if ds.is_some() { "yes".to_owned() } else { String::new() },
            servers.join(" "),
        ]
    }

    /// The owners, each with what is special about its claim.
    fn owners(&self, known: &Known) -> Vec<String> {
        let entry = self.entry;
        let owner = |claim: &Claim| {
            let dead = known.stacks.as_deref().is_some_and(|stacks| entry.is_dead(claim, stacks));
            let holds = entry.delegation.is_none() || entry.is_held_by(claim);
            let remark = match (dead, holds) {
                (true, _) => " (dead)",
                (false, false) => " (wants other name servers)",
                (false, true) => "",
            };
            format!("{}{remark}", claim.owner)
        };
        let unreadable = entry.ownership.has_unreadable().then(|| "an unreadable claim".to_owned());
        entry.ownership.claims().map(owner).chain(unreadable).collect()
    }
}

/// The name servers in order, or the values as they are.
fn servers(delegation: &custom_delegation::inventory::Delegation) -> Vec<String> {
    delegation
        .name_servers()
        .map_or_else(|| delegation.values.clone(), |servers| servers.iter().map(ToString::to_string).collect())
}

fn print(zone: &HostedZone, lines: &[Line<'_>], known: &Known, checked: bool, parent: Option<&Report>) {
    output::line(&format!("{} ({}): {} delegations", zone.name, zone.id, lines.len()));
    if let Some(finding) = parent.filter(|finding| !finding.is_good()) {
        output::line(&format!("Warning: the parent zone itself does not resolve as it should: {finding}."));
    }
    if lines.is_empty() {
        return;
    }
    let rows: Vec<_> = lines.iter().map(|line| line.cells(known, checked)).collect();
    output::table(["NAME", "FINDING", "OWNERS", "DS", "NAME SERVERS"], &rows);
    for line in lines {
        for problem in line.problems() {
            output::line(&format!("{}: {problem}", line.name()));
        }
    }
}
