//! moto disagrees where it is known to be lax, which shows that the probes can fail. Where it
//! agrees, the facts have independent support.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use conformance::backend::Emulator;
use conformance::context::Account;
use conformance::probe::Verdict;
use conformance::{probes, run, setup};

use crate::fixture::environment;

/// The time limit for the start of moto, which imports many Python modules.
const START: Duration = Duration::from_mins(2);

/// The probes that moto 5.2.5 passes. In all others it is laxer than AWS, or words its errors
/// differently. The test fails if another version passes more or fewer of them.
const AGREES: &[&str] = &[
    "route53/delete-as-listed",
    "route53/batch-delete-then-create",
    "route53/upsert",
    "route53/change-insync",
    "route53/changes-at-once",
    "route53/set-alias",
    "route53/ns-below-delegation",
    "route53/ns-gone-beside-ds",
    "route53/ns-foreign",
    "route53/guardrail-ns-other-account",
    "route53/list-types",
    "route53/list-start",
    "route53/list-type-needs-name",
    "route53/list-pages",
    "route53/zone-unknown",
    "route53/zone-id-with-path",
    "route53/zone-name-servers",
    "route53/dnssec-unsigned",
    "sts/caller-identity",
    "sts/every-region",
    "iam/key-names-escaped",
];

/// What moto answers where AWS refuses, and this project relies on that.
const LAX: [(&str, &str); 7] = [
    ("route53/batch-whole-or-not", "accepted; listed: a a b"),
    ("route53/batch-twice", "accepted"),
    ("route53/ns-beside-cname", "accepted"),
    ("route53/values-twice", "accepted"),
    ("route53/txt-255", "accepted; accepted; accepted"),
    ("sts/external-id", "assumed; without: assumed; another: assumed"),
    ("iam/key-types", "accepted"),
];

/// A running moto, which is killed when dropped.
struct Moto(Child);

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it on a free port, which it prints to standard error.
fn start(program: &OsStr) -> (Moto, String) {
    let mut command = Command::new(program);
    command
        .args(["-H", "127.0.0.1", "-p", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut process =
        command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let stderr = BufReader::new(process.stderr.take().unwrap());
    let moto = Moto(process);
    let (sender, url) = mpsc::channel();
    // The thread reads until the end, because a full pipe would block the server.
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            if let Some((_, url)) = line.split_once("Running on ") {
                let _ = sender.send(url.trim().to_owned());
            }
        }
    });
    (moto, url.recv_timeout(START).expect("moto did not print its address"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_differs_exactly_where_it_is_known_to() {
    let Some(program) = std::env::var_os("MOTO_SERVER").filter(|program| !program.is_empty())
    else {
        sandbox::not_checked("moto's conformance", "MOTO_SERVER is not set", "make unit");
        return;
    };
    let (_moto, url) = start(&program);
    let [parent, child] = setup::emulated(&url).await.unwrap();
    let accounts = [Account::load(parent).await.unwrap(), Account::load(child).await.unwrap()];
    let env = environment(accounts, Arc::new(Emulator)).await;
    let mut text = Vec::new();
    let results = run::run(&env, &probes::all(), &mut text).await.unwrap();
    let output = String::from_utf8_lossy(&text);
    let agreeing = results
        .0
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::Agrees)
        .map(|(probe, _)| probe.id);
    let known: BTreeSet<&str> = AGREES.iter().copied().collect();
    let changed: Vec<&str> = known.symmetric_difference(&agreeing.collect()).copied().collect();
    assert!(changed.is_empty(), "moto now passes or fails other probes: {changed:#?}\n{output}");
    let program = |id: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
        command
            .args(["emulator", "--endpoint-url", &url, "--only", id])
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!((program("route53/upsert"), program("route53/batch-twice")), (Some(0), Some(1)));
    for (id, observed) in LAX {
        let found = results.0.iter().find(|(probe, _)| probe.id == id);
        assert_eq!(
            found.map(|(_, verdict)| verdict),
            Some(&Verdict::Differs(observed.to_owned())),
            "{id}"
        );
    }
}
