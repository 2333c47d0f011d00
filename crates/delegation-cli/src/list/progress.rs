//! Displays a progress bar on the terminal during a long listing. Displays nothing if the standard
//! error output is not a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use custom_delegation::scan;

/// The progress bar. It disappears when it is dropped.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message("reading zones");
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Records progress in reading zones.
    pub(super) fn read(&self, step: scan::Progress) {
        match step {
            scan::Progress::Found(more) => self.0.inc_length(more as u64),
            scan::Progress::Read => self.0.inc(1),
        }
    }

    /// Starts the DNS checks of this many delegations.
    pub(super) fn start_checks(&self, all: usize) {
        self.0.set_message("querying name servers");
        self.0.set_position(0);
        self.0.set_length(all as u64);
        self.0.reset_eta();
    }

    /// Records that one more delegation was checked.
    pub(super) fn check_done(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
