//! The state of Route 53: hosted zones, and the changes that are propagating to the name servers.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::{HostedZone, SyncRule};
use crate::dns::ServeRule;

#[derive(Debug, Default)]
pub(crate) struct Route53State {
    pub zones: BTreeMap<String, HostedZone>,
    pub changes: BTreeMap<String, ChangeState>,
    pub sync: SyncRule,
    pub serve: ServeRule,
    /// Incremented by everything that may have changed this state.
    pub revision: u64,
}

/// A batch that is propagating, or has propagated, to the name servers.
#[derive(Debug, Clone)]
pub(crate) struct ChangeState {
    pub account: String,
    pub submitted: SystemTime,
    pub comment: Option<String>,
    pub in_sync: bool,
    pub polls: u32,
}

impl ChangeState {
    /// Returns whether the next `GetChange` would report `INSYNC`.
    pub(crate) fn would_be_in_sync(&self, rule: SyncRule) -> bool {
        self.in_sync
            || match rule {
                SyncRule::Polls(n) => self.polls >= n,
                SyncRule::Never => false,
                SyncRule::Immediately => true,
            }
    }
}

impl Route53State {
    /// Returns whether a public zone `name` has the name server `server`; both must be normalized.
    pub(crate) fn hosts(&self, name: &str, server: &str) -> bool {
        let is_host = |zone: &HostedZone| {
            !zone.private && zone.name == name && zone.name_servers.iter().any(|own| own == server)
        };
        self.zones.values().any(is_host)
    }

    /// Applies the changes that have reached the name servers of their zones; returns whether there
    /// were any.
    pub(crate) fn settle(&mut self) -> bool {
        let Self { zones, changes, sync, serve, .. } = self;
        let arrived = |id: &str| {
            *serve == ServeRule::AtOnce
                || changes.get(id).is_none_or(|change| change.would_be_in_sync(*sync))
        };
        let mut any = false;
        for zone in zones.values_mut() {
            any |= zone.served.settle(arrived);
        }
        any
    }

    /// Returns the public zones. They serve the state of the last [`Self::settle`].
    pub(crate) fn public(&self) -> impl Iterator<Item = &HostedZone> {
        self.zones.values().filter(|zone| !zone.private)
    }
}
