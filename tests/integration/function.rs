//! What the function does to a zone, and what it answers.

mod bad_input;
mod check;
mod create;
mod delete;
mod dnssec;
mod faults;
mod occlusion;
mod permissions;
mod sequences;
mod sns;
mod sync;
mod update;
