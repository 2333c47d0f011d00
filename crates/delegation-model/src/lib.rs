//! What a delegation is, who holds it, and what a request changes about it.
//!
//! Everything here is pure: no I/O, no clock, no async, no logging, no AWS. The values of DNS
//! ([`name`], [`record_set`], ...) are read and written as Route 53 does; [`ownership`] says who
//! relies on a delegation; [`plan`] decides what one request changes, or why nothing.

pub mod ds;
pub mod ids;
pub mod name;
pub mod name_servers;
pub mod ownership;
pub mod partial_zone;
pub mod plan;
pub mod point;
pub mod record_set;
pub mod role;
pub mod ttl;
