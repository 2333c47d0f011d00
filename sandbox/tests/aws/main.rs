//! The sandbox through the unmodified AWS SDK, over HTTP.
#![allow(clippy::unwrap_used, reason = "a test stops where something is missing")]

mod access;
mod common;
mod faults;
mod route53;
