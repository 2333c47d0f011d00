//! A state: the parent zones, what CloudFormation knows, the requests and their deliveries.

use crate::points::PointId;
use crate::values::{RESOURCES, STACKS, ZONES};

/// A state. Times are seconds since the start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) clock: i32,
    /// How many requests were sent.
    pub(crate) sent: u8,
    pub(crate) points: [PointId; ZONES],
    pub(crate) facts: [Facts; ZONES],
    /// What CloudFormation knows about each resource; `None` if the stack does not have it.
    pub(crate) slots: [Option<Held>; RESOURCES.len()],
    pub(crate) operations: [Option<Operation>; STACKS],
    pub(crate) requests: Vec<Request>,
    pub(crate) deliveries: Vec<Delivery>,
    /// A bit for each letter of name servers whose child zone was retained.
    pub(crate) kept: u8,
    /// A bit for each resource that a person skipped in a stuck rollback.
    pub(crate) skipped: u8,
    /// What resolvers may still have cached of the parent zone P.
    pub(crate) caches: Caches,
    /// True if the child zone of `x` signs only with its second key.
    pub(crate) rolled: bool,
    /// True if the child zone of `x` was replaced by hand and has the name servers `h`.
    pub(crate) rezoned: bool,
    pub(crate) left: Left,
}

/// What resolvers may still have cached, with the time until when: name servers by their letter,
/// and DS record sets by their index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Caches {
    pub(crate) servers: Vec<Cached>,
    pub(crate) ds: Vec<Cached>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cached {
    pub(crate) what: u8,
    pub(crate) until: i32,
    /// True if people changed it by hand, which the next person to deploy does not know.
    pub(crate) by_hand: bool,
}

/// How many more events of each kind may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    pub(crate) deployments: u8,
    pub(crate) faults: u8,
    pub(crate) by_hand: u8,
    /// Waits of more than an hour or a day.
    pub(crate) waits: u8,
    /// Retained resources, forced deletions.
    pub(crate) retains: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Physical {
    /// The id of the delegation point in a parent zone.
    Point(u8),
    /// The unresolved id of a Create that left nothing.
    Unresolved,
    /// An id that CloudFormation invented.
    Invented,
}

/// A resource of a stack, as CloudFormation knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) physical: Physical,
    pub(crate) config: u8,
}

/// Who made the current name servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Maker {
    #[default]
    Nobody,
    /// A resource.
    Ours,
    /// People, without replacing name servers of a resource.
    Hand,
    /// People, replacing name servers that a resource had made.
    HandOverOurs,
}

/// Why name servers that a resource made may have no live resource that is responsible for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum LeftBy {
    /// They have one.
    #[default]
    Nobody,
    /// The Delete of the resource was given up, forced, or omitted on purpose.
    Forgotten,
    /// A request that CloudFormation no longer waited for made them.
    Late,
    /// Somebody removed the claim by hand.
    ByHand,
}

/// The history of a delegation point, as far as the properties need it. The planner does not know
/// it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Facts {
    pub(crate) maker: Maker,
    /// Who made the previous name servers.
    pub(crate) displaced: Maker,
    /// True if a later Update in place has settled the delegation.
    pub(crate) settled: bool,
    /// True if somebody removed or set NS by hand while the delegation had a claim.
    pub(crate) ns_by_hand: bool,
    /// True if somebody set the DS record set by hand.
    pub(crate) ds_by_hand: bool,
    /// A bit for each resource whose claim somebody removed by hand, until the resource has one
    /// again.
    pub(crate) claims_by_hand: u8,
    /// True if somebody removed the recorded origin by hand.
    pub(crate) origin_by_hand: bool,
    /// A bit for each resource whose claim was written by a request that CloudFormation no longer
    /// waited for.
    pub(crate) late: u8,
    /// A bit for each resource whose last answer had the `Warning` that the name servers were left
    /// as they are.
    pub(crate) warned: u8,
    /// A bit for each resource that lost its name servers with an excuse, and has not got them
    /// back.
    pub(crate) lost: u8,
    /// Why the current name servers may have no live resource that is responsible for them.
    pub(crate) left_by: LeftBy,
    /// The same for the previous name servers.
    pub(crate) displaced_left_by: LeftBy,
    /// A bit for each resource whose Delete was given up, forced, or omitted on purpose.
    pub(crate) forgotten: u8,
}

