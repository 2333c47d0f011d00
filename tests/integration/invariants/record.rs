//! The state of a delegation point, including the ownership record, parsed as `docs/design.md`
//! describes it and without the function's own code. Only the digests are those of the model, which
//! tests what they cover.

use std::collections::{BTreeMap, BTreeSet};

use delegation_model::digest::Digest;
use delegation_model::ds::DsRecords;
use delegation_model::name_servers::NameServers;

/// The values of a record set, in lower case and without trailing dots.
pub(crate) type Values = BTreeSet<String>;

/// Returns a value in lower case, without its trailing dot.
pub(crate) fn plain(value: &str) -> String {
    value.trim_end_matches('.').to_ascii_lowercase()
}

/// A record set of name servers or of DS records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) values: Values,
    pub(crate) ttl: u32,
}

impl Set {
    pub(crate) fn new<T: AsRef<str>>(values: &[T], ttl: u32) -> Self {
        Self { values: values.iter().map(|value| plain(value.as_ref())).collect(), ttl }
    }
}

/// Returns the digest of name servers, as a claim has it.
pub(crate) fn ns_digest(servers: &Values) -> Option<String> {
    let values: Vec<&str> = servers.iter().map(String::as_str).collect();
    Some(Digest::from_name_servers(&NameServers::from_values(&values)?).to_string())
}

/// Returns the digest of a DS record set, as a claim has it.
pub(crate) fn ds_digest(records: &Values) -> Option<String> {
    let values: Vec<String> = records.iter().map(|value| value.to_ascii_uppercase()).collect();
    Some(Digest::from_ds(&DsRecords::from_values(&values)?).to_string())
}

/// The state of a delegation point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PointState {
    pub(crate) ns: Option<Set>,
    pub(crate) ds: Option<Set>,
    pub(crate) record: Record,
}

impl PointState {
    /// Returns the same state without the marks of second deliveries.
    pub(crate) fn unmarked(&self) -> Self {
        let mut point_state = self.clone();
        let unmarked = |value: &str| value.replace("\" \"", "").replace(",again=yes", "");
        for claim in &mut point_state.record.claims {
            claim.again = false;
            claim.value = unmarked(&claim.value);
        }
        for value in &mut point_state.record.values {
            *value = unmarked(value);
        }
        point_state
    }

    /// Returns the digest of the current name servers.
    pub(crate) fn current(&self) -> Option<String> {
        self.ns.as_ref().and_then(|set| ns_digest(&set.values))
    }

    /// Returns the digest of the current DS record set.
    pub(crate) fn current_ds(&self) -> Option<String> {
        self.ds.as_ref().and_then(|set| ds_digest(&set.values))
    }

    pub(crate) fn servers(&self) -> Option<&Values> {
        self.ns.as_ref().map(|set| &set.values)
    }

    pub(crate) fn records(&self) -> Option<&Values> {
        self.ds.as_ref().map(|set| &set.values)
    }

    /// Returns the origin of the current name servers: a `before` that is about them (OWN-5).
    pub(crate) fn origin(&self) -> Option<&Origin> {
        let current = self.current()?;
        self.record.before.as_ref().filter(|before| before.of == current)
    }

    /// Returns true if the claim names the current name servers and, if these displaced others, was
    /// written since then (OWN-3).
    pub(crate) fn holds(&self, claim: &Claim) -> bool {
        let displaced = self.origin().and_then(|origin| origin.displaced.as_ref());
        Some(&claim.ns) == self.current().as_ref()
            && displaced.is_none_or(|displaced| claim.saw == Some(displaced.at))
    }

    /// Returns true if another resource holds the current name servers. An unreadable value counts
    /// (OWN-7).
    pub(crate) fn is_held_by_others(&self, owner: &str) -> bool {
        self.ns.is_some()
            && (self.record.others(owner).any(|claim| self.holds(claim))
                || self.record.has_unreadable())
    }

    /// Returns true if another resource manages the current DS record set.
    pub(crate) fn is_ds_managed_by_others(&self, owner: &str) -> bool {
        let current_ds = self.current_ds();
        let names = |claim: &Claim| current_ds.is_some() && claim.ds == current_ds;
        self.ds.is_some() && (self.record.others(owner).any(names) || self.record.has_unreadable())
    }

