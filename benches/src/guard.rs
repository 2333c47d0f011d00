//! What `make test` holds the function to: figures that do not depend on the machine's speed.

use std::path::Path;
use std::time::Duration;

pub use crate::callgrind::Instructions;

use crate::callgrind;
use crate::compare::absolute;
use crate::measure::{Figure, Samples, far, near};
use crate::peers::{self, Program};
use crate::world::World;

/// The calls of AWS, with the answer, and the serial round trips of each step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The name of the step.
    pub name: &'static str,
    /// Calls of AWS, with the answer.
    pub calls: Option<f64>,
    /// The time from event to answer as a multiple of the latency, the least of some runs.
    pub trips: f64,
}

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

    /// Calls and round trips of cold Create, warm Create, Update and Delete.
    pub async fn steps(&self, latency: Duration, runs: usize) -> Result<Vec<Step>, String> {
        let (mut here, mut there) = (Samples::new(), Samples::new());
        near(&self.world, &self.program, &mut here).await?;
        for _ in 0..runs {
            far(&self.world, &self.program, latency, &mut there).await?;
        }
        let calls = |figure| here.get(&figure).and_then(|calls| calls.first()).copied();
        let trips = |figure| there.get(&figure).into_iter().flatten().copied().fold(f64::INFINITY, f64::min);
        Ok(vec![
            Step { name: "cold Create", calls: calls(Figure::ColdCreateCalls), trips: trips(Figure::ColdCreateTrips) },
            Step { name: "warm Create", calls: None, trips: trips(Figure::WarmCreateTrips) },
            Step { name: "warm Update", calls: calls(Figure::UpdateCalls), trips: trips(Figure::WarmUpdateTrips) },
            Step { name: "warm Delete", calls: calls(Figure::DeleteCalls), trips: trips(Figure::WarmDeleteTrips) },
        ])
    }
}
