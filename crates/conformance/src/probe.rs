//! Probes: a fact about AWS, with code that observes whether it is true.

use futures_util::future::BoxFuture;

use crate::context::ProbeContext;

/// What supports a fact until it has been checked on real AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// No page documents it.
    Guess,
    /// A page documents it, but not the wording of the response.
    Wording,
    /// A page documents all of it.
    Page,
}

/// What a probe needs in addition to Route 53 and STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Api,
    /// The roles of `templates/`.
    Roles,
    /// CloudFormation, SNS, SQS and the response bucket.
    Stacks,
    /// Something that no local AWS has, described here.
    RealAws(&'static str),
}

/// Observes the fact, and returns what it observed.
pub type Run = for<'a> fn(&'a ProbeContext) -> BoxFuture<'a, Result<Observed, String>>;

/// What a probe observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// A text, which equals [`Probe::expected`] if the fact is true.
    Text(String),
    /// Nothing, because the accounts lack what it needs, described here.
    Nothing(String),
}

impl From<String> for Observed {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Observed {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A fact about AWS that the code or the sandbox relies on.
#[derive(Clone, Copy)]
pub struct Probe {
    /// `<service>/<fact>`, in lower case.
    pub id: &'static str,
    /// The fact in one sentence.
    pub fact: &'static str,
    /// The name of the AWS page, or "no page".
    pub source: &'static str,
    pub basis: Basis,
    pub needs: Needs,
    /// What [`Probe::run`] returns if the fact is true. Names, accounts and ids are those of
    /// [`ProbeContext::with_documentation_ids`].
    pub expected: &'static str,
    pub run: Run,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Probe {
    /// Returns the service: the part of the id before the slash.
    pub fn service(&self) -> &'static str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// Returns the part of the id after the slash. It is a label in the names that the probe uses.
    pub fn slug(&self) -> &'static str {
        self.id.split('/').nth(1).unwrap_or_default()
    }
}

/// Defines a probe. The body is an async block that returns a text or an [`Observed`].
macro_rules! probe {
    ($id:literal, $basis:ident, $needs:expr, $source:expr, $fact:literal, $expected:expr, |$cx:ident| $body:expr) => {
        $crate::probe::Probe {
            id: $id,
            fact: $fact,
            source: $source,
            basis: $crate::probe::Basis::$basis,
            needs: $needs,
            expected: $expected,
            run: |$cx| {
                Box::pin(async move {
                    let observed: Result<_, String> = async { $body }.await;
                    observed.map($crate::probe::Observed::from)
                })
            },
        }
    };
}

pub(crate) use probe;

/// The result of a probe.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It observed what was expected.
    Agrees,
    /// It observed something else.
    Differs(String),
    /// It failed, with this error.
    Failed(String),
    /// It does not apply here, for this reason.
    NotApplicable(String),
}

impl Verdict {
    /// Returns whether the result makes the run fail.
    pub(crate) fn is_difference(&self) -> bool {
        matches!(self, Self::Differs(_) | Self::Failed(_))
    }
}

impl Probe {
    /// Runs the probe, and compares.
    pub async fn verdict(&self, cx: &ProbeContext) -> Verdict {
        match (self.run)(cx).await {
            Ok(Observed::Text(observed)) => {
                let observed = cx.with_documentation_ids(&observed);
                if observed == self.expected { Verdict::Agrees } else { Verdict::Differs(observed) }
            }
            Ok(Observed::Nothing(why)) => Verdict::NotApplicable(cx.with_documentation_ids(&why)),
            Err(why) => Verdict::Failed(cx.with_documentation_ids(&why)),
        }
    }
}
