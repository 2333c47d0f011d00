//! One fact about AWS, and how to see whether it is one.

use futures_util::future::BoxFuture;

use crate::bench::Bench;

/// On what a fact rests as long as no real AWS was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// No page promises it.
    Guess,
    /// A page promises it, but not the words of the answer.
    Words,
    /// A page promises all of it.
    Page,
}

/// What a probe needs beside Route 53 and STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Api,
    /// The roles of `templates/`.
    Roles,
    /// CloudFormation, SNS, SQS and the response bucket.
    Stacks,
    /// What no local AWS has, and what that is.
    RealAws(&'static str),
}

/// Does what it takes to see the fact; gives what was seen.
pub type Run = for<'a> fn(&'a Bench) -> BoxFuture<'a, Result<Seen, String>>;

/// What a probe saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// In the words of [`Probe::expected`] if all is as expected.
    Text(String),
    /// Nothing, for this reason: the accounts lack what it takes.
    Nothing(String),
}

impl From<String> for Seen {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Seen {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A fact about AWS on which the code or the sandbox relies.
#[derive(Clone, Copy)]
pub struct Probe {
    /// `<service>/<fact>`, in lower case.
    pub id: &'static str,
    /// The fact in one sentence.
    pub fact: &'static str,
    /// The AWS page by name, or "no page".
    pub source: &'static str,
    /// On what it rests.
    pub basis: Basis,
    /// What it needs.
    pub needs: Needs,
    /// What is seen if the fact is one. Names, accounts and ids are those of [`Bench::plain`].
    pub expected: &'static str,
    /// Looks.
    pub run: Run,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Probe {
    /// The service: what comes before the slash.
    pub fn service(&self) -> &'static str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// The fact: what comes after the slash. A label of the names that the probe uses.
    pub fn slug(&self) -> &'static str {
        self.id.split('/').nth(1).unwrap_or_default()
    }
}

/// A probe. The body is an async block that gives a text or a [`Seen`].
macro_rules! probe {
    ($id:literal, $basis:ident, $needs:expr, $source:expr, $fact:literal, $expected:expr, |$bench:ident| $body:expr) => {
        $crate::probe::Probe {
            id: $id,
            fact: $fact,
            source: $source,
            basis: $crate::probe::Basis::$basis,
            needs: $needs,
            expected: $expected,
            run: |$bench| {
                Box::pin(async move {
                    let seen: Result<_, String> = async { $body }.await;
                    seen.map($crate::probe::Seen::from)
                })
            },
        }
    };
}

pub(crate) use probe;

/// What became of a probe.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Seen as expected.
    Agrees,
    /// Something else was seen.
    Differs(String),
    /// It could not look, for this reason.
    Failed(String),
    /// It does not apply here, for this reason.
    NotApplicable(String),
}

impl Verdict {
    /// True if the run is no success because of it.
    pub fn is_difference(&self) -> bool {
        matches!(self, Self::Differs(_) | Self::Failed(_))
    }
}

impl Probe {
    /// Looks, and compares.
    pub async fn verdict(&self, bench: &Bench) -> Verdict {
        match (self.run)(bench).await {
            Ok(Seen::Text(seen)) => {
                let seen = bench.plain(&seen);
                if seen == self.expected { Verdict::Agrees } else { Verdict::Differs(seen) }
            }
            Ok(Seen::Nothing(why)) => Verdict::NotApplicable(bench.plain(&why)),
            Err(why) => Verdict::Failed(bench.plain(&why)),
        }
    }
}
