//! The run against real AWS, with the sandbox in its place: the program as people start it, their
//! profiles, and an `aws` that is a program of this test.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use conformance::bench::Account;
use conformance::cleanup::zones;
use conformance::local::{Local, account};
use conformance::place::Side;
use sandbox::{Call, RecordSet, ZoneHandle};
use test_support::poll_until;

/// The `aws` of the test. A test that wrote it could find it "busy": another thread that starts a
/// process holds what is being written for a moment.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/aws.sh");

/// A few probes that make zones, record sets, sessions of roles, and stacks.
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

/// Two accounts of the sandbox with a zone of somebody, who has profiles for them.
struct World {
    local: Arc<Local>,
    zone: ZoneHandle,
    folder: PathBuf,
    port: u16,
    strike: Arc<Strike>,
}

/// Does something to the running program when it changes something for the n-th time.
#[derive(Default)]
struct Strike {
    /// 0 for never.
    at: AtomicUsize,
    changes: AtomicUsize,
    process: AtomicU32,
    signal: Mutex<&'static str>,
}

impl Strike {
    /// Something is about to be changed; it is changed whatever becomes of who asked for it.
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

impl World {
    async fn new(name: &str) -> Self {
        let local = Arc::new(Local::start().await.unwrap());
        let zone = local.sandbox().account(account(Side::Parent)).hosted_zone("example.com");
        zone.put(RecordSet::new("www.example.com", "A", 300, ["192.0.2.1"]));
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        symlink(PROGRAM, folder.join("aws")).unwrap();
        // What `make package` makes; the local AWS never looks into the zip file.
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

    /// Runs the program, with this on its standard input.
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
        process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output =
            tokio::task::spawn_blocking(move || process.wait_with_output().unwrap()).await.unwrap();
        self.settled().await;
        output
    }

    /// Waits until AWS has carried out what a killed program had asked for.
    async fn settled(&self) {
        let is_settled =
            async || self.local.sandbox().calls().iter().all(|call| call.outcome.is_some());
        poll_until("the end of each call", is_settled).await;
    }