/// A deployment or the deletion of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    pub(crate) phase: Phase,
    /// What CloudFormation knew about each of the stack's resources at the start.
    pub(crate) before: [Option<Held>; 2],
    /// The template: the properties of each of the stack's resources.
    pub(crate) target: [Option<u8>; 2],
    pub(crate) done: [Done; 2],
    /// The resources that are still to be deleted, with their physical ids and properties.
    pub(crate) deletes: Vec<(u8, Held)>,
    /// The delegation points at the start.
    pub(crate) snapshot: [PointId; ZONES],
    /// Their history at the start.
    pub(crate) facts: [Facts; ZONES],
    /// Whether `AllowOverwrite` has displaced something, and whether an Update in place did so.
    pub(crate) displaced: [bool; ZONES],
    pub(crate) overwrote: [bool; ZONES],
    /// Whether Route 53 has rejected restoring the name servers of a child zone that no longer
    /// exists.
    pub(crate) rejected: [bool; ZONES],
    pub(crate) began: i32,
    /// True if a Create was given up, so that its Delete has an invented id.
    pub(crate) cancelled: bool,
    /// True if there was a manual edit meanwhile.
    pub(crate) by_hand: bool,
    /// True once anything other than this operation has changed a delegation point.
    pub(crate) disturbed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Creates and Updates.
    Forward,
    /// The reverse Updates of a rollback.
    Back,
    /// Deletes after a deployment.
    CleanUp,
    /// Deletes at the end of a rollback.
    BackCleanUp,
    /// The deletion of the stack.
    Removing,
}

/// The progress of one resource in an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Done {
    NotYet,
    /// The template did not change it.
    Same,
    Created(Physical),
    /// With the new physical id.
    Updated(Physical),
    /// With the physical id, which stays.
    UpdateFailed(Physical),
    /// Rolled back, or about to be deleted.
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RequestType {
    Create,
    Update,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) id: u8,
    pub(crate) resource: u8,
    pub(crate) kind: RequestType,
    pub(crate) config: u8,
    pub(crate) old: u8,
    pub(crate) physical: Physical,
    pub(crate) time: i32,
    /// True as long as CloudFormation waits for its answer.
    pub(crate) awaited: bool,
    /// True if Lambda still has to deliver it.
    pub(crate) owed: bool,
}

/// What a delivery has read at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Snapshot {
    Unread,
    Denied,
    Read(PointId),
}

/// How a request gets to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Behavior {
    Create,
    InPlace,
    /// It returns home from this zone.
    Home(u8),
    /// It moves from this zone; `None` if the function did not return its physical id.
    Replacement(Option<u8>),
}

impl Behavior {
    pub(crate) fn is_arrival(self) -> bool {
        matches!(self, Self::Create | Self::Replacement(_))
    }
}

/// A running delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Delivery {
    pub(crate) request: u8,
    pub(crate) stage: Stage,
    /// The zone in which it currently reads and writes.
    pub(crate) zone: u8,
    /// The zone that the resource is in after a success.
    pub(crate) goes_to: u8,
    pub(crate) behavior: Behavior,
    pub(crate) physical: Snapshot,
    pub(crate) physical_by_old_role: Snapshot,
    pub(crate) home: Snapshot,
    /// The index of the planner's decision.
    pub(crate) planned: u32,
    pub(crate) round: u8,
    /// True if it found the claim of its own request.
    pub(crate) found_own: bool,
    /// True if its answer has a `Warning` that the name servers are not the desired ones.
    pub(crate) warned: bool,
    /// True if Route 53 has rejected the name servers that it would have restored.
    pub(crate) restore_rejected: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// Finds out which delegation point the request goes to.
    Resolve,
    /// Reads the point and plans.
    Observe(Part),
    /// Sends the batch.
    Write(Part),
    /// A replacement reads the physical id's point again.
    CheckOldPoint,
    /// Does the check after the change.
    Verify,
    /// An arrival that does not know whether its batch was applied reads whether the claim of its
    /// request exists (ARRIVE-8).
    FindOwnClaim,
    /// Sends the answer.
    Answer(Answer),
}

/// The part of a request that is in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// The Create or Update at its point.
    CreateUpdate,
    Delete,
    /// A failed arrival undoes what it wrote.
    Undo,
    /// A rollback removes the claim that a failed replacement left.
    CleanUp,
}

/// An answer to CloudFormation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Answer {
    pub(crate) success: bool,
    pub(crate) physical: Physical,
    /// True if a `Warning` says that the name servers are not the desired ones.
    pub(crate) warned: bool,
}

impl State {
    pub(crate) fn request(&self, id: u8) -> &Request {
        let request = self.requests.iter().find(|request| request.id == id);
        request.unwrap_or_else(|| unreachable!("request {id} is gone"))
    }

    pub(crate) fn request_mut(&mut self, id: u8) -> &mut Request {
        let request = self.requests.iter_mut().find(|request| request.id == id);
        request.unwrap_or_else(|| unreachable!("request {id} is gone"))
    }

    /// Returns true if no operation and no delivery is running.
    pub(crate) fn is_idle(&self) -> bool {
        self.operations.iter().all(Option::is_none) && self.deliveries.is_empty()
    }

    /// Removes requests that can no longer have an effect.
    pub(crate) fn tidy(&mut self) {
        let faults = self.left.faults > 0;
        let Self { requests, deliveries, .. } = self;
        requests.retain(|request| {
            let runs = deliveries.iter().any(|delivery| delivery.request == request.id);
            faults || request.awaited || request.owed || runs
        });
    }
}
