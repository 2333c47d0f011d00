//! What a batch may do: the tables of section 4 of the design, read as rules about the zone before and after it.

use sandbox::Call;

use super::{Delivery, Ledger, Records, claims_at, delegation_at};
use crate::histories::atlas::{Place, Servers, plain};
use crate::laws::claims::{Claim, stack_of};

/// A place before and after a batch.
struct Turn {
    place: Place,
    before: Option<(Servers, u32)>,
    after: Option<(Servers, u32)>,
    claims_before: Vec<Claim>,
    claims_after: Vec<Claim>,
    /// The outside actor has not touched the place since it was read.
    calm: bool,
}

impl Turn {
    fn own<'a>(claims: &'a [Claim], owner: &str) -> Option<&'a Claim> {
        claims.iter().filter(|claim| claim.owner == owner).max_by_key(|claim| claim.at)
    }

    fn others(claims: &[Claim], owner: &str) -> Vec<Claim> {
        claims.iter().filter(|claim| claim.stack() != stack_of(owner)).cloned().collect()
    }

    fn siblings(claims: &[Claim], owner: &str) -> Vec<Claim> {
        claims.iter().filter(|claim| claim.stack() == stack_of(owner) && claim.owner != owner).cloned().collect()
    }

    fn names_before(&self) -> Option<&Servers> {
        self.before.as_ref().map(|(servers, _)| servers)
    }

    fn names_after(&self) -> Option<&Servers> {
        self.after.as_ref().map(|(servers, _)| servers)
    }
}

impl Ledger {
    pub(super) fn check_batch(&mut self, call: &Call, zone: usize, before: &[Records]) {
        let comment = call.comment.clone().unwrap_or_default();
        let index = self.active.iter().position(|delivery| {
            comment.contains(&delivery.owner) && (self.active.len() == 1 || comment.contains(&delivery.kind))
        });
        let Some(index) = index else {
            return self.violated(1, &format!("the comment {comment:?} tells no request that is under way"));
        };
        let delivery = self.active[index].clone();
        let tick = self.tick;
        self.active[index].last_batch = Some(tick);
        let places = [&delivery.target, &delivery.cleanup].into_iter().flatten();
        let touches = |place: &Place| {
            place.zone == zone
                && call.changes.iter().all(|change| {
                    let name = plain(&change.record.name);
                    match change.record.rtype.as_str() {
                        "NS" | "DS" => name == place.name,
                        "TXT" => name == place.record(),
                        _ => false,
                    }
                })
        };
        let Some(place) = places.into_iter().find(|place| touches(place)).cloned() else {
            return self
                .violated(1, "a batch changes what is neither the delegation nor the ownership record of its place");
        };
        let (claims_before, strangers_before) = claims_at(before, &place);
        let (claims_after, strangers_after) = claims_at(&self.zones, &place);
        if strangers_before != strangers_after {
            self.violated(1, "values of strangers in the ownership record changed");
        }
        let turn = Turn {
            before: delegation_at(before, &place),
            after: self.delegation(&place),
            claims_before,
            claims_after,
            calm: self.places.get(&place).is_none_or(|history| history.edited < delivery.changing),
            place,
        };
        let present = delivery.kind != "Delete" && delivery.target.as_ref() == Some(&turn.place);
        if present {
            self.active[index].settled = delivery.changing;
            self.overwrote |= delivery.asked.as_ref().is_some_and(|asked| asked.overwrite);
            self.check_present(&delivery, &turn);
            self.check_occlusion(&delivery, &turn.place, before);
        } else {
            self.check_absent(&delivery, &turn);
        }
        self.check_secure(index, &turn.place, before, present, turn.calm);
        self.pass_on(&delivery, &turn, present);
        if Turn::own(&turn.claims_after, &delivery.owner).is_some()
            && !delivery.first
            && !self.held.contains_key(&(delivery.owner.clone(), turn.place.clone()))
        {
            self.count("claim of a late delivery");
            self.excused.insert((delivery.owner.clone(), turn.place));
        }
    }

