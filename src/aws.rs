//! AWS as plain values. Only this module knows the SDK.

mod connector;
pub mod credentials;
pub mod error;
pub(crate) mod partition;
pub mod route53;

pub use connector::{Problem, ProblemCause};
