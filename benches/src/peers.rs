//! The function, its peers and the baseline: how each is installed and started, with a note on what
//! it does.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::fixture::{Dialect, Fixture};
use crate::package;
use crate::process::Start;

/// The file that marks a completed installation.
const INSTALLED: &str = "installed";
/// The time limit of an installation.
const INSTALL_TIMEOUT: Duration = Duration::from_mins(8);

/// A program of the table.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The properties that it expects; `None` for a program that only starts, and has no work.
    pub(crate) dialect: Option<Dialect>,
    pub(crate) start: Start,
    /// The size of what users upload, in bytes.
    pub(crate) package: u64,
    /// What the program does and does not do, for the legend of the table.
    pub(crate) note: &'static str,
}

impl Program {
    /// Returns how it is started in an environment.
    pub(crate) fn start_in(&self, fixture: &Fixture) -> Start {
        let mut start = self.start.clone();
        start.env.extend(fixture.env());
        start
    }
}

pub(crate) fn function(bootstrap: &Path) -> Result<Program, String> {
    Ok(Program {
        name: "this function",
        dialect: Some(Dialect::Delegation),
        start: native(bootstrap)?,
        package: package::zip_size(&[bootstrap.to_owned()])?,
        note: "reads the child zone and the record sets at, below and above the cut; writes NS and \
               its ownership record; Verification NONE, WaitForSync false",
    })
}

pub(crate) fn baseline(baseline: &Path) -> Result<Program, String> {
    Ok(Program {
        name: "empty lambda_runtime",
        dialect: None,
        start: native(baseline)?,
        package: package::zip_size(&[baseline.to_owned()])?,
        note: "the minimum: the same runtime crate and build, no HTTPS, no work",
    })
}

fn native(program: &Path) -> Result<Start, String> {
    let program =
        fs::canonicalize(program).map_err(|error| format!("{}: {error}", program.display()))?;
    let folder = program.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(Start { program, args: Vec::new(), folder, env: Vec::new() })
}

/// The handler of the AWS CDK from its package, in the layout in which the CDK uploads it.
pub(crate) async fn cdk(sources: &Path, installed: &Path) -> Result<Program, String> {
    let folder = installed.join("node");
    let must_install = prepare(
        &sources.join("node"),
        &folder,
        &["package.json", "package-lock.json", "runtime.js"],
    )?;
    if must_install {
        run(
            &folder,
            "npm",
            &["ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund"],
        )
        .await?;
    }
    let task = folder.join("task");
    fs::create_dir_all(&task).map_err(|error| error.to_string())?;
    let handlers = folder.join("node_modules/aws-cdk-lib/custom-resource-handlers/dist");
    let files = [
        ("core/nodejs-entrypoint-handler/index.js", "__entrypoint__.js"),
        ("aws-route53/cross-account-zone-delegation-handler/index.js", "index.js"),
    ];
    for (from, to) in files {
        let from = handlers.join(from);
        fs::copy(&from, task.join(to)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    mark_installed(&folder)?;
    Ok(Program {
        name: "AWS CDK's handler",
        dialect: Some(Dialect::Cdk),
        start: Start {
            program: "node".into(),
            args: vec![absolute(&folder.join("runtime.js"))?],
            folder: fs::canonicalize(&task).map_err(|error| error.to_string())?,
            env: vec![("_HANDLER".into(), "__entrypoint__.handler".into())],
        },
        package: package::zip_size(&files.map(|(_, to)| task.join(to)))?,
        note: "reads nothing and checks nothing: the template has the name servers, and the \
              handler overwrites or deletes what exists; a runtime loop of 50 lines instead of \
              Lambda's; the SDK is part of Lambda's runtime, not of the package",
    })
}

/// A function as users write it with crhelper and boto3.
pub(crate) async fn crhelper(sources: &Path, installed: &Path) -> Result<Program, String> {
    let folder = installed.join("python");
    let must_install = prepare(&sources.join("python"), &folder, &["requirements.txt", "app.py"])?;
    if must_install {
        run(&folder, "python3", &["-m", "venv", "venv"]).await?;
        let pinned =
            ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", "requirements.txt"];
        let install = ["install", "-q", "--disable-pip-version-check"];
        run(&folder, "venv/bin/pip", &[&install[..], &pinned].concat()).await?;
    }
    mark_installed(&folder)?;
    let python = absolute(&folder)? + "/venv/bin/python3";
    Ok(Program {
        name: "crhelper + boto3",
        dialect: Some(Dialect::Delegation),
        start: Start {
            program: python.into(),
            args: ["-m", "awslambdaric", "app.handler"].map(str::to_owned).into(),
            folder: fs::canonicalize(&folder).map_err(|error| error.to_string())?,
            env: vec![("_HANDLER".into(), "app.handler".into())],
        },
        package: package::zip_size(&package::files_below(&folder.join("venv"), "crhelper"))?,
        note: "reads the child zone's name servers, and checks nothing: it overwrites or deletes \
              what exists; Lambda's own runtime (awslambdaric); boto3 is part of Lambda's runtime, \
              not of the package",
    })
}

fn absolute(path: &Path) -> Result<String, String> {
    let path = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path.display().to_string())
}

/// Copies the sources of a peer. Returns whether its dependencies must be installed, because they
/// have changed or are missing.
fn prepare(sources: &Path, folder: &Path, files: &[&str]) -> Result<bool, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let mut must_install = !folder.join(INSTALLED).exists();
    for file in files {
        let (source, copy) = (fs::read(sources.join(file)).map_err(failed)?, folder.join(file));
        if fs::read(&copy).ok().as_ref() != Some(&source) {
            must_install = true;
            fs::write(&copy, source).map_err(failed)?;
        }
    }
    if must_install {
        let _ = fs::remove_file(folder.join(INSTALLED));
    }
    Ok(must_install)
}

fn mark_installed(folder: &Path) -> Result<(), String> {
    fs::write(folder.join(INSTALLED), "").map_err(|error| error.to_string())
}

async fn run(folder: &Path, program: &str, args: &[&str]) -> Result<(), String> {
    let command = if program.contains('/') { folder.join(program) } else { program.into() };
    let command = Command::new(command)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = timeout(INSTALL_TIMEOUT, command)
        .await
        .map_err(|_| format!("{program} took more than {INSTALL_TIMEOUT:?}"))?;
    let output = output.map_err(|error| format!("{program} can't be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = stderr.lines().rev().take(3).collect();
    Err(format!(
        "{program} {} failed: {}",
        args.join(" "),
        last.into_iter().rev().collect::<Vec<_>>().join(" / ")
    ))
}
