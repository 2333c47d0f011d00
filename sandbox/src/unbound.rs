//! Runs unbound, another caching and validating resolver, on the sandbox's zones from the root
//! down.
//!
//! unbound always sends to port 53 of the servers in a referral, so the [`Dns`] must be there:
//! `Dns::start_on_port_53`. [`start`] does both. If unbound is not installed, or the port is not
//! permitted, it adds the test to the list of skipped checks.
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
use client::Checking;
use process::{Process, Upstream};

/// The security status of an answer (RFC 4035, section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Signed, all the way from the trust anchor (the AD bit).
    Secure,
    /// Provably not signed.
    Insecure,
    /// The signatures don't match: SERVFAIL, and an answer only if checking is disabled.
    Bogus,
    /// SERVFAIL whether checked or not: no server answers.
    Unreachable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolution {
    pub security: Security,
    /// True if the name exists. False for any response code except NOERROR.
    pub exists: bool,
    /// The sorted data of the requested type. If the answer is bogus, this data must not be
    /// trusted.
    pub data: Vec<String>,
    /// For how many seconds the answer stays in the cache.
    pub ttl: u32,
    /// unbound's reason for a failure: the extended errors in its response (RFC 8914), such as `9:
    /// validation failure …`.
    pub reason: Option<String>,
}

/// A running unbound. It is killed when dropped.
#[derive(Debug)]
pub struct Unbound {
    process: Process,
}

/// Starts a DNS service on port 53 and an unbound that uses it. If that is not possible, returns
/// `None` and adds the reason to the list of skipped checks ([`crate::not_checked()`]).
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
    /// Starts an unbound that trusts the root of this service. Its cache is empty at first, and
    /// keeps what the TTLs allow, and failures for a second. The error says why it can't run.
    pub fn start(dns: &Dns) -> Result<Self, String> {
        Ok(Self { process: Process::start(dns, Upstream::NameServers)? })
    }

    /// Starts an unbound that only queries the resolver of this service, and validates its answers.
    /// See [`Dns::share_cache`].
    pub fn start_behind(dns: &Dns) -> Result<Self, String> {
        Ok(Self { process: Process::start(dns, Upstream::Resolver)? })
    }

    /// The address at which it answers.
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    pub fn log(&self) -> Vec<String> {
        self.process.log()
    }

    /// Queries it like a client with DNSSEC support.
    pub async fn resolve(&self, name: &str, rtype: &str) -> io::Result<Resolution> {
        let answer = client::ask(self.address(), name, rtype, Checking::Enabled).await?;
        if answer.code != ResponseCode::ServFail {
            let security = if answer.authentic { Security::Secure } else { Security::Insecure };
            return Ok(answer.resolution(security));
        }
        let unchecked = client::ask(self.address(), name, rtype, Checking::Disabled).await?;
        let failed = unchecked.code == ResponseCode::ServFail;
        let security = if failed { Security::Unreachable } else { Security::Bogus };
        Ok(Resolution { reason: answer.reason, ..unchecked.resolution(security) })
    }
}
