//! Handles for tests: accounts, roles and hosted zones. They need no permissions and follow no
//! rules of the services.

mod account;
mod zone;

pub use account::{Account, Credentials, Role};
pub use zone::ZoneHandle;
pub(crate) use zone::zone_handle;
