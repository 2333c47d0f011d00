//! The function through the real AWS SDK over HTTP, against the sandbox, in process.

mod bad_input;
mod create;
mod delete;
mod faults;
mod update;
mod world;
