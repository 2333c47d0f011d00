//! The sandbox through the unmodified AWS SDK, over HTTP.

mod access;
mod common;
mod faults;
mod route53;
