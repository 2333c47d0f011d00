//! Tests of the DNS check against scripted servers on the loopback interface: the queries, the
//! findings, and their text.

mod address_filter;
mod after;
mod before;
mod differential;
mod dnssec;
mod held;
mod hostile;
mod internet;
mod messages;
mod run;
mod script;
mod text;
mod time;
mod unusual;
mod verdicts;
