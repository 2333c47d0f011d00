//! Runs the commands of a page in a real shell. Its `aws` and `make` are programs of this test,
//! which pass their arguments to it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// The program that the shell runs for each of [`PROGRAMS`]: it sends its name, its arguments and
/// its folder, and prints the response. The test must not write this file itself: it could then be
/// "busy", because another thread that starts a process briefly holds any file that is open for
/// writing.
const PROGRAM: &str = "tests/integration/deployment/program.py";
/// The programs that a page may use in addition to those of the shell. The test inserts
/// `checkpoint` after each block.
const PROGRAMS: [&str; 4] = ["aws", "make", "sam", "checkpoint"];

/// A command line that the shell runs.
pub(crate) struct CommandLine {
    pub(crate) words: Vec<String>,
    pub(crate) folder: PathBuf,
}

impl CommandLine {
    /// Returns the word after an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.words.iter().skip_while(|word| *word != name).nth(1).map(String::as_str)
    }
}

/// Returns the command blocks of a page, each with the heading above it.
pub(crate) fn blocks(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(page).unwrap();
    let (mut found, mut heading, mut open) = (Vec::new(), String::new(), None::<String>);
    for line in text.lines() {
        match (&mut open, line.trim()) {
            (None, "```sh") => open = Some(String::new()),
            (None, line) => {
                if let Some(words) =
                    line.strip_prefix('#').filter(|_| !heading.is_empty() || !page.is_empty())
                {
                    words.trim_start_matches('#').trim().clone_into(&mut heading);
                }
            }
            (Some(block), "```") => {
                found.push((heading.clone(), std::mem::take(block)));
                open = None;
            }
            (Some(block), line) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    found
}

/// Runs the blocks in one shell. For each command, `answer` returns its output, or its error
/// message, which ends the run and is returned.
pub(crate) async fn run(
    name: &str,
    blocks: &[(String, String)],
    mut answer: impl AsyncFnMut(&CommandLine) -> Result<String, String>,
) -> Result<(), String> {
    let folder = folder(name);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut script = "set -euo pipefail\n".to_owned();
    for (heading, block) in blocks {
        writeln!(script, "{block}checkpoint \"{heading}\"").unwrap();
    }
    let path = format!("{}:{}", folder.join("programs").display(), std::env::var("PATH").unwrap());
    let port = listener.local_addr().unwrap().port().to_string();
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &script])
        .current_dir(&folder)
        .env("PATH", path)
        .env("KIT_PORT", port)
        .kill_on_drop(true);
    let output = shell.output();
    tokio::pin!(output);
    loop {
        tokio::select! {
            output = &mut output => {
                let output = output.unwrap();
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                return output.status.success().then_some(()).ok_or(why);
            }
            connection = listener.accept() => serve(connection.unwrap().0, &mut answer).await,
        }
    }
}

async fn serve(
    mut connection: TcpStream,
    answer: &mut impl AsyncFnMut(&CommandLine) -> Result<String, String>,
) {
    let (read, mut write) = connection.split();
    let mut line = String::new();
    BufReader::new(read).read_line(&mut line).await.unwrap();
    let command: Value = serde_json::from_str(&line).unwrap();
    let words = command["words"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect();
    let command = CommandLine { words, folder: PathBuf::from(command["folder"].as_str().unwrap()) };
    let (out, error) = match answer(&command).await {
        Ok(out) => (out, String::new()),
        Err(error) => (String::new(), format!("{}: {error}\n", command.words.join(" "))),
    };
    write.write_all(format!("{}\n", json!({"out": out, "error": error})).as_bytes()).await.unwrap();
}

/// Creates a folder with links to what the pages need of this repository, and with the programs.
fn folder(name: &str) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("programs")).unwrap();
    for program in PROGRAMS {
        symlink(repository.join(PROGRAM), folder.join("programs").join(program)).unwrap();
    }
    for shared in ["examples", "schema", "template.yaml", "samconfig.toml"] {
        symlink(repository.join(shared), folder.join(shared)).unwrap();
    }
    folder
}
