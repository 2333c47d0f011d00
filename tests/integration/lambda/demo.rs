//! `make demo`, with the `bootstrap` of this build.

use std::fs;
use std::path::{Path, PathBuf};

use sandbox::demo::{self, Demo};

use crate::program::BOOTSTRAP;

async fn run(bootstrap: &str, events: &Path, color: bool) -> (Result<(), String>, String) {
    let mut out = Vec::new();
    let demo = Demo { bootstrap: bootstrap.into(), events: events.to_owned(), color };
    let result = demo::run(&demo, &mut out).await;
    (result, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn the_demo_runs_every_event() {
    let (result, text) = run(BOOTSTRAP, Path::new("events"), false).await;
    assert_eq!(result, Ok(()), "{text}");
    for entry in fs::read_dir("events").unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        // An SNS notification wraps the first event; `tests/integration/function/sns.rs` sends such
        // events.
        if file.ends_with("-sns.json") || file == "README.md" {
            continue;
        }
        assert!(text.contains(&format!("events/{file}")), "the demo must show {file}");
    }
    for words in [
        "Action              CREATED",
        "UPDATED",
        "SHARED",
        "FAILED",
        "TTL                 300 -> 3600",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for words in [
        "+ testing.example.com. ",
        "- testing.example.com. ",
        "route53:ChangeResourceRecordSets",
        "Summary",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for words in [
        "Verification        the 4 name servers answer for testing.example.com, and the 4 servers",
        "Verification        the 4 name servers answer for testing.example.com with the keys of",
        "+ testing.example.com.                3600  DS",
        "example.com -> testing.example.com, DS ",
        "www.testing.example.com. 60 IN A 192.0.2.44",
        "7  A www.testing.example.com     secure            3 referrals",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 100).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    for secret in ["X-Amz", "route53-delegation-example", "\x1b"] {
        assert!(!text.contains(secret), "the demo must not show {secret:?}");
    }
}

#[tokio::test]
async fn color_changes_nothing_but_the_color() {
    let (result, text) = run(BOOTSTRAP, Path::new("events"), true).await;
    assert_eq!(result, Ok(()));
    assert!(
        text.contains("\x1b[32m+ testing.example.com. ")
            && text.contains("\x1b[31m- testing.example.com. ")
    );
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_demo_that_fails_says_why() {
    let (result, _) = run("no/such/bootstrap", Path::new("events"), false).await;
    assert!(result.unwrap_err().contains("can't start no/such/bootstrap"));
    let (result, _) = run(BOOTSTRAP, Path::new("no/such/events"), false).await;
    assert!(result.unwrap_err().contains("create.json"));

    let folder = Folder(std::env::temp_dir().join(format!("demo-events-{}", std::process::id())));
    fs::create_dir_all(&folder.0).unwrap();
    for entry in fs::read_dir("events").unwrap() {
        let path = entry.unwrap().path();
        let text =
            fs::read_to_string(&path).unwrap().replace(r#""TTL": "3600""#, r#""TTL": "an hour""#);
        let text = text.replace(r#""Dnssec": "true""#, r#""Dnssec": "false""#);
        fs::write(folder.0.join(path.file_name().unwrap()), text).unwrap();
    }
    let (result, text) = run(BOOTSTRAP, &folder.0, false).await;
    let error = result.unwrap_err();
    assert!(
        error.contains("update.json: it is not true that the answer is SUCCESS, Action UPDATED"),
        "{error}"
    );
    assert!(
        error.contains("create-signed.json: it is not true that its DS record set matches"),
        "{error}"
    );
    assert!(
        error.contains("the trace: it is not true that every zone's keys are those of the DS"),
        "{error}"
    );
    assert!(text.contains("example.com -> testing.example.com, no DS"), "{text}");
    assert!(
        text.contains("NOT TRUE  the answer is SUCCESS") && text.contains("NOT AS EXPECTED"),
        "{text}"
    );
    assert!(text.contains("The last lines of the function's log"));
}
