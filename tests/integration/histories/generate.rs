//! Generates random histories. The same seed results in the same history.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::histories::history::{
    Act, Below, CHILDREN, DeclaredResource, Edit, History, LOGICAL_IDS, NAMES, NetworkFault,
    PARENTS, Parent, PointIndex, STACKS, Step, When, Whose,
};

const TTLS: [u32; 3] = [60, 300, 172_800];

type Templates = [Plans; STACKS.len()];

/// The current and all earlier templates of a stack. People return to earlier ones, which is when
/// late requests can do the most harm.
#[derive(Clone, Default)]
struct Plans {
    now: BTreeMap<usize, DeclaredResource>,
    past: Vec<(usize, DeclaredResource)>,
}

pub(crate) fn history(seed: u64) -> History {
    let mut rng = Rng::with_seed(seed);
    // Few stacks and names at first, so that they conflict.
    let stacks = rng.usize(1..=STACKS.len());
    let mut templates = Templates::default();
    let steps = (0..rng.usize(4..=11)).map(|_| step(&mut rng, stacks, &mut templates)).collect();
    let keys = [(); CHILDREN.len()].map(|()| keys(&mut rng));
    History { child_records: rng.u16(..), keys, steps }
}

fn step(rng: &mut Rng, stacks: usize, templates: &mut Templates) -> Step {
    let stack = (rng.usize(..stacks) + 2 * usize::from(rng.bool())) % STACKS.len();
    let act = match rng.u32(..1000) {
        0..660 => {
            let (template, fail_after) = deployment(rng, stack, &templates[stack]);
            if fail_after.is_none() {
                templates[stack].now.clone_from(&template);
            }
            templates[stack].past.extend(template.clone());
            Act::Deploy { stack, template, fail_after }
        }
        660..700 => {
            templates[stack].now.clear();
            Act::Delete { stack }
        }
        700..810 => Act::Redeliver { stack, pick: rng.usize(..1000) },
        810..825 => Act::Cancel {
            stack,
            logical_id: rng.usize(..LOGICAL_IDS.len()),
            declared: declared_resource(rng, stack),
        },
        825..875 => {
            let logical_id = rng.usize(..LOGICAL_IDS.len());
            templates[stack].now.remove(&logical_id);
            Act::Forget { stack, logical_id }
        }
        875..895 => {
            templates[stack].now.clear();
            Act::Recreate { stack }
        }
        895..925 => refactoring(rng, templates),
        925..960 => Act::Wait { hours: *rng.choice(&[1, 2, 23, 25]).unwrap_or(&1) },
        _ => Act::Nothing,
    };
    let edits =
        if rng.u32(..100) < 40 || matches!(act, Act::Nothing) { rng.usize(1..=2) } else { 0 };
    let undisturbed = matches!(act, Act::Cancel { .. });
    let mut edits: Vec<_> =
        if undisturbed { Vec::new() } else { (0..edits).map(|_| (when(rng), edit(rng))).collect() };
    if rng.u32(..100) < 25 && !undisturbed {
        let when = if rng.bool() { When::Before } else { When::Delivery(rng.usize(..4)) };
        edits.push((when, Edit::Keys { child: rng.usize(..CHILDREN.len()), keys: keys(rng) }));
    }
    let network_fault =
        if rng.u32(..100) < 12 && !undisturbed { Some(network_fault(rng)) } else { None };
    Step { act, edits, network_fault }
}

/// A refactoring between the two stacks of one account.
fn refactoring(rng: &mut Rng, templates: &mut Templates) -> Act {
    let from = rng.usize(..2);
    let (to, logical_id, new_id) =
        (1 - from, rng.usize(..LOGICAL_IDS.len()), rng.usize(..LOGICAL_IDS.len()));
    if !templates[to].now.contains_key(&new_id)
        && let Some(declared) = templates[from].now.remove(&logical_id)
    {
        templates[to].now.insert(new_id, declared);
    }
    Act::Refactor { from, logical_id, to, new_id }
}

fn deployment(
    rng: &mut Rng,
    stack: usize,
    plans: &Plans,
) -> (BTreeMap<usize, DeclaredResource>, Option<usize>) {
    let mut template = plans.now.clone();
    if let Some((id, declared)) = rng.choice(&plans.past)
        && rng.u32(..100) < 30
    {
        template.insert(*id, declared.clone());
    } else {
        for _ in 0..rng.usize(1..=2) {
            mutate(rng, stack, &mut template);
        }
    }
    let existing: Vec<usize> = template.keys().copied().collect();
    let fail_after = if rng.u32(..100) < 25 { rng.choice(&existing).copied() } else { None };
    (template, fail_after)
}

fn mutate(rng: &mut Rng, stack: usize, template: &mut BTreeMap<usize, DeclaredResource>) {
    let existing: Vec<usize> = template.keys().copied().collect();
    let free: Vec<usize> = (0..LOGICAL_IDS.len()).filter(|id| !template.contains_key(id)).collect();
    let (Some(&old), kind) = (rng.choice(&existing), rng.u32(..100)) else {
        template.insert(rng.usize(..LOGICAL_IDS.len()), declared_resource(rng, stack));
        return;
    };
    match (kind, rng.choice(&free)) {
        (0..10, Some(new)) => {
            template.insert(*new, declared_resource(rng, stack));
        }
        (10..32, Some(new)) => {
            let renamed = template.remove(&old);
            template.extend(renamed.map(|declared| (*new, declared)));
        }
        (32..38, _) => {
            template.remove(&old);
        }
        _ => {
            template.entry(old).and_modify(|declared| change(rng, stack, declared));
        }
    }
}

