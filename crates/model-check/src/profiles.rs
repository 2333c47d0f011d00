//! The explorations, with their bounds.

use crate::manual_edit::ManualEdit;
use crate::values::Config;

/// The template of a stack: the properties of each of its resources, as an index into the profile's
/// [`Config`]s.
pub type Template = [Option<u8>; 2];

/// The bounds of an exploration.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: &'static str,
    /// What it explores.
    pub about: &'static str,
    /// The properties that resources may have.
    pub configs: Vec<Config>,
    /// The templates of each stack.
    pub templates: [Vec<Template>; 2],
    /// The number of deployments, including deletions of stacks.
    pub deployments: u8,
    /// The number of faults: deliveries cut off, duplicates, requests given up.
    pub faults: u8,
    /// The number of manual edits.
    pub by_hand: u8,
    /// The number of waits of more than an hour or a day.
    pub waits: u8,
    /// How many times a stack is deleted by force or retained.
    pub retains: u8,
    /// The possible manual edits.
    pub acts: Vec<ManualEdit>,
    /// How many operations and deliveries run concurrently.
    pub at_once: usize,
    /// If true, deliveries are cut off and interleaved between any two calls. Otherwise each runs
    /// as a whole.
    pub interleaved: bool,
    /// If true, the two parent zones are in two accounts, with one role each.
    pub two_accounts: bool,
    /// If true, the caches of resolvers are modeled, and people wait for the TTLs of what was
    /// changed before they deploy.
    pub dnssec: bool,
    /// If true, a check after a change may fail: `Verification: REQUIRE`.
    pub checks_may_fail: bool,
    /// If true, all requests have the same time.
    pub one_second: bool,
}

const X: u8 = 0;
const Y: u8 = 1;
const Z: u8 = 2;
const H: u8 = 3;

fn base(name: &'static str, about: &'static str) -> Profile {
    Profile {
        name,
        about,
        configs: Vec::new(),
        templates: [Vec::new(), Vec::new()],
        deployments: 3,
        faults: 1,
        by_hand: 0,
        waits: 0,
        retains: 0,
        acts: Vec::new(),
        at_once: 2,
        interleaved: true,
        two_accounts: false,
        dnssec: false,
        checks_may_fail: false,
        one_second: false,
    }
}

/// One resource moves between the parent zones, with every call interleaved.
fn moves() -> Profile {
    let x = Config::new(X);
    Profile {
        configs: vec![x, x.moved(), x.again()],
        templates: [vec![[Some(0), None], [Some(1), None], [Some(2), None], [None, None]], vec![]],
        deployments: 3,
        faults: 2,
        ..base("moves", "one resource moves between two parent zones and back")
    }
}

/// Two stacks and a renamed resource share a delegation.
fn sharing() -> Profile {
    let (x, y) = (Config::new(X), Config::new(Y));
    Profile {
        configs: vec![x, y, x.again()],
        templates: [
            vec![[Some(0), None], [None, Some(0)], [Some(1), None], [None, None]],
            vec![[Some(0), None], [Some(2), None], [None, None]],
        ],
        deployments: 4,
        faults: 1,
        interleaved: false,
        ..base("sharing", "two stacks and a renamed resource share a delegation")
    }
}

/// Two holders ask for different TTLs.
fn ttls() -> Profile {
    let x = Config::new(X);
    Profile {
        configs: vec![x, x.again(), x.ttl(60)],
        templates: [
            vec![[Some(0), None], [Some(1), None], [None, None]],
            vec![[Some(0), None], [Some(2), None], [None, None]],
        ],
        deployments: 4,
        faults: 1,
        interleaved: false,
        at_once: 1,
        ..base("ttls", "two stacks share a delegation and ask for different TTLs")
    }
}

/// Take-overs.
fn overwrite() -> Profile {
    let (x, y, z) = (Config::new(X), Config::new(Y), Config::new(Z));
    Profile {
        configs: vec![x, y.overwriting(), z.overwriting(), z, x.overwriting()],
        templates: [
            vec![[Some(0), None], [Some(1), None], [None, Some(1)], [None, None]],
            vec![[Some(2), None], [Some(3), None], [None, None]],
        ],
        deployments: 4,
        faults: 1,
        interleaved: false,
        ..base("overwrite", "take-overs with AllowOverwrite, and what is restored")
    }
}

