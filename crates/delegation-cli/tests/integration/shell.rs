//! Runs the command as a person does.

use std::io::Write as _;
use std::process::{Command, Stdio};

use sandbox::{Credentials, Dns, Sandbox};
use serde_json::Value;

use test_support::{EXTERNAL_ID, Fixture};

/// The command with its credentials and resolver.
pub(crate) struct Shell {
    pub(crate) env: Vec<(String, String)>,
}

/// How a run ended.
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

    /// With the rights of the function.
    pub(crate) fn of(fixture: &Fixture) -> Self {
        Self::new(&fixture.aws, &fixture.function_role.credentials())
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.env.push((name.to_owned(), value.to_string()));
        self
    }

    /// Asking the sandbox's DNS.
    pub(crate) fn asking(self, dns: &Dns) -> Self {
        self.with("DELEGATION_DNS_RESOLVER", dns.resolver())
            .with("DELEGATION_DNS_ANY_ADDRESS", "true")
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// Runs it with something on its standard input. Nothing of this process's environment reaches
    /// it.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_delegation"));
        command
            .args(args)
            .env_clear()
            .envs(self.env.iter().cloned())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran = Ran {
            status: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        for stream in [&ran.out, &ran.err] {
            assert!(!stream.contains(EXTERNAL_ID), "an external id is told: {ran:?}");
            assert!(
                stream.chars().all(|c| c == '\n' || !c.is_control()),
                "control characters: {ran:?}"
            );
        }
        ran
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The words stand in what was printed.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word), "{:?} is not in:\n{}{}", word, self.out, self.err);
        }
        self
    }

    /// One line on the standard error output has these words, and nothing else was printed.
    #[track_caller]
    pub(crate) fn complains(self, words: &[&str]) -> Self {
        assert_eq!((self.err.lines().count(), self.out.as_str()), (1, ""), "{self:?}");
        assert!(self.err.starts_with("delegation: "), "{self:?}");
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

/// The fixture did not change while the command ran.
pub(crate) struct Still {
    zones: Vec<(sandbox::ZoneHandle, u64)>,
    aws: Sandbox,
}

impl Still {
    pub(crate) fn of(fixture: &Fixture) -> Self {
        fixture.aws.clear_calls();
        let zones = [&fixture.parent, &fixture.child].map(|zone| (zone.clone(), zone.revision()));
        Self { zones: zones.into(), aws: fixture.aws.clone() }
    }

    #[track_caller]
    pub(crate) fn holds(&self) {
        for (zone, revision) in &self.zones {
            assert_eq!(zone.revision(), *revision, "{}", zone.name());
        }
        let reads = ["AssumeRole", "Get", "List"];
        for call in self.aws.calls() {
            assert!(reads.iter().any(|read| call.action.starts_with(read)), "{}", call.action);
        }
    }
}
