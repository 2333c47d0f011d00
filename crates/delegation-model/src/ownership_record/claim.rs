//! Claims: a resource's reference to a delegation.

use std::fmt;

use super::text::{field, optional, time};
use super::{HERITAGE, MAX_HOLD, Stamp, is_ahead};
use crate::digest::{Digest, RequestDigest};
use crate::ids::ZoneId;
use crate::name::Name;

/// The stack resource in whose name a request comes, at one zone cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claimant {
    id: Digest,
    owner: OwnerName,
}

impl Claimant {
    /// The claimant of a request, from its `StackId` and `LogicalResourceId` and the zone cut that
    /// it is about.
    ///
    /// The unique part of the stack's ARN does not count: of two stacks of one name in one account
    /// and Region the earlier is gone, and the later may declare its resource again (OWN-1).
    pub fn new(stack_id: &str, logical_id: &str, cut: &Name) -> Self {
        let (stack, _) = split_stack_id(stack_id);
        let id = Digest::new(&["claim", stack, logical_id, cut.as_str()]);
        Self { id, owner: OwnerName::of_resource(stack_id, logical_id) }
    }

    /// The claimant that wrote a claim.
    pub fn from_claim(claim: &Claim) -> Self {
        Self { id: claim.id, owner: claim.owner.clone() }
    }

    /// The digest that its claims carry.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// `<stack name>/<logical id>`, for people.
    pub fn owner(&self) -> &OwnerName {
        &self.owner
    }
}

/// The part of a `StackId` that stays when a stack is made again under its name, and the name:
/// `arn:aws:cloudformation:<region>:<account>:stack/<name>/<unique part>`. Any other text whole.
fn split_stack_id(stack_id: &str) -> (&str, &str) {
    let arn = || {
        let (stack, unique) = stack_id.rsplit_once('/')?;
        let (head, name) = stack.rsplit_once('/')?;
        let fits = head.starts_with("arn:") && head.ends_with(":stack") && !unique.is_empty();
        fits.then_some((stack, name))
    };
    arn().unwrap_or((stack_id, stack_id))
}

/// `<stack name>/<logical id>`, for people. It decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerName(Option<String>);

impl OwnerName {
    /// Longer names are cut: 128 characters of a stack's name and 255 of a logical id are what
    /// CloudFormation has.
    const MAX: usize = 384;

    /// The name of a stack resource, from its `StackId` and `LogicalResourceId`.
    pub fn of_resource(stack_id: &str, logical_id: &str) -> Self {
        let (_, stack) = split_stack_id(stack_id);
        let name = stack.chars().chain(['/']).chain(logical_id.chars()).take(Self::MAX);
        let name = name.map(|character| if Self::has(character) { character } else { '_' });
        Self(Some(name.collect()))
    }

    /// A name that we could not have written is not shown: anybody who may write TXT could speak to
    /// people through it (TRUST-3).
    fn parse(text: &str) -> Self {
        let ours = !text.is_empty() && text.len() <= Self::MAX && text.chars().all(Self::has);
        Self(ours.then(|| text.to_owned()))
    }

    fn has(character: char) -> bool {
        character.is_ascii_alphanumeric() || "-_./".contains(character)
    }

    /// The name; `None` if it is not one that this program writes.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str().unwrap_or("an unknown owner"))
    }
}

/// How a claim came to name what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimBasis {
    /// Its request made what it names, over something else too (`made`).
    Made,
    /// Its request came to a delegation that was as wanted, and changed nothing (`came`).
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

/// Where a replacement came from: the way home, should it be rolled back (MOVE-3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MovedFrom {
    /// The parent zone of the physical id that the Update came with; `None` if that id was none of
    /// ours.
    pub zone: Option<ZoneId>,
    /// The digest of the parent properties and the name that led there ([`Digest::from_route`]).
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
    /// Whose it is: see [`Claimant`].
    pub id: Digest,
    /// The name servers that the resource wants to stand.
    pub ns: Digest,
    /// The DS record set that the resource manages; `None` if it manages none.
    pub ds: Option<Digest>,
    /// The properties that the resource was last given (`for`): see [`Digest::from_intent`].
    pub intent: Digest,
    /// What `for` was before (`was`): the way back of an Update.
    pub previous_intent: Option<Digest>,
    /// The request that wrote the claim (`at`, `req`).
    pub stamp: Stamp,
    /// How it came to name what it names (`by`).
    pub basis: ClaimBasis,
    /// The time of the displacement that was not settled when the claim was written, if one was.
    pub saw: Option<i64>,
    /// Where the replacement that wrote it came from.
    pub from: Option<MovedFrom>,
    /// Until when resolvers may have name servers that somebody else wrote and that were put back,
    /// in seconds since 1970.
    pub hold: Option<i64>,
    /// True once another delivery of its request has found it, and may have answered SUCCESS: no
    /// delivery of that request takes it back then (ARRIVE-8).
    pub again: bool,
    /// Who that is, for people.
    pub owner: OwnerName,
}

impl Claim {
    /// True if others can't change what it names without `AllowOverwrite`: its request made that,
    /// or an Update in place has written it since. A claim that only came is not lasting (OWN-4).
    pub fn is_lasting(&self) -> bool {
        match self.basis {
            ClaimBasis::Made | ClaimBasis::Updated => true,
            ClaimBasis::Came => false,
        }
    }

    /// True if a Create wrote it and no Update since (LEAVE-9).
    pub fn is_of_create(&self) -> bool {
        self.basis != ClaimBasis::Updated && self.from.is_none()
    }

    /// The time before which requests are overtaken. A claim from the future fences nothing
    /// (TRUST-1).
    pub fn fence(&self, now: i64) -> i64 {
        if is_ahead(self.stamp.time, now) { i64::MIN } else { self.stamp.time }
    }

    /// True if a later request wrote it.
    pub fn is_later_than(&self, stamp: Stamp, now: i64) -> bool {
        self.fence(now) > stamp.time
    }

    /// Until when no DS record set may be added; capped, and nothing for a claim from the future
    /// (TRUST-2).
    pub fn held_until(&self, now: i64) -> Option<i64> {
        let most = self.fence(now).saturating_add(MAX_HOLD);
        self.hold.map(|until| until.min(most))
    }

    /// Reads the fields behind the heritage.
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

    /// The text of the value. A field that has nothing to say is left out; the owner comes last.
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
