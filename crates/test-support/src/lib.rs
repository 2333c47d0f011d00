//! The fixture of the tests: the function against the local AWS in one process, without sockets, in
//! a time that the test controls.
//!
//! ```
//! # use serde_json::json;
//! # use test_support::{Fixture, NAME};
//! #[tokio::test(start_paused = true)]
//! # async fn hidden() {}
//! async fn a_ttl_changes_in_place() {
//!     let fixture = Fixture::new().await;
//!     let id = fixture.create(json!({})).await.success().id().to_owned();
//!     fixture.update(&id, json!({}), json!({"TTL": "3600"})).await.success();
//!     assert_eq!(fixture.parent.record(NAME, "NS").unwrap().ttl, Some(3600));
//! }
//! # let mut runtime = tokio::runtime::Builder::new_current_thread();
//! # let runtime = runtime.enable_time().start_paused(true).build().unwrap();
//! # runtime.block_on(a_ttl_changes_in_place());
//! ```
//!
//! Tokio's clock is paused: whenever all tasks are waiting, it jumps to the next moment that one of
//! them waits for. The function, the AWS SDK, the local AWS and DNS all use this clock. So hours
//! pass in milliseconds, and the speed of the machine has no influence.
//!
//! Everything random (delays of messages, jitter, ids) comes from one seed, so that a failed run
//! can be repeated: `SEED=7 cargo test --test integration <name>`. A test with many cases gives
//! each case its own runtime: [`simulate_each`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test stops where something is missing; helpers are called with json!"
)]
#![allow(missing_docs, reason = "only tests use it; a doc that repeats a name says nothing")]

mod answer;
mod environment;
mod fixture;
mod network;
mod simulation;
mod time;

pub use answer::Answer;
pub use environment::{
    CHILD_ACCOUNT, EXTERNAL_ID, Environment, EnvironmentBuilder, NAME, PARENT_ACCOUNT, RECORD,
    STACK, at_once, changed, function_role, plain, trust_policy,
};
pub use fixture::Fixture;
pub use network::{Network, RequestFields, seeded};
pub use simulation::{Simulated, seed_or, setting, simulate, simulate_each};
pub use time::{breathe, pass, poll_until};