    /// Create and Update at the wanted place.
    fn check_present(&mut self, delivery: &Delivery, turn: &Turn) {
        let Some(asked) = delivery.asked.clone() else {
            return self.violated(1, "a request with unreadable properties changed something");
        };
        let owner = &delivery.owner;
        let own = Turn::own(&turn.claims_before, owner).cloned();
        let others = Turn::others(&turn.claims_before, owner);
        let siblings = Turn::siblings(&turn.claims_before, owner);
        if own.as_ref().is_some_and(|own| own.at > delivery.at) {
            self.violated(1, "a request changed what a later request of its resource had written");
        }
        if !others.is_empty() && !asked.overwrite && turn.before != turn.after {
            self.violated(1, "the delegation of another stack changed without AllowOverwrite");
        }
        let names = (turn.names_before(), turn.names_after());
        if names.0 != names.1 || turn.before != turn.after {
            if turn.after != Some((asked.servers.clone(), asked.ttl)) {
                self.violated(6, "the name servers or TTL written are not those that are asked for");
            }
            if names.0.is_some() && names.0 != names.1 && own.is_none() && !asked.overwrite {
                self.violated(1, "name servers of somebody else were replaced without AllowOverwrite");
            }
        }
        if Turn::others(&turn.claims_after, owner) != others
            && !(asked.overwrite && Turn::others(&turn.claims_after, owner).is_empty())
        {
            self.violated(1, "claims of other stacks changed without AllowOverwrite");
        }
        let in_place = delivery.kind == "Update" && delivery.pinned.as_ref().is_none_or(|pinned| *pinned == turn.place);
        let update = in_place && asked.overwrite;
        if Turn::siblings(&turn.claims_after, owner) != siblings
            && !(update && Turn::siblings(&turn.claims_after, owner).is_empty())
        {
            self.violated(1, "claims of siblings changed, and not by an Update in place with AllowOverwrite");
        }
        let now: Vec<&Claim> = turn.claims_after.iter().filter(|claim| claim.owner == *owner).collect();
        match now.as_slice() {
            [now] => self.check_own(delivery, turn, own.as_ref(), &siblings, now),
            [] if turn.calm => self.violated(6, "a Create or Update wrote no claim of its own"),
            [] => {}
            _ => self.violated(6, "a resource has several claims at one place"),
        }
    }

    /// The claim that a Create or Update leaves.
    fn check_own(&mut self, delivery: &Delivery, turn: &Turn, own: Option<&Claim>, siblings: &[Claim], now: &Claim) {
        let Some(asked) = &delivery.asked else { return };
        if now.at != delivery.at {
            self.violated(6, "the claim does not carry the time of its request");
        }
        if let Some(written) = turn.names_after().filter(|_| turn.names_before() != turn.names_after()) {
            self.digests.entry(now.ns.clone()).or_insert_with(|| written.clone());
        }
        // Under a delegation above it, a standing one is kept as it is, `by` and all.
        if !turn.calm || self.lies_below_a_delegation(&turn.place) || own == Some(now) {
            return;
        }
        let kept = own.is_some_and(|own| own.ns == now.ns);
        let means = self.digests.entry(now.ns.clone()).or_insert_with(|| asked.servers.clone());
        if *means != asked.servers && !kept {
            self.violated(6, "one digest stands for several sets of name servers");
        }
        let Some(asked) = &delivery.asked else { return };
        let wrote = turn.names_before() != turn.names_after();
        let in_place = delivery.kind == "Update" && delivery.pinned.as_ref() == Some(&turn.place);
        let refused = !Turn::others(&turn.claims_before, &delivery.owner).is_empty() && !asked.overwrite;
        // What comes to a new place leaves its siblings' adoption one: its rollback must harm nothing.
        let takes = asked.overwrite && (in_place || siblings.is_empty());
        let all_adopted = siblings.iter().all(|sibling| !sibling.created);
        let created = match own {
            _ if wrote || (takes && !refused) => true,
            Some(own) if refused => own.created,
            Some(own) => own.created || (in_place && own.at < delivery.at),
            None if in_place => siblings.is_empty() || !all_adopted,
            None => !all_adopted,
        };
        if now.created != created {
            let by = if created { "created" } else { "adopted" };
            self.violated(5, &format!("the claim of {} should say by={by}", delivery.owner));
        }
    }

