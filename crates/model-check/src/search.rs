//! A breadth-first search over every state within a profile's bounds.
//!
//! Visited states are recorded by a 64-bit hash. Of `n` states, two have the same hash with a
//! probability of about `n² / 2^65`: one in a million for six million states. Only the frontier is
//! kept completely. A trace is reconstructed from the parents.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::model::{Finding, Model};
use crate::profiles::Profile;
use crate::state::State;
use crate::steps::{Step, Successor};

#[derive(Clone, Debug)]
pub struct Report {
    pub profile: &'static str,
    pub states: usize,
    /// The number of steps between them.
    pub steps: u64,
    /// The number of steps to the most distant state.
    pub depth: usize,
    /// The number of different contents of a delegation point.
    pub points: usize,
    /// The number of different questions to the planner.
    pub questions: usize,
    /// How often each excuse was needed.
    pub excused: Vec<(&'static str, u64)>,
    /// The first broken promise, with the shortest trace to it.
    pub violation: Option<String>,
    /// False if the limit on the number of states ended the search.
    pub complete: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, states, steps, depth, points, questions, .. } = self;
        write!(
            f,
            "{profile}: {states} states, {steps} steps, depth {depth}; {points} contents of a point, "
        )?;
        write!(f, "{questions} questions to the planner")?;
        if !self.complete {
            write!(f, "; ended by the limit on states")?;
        }
        for (name, count) in &self.excused {
            write!(f, "\n  excused {count} times: {name}")?;
        }
        if let Some(violation) = &self.violation {
            write!(f, "\n{violation}")?;
        }
        Ok(())
    }
}

/// A hasher for values that already are hashes.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are hashed");
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

fn hash_of(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// Explores a profile, up to `most` states.
pub fn explore(profile: &Profile, most: usize) -> Report {
    search(profile, most, None)
}

/// Explores a profile until an excuse of this name is needed. This counts as a broken promise, so
/// that the report shows what the excuse is for.
pub fn explore_until(profile: &Profile, most: usize, excuse: &str) -> Report {
    search(profile, most, Some(excuse))
}

fn search(profile: &Profile, most: usize, until: Option<&str>) -> Report {
    let mut model = Model::new(profile.clone());
    let mut visited: HashSet<u64, BuildHasherDefault<Identity>> = HashSet::default();
    // For each state: the number of its parent, and which of the parent's steps led to it.
    let mut parents: Vec<(u32, u16)> = vec![(0, 0)];
    let initial = model.initial();
    visited.insert(hash_of(&initial));
    let mut frontier = vec![(0u32, initial)];
    let mut report = Report {
        profile: profile.name,
        states: 1,
        steps: 0,
        depth: 0,
        points: 0,
        questions: 0,
        excused: Vec::new(),
        violation: None,
        complete: true,
    };
    'levels: while !frontier.is_empty() {
        let mut next = Vec::new();
        for (number, state) in std::mem::take(&mut frontier) {
            for (ordinal, successor) in (0u16..).zip(model.steps(&state)) {
                let Successor { step, after, findings } = successor;
                report.steps += 1;
                for finding in findings {
                    match finding {
                        Finding::Excused(name) if until == Some(name) => {
                            report.violation = Some(trace(
                                &mut model,
                                &parents,
                                &Broken { state: number, step, what: name },
                            ));
                            break 'levels;
                        }
                        Finding::Excused(name) => *model.excused.entry(name).or_default() += 1,
                        Finding::Violation(what) => {
                            report.violation = Some(trace(
                                &mut model,
                                &parents,
                                &Broken { state: number, step, what: &what },
                            ));
                            break 'levels;
                        }
                    }
                }
                if visited.insert(hash_of(&after)) {
                    let index = u32::try_from(parents.len())
                        .unwrap_or_else(|_| unreachable!("too many states"));
                    parents.push((number, ordinal));
                    next.push((index, after));
                }
            }
            if parents.len() >= most {
                report.complete = false;
                break 'levels;
            }
        }
        frontier = next;
        report.depth += usize::from(!frontier.is_empty());
    }
    report.states = parents.len();
    report.points = model.points.len();
    report.questions = model.questions();
    report.excused = model.excused.iter().map(|(name, count)| (*name, *count)).collect();
    report
}

/// Replays the steps of a trace, given as text. Returns the broken promise, or `None` if no
/// promise is broken.
///
/// # Panics
///
/// If a step is not possible in the state where it is replayed.
pub fn replay(profile: &Profile, trace: &[&str]) -> Option<String> {
    let mut model = Model::new(profile.clone());
    let mut state = model.initial();
    for text in trace {
        let steps = model.steps(&state);
        let Successor { after, findings, .. } = steps
            .into_iter()
            .find(|successor| model.step_text(&state, successor.step) == *text)
            .unwrap_or_else(|| panic!("{text:?} is not a possible step here"));
        let broken = findings.into_iter().find_map(|finding| match finding {
            Finding::Violation(what) => Some(what),
            Finding::Excused(_) => None,
        });
        if broken.is_some() {
            return broken;
        }
        state = after;
    }
    None
}

/// A broken promise, or an excuse that is searched for.
struct Broken<'a> {
    /// The number of the state before the step.
    state: u32,
    step: Step,
    what: &'a str,
}

/// Returns the shortest trace to a violation, as a test to paste.
fn trace(model: &mut Model, parents: &[(u32, u16)], broken: &Broken<'_>) -> String {
    let Broken { state: mut number, step, what } = *broken;
    let mut ordinals = Vec::new();
    while number != 0 {
        let (parent, ordinal) = parents[number as usize];
        ordinals.push(ordinal);
        number = parent;
    }
    let mut state = model.initial();
    let mut lines = Vec::new();
    let mut comments = vec![model.points_text(&state)];
    for ordinal in ordinals.into_iter().rev() {
        let steps = model.steps(&state);
        let Some(Successor { step, after, .. }) = steps.into_iter().nth(usize::from(ordinal))
        else {
            break;
        };
        lines.push(model.step_text(&state, step));
        state = after;
        comments.push(model.points_text(&state));
    }
    lines.push(model.step_text(&state, step));
    let after = model.steps(&state).into_iter().find(|successor| successor.step == step);
    comments.extend(after.map(|successor| model.points_text(&successor.after)));
    let mut text = format!("{what}\n\n#[test]\nfn found_in_{}() {{\n", model.profile.name);
    text.push_str("    // ");
    text.push_str(what);
    text.push_str(&format!("\n    holds(\"{}\", &[\n", model.profile.name));
    for (index, line) in lines.iter().enumerate() {
        text.push_str(&format!("        {line:?},\n"));
        if let (Some(before), Some(after)) = (comments.get(index), comments.get(index + 1))
            && before != after
        {
            text.push_str(&format!("        // {after}\n"));
        }
    }
    text.push_str("    ]);\n}\n");
    text
}
