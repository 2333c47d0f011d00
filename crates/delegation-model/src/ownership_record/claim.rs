//! Claims: references of resources to a delegation.

use std::fmt;

use super::text::{field, optional, time};
use super::{HERITAGE, MAX_HOLD, Stamp, is_ahead};
use crate::digest::{Digest, RequestDigest};
use crate::ids::ZoneId;
use crate::name::Name;

/// The stack resource that makes a request, at one zone cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claimant {
    id: Digest,
    owner: OwnerName,
}

impl Claimant {
    /// Creates the claimant of a request from its `StackId`, its `LogicalResourceId` and the zone
    /// cut that it is about.
    ///
    /// The unique part of the stack's ARN does not count. If there were two stacks of one name in
    /// one account and Region, the earlier no longer exists, and the later may declare its resource
    /// again (OWN-1).
    pub fn new(stack_id: &str, logical_id: &str, cut: &Name) -> Self {
        let (stack, _) = split_stack_id(stack_id);
        let id = Digest::new(&["claim", stack, logical_id, cut.as_str()]);
        Self { id, owner: OwnerName::of_resource(stack_id, logical_id) }
    }

    /// Returns the claimant that wrote a claim.
    pub(crate) fn from_claim(claim: &Claim) -> Self {
        Self { id: claim.id, owner: claim.owner.clone() }
    }

    /// Returns the digest that its claims carry.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// Returns `<stack name>/<logical id>`, for people.
    pub fn owner(&self) -> &OwnerName {
        &self.owner
    }
}

/// Splits `arn:aws:cloudformation:<region>:<account>:stack/<name>/<unique part>`: returns the part
/// that stays the same when a stack is created again under its name, and the name. For any other
/// text, returns the whole text twice.
fn split_stack_id(stack_id: &str) -> (&str, &str) {
    let arn = || {
        let (stack, unique) = stack_id.rsplit_once('/')?;
        let (head, name) = stack.rsplit_once('/')?;
        let fits = head.starts_with("arn:") && head.ends_with(":stack") && !unique.is_empty();
        fits.then_some((stack, name))
    };
    arn().unwrap_or((stack_id, stack_id))
}

/// `<stack name>/<logical id>`, for people. No decision depends on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerName(Option<String>);

impl OwnerName {
    /// Longer names are cut. CloudFormation allows 128 characters for a stack's name and 255 for a
    /// logical id.
    const MAX: usize = 384;

    /// Creates the name of a stack resource from its `StackId` and `LogicalResourceId`.
    pub fn of_resource(stack_id: &str, logical_id: &str) -> Self {
        let (_, stack) = split_stack_id(stack_id);
        let name = stack.chars().chain(['/']).chain(logical_id.chars()).take(Self::MAX);
        let name = name.map(|character| if Self::has(character) { character } else { '_' });
        Self(Some(name.collect()))
    }

    /// Parses a name. One that this program can't have written is not kept: anybody who may write
    /// TXT records could show people text of their choice (TRUST-3).
    fn parse(text: &str) -> Self {
        let ours = !text.is_empty() && text.len() <= Self::MAX && text.chars().all(Self::has);
        Self(ours.then(|| text.to_owned()))
    }

    fn has(character: char) -> bool {
        character.is_ascii_alphanumeric() || "-_./".contains(character)
    }

    /// Returns the name; `None` if it is not one that this program writes.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str().unwrap_or("an unknown owner"))
    }
}

/// How a claim came to name its name servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimBasis {
    /// Its request made the delegation that it names, possibly by displacing another (`made`).
    Made,
    /// Its request found the delegation as desired, and changed nothing (`came`).
    Came,
    /// An Update in place wrote it (`up`).
    Updated,
}

impl ClaimBasis {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "made" => Some(Self::Made),
            "came" => Some(Self::Came),
            "up" => Some(Self::Updated),
            _ => None,
        }
    }
}

impl fmt::Display for ClaimBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Made => "made",
            Self::Came => "came",
            Self::Updated => "up",
        })
    }
}

/// Where a replacement came from, and where its rollback returns to (MOVE-3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MovedFrom {
    /// The parent zone of the physical id that the Update was sent with; `None` if this function
    /// did not return that id.
    pub zone: Option<ZoneId>,
    /// The digest of the parent properties and of the name that led there ([`Digest::from_route`]).
    pub route: Digest,
}

impl MovedFrom {
    fn parse(text: &str) -> Option<Self> {
        let (zone, route) = text.split_once('/')?;
        let zone = if zone == "-" { None } else { Some(zone.parse().ok()?) };
        Some(Self { zone, route: Digest::parse(route)? })
    }
}

impl fmt::Display for MovedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.zone.as_ref().map_or("-", ZoneId::as_str), self.route)
    }
}

