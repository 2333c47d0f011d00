//! Pure DNS values: names, name servers, TTLs and record sets as Route 53 writes them.

pub mod name;
pub mod name_servers;
pub mod record_set;
pub mod ttl;
