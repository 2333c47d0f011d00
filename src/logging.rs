//! Logs as JSON lines, and panics without their message.

use tracing::level_filters::LevelFilter;

/// Starts logging at `level` (`AWS_LAMBDA_LOG_LEVEL`: TRACE to FATAL; INFO if it is not given).
///
/// TRACE is taken as DEBUG, for at TRACE the Lambda runtime logs whole events, and with them the response URL. What other
/// crates log goes the same way: only this crate's events, and errors of the others, are written.
pub fn init(level: Option<&str>) {
    let level = match level.unwrap_or_default().to_ascii_uppercase().as_str() {
        "TRACE" | "DEBUG" => LevelFilter::DEBUG,
        "WARN" => LevelFilter::WARN,
        "ERROR" | "FATAL" => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level).with_current_span(false).init();
    // A panic's message could hold anything of a request: the log says where it happened, and no more.
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(at, "this program panicked");
    }));
}
