//! The model of delegations: who holds a delegation, and what a request changes about it.
//!
//! Everything here is pure: no I/O, no clock, no async, no logging, no AWS. The DNS types
//! ([`name`], [`record_set`], ...) parse and print values as Route 53 does. [`ownership_record`]
//! reads and writes who holds a delegation. [`moving`] decides which delegation point a request
//! goes to, and [`reconcile`] plans what it changes there.
#![allow(missing_docs, reason = "an item whose name says everything needs no comment")]

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
mod rollover;
pub mod text;
pub mod ttl;
