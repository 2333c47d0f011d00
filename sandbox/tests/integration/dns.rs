//! The sandbox's zones over DNS, asked with hickory's messages over UDP and TCP.

mod answers;
mod common;
mod dnssec;
mod faults;
mod propagation;
mod resolver;
mod transport;
mod tree;
mod validation;
