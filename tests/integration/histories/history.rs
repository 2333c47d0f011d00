//! What happens in a history: steps of stacks, and what an outside actor and the network do
//! meanwhile.

use std::collections::BTreeMap;
use std::fmt;

/// The names that can be delegated.
pub(crate) const NAMES: [&str; 3] =
    ["testing.example.com", "staging.example.com", "dev.testing.example.com"];

/// Account (an index into [`PARENT_ACCOUNTS`]) and name of each parent zone.
pub(crate) const PARENTS: [(usize, &str); 3] =
    [(0, "example.com"), (1, "example.com"), (0, "testing.example.com")];
pub(crate) const PARENT_ACCOUNTS: [&str; 2] = ["111111111111", "444444444444"];

/// Account (an index into [`CHILD_ACCOUNTS`]) and name (an index into [`NAMES`]) of each child
/// zone.
pub(crate) const CHILDREN: [(usize, usize); 6] = [(0, 0), (0, 0), (0, 1), (0, 2), (1, 0), (1, 1)];
pub(crate) const CHILD_ACCOUNTS: [&str; 2] = ["222222222222", "333333333333"];

/// Account of each stack.
pub(crate) const STACKS: [usize; 3] = [0, 0, 1];
pub(crate) const LOGICAL_IDS: [&str; 3] = ["Alpha", "Beta", "Gamma"];

/// The names that key-signing keys have; a set of them is a bit each.
pub(crate) const KEYS: [&str; 2] = ["one", "two"];

/// A place: an index into [`PARENTS`] and one into [`NAMES`].
pub(crate) type PointIndex = (usize, usize);

#[derive(Clone, Debug)]
pub(crate) struct History {
    /// Which records the child zones have, a bit each.
    pub(crate) child_records: u16,
    /// With which keys each child zone signs in the beginning; `None` if it does not.
    pub(crate) keys: [Option<u8>; CHILDREN.len()],
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) edits: Vec<(When, Edit)>,
    pub(crate) trouble: Option<Trouble>,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A deployment, with which another resource fails once `fail_after` has gone through.
    Deploy {
        stack: usize,
        template: BTreeMap<usize, Intent>,
        fail_after: Option<usize>,
    },
    Delete {
        stack: usize,
    },
    /// An earlier request is delivered once more: `pick` modulo their number.
    Redeliver {
        stack: usize,
        pick: usize,
    },
    /// A Create, and before it has ended a Delete with an invented id.
    Cancel {
        stack: usize,
        logical_id: usize,
        intent: Intent,
    },
    /// The stack holds a resource no longer, and the function hears nothing of it: it is retained,
    /// or its Delete was skipped.
    Forget {
        stack: usize,
        logical_id: usize,
    },
    /// The stack goes, all its resources are retained, and one of its name is made.
    Recreate {
        stack: usize,
    },
    /// A refactoring moves a resource to another stack of the account, under another logical id
    /// perhaps.
    Refactor {
        from: usize,
        logical_id: usize,
        to: usize,
        new_id: usize,
    },
    Wait {
        hours: u64,
    },
    /// Only the outside actor.
    Nothing,
}

/// The properties of one resource.
#[allow(clippy::struct_excessive_bools, reason = "so many properties are switches")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) child: usize,
    pub(crate) parent: Parent,
    pub(crate) ttl: u32,
    pub(crate) overwrite: bool,
    pub(crate) occlusion: bool,
    /// `NameServers` outside Route 53.
    pub(crate) vanity: bool,
    pub(crate) dnssec: bool,
    /// `KeySigningKeys`; `None` for all active ones.
    pub(crate) keys: Option<u8>,
    pub(crate) ds_ttl: u32,
    pub(crate) trigger: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    Id(usize),
    /// By the name of that zone, in its account.
    Name(usize),
    /// The closest of that account.
    Closest(usize),
}

/// When the outside actor acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    /// Before the so-manieth read of a parent zone in this step, from 0.
    Read(usize),
    /// Before the so-manieth change of a parent zone in this step, from 0.
    Change(usize),
    /// Before the so-manieth delivery of this step, from 0.
    Delivery(usize),
    After,
}

/// What the outside actor does to a parent zone, or to the keys of a child zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    PutNs {
        at: PointIndex,
        whose: Whose,
        ttl: u32,
    },
    RemoveNs {
        at: PointIndex,
    },
    /// For the keys of a child zone, or for nobody's.
    PutDs {
        at: PointIndex,
        whose: Whose,
        keys: u8,
        ttl: u32,
    },
    RemoveDs {
        at: PointIndex,
    },
    /// A child zone signs with these keys, or ceases to sign. Never while a request is under way.
    Keys {
        child: usize,
        keys: Option<u8>,
    },
    /// A record below the cut, or at it.
    PutBelow {
        at: PointIndex,
        what: Below,
    },
    RemoveBelow {
        at: PointIndex,
        what: Below,
    },
    /// Nothing to do with any cut.
    PutAside {
        zone: usize,
    },
    /// A value that is no claim, in the ownership record.
    PutStranger {
        at: PointIndex,
    },
    RemoveStranger {
        at: PointIndex,
    },
    RemoveOwnership {
        at: PointIndex,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Stranger,
    Child(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Below {
    /// `www`, an address.
    Www,
    /// `mail`, a text.
    Mail,
    /// Mail exchangers of the cut itself.
    Mx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The next change is carried out and its answer lost.
    LostChange,
    /// The same for the change after the next.
    LostSecondChange,
    /// The next read of records meets a reset connection.
    LostRead,
    /// The next answer is stored and CloudFormation's bucket resets the connection.
    LostAnswer,
    /// The bucket fails once.
    BucketDown,
    /// The bucket refuses the next answer, and its redeliveries, for good.
    Unheard,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "child records: {:#b}, keys: {:?}", self.child_records, self.keys)?;
        self.steps.iter().enumerate().try_for_each(|(index, step)| {
            writeln!(f, "step {index}: {:?}", step.act)?;
            step.edits
                .iter()
                .try_for_each(|(when, edit)| writeln!(f, "        {when:?}: {edit:?}"))?;
            step.trouble.iter().try_for_each(|trouble| writeln!(f, "        {trouble:?}"))
        })
    }
}
