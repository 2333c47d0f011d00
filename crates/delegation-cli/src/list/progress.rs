//! How far a long listing is: a bar on the terminal, and nothing where the standard error output is
//! none.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use custom_delegation::scan;

/// The bar; it goes when it is dropped.
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

    /// Zones are being read.
    pub(super) fn read(&self, step: scan::Progress) {
        match step {
            scan::Progress::Found(more) => self.0.inc_length(more as u64),
            scan::Progress::Read => self.0.inc(1),
        }
    }

    /// From now on name servers are asked, for so many delegations.
    pub(super) fn looks_at(&self, all: usize) {
        self.0.set_message("asking name servers");
        self.0.set_position(0);
        self.0.set_length(all as u64);
        self.0.reset_eta();
    }

    /// One more delegation is known.
    pub(super) fn looked(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
