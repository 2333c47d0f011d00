//! What a test holds: accounts, roles and hosted zones. They stand above the services, need no
//! permission and obey no rule.

mod account;
mod zone;

pub use account::{Account, Credentials, Role};
pub use zone::ZoneHandle;
pub(crate) use zone::zone_handle;
