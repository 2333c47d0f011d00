//! The journal: a file in which a run records everything before it creates it. If the run is
//! killed, the next one finds there what may be left behind.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::backend::Side;
use crate::probe::Verdict;

/// A resource that a run creates, and has to delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Thing {
    /// All hosted zones with this name and below it, in both accounts. Only the run uses the name.
    Zones {
        /// The name, without a trailing dot.
        name: String,
    },
    /// The NS record set of the run's zone in the user's zone.
    Delegation {
        /// The id of the user's zone.
        zone: String,
        /// The name of the run's zone.
        name: String,
    },
    Stack {
        side: Side,
        name: String,
    },
    /// A role that its stack retains.
    Role {
        side: Side,
        name: String,
    },
    /// An S3 bucket with its objects.
    Bucket {
        side: Side,
        name: String,
    },
    /// The log groups that a stack leaves behind.
    LogGroups {
        side: Side,
        /// The prefix of their names.
        prefix: String,
    },
}

/// The identity of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunIdentity {
    /// The prefix of all names that it creates.
    pub prefix: String,
    /// The name of its zone.
    pub zone: String,
    /// The id of the account with the parent zone.
    pub parent: String,
    /// The id of the account with the child zone.
    pub child: String,
    pub region: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The first line.
    Run(RunIdentity),
    /// A resource is about to be created.
    Making(Thing),
    /// A resource no longer exists.
    Gone(Thing),
    /// A probe has a result.
    Observed { probe: String, verdict: Verdict },
}

#[derive(Debug)]
pub struct Journal {
    path: Option<PathBuf>,
    state: Mutex<State>,
    stopped: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    lines: Vec<Line>,
}

impl Journal {
    /// A journal in memory only, for the sandbox or an emulator: no later run has to clean up.
    pub fn in_memory() -> Self {
        Self { path: None, state: Mutex::default(), stopped: AtomicBool::default() }
    }

    /// Opens the journal of an earlier run, or creates a new one.
    ///
    /// # Errors
    /// If the file can't be read or written, or is not a journal.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut lines = Vec::new();
        if path.exists() {
            for line in BufReader::new(File::open(path)?).lines() {
                match serde_json::from_str(&line?) {
                    Ok(line) => lines.push(line),
                    // An empty line, or one that a killed run left incomplete. Nothing was created
                    // for it yet, because the line is written first.
                    Err(error) if error.is_eof() => {}
                    Err(error) => {
                        return Err(io::Error::other(format!(
                            "{} is not a journal: {error}",
                            path.display()
                        )));
                    }
                }
            }
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        if file.metadata()?.len() > 0 {
            // Ends an incomplete line; an empty line is ignored.
            file.write_all(b"\n")?;
        }
        Ok(Self {
            path: Some(path.to_owned()),
            state: Mutex::new(State { file: Some(file), lines }),
            stopped: AtomicBool::default(),
        })
    }

    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the latest run, if there is one.
    pub fn run(&self) -> Option<RunIdentity> {
        self.lines()
            .into_iter()
            .rev()
            .find_map(|line| if let Line::Run(run) = line { Some(run) } else { None })
    }

    /// Records the start of a run.
    ///
    /// # Errors
    /// If the file can't be written. Then nothing may be created.
    pub fn begin(&self, run: &RunIdentity) -> io::Result<()> {
        self.write(Line::Run(run.clone()))
    }

    /// Makes the run stop before it creates anything else.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Returns whether nothing more may be created.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Records that a resource is about to be created.
    ///
    /// # Errors
    /// If the file can't be written, or the run is to stop. Then the resource may not be created.
    pub(crate) fn making(&self, thing: Thing) -> io::Result<()> {
        if self.is_stopped() {
            return Err(io::Error::other("The run was interrupted"));
        }
        self.write(Line::Making(thing))
    }

    /// Records that a resource no longer exists.
    ///
    /// # Errors
    /// If the file can't be written. Then another run tries to delete the resource again.
    pub fn gone(&self, thing: &Thing) -> io::Result<()> {
        self.write(Line::Gone(thing.clone()))
    }

    /// Records the result of a probe.
    ///
    /// # Errors
    /// If the file can't be written. Then another run runs the probe again.
    pub fn observed(&self, probe: &str, verdict: &Verdict) -> io::Result<()> {
        self.write(Line::Observed { probe: probe.to_owned(), verdict: verdict.clone() })
    }

    /// Returns what may still exist, the latest first. A stack that was recorded again counts as of
    /// the last time, since it needs what was created in between.
    pub fn left(&self) -> Vec<Thing> {
        let mut left: Vec<Thing> = Vec::new();
        for line in self.lines() {
            match line {
                Line::Making(thing @ Thing::Stack { .. }) => {
                    left.retain(|one| *one != thing);
                    left.push(thing);
                }
                Line::Making(thing) if !left.contains(&thing) => left.push(thing),
                Line::Gone(thing) => left.retain(|one| *one != thing),
                Line::Making(_) | Line::Run(_) | Line::Observed { .. } => {}
            }
        }
        left.reverse();
        left
    }

    pub fn verdict(&self, probe: &str) -> Option<Verdict> {
        self.lines().into_iter().rev().find_map(|line| match line {
            Line::Observed { probe: one, verdict } if one == probe => Some(verdict),
            _ => None,
        })
    }

    fn lines(&self) -> Vec<Line> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }

    fn write(&self, line: Line) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut state.file {
            let text = serde_json::to_string(&line).map_err(io::Error::other)?;
            file.write_all(format!("{text}\n").as_bytes())?;
            // The machine may be switched off at any time.
            file.sync_data()?;
        }
        state.lines.push(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Thing {
        Thing::Zones { name: name.to_owned() }
    }

    /// Each run is killed while it writes a line. The next one must see everything before that.
    #[test]
    fn nothing_is_forgotten_when_several_runs_in_a_row_are_killed() {
        let folder = std::env::temp_dir().join(format!("journal-{}", std::process::id()));
        let path = folder.join("journal.jsonl");
        let names = ["first.example.com", "second.example.com", "third.example.com"];
        for (number, name) in names.into_iter().enumerate() {
            let journal = Journal::open(&path).unwrap();
            assert_eq!(journal.left().len(), number);
            journal.making(zone(name)).unwrap();
            drop(journal);
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(b"{\"making\":").unwrap();
        }
        let mut left = Journal::open(&path).unwrap().left();
        left.reverse();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(left, names.map(zone));
    }
}
