//! The CloudFormation side: parsing requests and responding to them. Everything except [`signal`]
//! is pure.

pub mod envelope;
pub mod physical_id;
pub mod properties;
pub mod response;
pub mod response_url;
pub mod signal;
