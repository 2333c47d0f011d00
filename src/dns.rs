//! DNS: names, name servers, TTLs, record sets as Route 53 writes them, and excerpts of zones, all pure values; and the
//! DNS check, which alone has sockets and a clock.

pub mod ds;
pub mod excerpt;
pub mod name;
pub mod name_servers;
pub mod record_set;
pub mod ttl;
pub mod verify;
