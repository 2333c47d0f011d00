//! Tests of the planner: the rows of its tables, the sequences of events behind its rules, and
//! properties of every plan.

mod arrive;
mod contested;
mod delete;
mod driver;
mod ds;
mod forged;
mod messages;
mod properties;
mod sequences;
mod surroundings;
mod update;
