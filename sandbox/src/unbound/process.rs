//! Runs the program unbound in the foreground, in its own folder.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Dns;

/// Far longer than it takes to start on a busy machine.
const START: Duration = Duration::from_secs(30);
/// Not every user has the system's programs in the path.
const PROGRAMS: [&str; 3] = ["unbound", "/usr/sbin/unbound", "/usr/local/sbin/unbound"];

/// What unbound queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upstream {
    /// The name servers, from the root down.
    NameServers,
    /// The resolver of the sandbox's DNS.
    Resolver,
}

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    address: SocketAddr,
    folder: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Process {
    pub(super) fn start(dns: &Dns, upstream: Upstream) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!(
            "sandbox-unbound-{}-{:08x}",
            std::process::id(),
            fastrand::u32(..)
        ));
        let address = free_address().map_err(|error| format!("no free address: {error}"))?;
        let config = write_config(dns, upstream, address, &folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut child = spawn(&config).inspect_err(|_| drop(fs::remove_dir_all(&folder)))?;
        let (log, (sender, receiver)) = (Arc::<Mutex<Vec<String>>>::default(), channel());
        if let Some(errors) = child.stderr.take() {
            let log = Arc::clone(&log);
            thread::spawn(move || read(errors, &log, sender));
        }
        let process = Self { child, address, folder, log };
        // The sender is dropped when the program has ended.
        match receiver.recv_timeout(START) {
            Ok(()) => Ok(process),
            Err(_) => Err(format!("it does not start: {}", process.log().join(" | "))),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads the log, and reports when the service has started.
fn read(errors: impl Read, log: &Mutex<Vec<String>>, sender: Sender<()>) {
    let mut sender = Some(sender);
    for line in BufReader::new(errors).lines().map_while(Result::ok) {
        let started = line.contains("start of service");
        log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        if let Some(sender) = sender.take_if(|_| started) {
            let _ = sender.send(());
        }
    }
}

/// A shell script that kills the program at the end of its input, which closes when this process
/// ends in any way. The shell does not keep the log open, so that the log ends with the program.
const WATCH: &str = r#""$0" -d -p -c "$1" & exec 2>/dev/null; read -r _; kill -9 $!; wait"#;

fn spawn(config: &Path) -> Result<Child, String> {
    let program = PROGRAMS.into_iter().find(|program| is_there(program));
    let program = program.ok_or("it is not installed (on Debian: apt-get install unbound)")?;
    let mut command = Command::new("sh");
    command.args(["-c", WATCH, program]).arg(config);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|error| format!("{program}: {error}"))
}

fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("-V")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// A random address in the loopback network, with a port that is free there.
fn free_address() -> io::Result<SocketAddr> {
    let address =
        Ipv4Addr::new(127, fastrand::u8(0x20..0x40), fastrand::u8(..), fastrand::u8(1..=254));
    UdpSocket::bind((address, 0))?.local_addr()
}

/// Writes the configuration ("unbound.conf(5)"). What unbound would cache beyond the TTLs (servers,
/// failures) expires after a second.
fn write_config(
    dns: &Dns,
    upstream: Upstream,
    address: SocketAddr,
    folder: &Path,
) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let hints = folder.join("root.hints");
    let root = dns.root().ip();
    fs::write(
        &hints,
        format!(". 3600 IN NS a.root-servers.net.\na.root-servers.net. 3600 IN A {root}\n"),
    )?;
    let quoted = |path: &Path| format!("\"{}\"", path.display());
    let options = [
        ("interface", format!("{}@{}", address.ip(), address.port())),
        ("outgoing-interface", "127.0.0.1".to_owned()),
        ("access-control", "127.0.0.0/8 allow".to_owned()),
        ("do-not-query-localhost", "no".to_owned()),
        ("do-ip6", "no".to_owned()),
        ("root-hints", quoted(&hints)),
        ("trust-anchor", format!("\"{}\"", dns.trust_anchor())),
        ("trust-anchor-signaling", "no".to_owned()),
        ("module-config", "\"validator iterator\"".to_owned()),
        ("val-bogus-ttl", "1".to_owned()),
        ("val-log-level", "2".to_owned()),
        ("ede", "yes".to_owned()),
        ("infra-host-ttl", "1".to_owned()),
        ("infra-keep-probing", "yes".to_owned()),
        // A name that the tests may use. unbound would otherwise reject it (RFC 6761).
        ("local-zone", "\"test.\" nodefault".to_owned()),
        ("num-threads", "1".to_owned()),
        ("outgoing-range", "64".to_owned()),
        ("use-syslog", "no".to_owned()),
        ("logfile", "\"\"".to_owned()),
        ("verbosity", "1".to_owned()),
        ("username", "\"\"".to_owned()),
        ("chroot", "\"\"".to_owned()),
        ("pidfile", "\"\"".to_owned()),
        ("directory", quoted(folder)),
    ];
    let mut text = String::from("server:\n");
    for (name, value) in options {
        let _ = writeln!(text, "  {name}: {value}");
    }
    if upstream == Upstream::Resolver {
        let resolver = dns.resolver();
        let _ = writeln!(
            text,
            "forward-zone:\n  name: \".\"\n  forward-addr: {}@{}",
            resolver.ip(),
            resolver.port()
        );
    }
    text.push_str("remote-control:\n  control-enable: no\n");
    let config = folder.join("unbound.conf");
    fs::write(&config, text)?;
    Ok(config)
}
