//! The real `bootstrap`, driven through the Lambda Runtime API by whole lives of stacks.

mod delivery;
mod demo;
mod fixture;
mod life;
mod logs;
mod memory;
mod network;
mod rename;
mod rollback;
mod secrets;
mod signed;
mod watch;
