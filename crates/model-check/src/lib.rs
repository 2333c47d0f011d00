//! A model checker that explores every state within bounds, with the planner that ships.
//!
//! `docs/model-checking.md` says what is explored, what was found, and what is left out.
#![allow(missing_docs, reason = "an item whose name says everything needs no comment")]
#![allow(
    clippy::indexing_slicing,
    reason = "every index is into one of this crate's own small tables"
)]
#![allow(
    clippy::similar_names,
    clippy::unused_self,
    clippy::option_option,
    clippy::struct_excessive_bools,
    clippy::precedence,
    clippy::single_match_else,
    clippy::format_collect,
    clippy::inconsistent_struct_constructor,
    clippy::panic,
    clippy::too_many_lines,
    clippy::format_push_string,
    reason = "never shipped: a state is a set of small facts, and strings are written once"
)]

mod function;
mod manual_edit;
mod model;
mod points;
pub mod profiles;
mod properties;
mod rules;
mod search;
mod stacks;
mod state;
mod steps;
mod values;

pub use manual_edit::ManualEdit;
pub use properties::EXCUSES;
pub use search::{Report, explore, explore_until, replay};
pub use values::Config;
