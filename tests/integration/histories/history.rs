//! The events of a history: the steps of stacks, with manual edits and network faults meanwhile.

use std::collections::BTreeMap;
use std::fmt;

/// The names that can be delegated.
pub(crate) const NAMES: [&str; 3] =
    ["testing.example.com", "staging.example.com", "dev.testing.example.com"];

/// The account (an index into [`PARENT_ACCOUNTS`]) and the name of each parent zone.
pub(crate) const PARENTS: [(usize, &str); 3] =
    [(0, "example.com"), (1, "example.com"), (0, "testing.example.com")];
pub(crate) const PARENT_ACCOUNTS: [&str; 2] = ["111111111111", "444444444444"];

/// The account (an index into [`CHILD_ACCOUNTS`]) and the name (an index into [`NAMES`]) of each
/// child zone.
pub(crate) const CHILDREN: [(usize, usize); 6] = [(0, 0), (0, 0), (0, 1), (0, 2), (1, 0), (1, 1)];
pub(crate) const CHILD_ACCOUNTS: [&str; 2] = ["222222222222", "333333333333"];

/// The account of each stack.
pub(crate) const STACKS: [usize; 3] = [0, 0, 1];
pub(crate) const LOGICAL_IDS: [&str; 3] = ["Alpha", "Beta", "Gamma"];

/// The names of key-signing keys. A set of them has one bit each.
pub(crate) const KEYS: [&str; 2] = ["one", "two"];

/// A delegation point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PointIndex {
    /// An index into [`PARENTS`].
    pub(crate) zone: usize,
    /// An index into [`NAMES`].
    pub(crate) name: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct History {
    /// The records of the child zones, one bit each.
    pub(crate) child_records: u16,
    /// The keys that each child zone signs with at the start; `None` if it does not sign.
    pub(crate) keys: [Option<u8>; CHILDREN.len()],
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) edits: Vec<(When, Edit)>,
    pub(crate) network_fault: Option<NetworkFault>,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A deployment. With `fail_after`, another resource fails after that one.
    Deploy {
        stack: usize,
        template: BTreeMap<usize, DeclaredResource>,
        fail_after: Option<usize>,
    },
    Delete {
        stack: usize,
    },
    /// An earlier request is delivered again: number `pick` modulo their number.
    Redeliver {
        stack: usize,
        pick: usize,
    },
    /// A Create, and a Delete with an invented id before the Create has ended.
    Cancel {
        stack: usize,
        logical_id: usize,
        declared: DeclaredResource,
    },
    /// The stack no longer has a resource, without a request to the function: it is retained, or
    /// its Delete was skipped.
    Forget {
        stack: usize,
        logical_id: usize,
    },
    /// The stack is deleted, all its resources are retained, and a stack of the same name is
    /// created.
    Recreate {
        stack: usize,
    },
    /// A refactoring moves a resource to another stack of the account, possibly with another
    /// logical id.
    Refactor {
        from: usize,
        logical_id: usize,
        to: usize,
        new_id: usize,
    },
    Wait {
        hours: u64,
    },
    /// Only manual edits.
    Nothing,
}

/// A resource as a template declares it.
#[allow(clippy::struct_excessive_bools, reason = "the properties are independent switches")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeclaredResource {
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
    /// The name of that zone, in its account.
    Name(usize),
    /// The closest zone of that account.
    Closest(usize),
}

/// When a manual edit happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    /// Before this read of a parent zone in the step, counted from 0.
    Read(usize),
    /// Before this change of a parent zone in the step, counted from 0.
    Change(usize),
    /// Before this delivery in the step, counted from 0.
    Delivery(usize),
    After,
}

/// A manual edit of a parent zone, or of the keys of a child zone.
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
    /// For the keys of a child zone, or for unknown keys.
    PutDs {
        at: PointIndex,
        whose: Whose,
        keys: u8,
        ttl: u32,
    },
    RemoveDs {
        at: PointIndex,
    },
    /// A child zone signs with these keys, or stops signing. Never while a request is running.
    Keys {
        child: usize,
        keys: Option<u8>,
    },
    /// A record at or below the cut.
    PutBelow {
        at: PointIndex,
        what: Below,
    },
    RemoveBelow {
        at: PointIndex,
        what: Below,
    },
    /// A record that is unrelated to any cut.
    PutAside {
        zone: usize,
    },
    /// A value of another program in the ownership record.
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
    /// `www`, with an address.
    Www,
    /// `mail`, with a text.
    Mail,
    /// Mail exchangers at the cut.
    Mx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkFault {
    /// The next change is applied and its answer is lost.
    LostChange,
    /// The same happens to the change after the next.
    LostSecondChange,
    /// The next read of records meets a reset connection.
    LostRead,
    /// The next answer is stored and CloudFormation's bucket resets the connection.
    LostAnswer,
    /// The bucket fails once.
    BucketDown,
    /// The bucket permanently rejects the next answer, and those of its redeliveries.
    RejectedAnswer,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "child records: {:#b}, keys: {:?}", self.child_records, self.keys)?;
        self.steps.iter().enumerate().try_for_each(|(index, step)| {
            writeln!(f, "step {index}: {:?}", step.act)?;
            step.edits
                .iter()
                .try_for_each(|(when, edit)| writeln!(f, "        {when:?}: {edit:?}"))?;
            step.network_fault
                .iter()
                .try_for_each(|network_fault| writeln!(f, "        {network_fault:?}"))
        })
    }
}
