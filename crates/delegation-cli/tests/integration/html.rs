//! Tests of the page that `delegation list --html` writes: its contents, and that hostile data
//! stays text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use html5gum::{Token, Tokenizer};
use sandbox::{Dns, DnsFault, RecordSet};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::shell::Shell;
use test_support::{Fixture, NAME};

/// Text that an attacker with write access to the zone would like to be executed.
const HOSTILE: &str =
    "\"><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">";

/// Fills a zone with delegations in every state, some of them hostile.
async fn fill(fixture: &Fixture, dns: &Dns) {
    fixture.create(json!({})).await.success();
    let put = |name: &str, rtype: &str, values: &[&str]| {
        fixture.parent.put(RecordSet::new(name, rtype, 300, values.iter().copied()));
    };
    put("takeover.example.com", "NS", &["ns1.free.net."]);
    put("dangling.example.com", "NS", &["ns1.good.net."]);
    for name in ["bogus", "unowned", "outage"] {
        put(&format!("{name}.example.com"), "NS", &["ns1.good.net."]);
        dns.zone(&format!("{name}.example.com"), ["ns1.good.net"], []);
    }
    put("bogus.example.com", "DS", &[&format!("1 13 2 {}", "AB".repeat(32))]);
    put("outage.example.com", "NS", &["ns1.silent.net."]);
    dns.server("ns1.silent.net");
    dns.fault("ns1.silent.net", DnsFault::Silent);
    put("evil.example.com", "NS", &[HOSTILE, "\u{202e}gro.dab."]);
    put("\\074script\\076alert\\0501\\051.example.com", "NS", &["ns1.good.net."]);
    // A claim with a hostile owner, and a value of somebody else.
    let owner = format!(
        "\"heritage=custom-delegation,claim=0011223344556677,ns=0011223344556677,\
         for=0011223344556677,at=1,req=00112233,by=up,owner={}\"",
        HOSTILE.replace('"', "'")
    );
    put(
        "_delegation-evil.example.com",
        "TXT",
        &[&owner, &format!("\"{}\"", HOSTILE.replace('"', "'"))],
    );
    // A child zone in the same account.
    let below = fixture.parent_account.hosted_zone("below.example.com");
    let servers: Vec<String> = below.name_servers();
    fixture.parent.put(RecordSet::new("below.example.com", "NS", 300, servers));
    below.put(RecordSet::new("deep.below.example.com", "NS", 300, ["ns1.good.net."]));
    dns.zone("deep.below.example.com", ["ns1.good.net"], []);
}

/// The page of that zone. Its folder is removed when it is dropped.
struct Page {
    folder: PathBuf,
    text: String,
}

