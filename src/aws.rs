//! AWS, seen as plain values: the only place that knows the SDK.

mod connector;
pub mod credentials;
pub mod error;
pub mod route53;

pub use connector::{Met, Problem};
