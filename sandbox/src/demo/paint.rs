//! Colors text, if requested.

/// Writes text in color, or unchanged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    pub(super) fn new(on: bool) -> Self {
        Self { on }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.ink("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.ink("2", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.ink("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.ink("31", text)
    }

    pub(super) fn heading(self, text: &str) -> String {
        self.ink("1;36", text)
    }

    fn ink(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