impl Page {
    async fn new(name: &str, more: &[&str]) -> Self {
        let folder =
            std::env::temp_dir().join(format!("delegation-page-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("page.html");
        let fixture = Fixture::behind_sockets().await;
        let dns = fixture.aws.dns().await.unwrap();
        fill(&fixture, &dns).await;
        let shell =
            Shell::new(&fixture.aws, &fixture.parent_account.user_credentials()).with_dns(&dns);
        let flags = ["list", "--all-zones", "--check", "--html", path.to_str().unwrap()];
        shell.run(&[&flags[..], more].concat()).ended(2);
        let text = fs::read_to_string(&path).unwrap();
        // To look at the pages: PAGES=. cargo test -p delegation-cli html::
        if let Some(kept) = std::env::var_os("PAGES") {
            fs::write(Path::new(&kept).join(format!("{name}.html")), &text).unwrap();
        }
        Self { folder, text }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("page.html")
    }

    fn tokens(&self) -> Vec<Token> {
        Tokenizer::new(&self.text).map(Result::unwrap).collect()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn hostile_data_stays_text() {
    let page = Page::new("hostile", &[]).await;
    let tokens = page.tokens();
    let (mut tags, mut policy, mut inside, mut embedded) =
        (BTreeSet::new(), String::new(), None, Vec::new());
    for token in &tokens {
        match token {
            Token::StartTag(tag) => {
                let name = text(&tag.name);
                for (key, value) in &tag.attributes {
                    let (key, value) = (text(key), text(value));
                    assert!(!key.starts_with("on") && key != "style", "{name} has {key}");
                    assert!(
                        !matches!(key.as_str(), "src" | "srcset" | "action" | "formaction"),
                        "{name} has {key}"
                    );
                    assert!(key != "href" || value.starts_with('#'), "{name} links to {value}");
                    if value.starts_with("default-src") {
                        policy = value;
                    }
                }
                inside = Some(name.clone()).filter(|name| name == "script" || name == "style");
                tags.insert(name);
            }
            Token::EndTag(_) => inside = None,
            Token::String(content) => match &inside {
                Some(tag) => embedded.push((tag.clone(), text(content))),
                None => {
                    assert!(
                        !text(content).contains('\u{202e}'),
                        "bidirectional control characters are escaped"
                    );
                }
            },
            Token::Error(error) => panic!("{error:?}"),
            _ => {}
        }
    }
    assert!(!tags.contains("img") && !tags.contains("link") && !tags.contains("base"), "{tags:?}");
    // One script and one style sheet. The policy allows these and nothing else.
    assert_eq!(
        embedded.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>(),
        ["style", "script"]
    );
    for (tag, content) in &embedded {
        let digest = STANDARD.encode(Sha256::digest(content));
        assert!(policy.contains(&format!("{tag}-src 'sha256-{digest}'")), "{policy}");
    }
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    // The hostile text can be read.
    let shown = page.text.matches("document.title=&#39;pwned&#39;").count();
    assert!(shown >= 1, "{}", page.text);
}

#[tokio::test]
async fn the_page_shows_findings_with_owners_servers_and_remedies() {
    let page = Page::new("words", &[]).await;
    for words in [
        "<span class=\"badge critical\">takeover</span>",
        "<span class=\"badge ok\">in order</span>",
        "mine/Delegation",
        NAME,
        "Anybody who registers the domain of the name server can answer for the name.",
        "aws route53 change-resource-record-sets --hosted-zone-id",
        "data-states=\"in-order\"",
        "Result of each name server",
        "ns1.free.net",
        "unresolved",
        "below.example.com",
    ] {
        assert!(page.text.contains(words), "{words:?} is not on the page");
    }
    // The child zone is nested in its delegation.
    let (_, behind) =
        page.text.split_once("<span class=\"name\">below.example.com</span>").unwrap();
    let (inside, _) = behind.split_once("</li>").unwrap();
    assert!(inside.contains("deep.below.example.com"), "{inside}");
    // There is a filter for each state on the page.
    let page = Page::new("filtered", &["--finding", "takeover"]).await;
    assert!(
        page.text.contains("· 1 delegation ·") && !page.text.contains("value=\"outage\""),
        "{}",
        page.text
    );
}

/// The command of an installed browser, if any.
fn browser() -> Option<&'static str> {
    let is_there = |name: &&str| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(is_there)
}

/// The page's DOM after its scripts have run in this browser.
fn rendered(browser: &str, page: &Path, folder: &Path) -> String {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_browser_runs_only_the_page_s_own_script() {
    let Some(browser) = browser() else {
        sandbox::not_checked("page", "no Chromium is installed", "sudo apt-get install chromium");
        return;
    };
    let page = Page::new("browser", &[]).await;
    let dom = rendered(browser, &page.path(), &page.folder);
    assert!(dom.contains("data-ready=\"yes\""), "the script of the page ran: {dom}");
    assert!(dom.contains("10 of 10 delegations shown"), "{dom}");
    assert!(!dom.contains("<title>pwned</title>"), "{dom}");
    // The same check detects a page that lets the script run.
    let open = page
        .text
        .replace("&#34;&gt;&lt;script&gt;", "<script>")
        .replace("default-src &#39;none&#39;", "default-src *");
    let open = open.replace("<main", "<script>document.title='pwned'</script><main");
    let (head, rest) = open.split_once("<meta http-equiv").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    let planted = page.folder.join("planted.html");
    fs::write(&planted, format!("{head}{rest}")).unwrap();
    assert!(rendered(browser, &planted, &page.folder).contains("<title>pwned</title>"));
}
