//! Tests of the real `bootstrap` process, behind the Lambda Runtime API, through the lives of
//! stacks.

mod by_hand;
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
