//! `Custom::Delegation`: a CloudFormation custom resource that keeps the delegation of a child zone
//! in a parent zone, usually one of another AWS account.
//!
//! The **child zone** is a hosted zone of Route 53 (or any zone whose **name servers** are given);
//! the **delegation** is the NS record set at the child's name, the **zone cut**, in the **parent
//! zone**. Beside the cut stands the **ownership record**, whose **claims** say which stack
//! resources rely on the delegation.
//!
//! # The way of a request
//!
//! [`handler::Handler::handle`] takes the raw JSON of one delivery and gives one answer:
//!
//! 1. [`cfn::envelope`]: where to answer (the pre-signed URL, a secret), then what is asked.
//!    Whatever fails from here on, a panic and an expired deadline included, is answered FAILED.
//! 2. [`cfn::properties`]: what is wanted, each property checked; an unknown one is an error.
//! 3. **Observe**: [`aws`] reads the child zone, assumes the parent role, finds the parent zone,
//!    and reads what stands at the zone cut and in the ownership record.
//! 4. **Plan**: [`delegation_model::reconcile`] decides what to change, or why nothing, or refuses.
//!    It is a pure function.
//! 5. **Apply**: one atomic batch of CREATE and exact DELETE, which Route 53 rejects if the zone is
//!    no longer as observed; then back to 3, a few times.
//! 6. **Signal**: [`cfn::signal`] PUTs the answer that [`cfn::response`] wrote, at most 4096 bytes.
//!
//! # The watch
//!
//! Where Lambda's `_HANDLER` is [`watch::HANDLER`], the same program is the watch:
//! [`watch::Watch::run`] reads all public zones of several accounts by [`scan`], and tells what is
//! wrong with their delegations. It changes nothing.
//!
//! # What it promises
//!
//! - A record that this resource did not make is never changed, unless `AllowOverwrite` says so.
//! - A delegation lives as long as a claim on it does: through renames, replacements and rollbacks.
//! - Every delivery is answered once, or fails towards Lambda and is delivered again.
//! - The response URL, credentials and external ids appear in no log, error or `Debug` form.
//!
//! The whole contract stands in `docs/design.md`.

pub mod aws;
pub mod backoff;
pub mod cfn;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod error;
pub mod handler;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod scan;
pub mod watch;
