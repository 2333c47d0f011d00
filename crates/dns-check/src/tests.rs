//! The DNS check against scripted servers on the loopback: what it asks, what it concludes, how it
//! says so.

mod address_filter;
mod after;
mod before;
mod differential;
mod dnssec;
mod hostile;
mod internet;
mod messages;
mod odd;
mod run;
mod script;
mod text;
mod time;
mod verdicts;
