//! The error response of a service, before it is written as XML.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// "`InvalidInput`: The input is not valid." (API reference, every action of Route 53.)
    /// Probe: route53/set-incomplete.
    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidInput", message)
    }

    /// The message that both protocols use for a violated constraint of the service model.
    pub(crate) fn constraint(code: &str, value: &str, member: &str, constraint: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must {constraint}"
        );
        Self::new(400, code, message)
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    /// `Throttling` with HTTP status 400 (Developer Guide, "Quotas", "Quotas on API requests").
    /// Probe: route53/throttling.
    pub(crate) fn throttling() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    /// `Sender` for errors of the client, `Receiver` for errors of the service.
    pub(crate) fn sender(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }
}