/// A resource's reference to a delegation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// The resource that the claim belongs to: see [`Claimant`].
    pub id: Digest,
    /// The name servers that the resource wants.
    pub ns: Digest,
    /// The DS record set that the resource manages; `None` if it manages none.
    pub ds: Option<Digest>,
    /// The intent of the resource (`for`): see [`Digest::from_intent`].
    pub intent: Digest,
    /// The intent before that (`was`), which the rollback of an Update asks for.
    pub previous_intent: Option<Digest>,
    /// The request that wrote the claim (`at`, `req`).
    pub stamp: Stamp,
    /// How the claim came to name its name servers (`by`).
    pub basis: ClaimBasis,
    /// The time of the displacement that was unsettled when the claim was written, if any.
    pub saw: Option<i64>,
    /// Where the replacement that wrote the claim came from.
    pub from: Option<MovedFrom>,
    /// Until when resolvers may have cached name servers that this resource has since replaced by
    /// restoring its own, in seconds since 1970.
    pub hold: Option<i64>,
    /// True once a second delivery of its request has found the claim and may have answered
    /// SUCCESS. No delivery of that request undoes the claim then (ARRIVE-8).
    pub again: bool,
    /// The name of the resource, for people.
    pub owner: OwnerName,
}

impl Claim {
    /// Returns true if other resources can't change the name servers that it names without
    /// `AllowOverwrite`: its request made them, or an Update in place wrote the claim. A claim that
    /// only came is not lasting (OWN-4).
    pub fn is_lasting(&self) -> bool {
        match self.basis {
            ClaimBasis::Made | ClaimBasis::Updated => true,
            ClaimBasis::Came => false,
        }
    }

    /// Returns true if a Create wrote the claim and no Update has since (LEAVE-9).
    pub fn is_of_create(&self) -> bool {
        self.basis != ClaimBasis::Updated && self.from.is_none()
    }

    /// Returns the key by which several claims of one resource are ordered: the first counts. It is
    /// the earliest, so that a series of forged claims overtakes requests for no longer than one of
    /// them. Those from the future are last (TRUST-1).
    pub fn precedence(&self, now: i64) -> (bool, i64) {
        (is_ahead(self.stamp.time, now), self.stamp.time)
    }

    /// Returns the time before which requests are overtaken. A claim from the future fences nothing
    /// (TRUST-1).
    pub fn fence(&self, now: i64) -> i64 {
        if is_ahead(self.stamp.time, now) { i64::MIN } else { self.stamp.time }
    }

    /// Returns true if a later request wrote the claim.
    pub(crate) fn is_later_than(&self, stamp: Stamp, now: i64) -> bool {
        self.fence(now) > stamp.time
    }

    /// Returns until when no DS record set may be added: at most a week after the claim's time
    /// (TRUST-2).
    pub(super) fn held_until(&self) -> Option<i64> {
        let most = self.stamp.time.saturating_add(MAX_HOLD);
        self.hold.map(|until| until.min(most))
    }

    /// Parses the fields after the heritage.
    pub(super) fn parse(fields: &str) -> Option<Self> {
        let (fields, owner) = fields.split_once(",owner=")?;
        Some(Self {
            id: Digest::parse(field(fields, "claim")?)?,
            ns: Digest::parse(field(fields, "ns")?)?,
            ds: optional(fields, "ds", Digest::parse).ok()?,
            intent: Digest::parse(field(fields, "for")?)?,
            previous_intent: optional(fields, "was", Digest::parse).ok()?,
            stamp: Stamp {
                time: time(field(fields, "at")?)?,
                request: RequestDigest::parse(field(fields, "req")?)?,
            },
            basis: ClaimBasis::parse(field(fields, "by")?)?,
            saw: optional(fields, "saw", time).ok()?,
            from: optional(fields, "from", MovedFrom::parse).ok()?,
            hold: optional(fields, "hold", time).ok()?,
            again: optional(fields, "again", |text| (text == "yes").then_some(())).ok()?.is_some(),
            owner: OwnerName::parse(owner),
        })
    }

    /// Returns the text of the value. A field without a value is left out. The owner is last.
    pub(super) fn text(&self) -> String {
        use fmt::Write as _;
        let Self { id, ns, intent, stamp, basis, .. } = self;
        let mut text = format!("{HERITAGE},claim={id},ns={ns}");
        let mut add = |name: &str, value: Option<String>| {
            // Writing to a String never fails.
            let _ = value.map(|value| write!(text, ",{name}={value}"));
        };
        add("ds", self.ds.map(|ds| ds.to_string()));
        add("for", Some(intent.to_string()));
        add("was", self.previous_intent.map(|was| was.to_string()));
        add("at", Some(stamp.time.to_string()));
        add("req", Some(stamp.request.to_string()));
        add("by", Some(basis.to_string()));
        add("saw", self.saw.map(|saw| saw.to_string()));
        add("from", self.from.as_ref().map(ToString::to_string));
        add("hold", self.hold.map(|hold| hold.to_string()));
        add("again", self.again.then(|| "yes".to_owned()));
        add("owner", Some(self.owner.as_str().unwrap_or_default().to_owned()));
        text
    }
}
