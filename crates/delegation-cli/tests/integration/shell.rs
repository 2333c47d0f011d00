//! Runs the command like a person in a shell.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use sandbox::{Credentials, Dns, Sandbox};
use serde_json::Value;

use test_support::{EXTERNAL_ID, Fixture};

/// The environment variables of the command, with its credentials and resolver.
pub(crate) struct Shell {
    pub(crate) env: Vec<(String, String)>,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Shell {
    pub(crate) fn new(aws: &Sandbox, credentials: &Credentials) -> Self {
        Self { env: aws.env(credentials) }
    }

    /// With the permissions of the function.
    pub(crate) fn of_function(fixture: &Fixture) -> Self {
        Self::new(&fixture.aws, &fixture.function_role.credentials())
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// With the sandbox's DNS as the resolver.
    pub(crate) fn with_dns(self, dns: &Dns) -> Self {
        self.with("DELEGATION_DNS_RESOLVER", dns.resolver())
            .with("DELEGATION_DNS_ANY_ADDRESS", "true")
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// Runs the command with `input` on its standard input. It does not inherit the environment of
    /// this process.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_delegation"));
        command
            .args(args)
            .env_clear()
            .envs(self.env.iter().cloned())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may end without reading its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Ran {
            status: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        for stream in [&ran.out, &ran.err] {
            assert!(!stream.contains(EXTERNAL_ID), "an external id is printed: {ran:?}");
            assert!(
                stream.chars().all(|c| c == '\n' || !c.is_control()),
                "control characters: {ran:?}"
            );
        }
        ran
    }
}

impl Ran {
    /// The exit status and the whole output, without what differs in each run.
    pub(crate) fn text(&self) -> String {
        let Self { status, out, err } = self;
        without_addresses(&without_times(&format!("exit status {status}\n\n{out}{err}")))
    }

    #[track_caller]
    pub(crate) fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Asserts that the standard output contains these words.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word), "{:?} is not in:\n{}{}", word, self.out, self.err);
        }
        self
    }

    /// Asserts that there is one line on the standard error output, with these words, and no
    /// standard output.
    #[track_caller]
    pub(crate) fn complains(self, words: &[&str]) -> Self {
        assert_eq!((self.err.lines().count(), self.out.as_str()), (1, ""), "{self:?}");
        assert!(self.err.starts_with("delegation: "), "{self:?}");
        let code =
            self.err.trim_end().rsplit_once(" [").and_then(|(_, code)| code.strip_suffix(']'));
        let is_code = |code: &str| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(code.is_some_and(is_code), "no code: {self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {:?}", self.err);
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Replaces the time in a claim and everything derived from it.
pub(crate) fn without_times(text: &str) -> String {
    let mut parts = text.split("at=");
    let head = parts.next().unwrap().to_owned();
    parts.fold(head, |out, part| {
        out + "at=…" + part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '…')
    })
}

/// Replaces the addresses of name servers.
pub(crate) fn without_addresses(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let (number, behind) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        // The full stop of a sentence.
        let number_only = number.trim_end_matches('.');
        let is_address = number_only.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        shown.push_str(before);
        shown.push_str(if is_address { "…" } else { number_only });
        shown.push_str(&number[number_only.len()..]);
        rest = behind;
    }
    shown + rest
}

#[test]
fn addresses_are_replaced_wherever_they_have_127() {
    for address in ["127.127.4.7", "127.4.127.7", "127.4.7.127", "127.0.0.1"] {
        assert_eq!(without_addresses(&format!("at {address}, {address}.")), "at …, ….");
    }
    let others = "ns-127.awsdns-07.com, version 1.127.3, 12 ms.";
    assert_eq!(without_addresses(others), others);
}

/// A snapshot of the fixture, to assert that the command did not change it.
pub(crate) struct Snapshot {
    zones: Vec<(sandbox::ZoneHandle, u64)>,
    aws: Sandbox,
}

impl Snapshot {
    pub(crate) fn new(fixture: &Fixture) -> Self {
        fixture.aws.clear_calls();
        let zones = [&fixture.parent, &fixture.child].map(|zone| (zone.clone(), zone.revision()));
        Self { zones: zones.into(), aws: fixture.aws.clone() }
    }

    #[track_caller]
    pub(crate) fn assert_unchanged(&self) {
        for (zone, revision) in &self.zones {
            assert_eq!(zone.revision(), *revision, "{}", zone.name());
        }
        let reads = ["AssumeRole", "Get", "List"];
        for call in self.aws.calls() {
            assert!(reads.iter().any(|read| call.action.starts_with(read)), "{}", call.action);
        }
    }
}
