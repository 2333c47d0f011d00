//! The tables of arriving, updating and leaving of `docs/design.md`, implemented a second time and
//! without the planner: what a batch may do to name servers and claims. The tests of the planner in
//! memory, the races, and the reference model of the histories check batches by them.

mod batch;
mod create_update;
mod delete;

use std::fmt;

use super::ds::RequestedDs;
use super::record::{By, Claim, Origin, PointState, Set, Values};
pub(crate) use batch::{Batch, check_batch, kept, may_be_kept};
use create_update::CreateUpdate;

/// The resource that makes a request, and the time.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    /// `<stack name>/<logical id>`.
    pub(crate) owner: String,
    /// The digest that its claims carry.
    pub(crate) id: String,
    pub(crate) at: i64,
    /// The digest of its `RequestId`; `None` if it is not known.
    pub(crate) req: Option<String>,
    /// The current time.
    pub(crate) now: i64,
}

/// How a Create or an Update gets to the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Behavior {
    Create,
    /// With the `from` that its claim must have.
    Replacement {
        from: String,
    },
    InPlace,
    /// In place, for a resource that returns home from another point.
    Home {
        from: String,
    },
}

impl Behavior {
    pub(crate) fn is_arrival(&self) -> bool {
        matches!(self, Self::Create | Self::Replacement { .. })
    }
}

/// The properties of a Create or an Update.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact about the request")]
pub(crate) struct Intent {
    pub(crate) behavior: Behavior,
    pub(crate) servers: Values,
    pub(crate) ttl: u32,
    /// True if `TTL` differs from the old properties.
    pub(crate) changes_ttl: bool,
    /// True if `DsTTL` differs from the old properties.
    pub(crate) changes_ds_ttl: bool,
    pub(crate) overwrite: bool,
    /// True if the function may manage the name.
    pub(crate) allowed: bool,
    /// The digest of the properties (`for`), and of the old ones.
    pub(crate) digest: String,
    pub(crate) old_digest: Option<String>,
    pub(crate) ds: RequestedDs,
    pub(crate) ds_ttl: u32,
    /// True if something other than ownership prevents the change; `None` if that is not known.
    pub(crate) blocked: Option<bool>,
}

impl Intent {
    pub(crate) fn is_arrival(&self) -> bool {
        self.behavior.is_arrival()
    }
}

/// Why a claim is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A Delete of the point, or the clean-up of a failed replacement.
    Requested,
    /// A failed arrival undoes what it wrote.
    Undo,
    /// A Delete with an id that CloudFormation invented for a Create with this intent.
    Invented { intent: String, could_run: bool },
    /// The parent zone of the id no longer exists, and the properties lead here.
    ZoneGone(String),
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) enum Asks {
    CreateUpdate(Intent),
    Delete(Delete),
}

/// A request that removes a claim.
#[derive(Clone, Debug)]
pub(crate) struct Delete {
    pub(crate) why: Reason,
    /// The name servers of the child zone and of `NameServers`, if they were read.
    pub(crate) known: Option<Values>,
    /// True if Route 53 rejected the displaced name servers, or the name is not allowed.
    pub(crate) restore_rejected: bool,
}

/// What the tables say about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing changes: a later request of the resource, or the Delete of the Create, came first.
    Overtaken,
    /// Nothing changes: the claim of the same request exists.
    Again,
    /// An arrival, or an Update that asks for something new and would change something, fails.
    Refused(&'static str),
    /// Everything stays, except for the time in the claim.
    Kept(&'static str),
    /// The point gets this state.
    Becomes(Box<ExpectedState>),
    /// Nothing is written.
    Nothing,
}

/// The expected state after a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedState {
    pub(crate) ns: Option<Set>,
    pub(crate) before: Option<Origin>,
    pub(crate) own: Option<Own>,
    /// True if a tombstone of the resource with the time of the request must exist.
    pub(crate) tombstone: bool,
    pub(crate) row: Row,
}

/// The row of the tables that a batch matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// None: something else changed the point after it was read.
    InBetween,
    Overtaken,
    Again,
    Refused,
    Nothing,
    Kept,
    CreateUpdate(CreateUpdateRow),
    /// A row of the table of leaving.
    Delete(&'static str),
}

/// A row of the table of arriving and updating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CreateUpdateRow {
    Create,
    Unchanged,
    Change,
    Repair,
    Displace,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::InBetween => "in between",
            Self::Overtaken => "overtaken",
            Self::Again => "again",
            Self::Refused => "refused",
            Self::Nothing => "nothing",
            Self::Kept => "kept",
            Self::CreateUpdate(CreateUpdateRow::Create) => "created",
            Self::CreateUpdate(CreateUpdateRow::Unchanged) => "unchanged",
            Self::CreateUpdate(CreateUpdateRow::Change) => "changed",
            Self::CreateUpdate(CreateUpdateRow::Repair) => "repaired",
            Self::CreateUpdate(CreateUpdateRow::Displace) => "displaced",
            Self::Delete(what) => what,
        })
    }
}

/// The expected claim of a Create or an Update, without its `ds` and `hold`, which [`ds`] checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    ns: String,
    intent: String,
    was: Option<String>,
    by: By,
    saw: Option<i64>,
    from: Option<String>,
}

fn own_of(claim: &Claim) -> Own {
    let Claim { ns, intent, was, by, saw, from, .. } = claim.clone();
    Own { ns, intent, was, by, saw, from }
}

/// Returns what the tables say.
pub(crate) fn decide(stamp: &Stamp, asks: &Asks, point_state: &PointState) -> Verdict {
    match asks {
        Asks::CreateUpdate(intent) => CreateUpdate::new(stamp, intent, point_state).decide(),
        Asks::Delete(delete) => delete::decide(stamp, delete, point_state),
    }
}
