//! `Custom::Delegation`.
pub mod aws;
pub mod cfn;
pub mod config;
pub mod deadline;
pub mod dns;
pub mod error;
pub mod handler;
pub mod http;
pub mod ids;
pub mod logging;
pub mod ownership;
pub mod plan;
