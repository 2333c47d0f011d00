//! Starts and drives a real `bootstrap` like Lambda: it is frozen between invocations, killed at
//! the deadline, and started again after it has ended (AWS Lambda Developer Guide, "Underrunning
//! the Lambda execution environment lifecycle").
//!
//! No probe: how Lambda freezes a process can't be observed from outside.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, mpsc};

use crate::function::{Function, Invocation};
use crate::runtime_api::RuntimeApi;

/// Lambda gives a function ten seconds to initialize.
const INIT: Duration = Duration::from_secs(10);
/// How many lines of the log are kept.
const LINES: usize = 10_000;

#[derive(Clone)]
pub struct Bootstrap {
    pub path: PathBuf,
    /// Environment variables, in addition to those that Lambda sets.
    pub env: Vec<(String, String)>,
    pub timeout: Duration,
    pub deadline: DeadlineStyle,
}

impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment contains credentials.
        f.debug_struct("Bootstrap")
            .field("path", &self.path)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// The deadline that is passed to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadlineStyle {
    /// The time at which it is killed.
    Real,
    /// A time in 1970, as `cargo lambda watch` sends it.
    In1970,
}

/// A function whose code is a `bootstrap`.
#[derive(Debug)]
pub struct LambdaProcess {
    bootstrap: Bootstrap,
    api: RuntimeApi,
    child: tokio::sync::Mutex<Option<Child>>,
    log: Arc<Log>,
    starts: AtomicU64,
    invocations: AtomicU64,
    kill: Notify,
}

#[derive(Debug, Default)]
struct Log(Mutex<VecDeque<String>>);

impl Log {
    fn lines(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: String) {
        let mut lines = self.lines();
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

impl LambdaProcess {
    /// Starts the program, and waits until it requests its first event.
    pub async fn spawn(bootstrap: Bootstrap) -> io::Result<Self> {
        let process = Self {
            bootstrap,
            api: RuntimeApi::start().await?,
            child: tokio::sync::Mutex::default(),
            log: Arc::default(),
            starts: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
            kill: Notify::new(),
        };
        let child = process.start().await.map_err(io::Error::other)?;
        *process.child.lock().await = Some(child);
        Ok(process)
    }

    /// The log: standard output and standard error together.
    pub fn logs(&self) -> Vec<String> {
        self.log.lines().iter().cloned().collect()
    }

    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// The process id, if a process is running.
    pub async fn pid(&self) -> Option<u32> {
        self.child.lock().await.as_ref().and_then(Child::id)
    }

    /// Kills the process during the current invocation, or at the start of the next one.
    pub fn kill_now(&self) {
        self.kill.notify_one();
    }

    async fn start(&self) -> Result<Child, String> {
        self.api.begin();
        self.starts.fetch_add(1, Ordering::Relaxed);
        let mut child = Command::new(&self.bootstrap.path)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("AWS_LAMBDA_RUNTIME_API", self.api.host())
            .env("AWS_LAMBDA_FUNCTION_NAME", "delegation")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/delegation")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]sandbox")
            .envs(self.bootstrap.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("can't start {}: {error}", self.bootstrap.path.display()))?;
        let (sender, mut ended) = mpsc::channel::<()>(1);
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(copy(stdout, Arc::clone(&self.log), sender.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(copy(stderr, Arc::clone(&self.log), sender));
        }
        let ready = tokio::select! {
            idle = tokio::time::timeout(INIT, self.api.idle()) => match idle {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(format!("initialization failed: {error}")),
                Err(_) => Err("initialization took more than 10 seconds".to_owned()),
            },
            _ = child.wait() => {
                // Wait until both pipes are read to the end.
                let _ = tokio::time::timeout(INIT, ended.recv()).await;
                Err(format!("it ended during initialization: {}", self.last_words()))
            }
        };
        match ready {
            Ok(()) => {
                freeze(&child).await;
                Ok(child)
            }
            Err(error) => {
                let _ = child.kill().await;
                Err(error)
            }
        }
    }

    fn last_words(&self) -> String {
        let lines = self.log.lines();
        lines.iter().rev().take(5).rev().cloned().collect::<Vec<_>>().join("\n")
    }

    async fn run(&self, event: Value) -> Invocation {
        let mut running = self.child.lock().await;
        let mut child = match running.take() {
            Some(child) => child,
            None => match self.start().await {
                Ok(child) => child,
                Err(error) => return Invocation::Exited(error),
            },
        };
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("00000000-0000-4000-8000-{number:012x}");
        let deadline = match self.bootstrap.deadline {
            DeadlineStyle::Real => SystemTime::now() + self.bootstrap.timeout,
            DeadlineStyle::In1970 => UNIX_EPOCH + self.bootstrap.timeout,
        };
        // It only fails if the process has exited, which `child.wait()` below reports.
        let _ = signal(&child, "-CONT").await;
        let done = self.api.post(&request_id, &event, deadline);
        let outcome = tokio::select! {
            outcome = done => outcome.unwrap_or_else(|_| Invocation::Exited("the Runtime API was stopped".into())),
            _ = child.wait() => Invocation::Exited(self.last_words()),
            () = tokio::time::sleep(self.bootstrap.timeout) => Invocation::TimedOut,
            () = self.kill.notified() => Invocation::Exited("killed".into()),
        };
        match outcome {
            Invocation::TimedOut | Invocation::Exited(_) => {
                let _ = child.kill().await;
            }
            Invocation::Returned(_) | Invocation::Failed { .. } => {
                // Lambda freezes the environment once the process requests its next event.
                if let Ok(Ok(())) = tokio::time::timeout(INIT, self.api.idle()).await {
                    freeze(&child).await;
                    *running = Some(child);
                }
            }
        }
        outcome
    }
}

impl Function for LambdaProcess {
    fn invoke(&self, event: Value) -> BoxFuture<'_, Invocation> {
        Box::pin(self.run(event))
    }
}

async fn copy(from: impl AsyncRead + Unpin, log: Arc<Log>, _ended: mpsc::Sender<()>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.push(line);
    }
}

/// Stops the process. The kernel does that when it schedules the process the next time. If `/proc`
/// is available, this waits until the process is stopped or has exited.
async fn freeze(child: &Child) {
    let Some(pid) = child.id() else { return };
    if signal(child, "-STOP").await.is_err() {
        return;
    }
    while is_running(pid) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// True if the process is neither stopped nor gone, according to the third field of
/// `/proc/<pid>/stat`. The field before it may contain spaces and parentheses.
fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next());
    // Stopped, stopped by a tracer, exited but not yet waited for, exited.
    state.is_some_and(|state| !matches!(state, 'T' | 't' | 'Z' | 'X'))
}

/// Sends a signal with the `kill` command, because the system call would need unsafe code. Fails if
/// the process has exited, or if there is no such command.
async fn signal(child: &Child, signal: &str) -> io::Result<()> {
    let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
    let status = Command::new("kill").args([signal, &pid.to_string()]).status().await?;
    if status.success() { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[cfg(test)]
mod tests;
