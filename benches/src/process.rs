//! Runs a program behind the Runtime API, and measures its costs.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::runtime::RuntimeApi;

/// The time limit for each step of a program.
const STEP_TIMEOUT: Duration = Duration::from_mins(1);
/// The number of lines of a program's log that are kept, the last ones.
const MAX_LOG_LINES: usize = 40;

/// How a program is started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) folder: PathBuf,
    pub(crate) env: Vec<(String, String)>,
}

/// A running program.
pub(crate) struct Process {
    child: Child,
    api: RuntimeApi,
    pid: Pid,
    log: Arc<Mutex<Vec<String>>>,
    /// The time from its start to its first request for an event.
    pub(crate) ready: Duration,
    /// The CPU time until then.
    pub(crate) ready_cpu: Duration,
}

impl Process {
    /// Starts it, and waits until it requests its first event.
    pub(crate) async fn start(start: &Start) -> Result<Self, String> {
        let api = RuntimeApi::start().await.map_err(|error| error.to_string())?;
        let started = Instant::now();
        let child = Command::new(&start.program)
            .args(&start.args)
            .current_dir(&start.folder)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("AWS_LAMBDA_RUNTIME_API", api.host())
            .env("AWS_LAMBDA_FUNCTION_NAME", "delegation")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/delegation")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]bench")
            .env("LAMBDA_TASK_ROOT", &start.folder)
            .envs(start.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child
            .map_err(|error| format!("{} can't be started: {error}", start.program.display()))?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        let pid = pid.ok_or("the process ended immediately")?;
        let log = Arc::default();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(keep(stdout, Arc::clone(&log)));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(keep(stderr, Arc::clone(&log)));
        }
        let mut process =
            Self { child, api, pid, log, ready: Duration::ZERO, ready_cpu: Duration::ZERO };
        process.ready = process.idle().await? - started;
        process.ready_cpu = process.cpu()?;
        Ok(process)
    }

    /// Waits until the process requests its next event; returns when it did.
    async fn idle(&mut self) -> Result<Instant, String> {
        let idle = tokio::select! {
            idle = timeout(STEP_TIMEOUT, self.api.idle()) => idle,
            _ = self.child.wait() => {
                // Its last output may still be in the pipe.
                tokio::time::sleep(Duration::from_millis(50)).await;
                return Err(format!("the process ended: {}", self.log_text()));
            }
        };
        let idle = idle
            .map_err(|_| format!("the process did not request an event within {STEP_TIMEOUT:?}"))?;
        idle.map_err(|error| format!("{error}\n{}", self.log_text()))
    }

    /// Sends an event, and returns the time until the invocation ended. Then waits until the
    /// process requests the next event.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Duration, String> {
        let took = timeout(STEP_TIMEOUT, self.api.invoke(event)).await;
        let took = took.map_err(|_| {
            format!("the process did not end an invocation within {STEP_TIMEOUT:?}")
        })?;
        let took = took.map_err(|error| format!("{error}\n{}", self.log_text()))?;
        self.idle().await?;
        Ok(took)
    }

    /// Returns the user and system time of all its threads so far.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        let time = clock_getcpuclockid(self.pid).and_then(ClockId::now);
        time.map(Duration::from)
            .map_err(|error| format!("the CPU time of the process can't be read: {error}"))
    }

    /// Returns its peak memory in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64, String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid));
        let status =
            status.map_err(|error| format!("the memory of the process can't be read: {error}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        let kilobytes: Option<u64> =
            line.split_whitespace().next().and_then(|number| number.parse().ok());
        kilobytes
            .map(|kilobytes| kilobytes * 1024)
            .ok_or_else(|| "the memory of the process can't be read".to_owned())
    }

    /// Ends the process with a signal, and returns the kept lines of its log.
    pub(crate) async fn end(mut self) -> Vec<String> {
        let _ = kill(self.pid, Signal::SIGTERM);
        if timeout(STEP_TIMEOUT, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
        // Its last output may still be in the pipe.
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.lines()
    }

    fn lines(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log_text(&self) -> String {
        self.lines().join("\n")
    }
}

async fn keep(from: impl AsyncRead + Unpin, log: Arc<Mutex<Vec<String>>>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == MAX_LOG_LINES {
            log.remove(0);
        }
        log.push(line);
    }
}
