//! Checks that no resolver can have a DS record set together with name servers that have none of
//! its keys.

use crate::function::keys_of;
use crate::model::Model;
use crate::points::PointChange;
use crate::state::{Cached, State};

/// The TTL of the DNSKEY record set of a hosted zone, in seconds.
const KEYS_TTL: u32 = 3600;

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Awaited,
    /// A request of a resource that had been warned that the name servers are not the desired ones.
    Warned,
    Late,
    ByHand,
}

impl Model {
    /// Adds what was changed to the caches for its TTL, and checks that no resolver can call the
    /// zone bogus: that none can have a DS record set together with name servers that have none of
    /// its keys.
    pub(crate) fn check_caches(
        &mut self,
        state: &mut State,
        zone: u8,
        change: PointChange,
        whose: Whose,
    ) {
        if !self.profile.dnssec || zone != 0 {
            return;
        }
        let (before, after) =
            (self.points.view(change.before).clone(), self.points.view(change.after).clone());
        // People who deploy do not know about late requests either.
        let by_hand = matches!(whose, Whose::Late | Whose::ByHand);
        let now = state.clock;
        let caches = &mut state.caches;
        caches.servers.retain(|cached| cached.until > now);
        caches.ds.retain(|cached| cached.until > now);
        let cached = |what: u8, ttl: u32| Cached {
            what,
            until: now + i32::try_from(ttl).unwrap_or(i32::MAX),
            by_hand,
        };
        if before.servers != after.servers {
            caches.servers.extend(before.servers.map(|servers| cached(servers, before.ttl)));
        }
        if before.ds_index != after.ds_index {
            // Keys that were fetched in its last second are trusted for their own TTL.
            caches.ds.extend(before.ds_index.map(|ds| cached(ds, before.ds_ttl + KEYS_TTL)));
        }
        let caches = state.caches.clone();
        let fits = |servers: u8, ds: u8| ds / 4 == servers && ds % 4 & keys_of(state, servers) != 0;
        let new_servers = after.servers.filter(|_| before.servers != after.servers);
        let new_ds = after.ds_index.filter(|_| before.ds_index != after.ds_index);
        let is_bogus_with = |counts: fn(&&Cached) -> bool| {
            let of = |cached: &[Cached]| {
                cached.iter().filter(counts).map(|cached| cached.what).collect::<Vec<_>>()
            };
            let all_ds = after.ds_index.into_iter().chain(of(&caches.ds));
            let all_servers = after.servers.into_iter().chain(of(&caches.servers));
            new_servers.is_some_and(|servers| all_ds.into_iter().any(|ds| !fits(servers, ds)))
                || new_ds
                    .is_some_and(|ds| all_servers.into_iter().any(|servers| !fits(servers, ds)))
        };
        if whose == Whose::ByHand {
            return;
        }
        // A DS record set that was set by hand matched no keys, and is removed.
        let was_bogus =
            before.servers.zip(before.ds_index).is_some_and(|(servers, ds)| !fits(servers, ds));
        // A refused rollback has left it with the name servers that others hold.
        let left = state.facts[usize::from(zone)].warned != 0
            && before.ds_index.is_some()
            && !before.claims.iter().any(|claim| claim.names_ds);
        let is_bogus = is_bogus_with(|_| true);
        // The function is not responsible for manual edits, which it can't know about.
        let is_bogus_by_requests = is_bogus_with(|cached| !cached.by_hand);
        if is_bogus && whose == Whose::Late {
            self.excuse("late-request");
        } else if is_bogus_by_requests && was_bogus && after.ds_index.is_none() {
            self.excuse("ds-by-hand");
        } else if is_bogus_by_requests && (whose == Whose::Warned || left) {
            self.excuse("left-as-it-is");
        } else if is_bogus_by_requests {
            self.violation("DS-7: a resolver may call the zone bogus".into());
        } else if is_bogus {
            self.excuse("name-servers-by-hand");
        }
    }
}
