//! CloudFormation's side: what a request says, and how it is answered. All but [`signal`] is pure.

pub mod envelope;
pub mod physical_id;
pub mod properties;
pub mod response;
pub mod response_url;
pub mod signal;
