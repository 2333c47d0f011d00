//! The real `bootstrap`, as a process of its own.

use std::time::Duration;

use sandbox::{Bootstrap, DeadlineStyle};

pub(crate) const BOOTSTRAP: &str = env!("CARGO_BIN_EXE_bootstrap");

/// A function of that program with these variables, and with the timeout of the template.
pub(crate) fn bootstrap(env: Vec<(String, String)>) -> Bootstrap {
    Bootstrap {
        path: BOOTSTRAP.into(),
        env,
        timeout: Duration::from_mins(5),
        deadline: DeadlineStyle::Real,
    }
}

/// Variables of an environment, as [`bootstrap`] takes them.
pub(crate) fn variables<const N: usize>(pairs: [(&str, &str); N]) -> [(String, String); N] {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
}
