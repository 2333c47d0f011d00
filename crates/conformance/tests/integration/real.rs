//! The run against real AWS, with the sandbox instead of AWS: the program as users start it, their
//! profiles, and an `aws` command that is part of this test.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use conformance::backend::Side;
use conformance::cleanup::zones;
use conformance::context::Account;
use conformance::local::{Local, account};
use sandbox::{Call, RecordSet, ZoneHandle};
use test_support::poll_until;

/// The `aws` command of the test. It is a file of the repository, because a program that the test
/// has just written can be "busy": another thread that starts a process keeps it open for a moment.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/aws.sh");

/// A few probes that create zones, record sets, role sessions and stacks.
const FEW: [&str; 8] = [
    "--only",
    "route53/upsert",
    "--only",
    "route53/list-zones-of-one-name",
    "--only",
    "iam/key-types",
    "--only",
    "cloudformation/update",
];

/// The fixture: a user with a zone in the sandbox, and with profiles for two accounts.
struct Fixture {
    local: Arc<Local>,
    zone: ZoneHandle,
    folder: PathBuf,
    port: u16,
    strike: Arc<Strike>,
}

/// Sends a signal to the running program at its nth change.
#[derive(Default)]
struct Strike {
    /// The number of the change; 0 for never.
    at: AtomicUsize,
    changes: AtomicUsize,
    process: AtomicU32,
    signal: Mutex<&'static str>,
}

impl Strike {
    /// Counts a change, which is about to be executed whether the program lives or not.
    fn change(&self) {
        let count = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        if count == self.at.load(Ordering::SeqCst) {
            let process = self.process.load(Ordering::SeqCst).to_string();
            let signal = *self.signal.lock().unwrap();
            assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
        }
    }

    fn set(&self, at: usize, signal: &'static str) {
        self.at.store(at, Ordering::SeqCst);
        self.changes.store(0, Ordering::SeqCst);
        *self.signal.lock().unwrap() = signal;
    }
}

impl Fixture {
    async fn new(name: &str) -> Self {
        let local = Arc::new(Local::start().await.unwrap());
        let zone = local.sandbox().account(account(Side::Parent)).hosted_zone("example.com");
        zone.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        symlink(PROGRAM, folder.join("aws")).unwrap();
        // Instead of the output of `make package`; the local AWS never reads the zip file.
        let packaged = |arguments: &[&str]| {
            let mut python = Command::new("python3");
            python
                .current_dir("../..")
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .args(arguments)
                .output()
                .unwrap()
                .stdout
        };
        let dist = folder.join("dist");
        fs::create_dir(&dist).unwrap();
        let template = packaged(&["tools/package.py", "--template", "x86_64"]);
        fs::write(dist.join("template-x86_64.yaml"), template).unwrap();
        fs::write(dist.join("custom-delegation-0.1.0-x86_64.zip"), "").unwrap();
        let profile = |name: &str, side: Side| {
            let keys = local.sandbox().account(account(side)).user_credentials();
            format!(
                "[{name}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                keys.access_key_id, keys.secret_access_key
            )
        };
        let profiles =
            format!("{}{}", profile("parent", Side::Parent), profile("child", Side::Child));
        fs::write(folder.join("credentials"), profiles).unwrap();

        let strike = Arc::new(Strike::default());
        let struck = Arc::clone(&strike);
        local.sandbox().before_call(Arc::new(move |call: &Call| {
            if !["Get", "List", "Assume"].iter().any(|reads| call.action.starts_with(reads)) {
                struck.change();
            }
        }));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answering, struck, runtime) =
            (Arc::clone(&local), Arc::clone(&strike), tokio::runtime::Handle::current());
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let _runtime = runtime.enter();
                serve(&connection, &answering, &struck);
            }
        });
        Self { local, zone, folder, port, strike }
    }

    fn journal(&self) -> PathBuf {
        self.folder.join("journal.jsonl")
    }

    fn page(&self) -> String {
        fs::read_to_string(self.folder.join("page.md")).unwrap_or_default()
    }

    /// Runs the program with this on its standard input.
    async fn run(&self, arguments: &[&str], input: &str) -> Output {
        let path = format!("{}:{}", self.folder.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
        command.args([
            "aws",
            "--parent-profile",
            "parent",
            "--child-profile",
            "child",
            "--zone",
            "example.com",
        ]);
        command.arg("--journal").arg(self.journal()).arg("--page").arg(self.folder.join("page.md"));
        command.arg("--dist").arg(self.folder.join("dist")).args(arguments);
        command.env_clear().env("PATH", path).env("CONFORMANCE_TEST_PORT", self.port.to_string());
        command.env("AWS_ENDPOINT_URL", self.local.sandbox().endpoint_url());
        command.env("AWS_SHARED_CREDENTIALS_FILE", self.folder.join("credentials"));
        command
            .env("AWS_CONFIG_FILE", self.folder.join("none"))
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        self.strike.process.store(process.id(), Ordering::SeqCst);
        // It may end without reading its input.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        let output =
            tokio::task::spawn_blocking(move || process.wait_with_output().unwrap()).await.unwrap();
        self.settled().await;
        output
    }

    /// Waits until AWS has executed the calls of a killed program.
    async fn settled(&self) {
        let is_settled =
            async || self.local.sandbox().calls().iter().all(|call| call.outcome.is_some());
        poll_until("the end of each call", is_settled).await;
    }

    /// Asserts that nothing exists but what the user had before.
    async fn assert_is_empty(&self, when: &str) {
        assert_eq!(self.local.stacks(), Vec::<String>::new(), "{when}");
        for side in [Side::Parent, Side::Child] {
            let account = Account::load(self.local.config(side)).await.unwrap();
            let names: Vec<String> = zones(&account, "example.com")
                .await
                .unwrap()
                .into_iter()
                .map(|zone| zone.name)
                .collect();
            let own: &[&str] = if side == Side::Parent { &["example.com."] } else { &[] };
            assert_eq!(names, own, "{when}");
        }
        let records: Vec<String> =
            self.zone.records().iter().map(|set| format!("{} {}", set.name, set.rtype)).collect();
        assert_eq!(
            records,
            ["example.com. NS", "example.com. SOA", "www.example.com. A"],
            "{when}"
        );
        assert!(!self.journal().exists(), "{when}");
    }
}

