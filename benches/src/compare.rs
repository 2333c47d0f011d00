//! The first table: the function and its peers side by side.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::fixture::Fixture;
use crate::measure::{Samples, far, near};
use crate::peers::{self, Program};
use crate::table::{self, Column};

/// The parameters of a comparison.
#[derive(Clone, Debug)]
pub struct Compare {
    /// The release build of the function.
    pub bootstrap: PathBuf,
    /// The release build of the empty function.
    pub baseline: PathBuf,
    /// The folder with the sources of the peers.
    pub sources: PathBuf,
    /// The folder in which the peers are installed.
    pub installed: PathBuf,
    /// The number of processes of each program that run near AWS; a third as many run far from it.
    pub runs: usize,
    /// The latency of a round trip for the processes that run far from AWS.
    pub latency: Duration,
}

/// Runs all programs in turn, several times, and returns the table. Calls `progress` with
/// a line for each step.
pub async fn compare(compare: &Compare, progress: impl Fn(&str)) -> Result<String, String> {
    let (sources, installed) = (&compare.sources, absolute(&compare.installed)?);
    let fixture = Fixture::new(&installed).await.map_err(|error| error.to_string())?;
    progress("installing the peers");
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
        progress(&format!("run {} of {}", run + 1, compare.runs));
        let mut failed = Vec::new();
        for (number, (program, samples)) in programs.iter_mut().enumerate() {
            let mut result = near(&fixture, program, samples).await;
            if result.is_ok() && run % 3 == 0 {
                result = far(&fixture, program, compare.latency, samples).await;
            }
            if let Err(error) = result {
                fixture.clear();
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

/// Returns the absolute path of a folder, and creates it if it does not exist. The programs run in
/// other folders.
pub(crate) fn absolute(folder: &Path) -> Result<PathBuf, String> {
    let made = std::fs::create_dir_all(folder).and_then(|()| std::fs::canonicalize(folder));
    made.map_err(|error| format!("{}: {error}", folder.display()))
}
