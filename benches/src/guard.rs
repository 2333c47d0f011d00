//! The figures that `make test` limits; they do not depend on the machine's speed.

use std::path::Path;
use std::time::Duration;

pub use crate::callgrind::Instructions;

use crate::callgrind;
use crate::compare::absolute;
use crate::fixture::Fixture;
use crate::measure::{Figure, Samples, far, near};
use crate::peers::{self, Program};

/// The release build of the function to be measured.
pub struct Guarded {
    fixture: Fixture,
    program: Program,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarded").field("program", &self.program).finish_non_exhaustive()
    }
}

impl Guarded {
    /// Prepares measurements of the function, with a folder to write to.
    pub async fn new(bootstrap: &Path, folder: &Path) -> Result<Self, String> {
        let folder = absolute(folder)?;
        let fixture = Fixture::new(&folder).await.map_err(|error| error.to_string())?;
        Ok(Self { fixture, program: peers::function(bootstrap)? })
    }

    /// Returns the instructions of the start and of a cold Create; `None` where valgrind is
    /// missing.
    pub async fn instructions(&self) -> Result<Option<Instructions>, String> {
        if !callgrind::available() {
            return Ok(None);
        }
        callgrind::count(&self.fixture, &self.program.start).await.map(Some)
    }

    /// Returns the numbers of HTTP calls, the answer included, of a cold Create, an Update and a
    /// Delete.
    pub async fn calls(&self) -> Result<[f64; 3], String> {
        let mut samples = Samples::new();
        near(&self.fixture, &self.program, &mut samples).await?;
        Ok([Figure::ColdCreateCalls, Figure::UpdateCalls, Figure::DeleteCalls]
            .map(|figure| first(&samples, figure)))
    }

    /// Returns the times from event to answer of a cold and a warm Create, a warm Update and a warm
    /// Delete, as multiples of the latency. They are the serial round trips, TLS handshakes
    /// included, and the work between them.
    pub async fn trips(&self, latency: Duration) -> Result<[f64; 4], String> {
        let mut samples = Samples::new();
        far(&self.fixture, &self.program, latency, &mut samples).await?;
        let figures = [
            Figure::ColdCreateTrips,
            Figure::WarmCreateTrips,
            Figure::WarmUpdateTrips,
            Figure::WarmDeleteTrips,
        ];
        Ok(figures.map(|figure| first(&samples, figure)))
    }
}

/// Returns the first sample of a figure; NaN if there is none.
fn first(samples: &Samples, figure: Figure) -> f64 {
    samples.get(&figure).and_then(|samples| samples.first()).copied().unwrap_or(f64::NAN)
}