fn serve(connection: &TcpStream, local: &Local, strike: &Strike) {
    let mut reader = BufReader::new(connection);
    let mut word = || {
        let mut bytes = Vec::new();
        reader.read_until(0, &mut bytes).unwrap();
        bytes.pop();
        String::from_utf8(bytes).unwrap()
    };
    // The word is empty if the caller was killed before it wrote anything.
    let Ok(count) = word().parse::<usize>() else {
        return;
    };
    let words: Vec<String> = (0..count).map(|_| word()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let profile = words.iter().skip_while(|word| **word != "--profile").nth(1).copied();
    let side = if profile == Some("parent") { Side::Parent } else { Side::Child };
    // Reads of a queue are not counted, since their number depends on the machine's speed.
    if !words.get(1).is_some_and(|verb| {
        ["describe", "list", "receive"].iter().any(|reads| verb.starts_with(reads))
    }) {
        strike.change();
    }
    let (status, text) = match local.run(side, &words) {
        Ok(out) => (0, out),
        Err(error) => (1, error),
    };
    // The caller may be gone.
    let mut connection = connection;
    let _ = write!(connection, "{status}\n{text}");
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_asks_all_probes_cleans_up_and_writes_the_page() {
    let fixture = Fixture::new("whole").await;
    let output = fixture.run(&[], "yes\n").await;
    let text = text(&output);
    // The program can't turn on a quota of the sandbox, so this probe must differ.
    assert_eq!(output.status.code(), Some(1), "{text}");
    let differing: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("DIFFERS") || line.starts_with("FAILED"))
        .collect();
    assert_eq!(differing, ["DIFFERS route53/throttling"], "{text}");
    for said in [
        "111111111111 (profile parent)",
        "222222222222 (profile child)",
        "less than 2 US dollars",
        "an hour",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    fixture.assert_is_empty("after a run").await;
    let page = fixture.page();
    assert!(page.contains("**Against real AWS:** 20"), "{page}");
    assert!(page.contains("us-east-1. ") && page.contains(" 1 differ, 0 failed"), "{page}");
    for life in ["life/by-the-templates", "life/signed-by-the-templates"] {
        assert!(text.contains(&format!("ok      {life}\n")), "{text}");
    }
    assert!(!page.contains("not run yet |"), "{page}");
    let tags = fixture
        .local
        .commands()
        .iter()
        .filter(|words| words.contains("change-tags-for-resource"))
        .count();
    assert!(tags >= 2, "every zone must be tagged");
    assert!(
        fixture
            .local
            .commands()
            .iter()
            .all(|words| !words.contains("create-stack") || words.contains("--tags Key=custom"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_made_without_a_yes() {
    let fixture = Fixture::new("no").await;
    for answer in ["no\n", "", "y\n"] {
        let output = fixture.run(&[], answer).await;
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains("Nothing was created."), "{}", text(&output));
        fs::remove_file(fixture.journal()).unwrap_or_default();
        fixture.assert_is_empty("after no yes").await;
    }
    assert_eq!(fixture.strike.changes.load(Ordering::SeqCst), 0);
    let output = fixture.run(&["--zone", "example.net"], "yes\n").await;
    assert!(output.status.code() == Some(2), "{}", text(&output));
}

/// Wherever a run is killed, a second one cleans up everything that it left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_leaves_nothing_that_a_second_one_does_not_clean_up() {
    let fixture = Fixture::new("killed").await;
    let few = [&["--yes"], FEW.as_slice()].concat();
    fixture.strike.set(0, "-KILL");
    let output = fixture.run(&few, "").await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let changes = fixture.strike.changes.load(Ordering::SeqCst);
    assert!(changes > 15, "{changes}");
    // A run with every change takes minutes.
    let step = if std::env::var_os("ALL_KILLS").is_some() { 1 } else { 2 };
    for at in (1..=changes).step_by(step) {
        let when = format!("killed at change {at} of {changes}");
        fixture.strike.set(at, "-KILL");
        let killed = fixture.run(&few, "").await;
        assert_eq!(killed.status.code(), None, "{when}: {}", text(&killed));
        fixture.strike.set(0, "-KILL");

        let refused = if at == 1 { Some(fixture.run(&few, "").await) } else { None };
        if let Some(refused) = refused {
            assert_eq!(refused.status.code(), Some(2), "{when}");
            assert!(text(&refused).contains("was not finished"), "{}", text(&refused));
        }
        // Every other time, the second run continues with the remaining probes.
        let goes_on = at / step % 2 == 1;
        let second = [few.as_slice(), &[if goes_on { "--resume" } else { "--cleanup" }]].concat();
        let output = fixture.run(&second, "").await;
        assert_eq!(output.status.code(), Some(0), "{when}: {}", text(&output));
        if goes_on {
            assert!(text(&output).contains("4 probes: 4 as expected"), "{when}: {}", text(&output));
        }
        fixture.assert_is_empty(&when).await;
    }
}

/// The life of a delegation leaves stacks, roles, zones and record sets, wherever it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_life_leaves_nothing_that_a_clean_up_does_not_take_away() {
    let fixture = Fixture::new("life").await;
    let life = ["--yes", "--only", "life/"];
    fixture.strike.set(0, "-KILL");
    let output = fixture.run(&life, "").await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("2 probes: 2 as expected"), "{}", text(&output));
    fixture.assert_is_empty("after a life").await;
    let changes = fixture.strike.changes.load(Ordering::SeqCst);
    // A run with every change takes minutes.
    let step = if std::env::var_os("ALL_KILLS").is_some() { 1 } else { changes / 10 };
    for at in (step..changes).step_by(step) {
        let when = format!("killed at change {at} of {changes}");
        fixture.strike.set(at, "-KILL");
        let killed = fixture.run(&life, "").await;
        assert_eq!(killed.status.code(), None, "{when}: {}", text(&killed));
        fixture.strike.set(0, "-KILL");
        let output = fixture.run(&["--cleanup"], "").await;
        assert_eq!(output.status.code(), Some(0), "{when}: {}", text(&output));
        fixture.assert_is_empty(&when).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_cleans_up() {
    let fixture = Fixture::new("interrupted").await;
    let few = [&["--yes"], FEW.as_slice()].concat();
    for at in [1, 3, 5, 7, 9] {
        fixture.strike.set(at, "-INT");
        let output = fixture.run(&few, "").await;
        assert_eq!(output.status.code(), Some(2), "{at}: {}", text(&output));
        assert!(
            text(&output)
                .contains("The run was interrupted. Everything that was created has been deleted."),
            "{at}: {}",
            text(&output)
        );
        fixture.assert_is_empty(&format!("interrupted at change {at}")).await;
    }
}

/// What can't be deleted is reported, and stays in the journal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_is_said_and_taken_away_later() {
    let fixture = Fixture::new("left").await;
    let few = [&["--yes"], FEW.as_slice()].concat();
    let denied = sandbox::FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not today".into(),
    };
    fixture.local.sandbox().fault(sandbox::Fault::on("DeleteHostedZone").always().kind(denied));
    let output = fixture.run(&few, "").await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let printed = text(&output);
    assert!(
        printed.contains("could not delete {\"kind\":\"zones\"")
            && printed.contains("AccessDenied: not today"),
        "{printed}"
    );
    assert!(fixture.page().contains("4 as expected"), "the page must be written nonetheless");
    fixture.local.sandbox().clear_faults();
    let output = fixture.run(&["--cleanup"], "").await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    fixture.assert_is_empty("after a second clean-up").await;
}
