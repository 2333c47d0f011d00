//! `delegation list`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::args::List as Args;
use super::{Status, Tools, Unanswered, output};
use custom_delegation::aws::route53::HostedZone;
use custom_delegation::cfn::properties::ParentZone;
use custom_delegation::handler::survey::Survey;
use custom_delegation::handler::{expected, survey};
use custom_delegation::inventory::{Entry, Inventory, Mark};
use delegation_model::name::Name;
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
    let lines = Line::all(&inventory, survey.as_ref());
    let alarms = lines.iter().filter(|line| line.is_alarm(args.unowned)).count();
    let unknown = lines.iter().filter(|line| line.marks.contains(&Mark::Unknown)).count();
    let parent = survey.as_ref().and_then(|survey| survey.parent.as_ref());
    if tools.json {
        let entries: Vec<Value> = lines.iter().map(|line| line.document(args)).collect();
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
        print(&zone, &lines, survey.is_some(), parent);
    }
    if alarms == 0 && unknown > 0 {
        output::complain(&format!("the name servers of {unknown} delegations could not be asked"));
    }
    Ok(match (alarms, unknown) {
        (0, 0) => Status::Fine,
        (0, _) => Status::Error,
        _ => Status::Found,
    })
}

/// What is told of an entry.
struct Line<'a> {
    entry: &'a Entry,
    /// What is to be said of it; nothing without a check.
    marks: BTreeSet<Mark>,
    dns: Option<&'a Report>,
}

impl<'a> Line<'a> {
    fn all(inventory: &'a Inventory, survey: Option<&'a Survey>) -> Vec<Self> {
        let Some(survey) = survey else {
            let line = |entry| Line { entry, marks: BTreeSet::new(), dns: None };
            return inventory.entries.iter().map(line).collect();
        };
        let line = |(entry, dns): (&'a Entry, &'a Option<Report>)| {
            let dns = dns.as_ref();
            Line { entry, marks: entry.marks(dns), dns }
        };
        inventory.entries.iter().zip(&survey.entries).map(line).collect()
    }

    fn is_alarm(&self, unowned: bool) -> bool {
        self.marks.iter().any(|mark| mark.is_alarm() || (unowned && *mark == Mark::Unowned))
    }

    /// The zone cut, or the ownership record where the cut is not known.
    fn name(&self) -> String {
        self.entry.name.as_ref().or(self.entry.record.as_ref()).map(Name::for_people).unwrap_or_default()
    }

    fn document(&self, args: &Args) -> Value {
        let entry = self.entry;
        let delegation = entry.delegation.as_ref();
        let owners: Vec<Value> = entry
            .claims
            .iter()
            .map(|claim| json!({"owner": claim.owner(), "by": claim.by.to_string(), "at": claim.at}))
            .collect();
        json!({
            "name": entry.name.as_ref().map(Name::as_str),
            "ownership_record": entry.record.as_ref().map(Name::as_str),
            "name_servers": delegation.map(servers).unwrap_or_default(),
            "ttl": delegation.and_then(|delegation| delegation.ttl).map(Ttl::seconds),
            "ds": delegation.map(|delegation| delegation.ds.clone()).unwrap_or_default(),
            "owners": owners,
            "hidden_by": delegation.and_then(|delegation| delegation.hidden_by.as_ref()).map(Name::as_str),
            "findings": args.check.then(|| self.marks.iter().copied().map(Mark::as_str).collect::<Vec<_>>()),
            "alarm": args.check.then(|| self.is_alarm(args.unowned)),
            "problems": self.problems(),
        })
    }

    fn problems(&self) -> Vec<String> {
        self.dns
            .map(|finding| finding.problems().chain(finding.unknowns()).map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    /// The finding, owners, DS and name servers, for the table.
    fn cells(&self, checked: bool) -> [String; 5] {
        let entry = self.entry;
        let marks: Vec<&str> = self.marks.iter().copied().map(Mark::as_str).collect();
        let finding = match marks.as_slice() {
            [] if checked => "in order".to_owned(),
            marks => marks.join(", "),
        };
        let owners = entry.claims.iter().map(|claim| format!("{} ({})", claim.owner(), claim.by));
        let ds = entry.delegation.as_ref().filter(|delegation| !delegation.ds.is_empty());
        let servers = entry.delegation.as_ref().map(servers).unwrap_or_default();
        [
            self.name(),
            finding,
            owners.collect::<Vec<_>>().join(", "),
            if ds.is_some() { "yes".to_owned() } else { String::new() },
            servers.join(" "),
        ]
    }
}

/// The name servers in order, or the values as they are.
fn servers(delegation: &custom_delegation::inventory::Delegation) -> Vec<String> {
    delegation
        .name_servers()
        .map_or_else(|| delegation.values.clone(), |servers| servers.iter().map(ToString::to_string).collect())
}

fn print(zone: &HostedZone, lines: &[Line<'_>], checked: bool, parent: Option<&Report>) {
    output::line(&format!("{} ({}): {} delegations", zone.name, zone.id, lines.len()));
    if let Some(finding) = parent.filter(|finding| !finding.is_good()) {
        output::line(&format!("Warning: the parent zone itself does not resolve as it should: {finding}."));
    }
    if lines.is_empty() {
        return;
    }
    let cells = lines.iter().map(|line| line.cells(checked));
    if checked {
        output::table(["NAME", "FINDING", "OWNERS", "DS", "NAME SERVERS"], &cells.collect::<Vec<_>>());
    } else {
        let rows: Vec<_> = cells.map(|[name, _, owners, ds, servers]| [name, owners, ds, servers]).collect();
        output::table(["NAME", "OWNERS", "DS", "NAME SERVERS"], &rows);
    }
    for line in lines {
        for problem in line.problems() {
            output::line(&format!("{}: {problem}", line.name()));
        }
    }
}
