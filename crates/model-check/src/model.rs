//! The model: the bounds of a profile, and every point and every decision so far.

use std::collections::{BTreeMap, HashMap};

use delegation_model::record_set::RecordType;

use crate::points::{Decided, PointId, Points};
use crate::profiles::Profile;
use crate::state::{Behavior, Caches, Left, Request, Snapshot, State};
use crate::values::Config;

/// What a check of the properties has found about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// A promise is broken.
    Violation(String),
    /// A promise is broken in a way that the contract allows; the name of the excuse.
    Excused(&'static str),
}

/// One of the outcomes of a step.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Its name in a trace; empty for the only outcome.
    pub(crate) name: &'static str,
    pub(crate) after: State,
}

impl Outcome {
    pub(crate) fn new(name: &'static str, after: State) -> Self {
        Self { name, after }
    }
}

/// A question to the planner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    CreateUpdate {
        request: AskedBy,
        config: u8,
        old: Option<u8>,
        behavior: Behavior,
        /// The keys that the child zone signs with.
        keys: u8,
    },
    Delete {
        request: AskedBy,
        config: u8,
        reason: Reason,
        rejected: bool,
        /// True if the child zone of the template exists.
        known: bool,
        /// True if it was replaced by hand. It then has the name servers that people set, while
        /// `NameServers` still has the others.
        rezoned: bool,
    },
}

/// The request behind a question, and the time of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AskedBy {
    pub(crate) resource: u8,
    pub(crate) time: i32,
    pub(crate) id: u8,
    pub(crate) now: i32,
}

impl AskedBy {
    pub(crate) fn new(request: &Request, now: i32) -> Self {
        Self { resource: request.resource, time: request.time, id: request.id, now }
    }
}

/// Why a claim is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    Requested,
    Undo,
    Invented,
}

/// A decision of the planner about a point.
#[derive(Debug)]
struct PointDecision {
    question: Question,
    point: PointId,
    decided: Decided,
}

/// The model of the state, with its memory of what was explored.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) profile: Profile,
    pub(crate) points: Points,
    decisions: Vec<PointDecision>,
    decision_of: HashMap<(Question, PointId), u32>,
    applied: HashMap<(u32, PointId), Option<PointId>>,
    pub(crate) findings: Vec<Finding>,
    /// How often each excuse was needed.
    pub(crate) excused: BTreeMap<&'static str, u64>,
}

impl Model {
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            profile,
            points: Points::new(),
            decisions: Vec::new(),
            decision_of: HashMap::new(),
            applied: HashMap::new(),
            findings: Vec::new(),
            excused: BTreeMap::new(),
        }
    }

    pub(crate) fn initial(&self) -> State {
        let Profile { deployments, faults, by_hand, waits, retains, .. } = self.profile;
        State {
            clock: 0,
            sent: 0,
            points: [Points::EMPTY; 2],
            facts: Default::default(),
            slots: [None; 3],
            operations: [None, None],
            requests: Vec::new(),
            deliveries: Vec::new(),
            kept: 0,
            skipped: 0,
            caches: Caches::default(),
            rolled: false,
            rezoned: false,
            left: Left { deployments, faults, by_hand, waits, retains },
        }
    }

    pub(crate) fn config(&self, index: u8) -> Config {
        self.profile.configs[usize::from(index)]
    }

    /// Reads a point with the role of a template. With two accounts, each role can read only one of
    /// the parent zones.
    pub(crate) fn read(&self, state: &State, zone: u8, role: Config) -> Snapshot {
        if self.profile.two_accounts && role.zone != zone {
            Snapshot::Denied
        } else {
            Snapshot::Read(state.points[usize::from(zone)])
        }
    }

    /// Asks the planner about a point, once for each question. Returns the index of the decision.
    pub(crate) fn ask(&mut self, question: Question, id: PointId) -> u32 {
        if let Some(decision) = self.decision_of.get(&(question, id)) {
            return *decision;
        }
        let decided = self.decide(question, id);
        let index = u32::try_from(self.decisions.len())
            .unwrap_or_else(|_| unreachable!("too many decisions"));
        self.decisions.push(PointDecision { question, point: id, decided });
        self.decision_of.insert((question, id), index);
        self.check_decision(index, question, id);
        index
    }

    pub(crate) fn decided(&self, decision: u32) -> &Decided {
        &self.decisions[decision as usize].decided
    }

    /// Sends the batch of a decision. Returns the point after it; `None` if Route 53 rejects it.
    pub(crate) fn send(&mut self, decision: u32, id: PointId) -> Option<PointId> {
        if let Some(after) = self.applied.get(&(decision, id)) {
            return *after;
        }
        let PointDecision { question, point: read, decided } = &self.decisions[decision as usize];
        let resource = match question {
            Question::CreateUpdate { request, .. } | Question::Delete { request, .. } => {
                request.resource
            }
        };
        let plan = decided.plan();
        // A batch that compares only the ownership record is sent only after the cut was read
        // again.
        let record_alone = plan.is_some_and(|plan| {
            plan.changes.iter().all(|change| change.record_set().record_type == RecordType::Txt)
        });
        let unchanged = self.points.contents(*read).at_cut == self.points.contents(id).at_cut;
        let plan = plan.filter(|_| !record_alone || unchanged);
        let after = plan.and_then(|plan| self.points.apply(id, &plan.changes));
        if let Some(after) = after {
            let before = self.points.values_of_others(id, resource);
            if before != self.points.values_of_others(after, resource) {
                self.findings.push(Finding::Violation(
                    "OWN-1: a batch writes or removes a value of another resource".into(),
                ));
            }
        }
        self.applied.insert((decision, id), after);
        after
    }

    /// Returns how many different questions the planner was asked.
    pub(crate) fn questions(&self) -> usize {
        self.decision_of.len()
    }
}
