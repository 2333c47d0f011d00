//! Two requests that race for one name, at every interleaving of the calls that can meet: the reads
//! of records and the changes, each held until its turn. A turn ends when its call was carried out
//! and its side has come to the next one, or has ended.

mod checker;
mod fixture;
mod interleave;
mod manual_edits;
mod scenarios;
mod signed;
