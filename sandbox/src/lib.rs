//! A strict local AWS for the tests and the demo of `Custom::Delegation`.
//!
//! [`Sandbox::start`] opens a listener on the loopback interface that serves Route 53 and STS to
//! any unmodified AWS client. It simulates rules, not capacity: accounts, roles and policies
//! ([`handles`]), hosted zones with the batch rules of the service ([`route53`]), and faults on
//! demand ([`fault`]). It records every call ([`journal`]).
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use sandbox::{RecordSet, Sandbox};
//!
//! let aws = Sandbox::start().await?;
//! let parent = aws.account("111111111111");
//! let zone = parent.hosted_zone("example.com");
//! let role = parent
//!     .role("route53-delegation-parent")
//!     .trust_account("222222222222", None)
//!     .allow_all_route53();
//! let function = aws.account("222222222222");
//! let function = function.role("delegation-function").allow_assume(&role.arn());
//! for (name, value) in aws.env(&function.credentials()) {
//!     // pass these to the client under test
//! #   let _ = (name, value);
//! }
//! zone.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
//! # Ok(())
//! # }
//! ```
#![allow(missing_docs, reason = "not published: a comment says what a name does not")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a tool for tests: an error in the setup should stop the test at its origin"
)]

pub mod aws;
pub mod bucket;
pub mod clock;
pub mod cloudformation;
pub mod demo;
pub mod dns;
pub mod fault;
pub mod function;
pub mod handles;
pub mod journal;
pub mod look_up;
pub mod process;
pub mod route53;
pub mod serve;
pub mod stack;
pub mod template;
pub mod unbound;

mod deployment;
mod error;
mod gate;
mod http_listener;
mod iam;
mod identities;
mod ids;
mod lock;
mod not_checked;
mod query;
mod quota;
mod runtime_api;
mod server;
mod shared_state;
mod sts;

pub use aws::{Hook, Sandbox};
pub use bucket::{BucketFault, Put, ResponseBucket, ResponseKey};
pub use clock::Clock;
pub use cloudformation::{
    CloudFormation, PermissionCheck, Physical, ResourceAction, ResourceRequest, ResourceType,
    TemplateSource, TemplateStack,
};
pub use dns::{Dns, DnsFault, DnsQuery, OutsideZone, ServeRule, Transport};
pub use fault::{Fault, FaultHandle, FaultKind};
pub use function::{Function, Invocation};
pub use gate::{Gate, GateRule};
pub use handles::{Account, Credentials, Role, ZoneHandle};
pub use http_listener::Reset;
pub use journal::{Call, Outcome};
pub use not_checked::not_checked;
pub use process::{Bootstrap, DeadlineStyle, LambdaProcess};
pub use quota::Quota;
pub use route53::{
    Action, AliasTarget, Change, Guardrail, KeySigningKey, RecordSet, Refusal, SyncRule,
};
pub use stack::{Resource, Stack, StackEvent, StackOutcome, Template};