/// The same, with a manual edit and a long wait.
fn restore() -> Profile {
    Profile {
        name: "restore",
        about: "the same, with a manual edit and a long wait",
        deployments: 3,
        by_hand: 1,
        waits: 1,
        acts: vec![ManualEdit::SetNs(0, H), ManualEdit::RemoveNs(0)],
        ..overwrite()
    }
}

/// The parent zones are in two accounts and have the same name, by which they are specified.
fn accounts() -> Profile {
    let x = Config::new(X).by_name();
    Profile {
        configs: vec![x, x.moved(), x.again(), Config::new(Y).by_name().moved()],
        templates: [
            vec![[Some(0), None], [Some(1), None], [Some(2), None], [Some(3), None], [None, None]],
            vec![],
        ],
        deployments: 3,
        faults: 1,
        two_accounts: true,
        ..base("accounts", "a move between two accounts, by a change of the role alone")
    }
}

/// Checks fail after the change.
fn checks() -> Profile {
    let x = Config::new(X);
    Profile {
        configs: vec![x, x.moved(), Config::new(Y)],
        templates: [vec![[Some(0), None], [Some(1), None], [Some(2), None], [None, None]], vec![]],
        deployments: 3,
        faults: 1,
        checks_may_fail: true,
        ..base("checks", "Verification: REQUIRE, where a check after the change may fail")
    }
}

/// Two stacks run concurrently, with every call interleaved.
fn races() -> Profile {
    let (x, y) = (Config::new(X), Config::new(Y));
    Profile {
        configs: vec![x, y.overwriting(), x.again()],
        templates: [
            vec![[Some(0), None], [None, Some(0)], [Some(1), None], [None, None]],
            vec![[Some(0), None], [Some(2), None], [None, None]],
        ],
        deployments: 4,
        faults: 0,
        ..base("races", "two stacks at one delegation point, every call interleaved")
    }
}

/// Retained delegations, and manual edits of every kind.
fn by_hand() -> Profile {
    let (x, y) = (Config::new(X), Config::new(Y));
    Profile {
        configs: vec![x, y, x.again(), Config::new(H)],
        templates: [
            vec![[Some(0), None], [Some(1), None], [Some(2), None], [None, Some(0)], [None, None]],
            vec![[Some(0), None], [Some(3), None], [None, None]],
        ],
        deployments: 4,
        faults: 0,
        by_hand: 1,
        retains: 1,
        acts: vec![
            ManualEdit::SetNs(0, H),
            ManualEdit::SetNs(0, X),
            ManualEdit::Rezone(0),
            ManualEdit::RemoveNs(0),
            ManualEdit::RemoveTxt(0),
            ManualEdit::RemoveClaim(0, 0),
        ],
        interleaved: false,
        ..base("by-hand", "retained delegations, and manual edits of NS and TXT")
    }
}

/// Cancelled Creates, some of which are delivered late.
fn cancelled() -> Profile {
    Profile {
        configs: vec![Config::new(X)],
        templates: [vec![[Some(0), None], [None, None]], vec![]],
        deployments: 2,
        faults: 3,
        interleaved: false,
        ..base("cancelled", "cancelled Creates, some of which are delivered late")
    }
}

/// All requests have the same time.
fn one_second() -> Profile {
    let (x, y) = (Config::new(X), Config::new(Y));
    Profile {
        configs: vec![x, x.again(), y, x.moved(), y.overwriting()],
        templates: [
            vec![
                [Some(0), None],
                [Some(1), None],
                [Some(2), None],
                [Some(3), None],
                [Some(4), None],
                [None, Some(0)],
                [None, None],
            ],
            vec![],
        ],
        deployments: 3,
        faults: 0,
        by_hand: 1,
        acts: vec![ManualEdit::SetNs(0, X), ManualEdit::SetNs(0, H), ManualEdit::RemoveNs(0)],
        interleaved: false,
        one_second: true,
        ..base("one-second", "all requests have the same time; one manual edit")
    }
}

/// A delegation is moved or updated, retained and declared again, and that Create is cancelled.
fn retained() -> Profile {
    let x = Config::new(X);
    Profile {
        configs: vec![x, x.moved(), x.again(), x.moved().again()],
        templates: [
            vec![[Some(0), None], [Some(1), None], [Some(2), None], [Some(3), None], [None, None]],
            vec![],
        ],
        deployments: 4,
        faults: 1,
        retains: 1,
        interleaved: false,
        ..base(
            "retained",
            "a delegation is moved or updated, retained, and declared again by a cancelled Create",
        )
    }
}

