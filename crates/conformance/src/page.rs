//! `docs/conformance.md`: the facts, and what real AWS answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::probe::{Basis, Needs, Probe, Verdict};
use crate::run::Results;

/// The status on a page without results of real AWS.
const NOT_RUN: &str = "**Against real AWS: not run yet.**";
/// The cell of a probe without a result.
const NO_RESULT: &str = "not run yet";

const HEAD: &str = "# Conformance

This page lists every fact about AWS that the code and the [sandbox](../sandbox/) assume. Each fact
has a probe, a small program that makes the fact visible and reports it. The sandbox agrees with all
of them (`cargo test -p conformance`, a part of `make test`). moto disagrees where it is known to be
lax, and a test says exactly where. Real AWS decides: if it differs, code and sandbox are wrong.

";

const HOW: &str = "
## Run it

You need two AWS accounts, each with an administrator profile for the [AWS
CLI](https://docs.aws.amazon.com/cli/), and a public hosted zone in the first account that is in
use, such as `example.com`. Existing records of that zone are not changed. For the duration of the
run, the zone gets one more NS record set, which delegates to a zone that the run creates.

```sh
make conformance PARENT_PROFILE=parent CHILD_PROFILE=child ZONE=example.com
```

- **It asks first.** It lists what it will create, what that costs and how long it takes, and starts
  when you type `yes`.
- **Cost:** less than 2 US dollars. Route 53 does not charge for a hosted zone that is deleted
  within twelve hours. If a run is cleaned up later, each of at most four zones costs 0.50 dollars.
- **Time:** about an hour and a half, most of which CloudFormation takes.
- **It cleans up after itself**, whether the probes agree, differ or fail, and on Ctrl-C. It records
  everything in `target/conformance/journal.jsonl` before creating it. After a power cut,
  `make conformance ... ARGS=--resume` first removes what is left and then runs the remaining
  probes; `make conformance ... ARGS=--cleanup` only removes what is left.
- Everything that it creates has `conformance-` and eight random characters in its name. Stacks,
  zones and the bucket also have the tag `custom-delegation-conformance`.
- Run `make package` first, to build the function that the last two probes deploy with [the shipped
  templates](../template.yaml). Otherwise these probes do not apply. They run the life of a
  delegation: deploy, create, rename, roll back, move to another name, take over, move to another
  account and back, delete; and that of a signed delegation, in us-east-1.
- Exit status 0: everything is as expected, and nothing is left. 1: there is a difference, or
  something is left, and is listed. 2: there is no result, for example because the run was
  interrupted; the reason is printed.
- The result is written to this page: commit it, or see the next section.

To run the probes against the sandbox or an emulator of your choice:

```sh
cargo run -p conformance -- sandbox
cargo run -p conformance -- emulator --endpoint-url http://127.0.0.1:5000
```

## Send a result

Open an issue or a pull request with this page as the run has left it. It has no account ids, no
names of yours and no credentials: accounts are `111111111111` and `222222222222`, and the zone is
`example.com`. Check it nevertheless before you send it.

A difference is the most useful result there is. The next step is always the same: the sandbox is
changed to do what AWS does, and then the tests show which code relied on it.

## Add a probe

A probe is an entry in `crates/conformance/src/probes/`. Run `cargo run -p conformance -- page`,
which adds its row here, and name the probe at the sandbox's rule.
";

/// The results on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// When and where the probes ran against real AWS, in one paragraph.
    status: String,
    /// By probe: the expected result, and the cell with that of real AWS.
    observed: BTreeMap<String, (String, String)>,
}

impl Page {
    /// The page of a run against real AWS.
    pub fn new(date: &str, region: &str, results: &Results) -> Self {
        let status = format!("**Against real AWS:** {date}, {region}. {}.", results.summary());
        let cell = |verdict: &Verdict| match verdict {
            Verdict::Agrees => "as expected".to_owned(),
            Verdict::Differs(observed) => format!("**differs:** {}", escaped(observed)),
            Verdict::Failed(why) => format!("**failed:** {}", escaped(why)),
            Verdict::NotApplicable(why) => format!("does not apply: {}", escaped(why)),
        };
        let observed = results.0.iter().map(|(probe, verdict)| {
            (probe.id.to_owned(), (escaped(probe.expected), cell(verdict)))
        });
        Self { status, observed: observed.collect() }
    }

    /// Parses a page that [`Page::render`] wrote.
    pub fn parse(text: &str) -> Self {
        let status = text
            .lines()
            .find(|line| line.starts_with("**Against real AWS"))
            .unwrap_or(NOT_RUN)
            .to_owned();
        let mut observed = BTreeMap::new();
        for row in text.lines().filter(|line| line.starts_with("| `")) {
            if let [id, _, _, expected, cell] = cells(row).as_slice() {
                observed.insert(id.trim_matches('`').to_owned(), (expected.clone(), cell.clone()));
            }
        }
        Self { status, observed }
    }

    /// Renders the page with a row for each probe. If a probe now expects something else, its old
    /// result does not count.
    pub fn render(&self, probes: &[Probe]) -> String {
        let mut text = format!("{HEAD}{}\n{HOW}", self.status);
        let tables = [
            (
                Basis::Guess,
                "Guesses",
                "No AWS page promises these facts. They are known from the service, or are the safer of two assumptions.",
            ),
            (
                Basis::Wording,
                "Unknown wording",
                "The page in the column \"source\" has the fact, but not the wording of the response.",
            ),
            (Basis::Page, "Promises", "The page in the column \"source\" promises these facts."),
        ];
        for (basis, heading, what) in tables {
            let _ = writeln!(text, "\n## {heading}\n\n{what}\n");
            let _ = writeln!(
                text,
                "| probe | fact | source | expected | real AWS |\n|---|---|---|---|---|"
            );
            for probe in probes.iter().filter(|probe| probe.basis == basis) {
                let expected = escaped(probe.expected);
                let known = self.observed.get(probe.id).filter(|(before, _)| *before == expected);
                let cell = known.map_or(NO_RESULT, |(_, cell)| cell);
                let (fact, source) = (escaped_prose(probe.fact), escaped_prose(probe.source));
                let _ =
                    writeln!(text, "| `{}` | {fact} | {source} | {expected} | {cell} |", probe.id);
            }
        }
        let only: Vec<String> = probes
            .iter()
            .filter_map(|probe| match probe.needs {
                Needs::RealAws(what) => Some(format!("`{}` ({what})", probe.id)),
                Needs::Api | Needs::Roles | Needs::Stacks => None,
            })
            .collect();
        if !only.is_empty() {
            let _ = writeln!(
                text,
                "\nOnly real AWS can check these; in parentheses is what the sandbox lacks: {}.",
                only.join(", ")
            );
        }
        text
    }
}

/// Formats a text as code in a table cell.
fn escaped(text: &str) -> String {
    let text = text.replace('|', "\\|");
    // A code span ends at the next run of as many backticks.
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{}`", text.trim_end()) }
}

/// Formats a text as prose in a table cell. Code in it already has backticks.
fn escaped_prose(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(n, part)| {
        if n % 2 == 1 {
            part.replace('|', "\\|")
        } else {
            part.replace('|', "\\|").replace('*', "\\*").replace('<', "\\<").replace('_', "\\_")
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

fn cells(row: &str) -> Vec<String> {
    let marked = row.replace("\\|", "\u{0}");
    let inner = marked.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().replace('\u{0}', "\\|")).collect()
}
