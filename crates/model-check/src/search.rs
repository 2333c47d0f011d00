//! A breadth-first search over every state within a profile's bounds.
//!
//! Visited states are known by a hash of 64 bits. Of `n` states, two share one with a probability
//! of about `n² / 2^65`: one in a million for six million states. The frontier alone is kept whole;
//! a trace is found again by the parents.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::model::{Finding, Model};
use crate::outside::ByHand;
use crate::profiles::Profile;

use crate::world::{Kind, Physical, Stage, World};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Deploy {
        stack: u8,
        template: usize,
    },
    Forget {
        stack: u8,
    },
    /// A delivery begins.
    Deliver {
        request: u8,
    },
    /// The same once more.
    Duplicate {
        request: u8,
    },
    /// A delivery makes its next call; which of several outcomes.
    Call {
        request: u8,
        index: usize,
        way: &'static str,
    },
    /// A delivery runs from its beginning to its end.
    Run {
        request: u8,
        checked: &'static str,
        way: &'static str,
    },
    /// The same, and its answer is lost.
    RunLost {
        request: u8,
        checked: &'static str,
    },
    Cut {
        request: u8,
        index: usize,
    },
    /// A delivery runs out of time while it waits for the answer to its batch.
    TimeOut {
        request: u8,
        index: usize,
        is_carried_out: bool,
    },
    GiveUp {
        request: u8,
    },
    ByHand(ByHand),
    Wait {
        seconds: i32,
    },
    /// The child zone of `x` signs with its second key alone.
    Roll,
}

