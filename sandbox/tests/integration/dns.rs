//! Tests of the sandbox's DNS servers: they query them over UDP and TCP with hickory's messages.

mod answers;
mod common;
mod dnssec;
mod faults;
mod propagation;
mod resolver;
mod transport;
mod tree;
mod validation;
