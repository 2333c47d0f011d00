//! One state: the parent zones, what CloudFormation believes, requests and their deliveries.

use crate::points::PointId;
use crate::values::{RESOURCES, STACKS, ZONES};

/// A state. Times are seconds since the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) clock: i32,
    /// How many requests were made.
    pub(crate) sent: u8,
    pub(crate) points: [PointId; ZONES],
    pub(crate) facts: [Facts; ZONES],
    /// What CloudFormation holds of each resource.
    pub(crate) slots: [Option<Held>; RESOURCES.len()],
    pub(crate) operations: [Option<Operation>; STACKS],
    pub(crate) requests: Vec<Request>,
    pub(crate) deliveries: Vec<Delivery>,
    /// A bit for each letter of name servers whose child zone was retained.
    pub(crate) kept: u8,
    /// A bit for each resource that a person skipped in a rollback that was stuck.
    pub(crate) skipped: u8,
    /// What resolvers may still have of the parent zone P.
    pub(crate) caches: Caches,
    /// The child zone of `x` signs with its second key alone.
    pub(crate) rolled: bool,
    /// The child zone of `x` was replaced by hand, and has the name servers `h`.
    pub(crate) rezoned: bool,
    pub(crate) left: Left,
}

/// What resolvers may still have: name servers by their letter and DS record sets by their index,
/// each until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Caches {
    pub(crate) servers: Vec<Cached>,
    pub(crate) ds: Vec<Cached>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cached {
    pub(crate) what: u8,
    pub(crate) until: i32,
    /// People changed it, and the next one to deploy does not know.
    pub(crate) by_hand: bool,
}

/// What may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    pub(crate) deployments: u8,
    pub(crate) faults: u8,
    pub(crate) by_hand: u8,
    /// Long waits.
    pub(crate) waits: u8,
    /// Retained resources, forced deletions.
    pub(crate) retains: u8,
}

/// A physical id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Physical {
    /// That of the delegation point in a parent zone.
    Point(u8),
    /// That of a Create which left nothing.
    Marker,
    /// One that CloudFormation made up.
    Invented,
}

/// A resource that a stack has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Held {
    pub(crate) physical: Physical,
    pub(crate) config: u8,
}

/// Who made the name servers that stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Maker {
    #[default]
    Nobody,
    /// A resource.
    Ours,
    /// People, where nothing of ours was.
    Hand,
    /// People, in the place of name servers that a resource had made.
    HandOverOurs,
}

/// Why no resource that a stack holds may answer for name servers that a resource made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum LeftBy {
    /// One does.
    #[default]
    Nobody,
    /// Its Delete was given up, forced or left out on purpose.
    Forgotten,
    /// It was made by a request that CloudFormation waited for no more.
    Late,
    /// Somebody removed the claim by hand.
    ByHand,
}

/// What happened at a delegation point, as far as the properties need to know it: no part of the
/// planner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Facts {
    pub(crate) maker: Maker,
    /// Who made what stood before.
    pub(crate) displaced: Maker,
    /// A later Update in place has settled what stands.
    pub(crate) settled: bool,
    /// Somebody removed or set NS by hand while a resource was there.
    pub(crate) ns_by_hand: bool,
    /// Somebody set the DS record set by hand.
    pub(crate) ds_by_hand: bool,
    /// A bit for each resource whose claim somebody removed by hand, until it has one again.
    pub(crate) claims_by_hand: u8,
    /// Somebody removed a `before` by hand.
    pub(crate) before_by_hand: bool,
    /// A bit for each resource whose claim a request wrote that CloudFormation waited for no more.
    pub(crate) late: u8,
    /// A bit for each resource that was told by a `Warning` that the name servers are left as they
    /// are.
    pub(crate) warned: u8,
    /// A bit for each resource whose name servers were taken away with an excuse, and have not come
    /// back.
    pub(crate) lost: u8,
    /// Why no resource that a stack holds may answer for what stands.
    pub(crate) left_by: LeftBy,
    /// The same of what stood before.
    pub(crate) displaced_left_by: LeftBy,
    /// A bit for each resource whose Delete was given up, forced or left out on purpose.
    pub(crate) forgotten: u8,
}

