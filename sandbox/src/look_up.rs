//! Runs `delv` (BIND) and `drill` (ldns), two other programs that look up a name through a resolver
//! and validate the answer themselves.
//!
//! The resolver is [`crate::unbound`], which is queried with checking disabled: it finds the
//! servers, and the program validates the responses with the trust anchor of the [`Dns`]. If a
//! program is not installed, [`LookUp::start`] adds it to the list of skipped checks.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::Dns;

/// Longer than either program, and its resolver, try before they give up.
const PATIENCE: Duration = Duration::from_mins(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// From BIND. It validates like `named`.
    Delv,
    /// From ldns. It follows signatures upwards from the answer.
    Drill,
}

/// How a program validates a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validation {
    /// It is signed, all the way from the trust anchor.
    Secure,
    /// Signatures prove that the name, or the data, does not exist.
    NoSuchName,
    /// It is provably not signed.
    Insecure,
    /// An answer without signatures. `drill` does not say whether there should be any.
    Unsigned,
    /// Signatures by keys without a DS record set. `drill` does not say whether there should be
    /// one.
    Unchained,
    /// The signatures or DS records don't match.
    Bogus,
    /// There is no answer.
    Fails,
}

/// One of the programs, with its trust anchor in a file that is removed when it is dropped.
#[derive(Debug)]
pub struct LookUp {
    program: Program,
    resolver: SocketAddr,
    anchor: PathBuf,
}

impl Drop for LookUp {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.anchor);
    }
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Delv => "delv",
            Self::Drill => "drill",
        }
    }

    /// The Debian package that has it.
    fn package(self) -> &'static str {
        match self {
            Self::Delv => "bind9-dnsutils",
            Self::Drill => "ldnsutils",
        }
    }

    /// The trust anchor in the format that it reads.
    fn anchor(self, dns: &Dns) -> String {
        let anchor = dns.trust_anchor();
        match (self, anchor.split_ascii_whitespace().collect::<Vec<_>>().as_slice()) {
            (Self::Delv, [_, _, _, tag, algorithm, digest_type, digest]) => {
                format!(
                    "trust-anchors {{ \".\" static-ds {tag} {algorithm} {digest_type} \"{digest}\"; }};\n"
                )
            }
            _ => anchor + "\n",
        }
    }

    fn parse(self, output: &Output) -> Validation {
        let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
        let says = |words: &str| text.contains(words);
        match self {
            Self::Delv => match () {
                () if says("; negative response, fully validated") => Validation::NoSuchName,
                () if says("; fully validated") => Validation::Secure,
                () if says("; unsigned answer") => Validation::Insecure,
                () if says("no valid")
                    || says("broken trust chain")
                    || says("insecurity proof failed") =>
                {
                    Validation::Bogus
                }
                () => Validation::Fails,
            },
            Self::Drill => match () {
                () if says("Existence denied") && says("Chase successful") => {
                    Validation::NoSuchName
                }
                () if says("Chase successful") => Validation::Secure,
                () if !says("rcode: NOERROR") && !says("rcode: NXDOMAIN") => Validation::Fails,
                () if says("RRSIG") => Validation::Unchained,
                () => Validation::Unsigned,
            },
        }
    }
}

impl LookUp {
    /// The program, if it is installed, with this resolver.
    pub fn start(program: Program, dns: &Dns, resolver: SocketAddr) -> Option<Self> {
        let (name, package) = (program.name(), program.package());
        let anchor = std::env::temp_dir().join(format!(
            "sandbox-{name}-{}-{:08x}",
            std::process::id(),
            fastrand::u32(..)
        ));
        let is_installed = std::process::Command::new(name)
            .arg("-v")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let written = is_installed.and_then(|_| fs::write(&anchor, program.anchor(dns)));
        if let Err(error) = written {
            let why = format!("{name} can't run: {error}");
            crate::not_checked(name, &why, &format!("sudo apt-get install {package}"));
            return None;
        }
        Some(Self { program, resolver, anchor })
    }

    /// Looks up a name. Returns the program's result and its output.
    pub async fn look_up(&self, name: &str, rtype: &str) -> io::Result<(Validation, String)> {
        let (at, port) = (format!("@{}", self.resolver.ip()), self.resolver.port().to_string());
        let mut command = Command::new(self.program.name());
        match self.program {
            Program::Delv => {
                command
                    .args([&at, "-p", &port, "-a"])
                    .arg(&self.anchor)
                    .args(["+root=.", "+cd", name, rtype]);
            }
            Program::Drill => {
                command
                    .args(["-S", "-V", "3", "-p", &port, "-o", "CD", "-k"])
                    .arg(&self.anchor)
                    .args([name, &at, rtype]);
            }
        }
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = timeout(PATIENCE, output).await??;
        let printed = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
        Ok((self.program.parse(&output), printed))
    }
}
