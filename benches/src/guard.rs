//! What `make test` holds the function to: figures that do not depend on the machine's speed.

use std::path::Path;
use std::time::Duration;

pub use crate::callgrind::Instructions;

use crate::callgrind;
use crate::compare::absolute;
use crate::measure::{Figure, Samples, far, near};
use crate::peers::{self, Program};
use crate::world::World;

/// The release build of the function, about to be measured.
pub struct Guarded {
    world: World,
    program: Program,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guarded").field("program", &self.program).finish_non_exhaustive()
    }
}

impl Guarded {
    /// The function, and a folder to write to.
    pub async fn new(bootstrap: &Path, folder: &Path) -> Result<Self, String> {
        let folder = absolute(folder)?;
        let world = World::new(&folder).await.map_err(|error| error.to_string())?;
        Ok(Self { world, program: peers::function(bootstrap)? })
    }

    /// Instructions up to ready and of a cold Create; `None` where valgrind is missing.
    pub async fn instructions(&self) -> Result<Option<Instructions>, String> {
        if !callgrind::available() {
            return Ok(None);
        }
        callgrind::count(&self.world, &self.program.start).await.map(Some)
    }

    /// The calls of AWS, with the answer, of a cold Create, an Update and a Delete.
    pub async fn calls(&self) -> Result<[f64; 3], String> {
        let mut samples = Samples::new();
        near(&self.world, &self.program, &mut samples).await?;
        Ok([Figure::ColdCreateCalls, Figure::UpdateCalls, Figure::DeleteCalls]
            .map(|figure| first(&samples, figure)))
    }

    /// The time from event to answer of a cold and a warm Create, a warm Update and a warm Delete,
    /// as multiples of the latency: the serial round trips with handshakes, and the work between
    /// them.
    pub async fn trips(&self, latency: Duration) -> Result<[f64; 4], String> {
        let mut samples = Samples::new();
        far(&self.world, &self.program, latency, &mut samples).await?;
        let figures = [
            Figure::ColdCreateTrips,
            Figure::WarmCreateTrips,
            Figure::WarmUpdateTrips,
            Figure::WarmDeleteTrips,
        ];
        Ok(figures.map(|figure| first(&samples, figure)))
    }
}

/// What was measured first; not a number if nothing was.
fn first(samples: &Samples, figure: Figure) -> f64 {
    samples.get(&figure).and_then(|samples| samples.first()).copied().unwrap_or(f64::NAN)
}
