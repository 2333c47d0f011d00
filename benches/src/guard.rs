//! The figures that `make test` limits; they do not depend on the machine's speed.

use std::path::Path;

pub use crate::callgrind::Instructions;

use crate::callgrind;
use crate::compare::absolute;
use crate::fixture::Fixture;
use crate::measure::{Invoked, requests};
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

    /// Returns the HTTP requests of a cold Create, a warm Create, a warm Update and a warm Delete.
    pub async fn traffic(&self) -> Result<[Traffic; 4], String> {
        let requests = requests(&self.fixture, &self.program).await?;
        Ok(requests.map(|Invoked { calls, connections, .. }| Traffic { calls, connections }))
    }
}

/// The HTTP requests of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// The number of HTTP requests: the calls of AWS, and the response to CloudFormation.
    pub calls: usize,
    /// The number of TLS connections that were opened for them.
    pub connections: u64,
}