fn change(rng: &mut Rng, stack: usize, declared: &mut DeclaredResource) {
    match rng.u32(..100) {
        0..14 => declared.ttl = TTLS[rng.usize(..TTLS.len())],
        14..36 => declared.child = child(rng, stack),
        36..46 => {}
        46..57 => declared.overwrite = !declared.overwrite,
        57..63 => declared.vanity = !declared.vanity,
        63..67 => declared.occlusion = !declared.occlusion,
        67..80 => declared.dnssec = !declared.dnssec,
        80..87 => declared.keys = some_keys(rng),
        87..91 => declared.ds_ttl = TTLS[rng.usize(..TTLS.len())],
        _ => declared.trigger += 1,
    }
    let moved = rng.u32(..100) < 15;
    if moved || !fits(declared) {
        declared.parent = parent(rng, declared.child);
    }
}

fn declared_resource(rng: &mut Rng, stack: usize) -> DeclaredResource {
    let child = child(rng, stack);
    DeclaredResource {
        child,
        parent: parent(rng, child),
        ttl: TTLS[rng.usize(..TTLS.len())],
        overwrite: rng.u32(..100) < 20,
        occlusion: rng.u32(..100) < 15,
        vanity: rng.u32(..100) < 8,
        dnssec: rng.u32(..100) < 30,
        keys: some_keys(rng),
        ds_ttl: TTLS[rng.usize(..TTLS.len())],
        trigger: 0,
    }
}

/// The keys that a resource asks for: mostly whatever is active.
fn some_keys(rng: &mut Rng) -> Option<u8> {
    if rng.u32(..100) < 55 { None } else { Some(rng.u8(1..4)) }
}

/// The keys that a child zone signs with: mostly both, so that most wishes can be fulfilled;
/// sometimes none.
fn keys(rng: &mut Rng) -> Option<u8> {
    match rng.u32(..100) {
        0..10 => None,
        10..30 => Some(rng.u8(1..3)),
        _ => Some(3),
    }
}

fn child(rng: &mut Rng, stack: usize) -> usize {
    let own: Vec<usize> =
        (0..CHILDREN.len()).filter(|child| CHILDREN[*child].0 == STACKS[stack]).collect();
    // The first ones have the same name as those of the other account.
    if rng.u32(..100) < 30 { own[0] } else { *rng.choice(&own).unwrap_or(&0) }
}

fn parent(rng: &mut Rng, child: usize) -> Parent {
    let zone = match rng.u32(..100) {
        0..75 => 0,
        75..90 => 1,
        _ => 2,
    };
    let zone =
        if NAMES[CHILDREN[child].1].ends_with(&format!(".{}", PARENTS[zone].1)) { zone } else { 0 };
    match rng.u32(..100) {
        0..40 => Parent::Id(zone),
        40..75 => Parent::Name(zone),
        _ => Parent::Closest(PARENTS[zone].0),
    }
}

fn fits(declared: &DeclaredResource) -> bool {
    match declared.parent {
        Parent::Id(2) | Parent::Name(2) => {
            NAMES[CHILDREN[declared.child].1].ends_with(".testing.example.com")
        }
        _ => true,
    }
}

fn when(rng: &mut Rng) -> When {
    match rng.u32(..100) {
        0..15 => When::Before,
        15..45 => When::Read(rng.usize(..8)),
        45..85 => When::Change(rng.usize(..4)),
        _ => When::After,
    }
}

fn point_index(rng: &mut Rng) -> PointIndex {
    let (zone, name) = match rng.u32(..100) {
        0..50 => (0, 0),
        50..75 => (0, rng.usize(..NAMES.len())),
        75..90 => (1, rng.usize(..NAMES.len())),
        _ => (2, 2),
    };
    PointIndex { zone, name }
}

fn edit(rng: &mut Rng) -> Edit {
    let at = point_index(rng);
    let below = |rng: &mut Rng| [Below::Www, Below::Mail, Below::Mx][rng.usize(..3)];
    let whose = |rng: &mut Rng| {
        let same: Vec<usize> =
            (0..CHILDREN.len()).filter(|child| CHILDREN[*child].1 == at.name).collect();
        let child = rng.choice(&same).copied().filter(|_| rng.u32(..100) < 70);
        child.map_or(Whose::Stranger, Whose::Child)
    };
    let ttl = TTLS[rng.usize(..TTLS.len())];
    match rng.u32(..120) {
        0..22 => Edit::PutNs { at, whose: whose(rng), ttl },
        100..113 => Edit::PutDs {
            at,
            whose: whose(rng),
            keys: if rng.bool() { 1 } else { rng.u8(1..4) },
            ttl,
        },
        113.. => Edit::RemoveDs { at },
        22..36 => Edit::RemoveNs { at },
        36..54 => Edit::PutBelow { at, what: below(rng) },
        54..60 => Edit::RemoveBelow { at, what: below(rng) },
        60..66 => Edit::PutStranger { at },
        66..76 => Edit::RemoveStranger { at },
        76..88 => Edit::RemoveOwnership { at },
        _ => Edit::PutAside { zone: at.zone },
    }
}

fn network_fault(rng: &mut Rng) -> NetworkFault {
    match rng.u32(..100) {
        0..35 => NetworkFault::LostChange,
        35..50 => NetworkFault::LostSecondChange,
        50..55 => NetworkFault::LostRead,
        55..75 => NetworkFault::LostAnswer,
        75..85 => NetworkFault::BucketDown,
        _ => NetworkFault::RejectedAnswer,
    }
}
