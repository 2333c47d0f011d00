//! Pure DNS values: names, name servers, TTLs, record sets as Route 53 writes them, and excerpts of zones.

pub mod ds;
pub mod excerpt;
pub mod name;
pub mod name_servers;
pub mod record_set;
pub mod ttl;
