//! Text styles for a terminal.

/// Whether text is in color or plain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// With ANSI escape sequences.
    Color,
    /// Unchanged.
    Plain,
}

impl Style {
    pub(super) fn bold(self, text: &str) -> String {
        self.with_code("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with_code("2", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.with_code("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.with_code("31", text)
    }

    pub(super) fn heading(self, text: &str) -> String {
        self.with_code("1;36", text)
    }

    fn with_code(self, code: &str, text: &str) -> String {
        if self == Self::Color && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
