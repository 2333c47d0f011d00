//! unbound, a caching and validating resolver that is not ours, looking at the sandbox's zones from
//! the root down.
//!
//! unbound sends to port 53 of whatever a referral leads to, so the [`Dns`] that it looks at must
//! be there: [`Dns::start_on_port_53`]. [`start`] does both. Where unbound is not installed or the
//! port is not permitted, it puts the test on the list of what was not checked.
//!
//! ```no_run
//! # async fn example() {
//! # let aws = sandbox::Sandbox::start().await.unwrap();
//! use sandbox::unbound::{self, Security};
//!
//! let Some((dns, unbound)) = unbound::start(&aws).await else { return };
//! let found = unbound.resolve("testing.example.com", "SOA").await.unwrap();
//! assert_eq!(found.security, Security::Insecure, "{found:?}");
//! # drop(dns);
//! # }
//! ```

mod client;
mod process;

use std::io;
use std::net::SocketAddr;

use hickory_proto::op::ResponseCode;

use crate::{Dns, Sandbox};
use process::Process;

/// How sure unbound is of an answer (RFC 4035 section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Signed all the way from the trust anchor (the AD bit).
    Secure,
    /// Provably not signed.
    Insecure,
    /// Signatures that don't fit: SERVFAIL, and an answer only when checking is disabled.
    Bogus,
    /// SERVFAIL, whether checked or not: no server answers.
    Unreachable,
}

/// What unbound found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolution {
    /// How sure it is.
    pub security: Security,
    /// Whether the name exists; `false` for anything but NOERROR.
    pub exists: bool,
    /// The data of the type that was asked for, sorted. For a bogus answer, what is not to be
    /// trusted.
    pub data: Vec<String>,
    /// For how many seconds the answer stays in the cache.
    pub ttl: u32,
    /// What unbound says of a failure: the extended errors of its answer (RFC 8914), such as
    /// `9: validation failure …`.
    pub reason: Option<String>,
}

/// A running unbound. It is killed when dropped.
#[derive(Debug)]
pub struct Unbound {
    process: Process,
}

/// Starts a DNS service on port 53 and an unbound that looks at it. Where that cannot be done it
/// returns `None`, and the reason is on the list of what was not checked
/// ([`crate::not_checked()`]).
pub async fn start(aws: &Sandbox) -> Option<(Dns, Unbound)> {
    let dns = match Dns::start_on_port_53(aws).await {
        Ok(dns) => dns,
        Err(error) => {
            let why = format!("port 53 of the loopback network: {error}");
            crate::not_checked(
                "unbound",
                &why,
                "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=53, or run as root",
            );
            return None;
        }
    };
    match Unbound::start(&dns) {
        Ok(unbound) => Some((dns, unbound)),
        Err(why) => {
            let remedy = "sudo apt-get install unbound; if AppArmor confines it: \
                          sudo apparmor_parser -R /etc/apparmor.d/usr.sbin.unbound";
            crate::not_checked("unbound", &why, remedy);
            None
        }
    }
}

impl Unbound {
    /// Starts one that trusts the root of that service. Its cache begins empty and keeps what the
    /// TTLs allow, failures for a second. The error says why it can't run.
    pub fn start(dns: &Dns) -> Result<Self, String> {
        Ok(Self { process: Process::start(dns, false)? })
    }

    /// Starts one that asks nobody but the resolver of that service, and validates what that
    /// answers; see [`Dns::share_cache`].
    pub fn start_behind(dns: &Dns) -> Result<Self, String> {
        Ok(Self { process: Process::start(dns, true)? })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.process.log()
    }

    /// Asks it as a client that knows of DNSSEC.
    pub async fn resolve(&self, name: &str, rtype: &str) -> io::Result<Resolution> {
        let answer = client::ask(self.address(), name, rtype, false).await?;
        if answer.code != ResponseCode::ServFail {
            let security = if answer.authentic { Security::Secure } else { Security::Insecure };
            return Ok(answer.resolution(security));
        }
        let unchecked = client::ask(self.address(), name, rtype, true).await?;
        let failed = unchecked.code == ResponseCode::ServFail;
        let security = if failed { Security::Unreachable } else { Security::Bogus };
        Ok(Resolution { reason: answer.reason, ..unchecked.resolution(security) })
    }
}
