//! Tests of the sandbox's AWS services: they call it over HTTP with the unmodified AWS SDK.

mod access;
pub(crate) mod common;
mod faults;
mod route53;
