//! The delegations of a parent zone, and whether they resolve.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::aws_failure;
use crate::aws::route53::{HostedZone, Session};
use crate::error::Failure;
use crate::inventory::{Inventory, is_of_interest};
use dns_check::{Expected, Report, Verifier};

/// How many delegations are checked at once. Each check opens at most 64 sockets, and a process has 1024 files by default.
const AT_ONCE: usize = 12;
/// For how long a name server that does not serve a zone is asked again, so that nobody is called for a passing failure.
const PATIENCE: Duration = Duration::from_secs(2);

/// What DNS says of the delegations of an inventory.
#[derive(Debug)]
pub struct Survey {
    /// Whether the name servers of the parent zone itself serve it, as far as can be told.
    pub parent: Option<Report>,
    /// Of each entry, in its order; `None` if it was not asked.
    pub entries: Vec<Option<Report>>,
}

/// Reads the delegations and claims of a whole zone.
pub async fn read(session: &Session, zone: &HostedZone) -> Result<Inventory, Failure> {
    let sets = session.whole_zone(&zone.id, is_of_interest).await;
    let sets = sets.map_err(|error| aws_failure(&format!("listing the parent zone {}", zone.id), &error))?;
    Ok(Inventory::of(&zone.name, sets))
}

/// Asks the name servers of every delegation, a bounded number at a time.
pub async fn check(verifier: &Verifier, zone: &HostedZone, inventory: &Inventory) -> Survey {
    let verifier = &verifier.clone().for_run();
    // Route 53's name servers need no glue in its zones.
    let parent = zone.name_servers.clone().map(|name_servers| Expected {
        name: zone.name.clone(),
        name_servers,
        ds: None,
        check_ds: false,
        glue: Vec::new(),
    });
    let asked = inventory.entries.iter().map(|entry| {
        let wanted = entry.wanted();
        async move {
            match wanted {
                Some(wanted) => Some(verifier.verify_child(&wanted, PATIENCE).await),
                None => None,
            }
        }
    });
    let entries = stream::iter(asked).buffered(AT_ONCE).collect();
    let parent = async {
        match &parent {
            Some(wanted) => Some(verifier.verify_child(wanted, PATIENCE).await),
            None => None,
        }
    };
    let (parent, entries) = tokio::join!(parent, entries);
    Survey { parent, entries }
}
