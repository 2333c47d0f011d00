//! The inventory of a parent zone: its delegations, their findings and the fixes.
//!
//! [`Inventory::new`] builds entries from a zone's record sets, [`check`] queries the name servers
//! of many of them, [`Examined::new`] derives the findings of one entry, and [`fix`] the changes
//! that would fix a finding. Nothing here changes anything, and everything except [`check`] is
//! pure.
#![allow(missing_docs, reason = "an item whose name says everything needs no comment")]

pub mod batch;

mod accepted;
mod check;
mod document;
mod entry;
mod examined;
mod finding;
mod fix;

pub use accepted::{Acceptance, Accepted, AcceptedError};
pub use check::{ROUNDS, check};
pub use document::document_of_server;
pub use entry::{Delegation, Entry, Inventory, is_of_interest};
pub use examined::{EntryFinding, Examined, Facts};
pub use finding::{FindingKind, Severity};
pub use fix::fix;