/// What an exploration came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its name.
    pub profile: &'static str,
    /// How many states there are.
    pub states: usize,
    /// How many steps between them.
    pub steps: u64,
    /// The longest shortest way to a state.
    pub depth: usize,
    /// How many contents of a delegation point were met, and how many questions the planner was
    /// asked.
    pub asked: (usize, usize),
    /// How often each excuse was needed.
    pub excused: Vec<(&'static str, u64)>,
    /// The first broken promise, with its shortest trace.
    pub violation: Option<String>,
    /// False if a bound on the number of states ended it.
    pub complete: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, states, steps, depth, asked: (points, questions), .. } = self;
        write!(
            f,
            "{profile}: {states} states, {steps} steps, depth {depth}; {points} contents of a point, "
        )?;
        write!(f, "{questions} questions to the planner")?;
        if !self.complete {
            write!(f, "; ended by the bound on states")?;
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

/// The hash is a hash already.
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

fn hash_of(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Explores a profile, up to so many states.
pub fn explore(profile: &Profile, most: usize) -> Report {
    search(profile, most, None)
}

/// Explores a profile until an excuse of this name is needed, which counts as a broken promise: to
/// see what it excuses.
pub fn explore_until(profile: &Profile, most: usize, excuse: &str) -> Report {
    search(profile, most, Some(excuse))
}

fn search(profile: &Profile, most: usize, until: Option<&str>) -> Report {
    let mut model = Model::new(profile.clone());
    let mut visited: HashSet<u64, BuildHasherDefault<Identity>> = HashSet::default();
    // Of each state, by its number: the state before it, and which of its steps led here.
    let mut parents: Vec<(u32, u16)> = vec![(0, 0)];
    let initial = model.initial();
    visited.insert(hash_of(&initial));
    let mut frontier = vec![(0u32, initial)];
    let mut report = Report {
        profile: profile.name,
        states: 1,
        steps: 0,
        depth: 0,
        asked: (0, 0),
        excused: Vec::new(),
        violation: None,
        complete: true,
    };
    'levels: while !frontier.is_empty() {
        let mut next = Vec::new();
        for (number, world) in std::mem::take(&mut frontier) {
            for (ordinal, (step, after, findings)) in (0u16..).zip(model.steps(&world)) {
                report.steps += 1;
                for finding in findings {
                    match finding {
                        Finding::Excused(name) if until == Some(name) => {
                            report.violation =
                                Some(trace(&mut model, &parents, number, (step, name)));
                            break 'levels;
                        }
                        Finding::Excused(name) => *model.excused.entry(name).or_default() += 1,
                        Finding::Violation(what) => {
                            report.violation =
                                Some(trace(&mut model, &parents, number, (step, &what)));
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
    report.asked = model.asked_of_planner();
    report.excused = model.excused.iter().map(|(name, count)| (*name, *count)).collect();
    report
}

/// Plays the steps of a trace again, by their texts: the broken promise, or `None` if all went
/// well.
///
/// # Panics
///
/// If a step is none that could be made there.
pub fn replay(profile: &Profile, trace: &[&str]) -> Option<String> {
    let mut model = Model::new(profile.clone());
    let mut world = model.initial();
    for text in trace {
        let steps = model.steps(&world);
        let (_, after, findings) = steps
            .into_iter()
            .find(|(step, ..)| model.step_text(&world, *step) == *text)
            .unwrap_or_else(|| panic!("{text:?} is no step here"));
        let broken = findings.into_iter().find_map(|finding| match finding {
            Finding::Violation(what) => Some(what),
            Finding::Excused(_) => None,
        });
        if broken.is_some() {
            return broken;
        }
        world = after;
    }
    None
}

/// The shortest way to a violation, as a test that can be pasted.
fn trace(
    model: &mut Model,
    parents: &[(u32, u16)],
    last: u32,
    (step, what): (Step, &str),
) -> String {
    let mut ordinals = Vec::new();
    let mut number = last;
    while number != 0 {
        let (parent, ordinal) = parents[number as usize];
        ordinals.push(ordinal);
        number = parent;
    }
    let mut world = model.initial();
    let mut lines = Vec::new();
    let mut comments = vec![model.points_text(&world)];
    for ordinal in ordinals.into_iter().rev() {
        let steps = model.steps(&world);
        let Some((step, after, _)) = steps.into_iter().nth(usize::from(ordinal)) else { break };
        lines.push(model.step_text(&world, step));
        world = after;
        comments.push(model.points_text(&world));
    }
    lines.push(model.step_text(&world, step));
    let after = model.steps(&world).into_iter().find(|(other, ..)| *other == step);
    comments.extend(after.map(|(_, after, _)| model.points_text(&after)));
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

impl Model {
    /// Every step from a state, with what the properties say of it.
    fn steps(&mut self, world: &World) -> Vec<(Step, World, Vec<Finding>)> {
        let mut steps = Vec::new();
        self.operations(world, &mut steps);
        self.requests(world, &mut steps);
        self.outside(world, &mut steps);
        steps
    }

    fn push(&mut self, steps: &mut Vec<(Step, World, Vec<Finding>)>, step: Step, mut after: World) {
        after.tidy();
        self.check_answers(&after);
        if after.is_quiet() {
            self.check_quiet(&after);
        }
        steps.push((step, after, std::mem::take(&mut self.findings)));
    }

    fn operations(&mut self, world: &World, steps: &mut Vec<(Step, World, Vec<Finding>)>) {
        let running = world.operations.iter().flatten().count();
        for stack in 0..2u8 {
            if world.operations[usize::from(stack)].is_some() {
                continue;
            }
            if world.left.deployments > 0 && running < self.profile.at_once && is_patient(world) {
                for template in self.deployable(world, stack) {
                    let after = self.deploy(world, stack, template);
                    self.push(steps, Step::Deploy { stack, template }, after);
                }
            }
            let holds = crate::values::resources_of(stack)
                .iter()
                .any(|one| world.slots[usize::from(*one)].is_some());
            if world.left.retains > 0 && holds {
                let after = self.forget(world, stack);
                self.push(steps, Step::Forget { stack }, after);
            }
        }
    }

    fn requests(&mut self, world: &World, steps: &mut Vec<(Step, World, Vec<Finding>)>) {
        let room = world.deliveries.len() < self.profile.at_once;
        for request in &world.requests {
            let id = request.id;
            if request.awaited && world.left.faults > 0 {
                if let Some(after) = self.give_up(world, id) {
                    self.push(steps, Step::GiveUp { request: id }, after);
                } else {
                    self.findings.clear();
                }
            }
            if !room || (!request.owed && world.left.faults == 0) {
                continue;
            }
            let duplicates = !request.owed;
            let mut begun = self.begin(world, id);
            if duplicates {
                begun.left.faults -= 1;
            }
            if self.profile.interleaved {
                let step = if duplicates {
                    Step::Duplicate { request: id }
                } else {
                    Step::Deliver { request: id }
                };
                self.push(steps, step, begun);
            } else {
                self.run_whole(&begun, id, steps);
            }
        }
        for index in 0..world.deliveries.len() {
            let request = world.deliveries[index].request;
            let ways = self.call(world, index);
            let findings = std::mem::take(&mut self.findings);
            for (way, after) in ways {
                self.findings.clone_from(&findings);
                self.push(steps, Step::Call { request, index, way }, after);
            }
            if world.left.faults > 0 {
                let mut after = world.clone();
                after.left.faults -= 1;
                after.deliveries.remove(index);
                after.request_mut(request).owed = true;
                self.push(steps, Step::Cut { request, index }, after);
            }
            if world.left.faults > 0 {
                for (is_carried_out, after) in self.run_out_of_time(world, index) {
                    self.push(steps, Step::TimeOut { request, index, is_carried_out }, after);
                }
            }
        }
    }

    /// A delivery from its beginning to its end, and the same with the answer lost.
    fn run_whole(&mut self, begun: &World, id: u8, steps: &mut Vec<(Step, World, Vec<Finding>)>) {
        let mut open = vec![(begun.clone(), Vec::new(), "")];
        while let Some((world, findings, checked)) = open.pop() {
            let index = world.deliveries.len() - 1;
            let answers = matches!(world.deliveries[index].stage, Stage::Answer(_));
            if answers && world.left.faults > 0 && world.request(id).awaited {
                let mut after = world.clone();
                after.left.faults -= 1;
                after.deliveries.pop();
                after.request_mut(id).owed = true;
                self.findings.clone_from(&findings);
                self.push(steps, Step::RunLost { request: id, checked }, after);
            }
            let after = self.call(&world, index);
            let mut all = findings;
            all.append(&mut self.findings);
            for (way, after) in after {
                if answers {
                    self.findings.clone_from(&all);
                    self.push(steps, Step::Run { request: id, checked, way }, after);
                } else {
                    open.push((after, all.clone(), if way.is_empty() { checked } else { way }));
                }
            }
        }
    }

    fn outside(&mut self, world: &World, steps: &mut Vec<(Step, World, Vec<Finding>)>) {
        self.patience(world, steps);
        if world.left.by_hand > 0 {
            for act in self.profile.acts.clone() {
                if let Some(after) = self.by_hand(world, act) {
                    self.push(steps, Step::ByHand(act), after);
                }
            }
        }
        if world.left.waits > 0 && world.is_quiet() {
            for seconds in [3700, 90_000] {
                let mut after = world.clone();
                after.left.waits -= 1;
                after.clock += seconds;
                // Whatever was late is stale now.
                after.requests.clear();
                self.push(steps, Step::Wait { seconds }, after);
            }
        }
    }

    /// What people do who mind DNS: they wait for the TTLs of what was changed, and roll keys when
    /// nobody needs the old one.
    fn patience(&mut self, world: &World, steps: &mut Vec<(Step, World, Vec<Finding>)>) {
        if !self.profile.dnssec
            || !world.operations.iter().all(Option::is_none)
            || !world.deliveries.is_empty()
        {
            return;
        }
        let caches = &world.caches;
        let last = caches.servers.iter().chain(&caches.ds).map(|cached| cached.until).max();
        if let Some(last) = last.filter(|last| *last > world.clock) {
            let mut after = world.clone();
            after.clock = last + 1;
            after.caches = crate::world::Caches::default();
            after.requests.clear();
            self.push(steps, Step::Wait { seconds: last + 1 - world.clock }, after);
        }
        let ds = self.points.sight(world.points[0]).ds_index;
        let has_second = |ds: u8| ds / 4 != 0 || ds & 2 != 0;
        let needed = ds
            .into_iter()
            .chain(caches.ds.iter().map(|cached| cached.what))
            .any(|ds| !has_second(ds));
        if !world.rolled && !needed {
            let mut after = world.clone();
            after.rolled = true;
            self.push(steps, Step::Roll, after);
        }
    }

    fn points_text(&self, world: &World) -> String {
        format!(
            "P: {} | Q: {}",
            self.points.text(world.points[0]),
            self.points.text(world.points[1])
        )
    }

    /// A step in words; different ones for different steps of a state.
    fn step_text(&self, world: &World, step: Step) -> String {
        let about = |id: u8| {
            let request = world.request(id);
            let who = crate::values::resource_text(request.resource);
            let config = self.config(request.config).text();
            let late = if request.awaited { "" } else { ", late" };
            let physical = match (request.kind, request.physical) {
                (Kind::Create, _) => String::new(),
                (_, Physical::Point(zone)) => format!(" of {}", crate::values::zone_letter(zone)),
                (_, Physical::Marker) => " of a marker".to_owned(),
                (_, Physical::Invented) => " of an invented id".to_owned(),
            };
            format!("{:?} {id} of {who}{physical} ({config}){late}", request.kind)
        };
        match step {
            Step::Deploy { stack, template } => {
                let template = self.profile.templates[usize::from(stack)][template];
                let of = |index: usize| {
                    template[index]
                        .map_or("nothing".to_owned(), |config| self.config(config).text())
                };
                format!("deploy S{}: {}, {}", stack + 1, of(0), of(1))
            }
            Step::Forget { stack } => format!("forget S{}", stack + 1),
            Step::Deliver { request } => format!("deliver {}", about(request)),
            Step::Duplicate { request } => format!("deliver again {}", about(request)),
            Step::Call { request, index, way } => {
                let stage = world.deliveries.get(index);
                let stage = stage.map_or(String::new(), |delivery| format!("{:?}", delivery.stage));
                let mut earlier = world.deliveries.iter().take(index);
                let second = if earlier.any(|delivery| delivery.request == request) {
                    ", second delivery"
                } else {
                    ""
                };
                let way = if way.is_empty() { String::new() } else { format!(": {way}") };
                format!("{} of {}{second}{way}", stage_short(&stage), about(request))
            }
            Step::Run { request, checked, way } => {
                let checked =
                    if checked.is_empty() { String::new() } else { format!("{checked}, ") };
                format!("run {}: {checked}{way}", about(request))
            }
            Step::RunLost { request, checked } => {
                let checked =
                    if checked.is_empty() { String::new() } else { format!(": {checked}") };
                format!("run and lose the answer of {}{checked}", about(request))
            }
            Step::Cut { request, index } => {
                format!("cut off {} (delivery {index})", about(request))
            }
            Step::TimeOut { request, index, is_carried_out } => {
                let what = if is_carried_out { ", whose batch is carried out" } else { "" };
                format!("run out of time in {}{what} (delivery {index})", about(request))
            }
            Step::GiveUp { request } => format!("give up {}", about(request)),
            Step::ByHand(act) => act.to_string(),
            Step::Wait { seconds } => format!("wait {seconds} s"),
            Step::Roll => "x signs with its second key alone".to_owned(),
        }
    }
}

/// True if no cache holds what a deployment has changed.
fn is_patient(world: &World) -> bool {
    let caches = &world.caches;
    caches
        .servers
        .iter()
        .chain(&caches.ds)
        .all(|cached| cached.by_hand || cached.until <= world.clock)
}

fn stage_short(stage: &str) -> &str {
    if stage.starts_with("Answer") { "Answer" } else { stage }
}
