//! The rules of ownership and of the DS record set, implemented a second time: what every batch
//! must obey, no matter which request sends it. The reference model and the races check the
//! function by them, and the tests here the planner, over arbitrary delegation points.
//!
//! `PROPTEST_CASES` sets the number of points for each test.

pub(crate) mod ds;
pub(crate) mod ownership;
mod planner;
mod points;
pub(crate) mod record;
