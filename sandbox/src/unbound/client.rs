//! Sends one query to a resolver.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, Record, RecordType};

use super::{Resolution, Security};
use crate::dns::client::{exchange, question};

/// The timeout of one datagram. unbound only answers some queries that had to wait for a silent
/// server when they are repeated, as stub resolvers do.
const TRY: Duration = Duration::from_secs(5);
/// How many datagrams are sent. Together they take longer than unbound tries before it gives up on
/// silent servers.
const TRIES: u32 = 12;
/// The number of the EDNS option for extended errors (RFC 8914, section 5.1).
const EXTENDED_ERROR: u16 = 15;

pub(super) struct ResolverAnswer {
    pub code: ResponseCode,
    pub authentic: bool,
    pub reason: Option<String>,
    records: Vec<Record>,
    rtype: RecordType,
    /// The TTL of the first record of the authority section, which is the SOA if there is no data.
    negative_ttl: u32,
}

impl ResolverAnswer {
    pub(super) fn resolution(&self, security: Security) -> Resolution {
        let of_type = || self.records.iter().filter(|record| record.record_type() == self.rtype);
        let mut data: Vec<String> = of_type().map(|record| record.data.to_string()).collect();
        data.sort();
        let ttl = of_type().map(|record| record.ttl).min().unwrap_or(self.negative_ttl);
        let (exists, reason) = (self.code == ResponseCode::NoError, self.reason.clone());
        Resolution { security, exists, data, ttl, reason }
    }
}

/// Whether the resolver validates an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checking {
    Enabled,
    /// With the CD bit, it returns bogus data too.
    Disabled,
}

/// Sends a query with the DO bit.
pub(super) async fn ask(
    resolver: SocketAddr,
    name: &str,
    rtype: &str,
    checking: Checking,
) -> io::Result<ResolverAnswer> {
    let rtype: RecordType = rtype.parse().map_err(io::Error::other)?;
    let mut owner = Name::from_ascii(name).map_err(io::Error::other)?;
    owner.set_fqdn(true);
    let mut query = question(&owner, rtype);
    query.metadata.recursion_desired = true;
    query.metadata.checking_disabled = checking == Checking::Disabled;
    let mut answer = exchange(resolver, &query, TRY).await;
    for _ in 1..TRIES {
        if !answer.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            break;
        }
        answer = exchange(resolver, &query, TRY).await;
    }
    let answer = answer?;
    Ok(ResolverAnswer {
        code: answer.metadata.response_code,
        authentic: answer.metadata.authentic_data,
        reason: extended_errors(&answer),
        negative_ttl: answer.authorities.first().map(|record| record.ttl).unwrap_or_default(),
        records: answer.answers,
        rtype,
    })
}

/// The code and text of each extended error (RFC 8914, section 2).
fn extended_errors(answer: &Message) -> Option<String> {
    let options = answer.edns.iter().flat_map(|edns| edns.options().as_ref());
    let errors: Vec<String> = options
        .filter_map(|(_, option)| match option {
            EdnsOption::Unknown(EXTENDED_ERROR, bytes) => bytes.split_at_checked(2),
            _ => None,
        })
        .map(|(code, text)| {
            let code = code.iter().fold(0, |code, byte| code * 256 + u32::from(*byte));
            format!("{code}: {}", String::from_utf8_lossy(text))
        })
        .collect();
    (!errors.is_empty()).then(|| errors.join("; "))
}
