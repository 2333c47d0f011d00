//! The tables of `docs/design.md`, implemented a second time: what each row says about one decision
//! of the planner. Each decision is checked once, when it is first made.
//!
//! Nothing of the planner is called here, not even to find out whether a claim holds. The ownership
//! record is only parsed.

mod create_update;
mod delete;
use delegation_model::digest::Digest;
use delegation_model::ownership_record::{Claim, Origin, Value};

use crate::model::{Finding, Model, Question};
use crate::points::PointId;

/// A day in seconds: LEAVE-5, UPDATE-5.
const DAY: i64 = 86_400;
/// How long a tombstone is valid, in seconds: OWN-8.
const TOMBSTONE: i64 = 3600;

/// The content of a delegation point, in the terms of the rules.
#[derive(Clone, Debug)]
struct PointState {
    claims: Vec<Claim>,
    /// The origin that the record states, whichever name servers it is about.
    recorded_origin: Option<Origin>,
    /// The time of the tombstone of the requesting resource; of several, the earliest (TRUST-1).
    stone: Option<i64>,
    servers: Option<Digest>,
    ttl: u32,
    ds: Option<Digest>,
}

impl PointState {
    fn others(&self, id: Digest) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(move |claim| claim.id != id)
    }

    /// Of several, the earliest (TRUST-1).
    fn own(&self, id: Digest) -> Option<&Claim> {
        let own = self.claims.iter().filter(|claim| claim.id == id);
        own.min_by_key(|claim| claim.stamp.time)
    }

    fn origin(&self) -> Option<&Origin> {
        self.recorded_origin.as_ref().filter(|origin| Some(origin.of) == self.servers)
    }

    /// OWN-2, OWN-3.
    fn holds(&self, claim: &Claim) -> bool {
        let displaced = self.origin().and_then(|origin| origin.displaced.as_ref());
        Some(claim.ns) == self.servers
            && displaced.is_none_or(|displaced| claim.saw == Some(displaced.time))
    }

    fn names(&self, claim: &Claim) -> bool {
        Some(claim.ns) == self.servers
    }
}

impl Model {
    /// Checks a decision against the rules.
    pub(crate) fn check_decision(&mut self, index: u32, question: Question, id: PointId) {
        let decided = self.decided(index).clone();
        let before = self.state(id, question);
        let after = if decided.is_idle() { Some(id) } else { self.send(index, id) };
        let broken = match after.map(|after| self.state(after, question)) {
            None => Err("OWN-1: a batch that Route 53 rejects".to_owned()),
            Some(after) => match question {
                Question::CreateUpdate { .. } => {
                    self.check_create_update(question, &decided, &before, &after)
                }
                Question::Delete { .. } => self.check_delete(question, &decided, &before, &after),
            },
        };
        if let Err(what) = broken {
            self.findings.push(Finding::Violation(what));
        }
    }

    fn state(&self, id: PointId, question: Question) -> PointState {
        let (Question::CreateUpdate { request, .. } | Question::Delete { request, .. }) = question;
        let own = self.points.values.claimants[usize::from(request.resource)].id();
        let observed = self.points.contents(id);
        let record = observed.record();
        let mut point = PointState {
            claims: Vec::new(),
            recorded_origin: None,
            stone: None,
            servers: observed.name_servers().as_ref().map(Digest::from_name_servers),
            ttl: self.points.view(id).ttl,
            ds: observed.ds().as_ref().map(Digest::from_ds),
        };
        for value in record.iter() {
            match value {
                Value::Claim(claim) => point.claims.push(claim.clone()),
                Value::Origin(origin) => point.recorded_origin = Some(origin.clone()),
                Value::Tombstone(stone) if stone.id == own => {
                    let earlier = point.stone.filter(|time| *time < stone.time);
                    point.stone = earlier.or(Some(stone.time));
                }
                Value::Tombstone(_) | Value::Unreadable | Value::Foreign => {}
            }
        }
        point
    }
}

fn holds(well: bool, what: &str) -> Result<(), String> {
    if well { Ok(()) } else { Err(what.to_owned()) }
}
