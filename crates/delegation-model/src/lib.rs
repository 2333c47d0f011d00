//! What a delegation is, who holds it, and what a request changes about it.
//!
//! Everything here is pure: no I/O, no clock, no async, no logging, no AWS. The values of DNS
//! ([`name`], [`record_set`], ...) are read and written as Route 53 does; [`ownership_record`] says
//! who holds a delegation; [`moving`] decides where a request goes, and [`reconcile`] what it
//! changes there, or why nothing.

pub mod digest;
pub mod ds;
pub mod ids;
pub mod moving;
pub mod name;
pub mod name_servers;
pub mod ownership_record;
pub mod parent;
pub mod partial_zone;
pub mod point;
pub mod reconcile;
pub mod record_set;
pub mod role;
pub mod rollover;
pub mod text;
pub mod ttl;
