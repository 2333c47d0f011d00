//! Two requests that race for one name, at every interleaving of the calls that can affect each
//! other: reads of records and changes. Each call is held until its turn. A turn ends when the call
//! is complete and its side has reached its next call, or has ended.

mod checker;
mod fixture;
mod interleave;
mod manual_edits;
mod scenarios;
mod signed;
