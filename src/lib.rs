//! `Custom::Delegation`: a CloudFormation custom resource that manages the delegation of a child
//! zone in its parent zone, which usually belongs to another AWS account.
//!
//! The **child zone** is a Route 53 hosted zone, or any zone whose **name servers** are given. The
//! **delegation** is the NS record set at the child's name (the **zone cut**) in the **parent
//! zone**. Next to the cut, the parent zone has the **ownership record**, a TXT record set. Its
//! **claims** say which stack resources rely on the delegation.
//!
//! # How a request is handled
//!
//! [`handler::Handler::handle`] takes the raw JSON of one delivery and sends one response:
//!
//! 1. **Envelope** ([`cfn::envelope`]): parses where to send the response (the pre-signed URL, a
//!    secret), then what is requested. Any failure after this, including a panic or an expired
//!    deadline, gets the response FAILED.
//! 2. **Properties** ([`cfn::properties`]): parses the desired state and checks each property. An
//!    unknown property is an error.
//! 3. **Observe** ([`aws`]): reads the child zone, assumes the parent role, finds the parent zone,
//!    and reads the record sets at the zone cut and the ownership record.
//! 4. **Plan** ([`delegation_model::reconcile`]): decides what to change, or refuses. This is a
//!    pure function.
//! 5. **Apply**: sends one atomic batch of CREATEs and exact DELETEs. Route 53 rejects the batch if
//!    the zone has changed since it was observed; the request then goes back to step 3, a limited
//!    number of times.
//! 6. **Signal** ([`cfn::signal`]): PUTs the response, at most 4096 bytes, which [`cfn::response`]
//!    wrote.
//!
//! # The watch
//!
//! If Lambda's `_HANDLER` variable is [`watch::HANDLER`], the same program runs as the watch:
//! [`watch::Watch::run`] reads all public zones of several accounts with [`scan`] and reports what
//! is wrong with their delegations. It changes nothing.
//!
//! # Promises
//!
//! - A record that the resource did not create is never changed unless `AllowOverwrite` says so.
//! - A delegation exists as long as there is a claim on it: through renames, replacements and
//!   rollbacks.
//! - Every delivery gets one response, or the invocation fails and Lambda delivers the event again.
//! - The response URL, credentials and external ids never appear in a log, an error or `Debug`
//!   output.
//!
//! The full contract is in `docs/design.md`.

pub mod aws;
mod backoff;
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
