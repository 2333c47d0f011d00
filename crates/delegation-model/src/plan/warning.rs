//! What the user should know although the request succeeds.

/// A stable code, and words for a person. Displayed as the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The stable code.
    pub code: &'static str,
    /// The words.
    pub message: String,
}

impl Warning {
    /// A warning of this code.
    pub fn new(code: impl Into<&'static str>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// The stable code of what the planner warns of: the variant's name in kebab case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
#[expect(missing_docs, reason = "the troubleshooting page explains each under its code")]
pub enum WarningCode {
    DelegationKept,
    RecordsHidden,
    WildcardEnds,
    DsLeft,
    DsKept,
    DsNotAdded,
    DsDeferred,
    LeftUnclaimed,
    LeftAdopted,
    LeftChanged,
}
