//! The outcome of a successful request.

use std::collections::BTreeMap;

use crate::error::Warning;
use delegation_model::reconcile::Action;

/// The outcome of a successful request.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// The physical id to respond with.
    pub(super) physical_id: String,
    /// The attributes. Missing ones are empty strings in the response.
    pub(super) data: BTreeMap<&'static str, String>,
    /// What the user should know.
    pub(super) warnings: Vec<Warning>,
    /// What the request did, for the metrics.
    pub(super) action: Option<Action>,
}
