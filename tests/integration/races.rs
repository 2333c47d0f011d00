//! Two requests that race for one name, at every interleaving of the calls that can meet: the reads
//! of records and the changes, each held until its turn. A turn ends when its call was carried out
//! and its side has come to the next one, or has ended.

mod arena;
mod hand;
mod interleave;
mod scenarios;
mod signed;
mod watch;