    /// Nothing is there but what somebody had before.
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
    // Empty if who asked was ended before it had said anything.
    let Ok(count) = word().parse::<usize>() else {
        return;
    };
    let words: Vec<String> = (0..count).map(|_| word()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let profile = words.iter().skip_while(|word| **word != "--profile").nth(1).copied();
    let side = if profile == Some("parent") { Side::Parent } else { Side::Child };
    // How often a queue is read depends on how fast the machine is.
    if !words.get(1).is_some_and(|verb| {
        ["describe", "list", "receive"].iter().any(|reads| verb.starts_with(reads))
    }) {
        strike.change();
    }
    let (status, text) = match local.run(side, &words) {
        Ok(out) => (0, out),
        Err(error) => (1, error),
    };
    // Who asked may be gone.
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
    let world = World::new("whole").await;
    let output = world.run(&[], "yes\n").await;
    let told = text(&output);
    // The program can not switch a quota of the sandbox on: that is seen, too.
    assert_eq!(output.status.code(), Some(1), "{told}");
    let differing: Vec<&str> = told
        .lines()
        .filter(|line| line.starts_with("DIFFERS") || line.starts_with("FAILED"))
        .collect();
    assert_eq!(differing, ["DIFFERS route53/throttling"], "{told}");
    for said in [
        "111111111111 (profile parent)",
        "222222222222 (profile child)",
        "less than 2 US dollars",
        "an hour",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    world.assert_is_empty("after a run").await;
    let page = world.page();
    assert!(page.contains("**Against real AWS:** 20"), "{page}");
    assert!(page.contains("us-east-1. ") && page.contains(" 1 differ, 0 could not look"), "{page}");
    for life in ["life/by-the-templates", "life/signed-by-the-templates"] {
        assert!(told.contains(&format!("ok      {life}\n")), "{told}");
    }
    assert!(!page.contains("not run yet |"), "{page}");
    let tags = world
        .local
        .commands()
        .iter()
        .filter(|words| words.contains("change-tags-for-resource"))
        .count();
    assert!(tags >= 2, "every zone is tagged");
    assert!(
        world
            .local
            .commands()
            .iter()
            .all(|words| !words.contains("create-stack") || words.contains("--tags Key=custom"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_made_without_a_yes() {
    let world = World::new("no").await;
    for answer in ["no\n", "", "y\n"] {
        let output = world.run(&[], answer).await;
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains("Nothing was made."), "{}", text(&output));
        fs::remove_file(world.journal()).unwrap_or_default();
        world.assert_is_empty("after no yes").await;
    }
    assert_eq!(world.strike.changes.load(Ordering::SeqCst), 0);
    let output = world.run(&["--zone", "example.net"], "yes\n").await;
    assert!(output.status.code() == Some(2), "{}", text(&output));
}

/// A run that is killed wherever it is leaves nothing that a second one does not clean up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_leaves_nothing_that_a_second_one_does_not_clean_up() {
    let world = World::new("killed").await;
    let few = [&["--yes"], FEW.as_slice()].concat();
    world.strike.set(0, "-KILL");
    let output = world.run(&few, "").await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let changes = world.strike.changes.load(Ordering::SeqCst);
    assert!(changes > 15, "{changes}");
    // All of them take minutes.
    let step = if std::env::var_os("ALL_KILLS").is_some() { 1 } else { 2 };
    for at in (1..=changes).step_by(step) {
        let when = format!("killed at change {at} of {changes}");
        world.strike.set(at, "-KILL");
        let killed = world.run(&few, "").await;
        assert_eq!(killed.status.code(), None, "{when}: {}", text(&killed));
        world.strike.set(0, "-KILL");

        let refused = if at == 1 { Some(world.run(&few, "").await) } else { None };
        if let Some(refused) = refused {
            assert_eq!(refused.status.code(), Some(2), "{when}");
            assert!(text(&refused).contains("was not finished"), "{}", text(&refused));
        }
        // Every other time the rest of the probes is asked, too.
        let goes_on = at / step % 2 == 1;
        let second = [few.as_slice(), &[if goes_on { "--resume" } else { "--cleanup" }]].concat();
        let output = world.run(&second, "").await;
        assert_eq!(output.status.code(), Some(0), "{when}: {}", text(&output));
        if goes_on {
            assert!(text(&output).contains("4 probes: 4 as expected"), "{when}: {}", text(&output));
        }
        world.assert_is_empty(&when).await;
    }
}

/// The life of a delegation leaves stacks, roles, zones and record sets wherever it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_life_leaves_nothing_that_a_clean_up_does_not_take_away() {
    let world = World::new("life").await;
    let life = ["--yes", "--only", "life/"];
    world.strike.set(0, "-KILL");
    let output = world.run(&life, "").await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("2 probes: 2 as expected"), "{}", text(&output));
    world.assert_is_empty("after a life").await;
    let changes = world.strike.changes.load(Ordering::SeqCst);
    // All of them take minutes.
    let step = if std::env::var_os("ALL_KILLS").is_some() { 1 } else { changes / 10 };
    for at in (step..changes).step_by(step) {
        let when = format!("killed at change {at} of {changes}");
        world.strike.set(at, "-KILL");
        let killed = world.run(&life, "").await;
        assert_eq!(killed.status.code(), None, "{when}: {}", text(&killed));
        world.strike.set(0, "-KILL");
        let output = world.run(&["--cleanup"], "").await;
        assert_eq!(output.status.code(), Some(0), "{when}: {}", text(&output));
        world.assert_is_empty(&when).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_cleans_up() {
    let world = World::new("interrupted").await;
    let few = [&["--yes"], FEW.as_slice()].concat();
    for at in [1, 3, 5, 7, 9] {
        world.strike.set(at, "-INT");
        let output = world.run(&few, "").await;
        assert_eq!(output.status.code(), Some(2), "{at}: {}", text(&output));
        assert!(
            text(&output).contains("interrupted. All that was made is gone."),
            "{at}: {}",
            text(&output)
        );
        world.assert_is_empty(&format!("interrupted at change {at}")).await;
    }
}

/// What can't be taken away is said, and stays in the journal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_is_said_and_taken_away_later() {
    let world = World::new("left").await;
    let few = [&["--yes"], FEW.as_slice()].concat();
    let denied = sandbox::FaultKind::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "not today".into(),
    };
    world.local.sandbox().fault(sandbox::Fault::on("DeleteHostedZone").always().kind(denied));
    let output = world.run(&few, "").await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let told = text(&output);
    assert!(
        told.contains("left: {\"kind\":\"zones\"") && told.contains("AccessDenied: not today"),
        "{told}"
    );
    assert!(world.page().contains("4 as expected"), "the page is written all the same");
    world.local.sandbox().clear_faults();
    let output = world.run(&["--cleanup"], "").await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    world.assert_is_empty("after a second clean-up").await;
}