/// A person removes a claim, so that the rollback of a move is refused, and then skips the
/// resource.
fn skipped() -> Profile {
    let x = Config::new(X);
    Profile {
        configs: vec![x, x.moved(), x.again(), Config::new(Z).overwriting()],
        templates: [
            vec![[Some(0), None], [Some(1), None], [Some(2), None], [None, None]],
            vec![[Some(3), None], [None, None]],
        ],
        deployments: 5,
        faults: 0,
        by_hand: 1,
        acts: vec![ManualEdit::RemoveClaim(0, 0), ManualEdit::RemoveTxt(0)],
        interleaved: false,
        at_once: 1,
        ..base("skipped", "the rollback of a move is refused, and a person skips the resource")
    }
}

/// Three resources and two delegation points.
fn together() -> Profile {
    let (x, z) = (Config::new(X), Config::new(Z));
    Profile {
        configs: vec![x, x.moved(), z.overwriting(), z.moved()],
        templates: [
            vec![[Some(0), None], [Some(1), None], [None, Some(0)], [None, None]],
            vec![[Some(0), None], [Some(2), None], [Some(3), None], [None, None]],
        ],
        deployments: 4,
        faults: 1,
        interleaved: false,
        at_once: 1,
        ..base("together", "three resources, two delegation points, renames, moves and take-overs")
    }
}

/// A delegation with a DS record set.
fn dnssec() -> Profile {
    let (x, y) = (Config::new(X), Config::new(Y));
    Profile {
        configs: vec![
            x,
            x.signed(1),
            x.signed(3),
            x.signed(2),
            y,
            y.signed(1),
            Config::new(Z).overwriting(),
        ],
        templates: [
            vec![
                [Some(0), None],
                [Some(1), None],
                [Some(2), None],
                [Some(3), None],
                [Some(4), None],
                [Some(5), None],
                [None, Some(1)],
                [None, None],
            ],
            vec![[Some(1), None], [Some(3), None], [Some(6), None], [None, None]],
        ],
        deployments: 4,
        faults: 0,
        acts: vec![
            ManualEdit::SetNs(0, Y),
            ManualEdit::RemoveNs(0),
            ManualEdit::SetDs { zone: 0, servers: X, keys: 1 },
            ManualEdit::SetDs { zone: 0, servers: X, keys: 0 },
            ManualEdit::RemoveDs(0),
            ManualEdit::RemoveTxt(0),
        ],
        interleaved: false,
        at_once: 1,
        dnssec: true,
        ..base("dnssec", "a DS record set: two keys, rollover, drift, sharing")
    }
}

/// The same, with a manual edit of NS, DS or TXT.
fn drift() -> Profile {
    Profile {
        name: "drift",
        about: "the same, with a manual edit of NS, DS or TXT",
        deployments: 3,
        by_hand: 1,
        ..dnssec()
    }
}

/// Two stacks that want different name servers, one with a DS record set, and name servers set by
/// hand.
fn contested() -> Profile {
    let (x, y) = (Config::new(X), Config::new(Y));
    Profile {
        configs: vec![x, x.overwriting().again(), y.signed(1), y.overwriting()],
        templates: [
            vec![[Some(0), None], [Some(1), None], [Some(2), None]],
            vec![[Some(3), None], [Some(2), None], [None, None]],
        ],
        deployments: 4,
        faults: 0,
        by_hand: 1,
        acts: vec![ManualEdit::SetNs(0, Y), ManualEdit::SetNs(0, H)],
        interleaved: false,
        at_once: 1,
        dnssec: true,
        ..base(
            "contested",
            "two stacks want different name servers at one point, and one of them a DS record set",
        )
    }
}

/// Returns every profile with its full bounds. Those with the fewest states come first, because
/// they find most mistakes.
pub fn full() -> Vec<Profile> {
    vec![
        cancelled(),
        one_second(),
        skipped(),
        ttls(),
        contested(),
        dnssec(),
        retained(),
        together(),
        drift(),
        checks(),
        accounts(),
        sharing(),
        by_hand(),
        overwrite(),
        moves(),
        restore(),
        races(),
    ]
}

/// Returns the short form of every profile: two deployments and one fault. A profile that has no
/// more than two deployments keeps its faults.
pub fn short() -> Vec<Profile> {
    let shorten = |profile: Profile| Profile {
        deployments: profile.deployments.min(2),
        faults: if profile.deployments > 2 { profile.faults.min(1) } else { profile.faults },
        ..profile
    };
    full().into_iter().map(shorten).collect()
}