/// What CloudFormation does with a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Operation {
    pub(crate) phase: Phase,
    /// What it held of each of the stack's resources.
    pub(crate) before: [Option<Held>; 2],
    /// The template: what is asked of each of the stack's resources.
    pub(crate) target: [Option<u8>; 2],
    pub(crate) done: [Done; 2],
    /// What is still to be deleted: the resource, and as what.
    pub(crate) deletes: Vec<(u8, Held)>,
    /// What stood when it began.
    pub(crate) snapshot: [PointId; ZONES],
    /// What had happened there when it began.
    pub(crate) facts: [Facts; ZONES],
    /// Whether `AllowOverwrite` displaced something in it, and by an Update in place.
    pub(crate) displaced: [bool; ZONES],
    pub(crate) overwrote: [bool; ZONES],
    /// Route 53 has rejected that name servers of a child zone that is gone are put back.
    pub(crate) rejected: [bool; ZONES],
    pub(crate) began: i32,
    /// A Create was given up, so that its Delete has an invented id.
    pub(crate) cancelled: bool,
    /// Somebody acted by hand meanwhile.
    pub(crate) by_hand: bool,
    /// True once anything but this operation changed what stands.
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

/// What became of one resource in the forward phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Done {
    NotYet,
    /// Nothing was asked.
    Same,
    Created(Physical),
    /// The physical id that CloudFormation knows since, and whether the Update failed.
    Updated(Physical, bool),
    /// Rolled back, or about to be deleted.
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Create,
    Update,
    Delete,
}

/// A request of CloudFormation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) id: u8,
    pub(crate) resource: u8,
    pub(crate) kind: Kind,
    pub(crate) config: u8,
    pub(crate) old: u8,
    pub(crate) physical: Physical,
    pub(crate) time: i32,
    /// CloudFormation waits for its answer.
    pub(crate) awaited: bool,
    /// Lambda owes a delivery.
    pub(crate) owed: bool,
}

/// What a request has read of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Snapshot {
    Unread,
    Denied,
    Read(PointId),
}

/// How a request comes to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Behavior {
    Create,
    InPlace,
    /// Home from this zone.
    Home(u8),
    /// From this zone; `None` from an id that is none of ours.
    Replacement(Option<u8>),
}

impl Behavior {
    pub(crate) fn is_arrival(self) -> bool {
        matches!(self, Self::Create | Self::Replacement(_))
    }
}

/// A delivery that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Delivery {
    pub(crate) request: u8,
    pub(crate) stage: Stage,
    /// The zone that it reads and writes in now.
    pub(crate) zone: u8,
    /// The zone in which the resource is once it has succeeded.
    pub(crate) goes_to: u8,
    pub(crate) behavior: Behavior,
    pub(crate) physical: Snapshot,
    pub(crate) physical_by_old_role: Snapshot,
    pub(crate) home: Snapshot,
    /// What is planned: the index of a decision.
    pub(crate) planned: u32,
    pub(crate) round: u8,
    /// It found the claim of its own request.
    pub(crate) found_own: bool,
    /// Its answer has a `Warning` that the name servers are not as asked.
    pub(crate) warned: bool,
    /// Route 53 has rejected what it would have put back.
    pub(crate) restore_rejected: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// Finds out where it goes.
    Resolve,
    /// Reads the point and plans.
    Observe(Part),
    /// Sends the batch.
    Write(Part),
    /// A replacement reads the physical id's point once more.
    CheckOldPoint,
    /// A check after the change.
    Verify,
    /// An arrival that does not know whether its batch was carried out looks for the claim of its
    /// request (ARRIVE-8).
    FindOwnClaim,
    /// Sends the answer.
    Answer(Answer),
}

/// What of a request is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// A Create or Update, at its point.
    CreateUpdate,
    /// A Delete.
    Delete,
    /// An arrival that fails takes back what it wrote.
    Undo,
    /// A rollback removes what a failed replacement left.
    CleanUp,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Answer {
    pub(crate) success: bool,
    pub(crate) physical: Physical,
    /// A `Warning` says that the name servers are not as asked.
    pub(crate) warned: bool,
}

impl World {
    pub(crate) fn request(&self, id: u8) -> &Request {
        let found = self.requests.iter().find(|request| request.id == id);
        found.unwrap_or_else(|| unreachable!("request {id} is gone"))
    }

    pub(crate) fn request_mut(&mut self, id: u8) -> &mut Request {
        let found = self.requests.iter_mut().find(|request| request.id == id);
        found.unwrap_or_else(|| unreachable!("request {id} is gone"))
    }

    /// True if nothing is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.operations.iter().all(Option::is_none) && self.deliveries.is_empty()
    }

    /// Drops what can have no effect any more.
    pub(crate) fn tidy(&mut self) {
        let faults = self.left.faults > 0;
        let Self { requests, deliveries, .. } = self;
        requests.retain(|request| {
            let runs = deliveries.iter().any(|delivery| delivery.request == request.id);
            faults || request.awaited || request.owed || runs
        });
    }
}
