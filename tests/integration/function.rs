//! The function's effects on a hosted zone, and its answers to CloudFormation.

mod bad_input;
mod check;
mod create;
mod crowded;
mod delete;
mod dnssec;
mod faults;
mod holders;
mod invented_ids;
mod keys;
mod migrating;
mod moving;
mod occlusion;
mod peers;
mod permissions;
mod scenario;
mod sequences;
mod sns;
mod sync;
mod time;
mod update;