    /// Delete, and the clean-up of what a failed replacement left.
    fn check_absent(&mut self, delivery: &Delivery, turn: &Turn) {
        let owner = &delivery.owner;
        let Some(own) = Turn::own(&turn.claims_before, owner).cloned() else {
            return self.violated(1, "a Delete changed a place where its resource has no claim");
        };
        if own.at > delivery.at {
            self.violated(1, "a Delete removed what a later request of its resource had written");
        }
        if turn.claims_after.iter().any(|claim| claim.owner == *owner) {
            self.violated(4, "a Delete left a claim of its own");
        }
        if Turn::others(&turn.claims_after, owner) != Turn::others(&turn.claims_before, owner) {
            self.violated(1, "a Delete changed claims of other stacks");
        }
        let as_written = turn.names_before().is_some() && turn.names_before() == self.digests.get(&own.ns);
        let siblings = Turn::siblings(&turn.claims_before, owner);
        let inherits = as_written && own.created;
        let expected: Vec<(String, String, bool)> = siblings
            .iter()
            .map(|claim| {
                let ns = if inherits { &own.ns } else { &claim.ns };
                (claim.owner.clone(), ns.clone(), claim.created || inherits)
            })
            .collect();
        let found = Turn::siblings(&turn.claims_after, owner);
        let found: Vec<_> = found.iter().map(|claim| (claim.owner.clone(), claim.ns.clone(), claim.created)).collect();
        if turn.calm && found != expected {
            self.violated(1, "a Delete left its siblings' claims other than the table says");
        }
        let last = turn.claims_before.iter().all(|claim| claim.owner == *owner);
        let known = self.known_servers(delivery, &turn.place);
        let only_known = turn.names_before().is_some_and(|found| found.is_subset(&known));
        let goes = last && own.created && (as_written || only_known);
        match (turn.before.is_some(), turn.after.is_some()) {
            (true, false) if !goes => self.violated(1, "a Delete removed a delegation that the table keeps"),
            (true, true) if goes && turn.calm => {
                self.violated(4, "a Delete left the delegation that its resource made");
            }
            (true, true) if turn.before != turn.after => self.violated(1, "a Delete changed the name servers"),
            (false, true) => self.violated(1, "a Delete made a delegation"),
            _ => {}
        }
        self.count(match (goes, last) {
            (true, _) => "removed with the delegation",
            (false, false) => "removed beside other claims",
            (false, true) if !own.created => "removed and left as adopted",
            (false, true) => "removed and left as changed or gone",
        });
    }

    /// The name servers of the child zone and those of `NameServers`.
    fn known_servers(&self, delivery: &Delivery, place: &Place) -> Servers {
        let asked = if delivery.kind == "Delete" { delivery.asked.as_ref() } else { delivery.old.as_ref() };
        let Some(asked) = asked.filter(|asked| asked.name == place.name) else { return Servers::new() };
        let child = &self.atlas.children[asked.child].servers;
        asked.servers.union(child).cloned().collect()
    }

    /// What the batch means for those who hold the delegation, and for whose it is.
    fn pass_on(&mut self, delivery: &Delivery, turn: &Turn, present: bool) {
        let overwrites = present && delivery.asked.as_ref().is_some_and(|asked| asked.overwrite);
        let mut lost = Vec::new();
        for ((owner, place), held) in self.held.iter_mut().filter(|((_, place), _)| *place == turn.place) {
            let mine = *owner == delivery.owner;
            let stands =
                turn.names_after() == Some(&held.servers) && turn.claims_after.iter().any(|c| c.owner == *owner);
            if present && mine {
                // Its own request: what it means is settled by the answer.
                held.broken = true;
            } else if !stands && !held.broken {
                let sibling = present && stack_of(owner) == stack_of(&delivery.owner);
                held.broken = true;
                if !overwrites && !sibling {
                    lost.push(format!("{owner} lost its delegation at {place:?}"));
                }
            }
        }
        for text in lost {
            self.violated(3, &text);
        }
        let history = self.places.entry(turn.place.clone()).or_default();
        if turn.names_before() != turn.names_after() {
            history.ours = turn.after.is_some();
        }
        if turn.after.is_none() {
            history.touched = false;
        }
    }
}
