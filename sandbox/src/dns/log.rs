//! The queries that were received over the network.

use super::fault::Transport;

/// A query as a server received it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsQuery {
    /// The name server, without a trailing dot. `resolver` for the resolver.
    pub server: String,
    /// The name in the query, in lower case, with a trailing dot.
    pub name: String,
    pub rtype: String,
    pub transport: Transport,
    pub recursion_desired: bool,
    /// The UDP payload size in the OPT record (RFC 6891). `None` without one.
    pub payload: Option<u16>,
    /// True if DNSSEC records were requested (the DO bit).
    pub dnssec_ok: bool,
}
