//! What a run has made, on disk before it is made: whatever happens to the run, another one finds
//! it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::place::Side;
use crate::probe::Verdict;

/// Something that a run makes and has to take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Thing {
    /// All hosted zones of that name and below it, in both accounts. The name is the run's own.
    Zones {
        /// Without a dot at the end.
        name: String,
    },
    /// The NS record set that leads to the run's zone, in the zone that was named to the run.
    Delegation {
        /// The id of the zone that was there before.
        zone: String,
        /// The name of the run's zone.
        name: String,
    },
    /// A stack.
    Stack {
        /// In which account.
        side: Side,
        /// Its name.
        name: String,
    },
    /// A role that its stack leaves behind.
    Role {
        /// In which account.
        side: Side,
        /// Its name.
        name: String,
    },
    /// A bucket of S3 with all that is in it.
    Bucket {
        /// In which account.
        side: Side,
        /// Its name.
        name: String,
    },
    /// The log groups that a stack leaves behind.
    LogGroups {
        /// In which account.
        side: Side,
        /// The beginning of their names.
        prefix: String,
    },
}

/// Where and for whom a run works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOf {
    /// The beginning of the names of all that it makes.
    pub prefix: String,
    /// The name of its zone.
    pub zone: String,
    /// The account of the parent zone.
    pub parent: String,
    /// The account of the child zone.
    pub child: String,
    /// The Region.
    pub region: String,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The first line.
    Run(RunOf),
    /// It is about to be made.
    Making(Thing),
    /// It is not there any more.
    Gone(Thing),
    /// A probe has looked.
    Seen { probe: String, verdict: Verdict },
}

/// The file.
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
    /// One that is in memory alone, for an AWS that ends with the program.
    pub fn in_memory() -> Self {
        Self { path: None, state: Mutex::default(), stopped: AtomicBool::default() }
    }

    /// A new one, or the one that a run left behind.
    ///
    /// # Errors
    /// If it can't be read or written, or is no journal.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut lines = Vec::new();
        if path.exists() {
            for line in BufReader::new(File::open(path)?).lines() {
                match serde_json::from_str(&line?) {
                    Ok(line) => lines.push(line),
                    // The line that a killed run did not write to its end was for something that it
                    // had not begun to make.
                    Err(error) if error.is_eof() => break,
                    Err(error) => {
                        return Err(io::Error::other(format!(
                            "{} is no journal: {error}",
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
        if !lines.is_empty() {
            // Ends a line that was cut off; an empty one is none.
            file.write_all(b"\n")?;
        }
        Ok(Self {
            path: Some(path.to_owned()),
            state: Mutex::new(State { file: Some(file), lines }),
            stopped: AtomicBool::default(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The run that began last, if one has.
    pub fn run(&self) -> Option<RunOf> {
        self.lines()
            .into_iter()
            .rev()
            .find_map(|line| if let Line::Run(run) = line { Some(run) } else { None })
    }

    /// A run begins.
    ///
    /// # Errors
    /// If it can't be written. Then nothing may be made.
    pub fn begin(&self, run: &RunOf) -> io::Result<()> {
        self.write(Line::Run(run.clone()))
    }

    /// Nothing more is to be made.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// True if nothing more is to be made.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Something is about to be made.
    ///
    /// # Errors
    /// If it can't be written, or the run is to stop. Then it may not be made.
    pub fn making(&self, thing: Thing) -> io::Result<()> {
        if self.is_stopped() {
            return Err(io::Error::other("interrupted"));
        }
        self.write(Line::Making(thing))
    }

    /// Something is not there any more.
    ///
    /// # Errors
    /// If it can't be written. Another run looks for it in vain then.
    pub fn gone(&self, thing: &Thing) -> io::Result<()> {
        self.write(Line::Gone(thing.clone()))
    }

    /// A probe has looked.
    ///
    /// # Errors
    /// If it can't be written. Another run looks again then.
    pub fn seen(&self, probe: &str, verdict: &Verdict) -> io::Result<()> {
        self.write(Line::Seen { probe: probe.to_owned(), verdict: verdict.clone() })
    }

    /// What may still be there, the last first. A stack that is named again is the last one: it
    /// needs what was made since.
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
                Line::Making(_) | Line::Run(_) | Line::Seen { .. } => {}
            }
        }
        left.reverse();
        left
    }

    /// What a probe has seen before.
    pub fn verdict(&self, probe: &str) -> Option<Verdict> {
        self.lines().into_iter().rev().find_map(|line| match line {
            Line::Seen { probe: one, verdict } if one == probe => Some(verdict),
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
            // What follows may be the machine's last act.
            file.sync_data()?;
        }
        state.lines.push(line);
        Ok(())
    }
}
