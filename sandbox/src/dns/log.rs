//! The queries that came over the network.

use super::fault::Transport;

/// A query as a server received it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsQuery {
    /// The name server that was asked, without trailing dot; `resolver` for the resolver.
    pub server: String,
    /// The name asked for, lower case, with a trailing dot.
    pub name: String,
    /// The type asked for, such as `SOA`.
    pub rtype: String,
    /// How it came.
    pub transport: Transport,
    /// Whether recursion was desired.
    pub recursion_desired: bool,
    /// The UDP payload that an OPT record offered (RFC 6891); `None` without one.
    pub payload: Option<u16>,
    /// Whether DNSSEC records were asked for (the DO bit).
    pub dnssec_ok: bool,
}
