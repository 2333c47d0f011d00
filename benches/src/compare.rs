//! The first table: the function and its peers side by side.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::measure::{Samples, far, near};
use crate::peers::{self, Program};
use crate::table::{self, Column};
use crate::world::World;

/// What to compare, and how often.
#[derive(Clone, Debug)]
pub struct Compare {
    /// The release build of the function.
    pub bootstrap: PathBuf,
    /// The release build of the empty function.
    pub baseline: PathBuf,
    /// The sources of the peers.
    pub sources: PathBuf,
    /// Where the peers are installed.
    pub installed: PathBuf,
    /// How many processes of each program run near AWS; far from it, a third as many.
    pub runs: usize,
    /// The latency of a round trip for those far from AWS.
    pub latency: Duration,
}

/// Runs every program in turn, again and again, and prints the table to the log function.
pub async fn compare(compare: &Compare, say: impl Fn(&str)) -> Result<String, String> {
    let (sources, installed) = (&compare.sources, absolute(&compare.installed)?);
    let world = World::new(&installed).await.map_err(|error| error.to_string())?;
    say("installing the peers");
    let mut programs: Vec<(Program, Samples)> = Vec::new();
    let mut skipped: Vec<String> = Vec::new();
    let all = [
        ("this function", peers::function(&compare.bootstrap)),
        ("empty lambda_runtime", peers::baseline(&compare.baseline)),
        ("AWS CDK's handler", peers::cdk(sources, &installed).await),
        ("crhelper + boto3", peers::crhelper(sources, &installed).await),
    ];
    for (name, program) in all {
        match program {
            Ok(program) => programs.push((program, Samples::new())),
            Err(error) => skipped.push(format!("{name} was skipped: {error}")),
        }
    }
    for run in 0..compare.runs {
        say(&format!("run {} of {}", run + 1, compare.runs));
        let mut failed = Vec::new();
        for (number, (program, samples)) in programs.iter_mut().enumerate() {
            let mut result = near(&world, program, samples).await;
            if result.is_ok() && run % 3 == 0 {
                result = far(&world, program, compare.latency, samples).await;
            }
            if let Err(error) = result {
                world.clear();
                skipped.push(format!("{} was skipped: {error}", program.name));
                failed.push(number);
            }
        }
        for number in failed.into_iter().rev() {
            programs.remove(number);
        }
    }
    let columns = programs.into_iter().map(|(program, samples)| Column {
        name: program.name,
        note: program.note,
        samples,
    });
    let mut text = table::print(&columns.collect::<Vec<_>>());
    for line in skipped {
        let _ = writeln!(text, "\n{line}");
    }
    Ok(text)
}

/// A folder that is made if need be, from the root on: programs are started in others.
pub(crate) fn absolute(folder: &Path) -> Result<PathBuf, String> {
    let made = std::fs::create_dir_all(folder).and_then(|()| std::fs::canonicalize(folder));
    made.map_err(|error| format!("{}: {error}", folder.display()))
}