    /// Returns until when resolvers may have name servers other than these, if that is not over
    /// (DS-7). A record with a claim from the future is forged, and then no hold counts (TRUST-2).
    pub(crate) fn ds_blocked_until(&self, servers: &Values, at: i64, now: i64) -> Option<i64> {
        let digest = ns_digest(servers)?;
        let claims = &self.record.claims;
        let about = claims.iter().filter(|claim| claim.ns == digest);
        let until = about.filter_map(Claim::held_until).filter(|until| at < *until).max();
        until.filter(|_| claims.iter().all(|claim| claim.fence(now).is_some()))
    }
}

/// The basis of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Made,
    Came,
    Up,
}

/// A resource's reference to the delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) id: String,
    pub(crate) ns: String,
    pub(crate) ds: Option<String>,
    pub(crate) intent: String,
    pub(crate) was: Option<String>,
    pub(crate) at: i64,
    pub(crate) req: String,
    pub(crate) by: By,
    pub(crate) saw: Option<i64>,
    pub(crate) from: Option<String>,
    pub(crate) hold: Option<i64>,
    /// True if a second delivery of its request has found it.
    pub(crate) again: bool,
    /// `<stack name>/<logical id>`. The names in these tests are short, so it is never cut.
    pub(crate) owner: String,
    /// The whole value.
    pub(crate) value: String,
}

/// How far a time may be ahead of the clock (TRUST-1).
const SKEW: i64 = 15 * 60;
pub(super) const DAY: i64 = 24 * 3600;

impl Claim {
    /// Returns the time before which requests of its resource are overtaken; `None` if it is in the
    /// future.
    pub(crate) fn fence(&self, now: i64) -> Option<i64> {
        (self.at <= now + SKEW).then_some(self.at)
    }

    fn held_until(&self) -> Option<i64> {
        self.hold.map(|hold| hold.min(self.at.saturating_add(7 * DAY)))
    }

    /// Returns true if its request made the delegation, or an Update in place wrote the claim
    /// (OWN-4).
    pub(crate) fn is_lasting(&self) -> bool {
        self.by != By::Came
    }

    /// Returns true if a Create wrote it and no Update has since (LEAVE-9).
    pub(crate) fn is_of_create(&self) -> bool {
        self.by != By::Up && self.from.is_none()
    }

    fn read(fields: &BTreeMap<&str, &str>, owner: &str, value: &str) -> Option<Self> {
        let text = |key: &str| fields.get(key).map(|text| (*text).to_owned());
        let digest = |key: &str| text(key).filter(|text| is_hex(text, 16));
        let known = |key: &str| fields.get(key).is_none_or(|text| is_hex(text, 16));
        let time =
            |key: &str| fields.get(key).map_or(Some(None), |text| text.parse().ok().map(Some));
        if !known("ds") || !known("was") {
            return None;
        }
        Some(Self {
            id: digest("claim")?,
            ns: digest("ns")?,
            ds: digest("ds"),
            intent: digest("for")?,
            was: digest("was"),
            at: time("at")??,
            req: text("req").filter(|text| is_hex(text, 8))?,
            by: match *fields.get("by")? {
                "made" => By::Made,
                "came" => By::Came,
                "up" => By::Up,
                _ => return None,
            },
            saw: time("saw")?,
            from: match text("from") {
                Some(from) => Some(
                    from.split_once('/')
                        .filter(|(_, route)| is_hex(route, 16))
                        .map(|_| from.clone())?,
                ),
                None => None,
            },
            hold: time("hold")?,
            again: match fields.get("again") {
                None => false,
                Some(text) => (*text == "yes").then_some(true)?,
            },
            owner: owner.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// The name servers that `AllowOverwrite` displaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Displaced {
    pub(crate) servers: Values,
    pub(crate) ttl: u32,
    pub(crate) at: i64,
    /// True if a claim of another resource named them at that time.
    pub(crate) claimed: bool,
}

/// The origin of name servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The digest of these name servers.
    pub(crate) of: String,
    /// `None` if they existed before their first holder.
    pub(crate) displaced: Option<Displaced>,
}

impl Origin {
    fn read(fields: &BTreeMap<&str, &str>) -> Option<Self> {
        let number = |key: &str| fields.get(key)?.parse::<i64>().ok();
        let of = fields.get("of").filter(|text| is_hex(text, 16))?;
        let displaced = match *fields.get("before")? {
            "same" => None,
            "displaced" => Some(Displaced {
                servers: fields
                    .get("ns")?
                    .split('+')
                    .map(|name| plain(&name.replace("%5C", "\\")))
                    .collect(),
                ttl: number("ttl")?.try_into().ok()?,
                at: number("at")?,
                claimed: match *fields.get("claimed")? {
                    "yes" => true,
                    "no" => false,
                    _ => return None,
                },
            }),
            _ => return None,
        };
        Some(Self { of: (*of).to_owned(), displaced })
    }
}

/// The tombstone of a cancelled Create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) id: String,
    pub(crate) at: i64,
}

impl Tombstone {
    /// Returns true if it has expired at the time of a request, or is in the future.
    pub(crate) fn is_over(&self, at: i64, now: i64) -> bool {
        self.at + 3600 <= at || self.at > now + SKEW
    }
}

/// An ownership record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) claims: Vec<Claim>,
    /// The first `before`. Only a manual edit can cause several.
    pub(crate) before: Option<Origin>,
    pub(crate) tombstones: Vec<Tombstone>,
    pub(crate) unreadable: Vec<String>,
    /// The values of other programs, sorted.
    pub(crate) foreign: Vec<String>,
    /// Every value.
    pub(crate) values: Vec<String>,
}

