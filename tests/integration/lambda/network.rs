//! How the function reaches AWS: through the endpoints and the proxy in its environment; and what
//! it says about an AWS that it can't reach.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::StackOutcome;
use serde_json::json;
use test_support::{EXTERNAL_ID, NAME};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::lambda::fixture::{RuntimeFixture, Setting};

/// The longest request head that the proxy reads, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;
/// The timeout of a function that is to run out of time. A request needs ten seconds to start at
/// all; the other ten are for a busy machine.
const SHORT: Duration = Duration::from_secs(20);

/// A forward proxy (RFC 9110, section 7.3). It forwards `http` requests, and rejects the tunnels
/// that `https` needs.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<BTreeSet<String>>>,
    serving: JoinHandle<()>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) =
            (listener.local_addr().unwrap(), Arc::<Mutex<BTreeSet<String>>>::default());
        let hosts = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let hosts = Arc::clone(&hosts);
                // A client that disconnects only ends its own connection.
                tokio::spawn(async move { drop(carry(client, &hosts).await) });
            }
        });
        Self { address, asked, serving }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the hosts that clients requested, with their ports.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().cloned().collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Forwards one request of a client to the host in its first line, on one connection.
async fn carry(mut client: TcpStream, asked: &Mutex<BTreeSet<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let (line, fields) = head.split_once("\r\n").unwrap_or_default();
    let target = line.split(' ').nth(1).unwrap_or_default();
    let Some((host, path)) = target.strip_prefix("http://").and_then(|rest| rest.split_once('/'))
    else {
        asked.lock().unwrap().insert(target.to_owned());
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    };
    asked.lock().unwrap().insert(host.to_owned());
    let mut server = TcpStream::connect(host).await?;
    let line = line.replace(target, &format!("/{path}"));
    server.write_all(format!("{line}\r\nConnection: close\r\n{fields}").as_bytes()).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// A fixture whose function has these variables as well; one without a value is removed.
async fn fixture(env: &[(&'static str, Option<String>)]) -> RuntimeFixture {
    RuntimeFixture::with(Setting { env: env.to_vec(), ..Setting::default() }).await
}

/// The same with a function that runs out of time soon.
async fn fixture_with_short_timeout(env: &[(&'static str, Option<String>)]) -> RuntimeFixture {
    RuntimeFixture::with(Setting { timeout: SHORT, env: env.to_vec(), ..Setting::default() }).await
}

#[track_caller]
fn reason(outcome: &StackOutcome) -> String {
    match outcome {
        StackOutcome::RolledBack(reason) => reason.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_requests_use_the_proxy_except_to_hosts_in_no_proxy() {
    let proxy = Proxy::start().await;
    let by_proxy = fixture(&[("HTTP_PROXY", Some(proxy.url()))]).await;
    assert!(by_proxy.deploy("Delegation", json!({})).await.is_complete());
    by_proxy.assert_delegated(300, 1);
    let aws = by_proxy.aws.endpoint_url().replace("http://", "");
    let mut hosts = [aws, by_proxy.bucket.host()];
    hosts.sort();
    assert_eq!(proxy.asked(), hosts);

    let around = Proxy::start().await;
    let no_proxy = ("NO_PROXY", Some("localhost,127.0.0.1".to_owned()));
    let direct = fixture(&[("HTTP_PROXY", Some(around.url())), no_proxy]).await;
    assert!(direct.deploy("Delegation", json!({})).await.is_complete());
    assert_eq!(around.asked(), Vec::<String>::new());
}

/// Also tests that a proxy that rejects connections counts as an unreachable AWS.
#[tokio::test]
async fn fips_and_dual_stack_endpoints_follow_the_environment() {
    let plain = ["route53.amazonaws.com:443", "sts.us-east-1.amazonaws.com:443"];
    let fips = ["route53-fips.amazonaws.com:443", "sts-fips.us-east-1.amazonaws.com:443"];
    let dual_stack = ["route53.global.api.aws:443", "sts.us-east-1.api.aws:443"];
    let both = ["route53-fips.global.api.aws:443", "sts-fips.us-east-1.api.aws:443"];
    let on = || Some("true".to_owned());
    let ask = async |fips: Option<String>, dual_stack: Option<String>| {
        let proxy = Proxy::start().await;
        let fixture = fixture_with_short_timeout(&[
            ("AWS_ENDPOINT_URL", None),
            ("HTTPS_PROXY", Some(proxy.url())),
            ("AWS_USE_FIPS_ENDPOINT", fips),
            ("AWS_USE_DUALSTACK_ENDPOINT", dual_stack),
        ])
        .await;
        let reason = reason(&fixture.deploy("Delegation", json!({})).await);
        for words in [
            "ran out of time after",
            "did not respond in",
            "tries",
            "tunnel error",
            "proxy",
            "[out-of-time]",
        ] {
            assert!(reason.contains(words), "{words:?}: {reason}");
        }
        assert!(
            proxy.asked().iter().any(|host| reason.contains(host.trim_end_matches(":443"))),
            "{reason}"
        );
        proxy.asked()
    };
    let asked = tokio::join!(ask(None, None), ask(on(), None), ask(None, on()), ask(on(), on()));
    assert_eq!(
        asked,
        (
            plain.map(str::to_owned).to_vec(),
            fips.map(str::to_owned).to_vec(),
            dual_stack.map(str::to_owned).to_vec(),
            both.map(str::to_owned).to_vec()
        )
    );
}

#[tokio::test]
async fn an_unreachable_aws_is_reported_with_host_cause_and_attempts() {
    // A port without a listener, which no other test gets as long as the socket exists.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let port = closed.local_addr().unwrap();
    let ask = async |url: String| {
        let fixture = fixture_with_short_timeout(&[("AWS_ENDPOINT_URL", Some(url))]).await;
        let reason = reason(&fixture.deploy("Delegation", json!({})).await);
        for words in [
            "ran out of time after",
            "did not respond in",
            "tries",
            "Nothing was changed",
            "[out-of-time]",
        ] {
            assert!(reason.contains(words), "{words:?}: {reason}");
        }
        assert!(fixture.parent.record(NAME, "NS").is_none());
        reason
    };
    let (refused, unresolved) =
        tokio::join!(ask(format!("http://{port}")), ask("http://aws.invalid".to_owned()));
    assert!(
        refused.contains("127.0.0.1 did not respond") && refused.contains("Connection refused"),
        "{refused}"
    );
    assert!(
        unresolved.contains("aws.invalid did not respond") && unresolved.contains("dns error"),
        "{unresolved}"
    );
}

#[tokio::test]
async fn missing_certificates_are_reported_in_the_answer() {
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let fixture = fixture(&[(variable, Some("/nowhere/bundle.pem".to_owned()))]).await;
        let reason = reason(&fixture.deploy("Delegation", json!({})).await);
        for words in [
            "the file \"/nowhere/bundle.pem\" can't be read",
            "AWS_CA_BUNDLE or SSL_CERT_FILE",
            "[invalid-settings]",
        ] {
            assert!(reason.contains(words), "{words:?}: {reason}");
        }
    }
}

/// The SDK's own message for such an endpoint has the request in it, too, with its external id.
#[tokio::test]
async fn an_external_id_in_a_variable_of_the_function_is_not_repeated() {
    let secret = "0123456789abcdef".repeat(4);
    for (variable, words) in [
        ("AWS_CA_BUNDLE", "AWS_CA_BUNDLE or SSL_CERT_FILE"),
        ("SSL_CERT_FILE", "AWS_CA_BUNDLE or SSL_CERT_FILE"),
        ("AWS_ENDPOINT_URL", "Correct AWS_ENDPOINT_URL"),
        ("AWS_ENDPOINT_URL_STS", "Correct AWS_ENDPOINT_URL"),
        ("DELEGATION_DNS_RESOLVER", "DELEGATION_DNS_RESOLVER"),
    ] {
        let fixture = fixture(&[(variable, Some(secret.clone()))]).await;
        let reason = reason(&fixture.deploy("Delegation", json!({})).await);
        assert!(reason.contains(words), "{variable}: {reason}");
        for hidden in ["0123456789", EXTERNAL_ID] {
            assert!(!reason.contains(hidden), "{variable}: {reason}");
        }
    }
}
