//! What a parent zone delegates, to whom, what is wrong with it, and what would mend it.
//!
//! [`Inventory::of`] makes entries of a zone's record sets, [`look`] asks the name servers of many
//! of them, [`Examined::new`] says what is found of one, and [`mending`] what to change. Nothing
//! here changes anything, and all but [`look`] is pure.

pub mod batch;

mod accepted;
mod document;
mod entry;
mod examined;
mod finding;
mod look;
mod mending;

pub use accepted::{Acceptance, Accepted, AcceptedError};
pub use document::document_of_server;
pub use entry::{Delegation, Entry, Inventory, is_of_interest};
pub use examined::{Examined, Facts, Found};
pub use finding::{FindingKind, Severity};
pub use look::{LOOKS, look};
pub use mending::mending;