impl Record {
    pub(crate) fn read<T: AsRef<str>>(values: &[T]) -> Self {
        let mut record = Self {
            values: values.iter().map(|value| value.as_ref().to_owned()).collect(),
            ..Self::default()
        };
        for value in &record.values {
            let text = joined(value);
            let ours =
                text.as_deref().and_then(|text| text.strip_prefix("heritage=custom-delegation"));
            let Some(fields) = ours.and_then(|fields| fields.strip_prefix(',')) else {
                match ours {
                    Some("") => record.unreadable.push(value.clone()),
                    _ => record.foreign.push(value.clone()),
                }
                continue;
            };
            let (before_owner, owner) = fields.split_once(",owner=").unwrap_or((fields, ""));
            let map: BTreeMap<&str, &str> =
                before_owner.split(',').rev().filter_map(|field| field.split_once('=')).collect();
            match before_owner.split('=').next() {
                Some("claim") if fields.contains(",owner=") => {
                    match Claim::read(&map, owner, value) {
                        Some(claim) => record.claims.push(claim),
                        None => record.unreadable.push(value.clone()),
                    }
                }
                Some("before") => match Origin::read(&map) {
                    Some(before) => drop(record.before.get_or_insert(before)),
                    None => record.unreadable.push(value.clone()),
                },
                Some("tombstone") => {
                    let id =
                        map.get("tombstone").filter(|id| is_hex(id, 16)).map(|id| (*id).to_owned());
                    match id.zip(map.get("at").and_then(|at| at.parse().ok())) {
                        Some((id, at)) => record.tombstones.push(Tombstone { id, at }),
                        None => record.unreadable.push(value.clone()),
                    }
                }
                _ => record.unreadable.push(value.clone()),
            }
        }
        record.foreign.sort();
        record.unreadable.sort();
        record
    }

    /// Returns the claim of a resource. If there are several, it is the earliest. Those in the
    /// future are last (TRUST-1).
    pub(crate) fn own(&self, owner: &str, now: i64) -> Option<&Claim> {
        let own = self.claims.iter().filter(|claim| claim.owner == owner);
        own.min_by_key(|claim| (claim.fence(now).is_none(), claim.at))
    }

    /// Returns the time of the tombstone of a resource: of several, the earliest that is not in the
    /// future (TRUST-1).
    pub(crate) fn tombstone(&self, id: &str, now: i64) -> Option<i64> {
        let own = self.tombstones.iter().filter(|tombstone| tombstone.id == id);
        own.map(|tombstone| tombstone.at).filter(|at| *at <= now + SKEW).min()
    }

    pub(crate) fn others<'a>(&'a self, owner: &'a str) -> impl Iterator<Item = &'a Claim> {
        self.claims.iter().filter(move |claim| claim.owner != owner)
    }

    pub(crate) fn has_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// Returns the values that no batch of this resource may change: the claims of others,
    /// unreadable values, and the values of other programs.
    pub(crate) fn of_others<'a>(&'a self, owner: &'a str) -> Vec<&'a str> {
        let claims = self.others(owner).map(|claim| claim.value.as_str());
        let mut values: Vec<&str> =
            claims.chain(self.unreadable.iter().chain(&self.foreign).map(String::as_str)).collect();
        values.sort_unstable();
        values
    }

    pub(crate) fn characters(&self) -> usize {
        self.values.iter().map(|value| value.chars().count()).sum()
    }
}

/// Joins the strings of a TXT value. This program writes no quotes and no backslashes inside them.
fn joined(value: &str) -> Option<String> {
    Some(value.strip_prefix('"')?.strip_suffix('"')?.replace("\" \"", ""))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
