//! The function's effects on a hosted zone, and its answers to CloudFormation.

mod bad_input;
mod check;
mod create;
mod delete;
mod dnssec;
mod dnssec_sequences;
mod faults;
mod holders;
mod invented_ids;
mod many_record_sets;
mod migrating;
mod moving;
mod occlusion;
mod peers;
mod permissions;
mod scenario;
mod sns;
mod sync;
mod time;
mod update;
mod young_keys;
