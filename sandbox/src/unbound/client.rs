//! One question to a resolver.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::{Resolution, Security};

/// Longer than unbound tries before it gives up on silent servers.
const PATIENCE: Duration = Duration::from_mins(1);
/// The number of the EDNS option (RFC 8914 section 5.1).
const EXTENDED_ERROR: u16 = 15;

pub(super) struct Answer {
    pub code: ResponseCode,
    pub authentic: bool,
    pub reason: Option<String>,
    records: Vec<Record>,
    rtype: RecordType,
    /// TTL of the first record of the authority section: of the SOA, where there is no data.
    negative_ttl: u32,
}

impl Answer {
    pub(super) fn resolution(&self, security: Security) -> Resolution {
        let of_type = || self.records.iter().filter(|record| record.record_type() == self.rtype);
        let mut data: Vec<String> = of_type().map(|record| record.data.to_string()).collect();
        data.sort();
        let ttl = of_type().map(|record| record.ttl).min().unwrap_or(self.negative_ttl);
        let (exists, reason) = (self.code == ResponseCode::NoError, self.reason.clone());
        Resolution { security, exists, data, ttl, reason }
    }
}

/// Asks with the DO bit, and with checking disabled if so wanted; over TCP what does not fit.
pub(super) async fn ask(resolver: SocketAddr, name: &str, rtype: &str, unchecked: bool) -> io::Result<Answer> {
    let rtype: RecordType = rtype.parse().map_err(io::Error::other)?;
    let mut owner = Name::from_ascii(name).map_err(io::Error::other)?;
    owner.set_fqdn(true);
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.metadata.checking_disabled = unchecked;
    query.add_query(Query::query(owner, rtype));
    let mut edns = Edns::new();
    edns.set_max_payload(1232).enable_dnssec();
    query.set_edns(edns);
    let bytes = query.to_vec().map_err(io::Error::other)?;
    let mut answer = timeout(PATIENCE, datagram(resolver, &bytes, query.metadata.id)).await??;
    if answer.metadata.truncation {
        answer = timeout(PATIENCE, connection(resolver, &bytes)).await??;
    }
    Ok(Answer {
        code: answer.metadata.response_code,
        authentic: answer.metadata.authentic_data,
        reason: extended_errors(&answer),
        negative_ttl: answer.authorities.first().map(|record| record.ttl).unwrap_or_default(),
        records: answer.answers,
        rtype,
    })
}

/// Code and text of each (RFC 8914 section 2).
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

async fn datagram(resolver: SocketAddr, query: &[u8], id: u16) -> io::Result<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(resolver).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    let length = socket.recv(&mut buffer).await?;
    let answer = Message::from_vec(buffer.get(..length).unwrap_or_default()).map_err(io::Error::other)?;
    if answer.metadata.id == id { Ok(answer) } else { Err(io::Error::other("an answer to another question")) }
}

async fn connection(resolver: SocketAddr, query: &[u8]) -> io::Result<Message> {
    let mut stream = TcpStream::connect(resolver).await?;
    stream.write_u16(u16::try_from(query.len()).map_err(io::Error::other)?).await?;
    stream.write_all(query).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Message::from_vec(&answer).map_err(io::Error::other)
}
