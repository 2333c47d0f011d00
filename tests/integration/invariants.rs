//! What is true of every batch, no matter who sends it: the rules of ownership and of the DS record
//! set a second time, by which the reference model and the races judge the function; and here, by
//! which the planner is judged over arbitrary delegation points.
//!
//! `PROPTEST_CASES` sets how many points each test has.

pub(crate) mod ds;
pub(crate) mod ownership;
mod planner;
mod points;
pub(crate) mod record;
