use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use url::Url;

use crate::http::client;

/// A server that tells its connections and requests, and answers each request with its own port.
struct Server {
    url: Url,
    connections: Arc<AtomicUsize>,
    connected: Arc<Notify>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, connected) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (count, notify) = (Arc::clone(&connections), Arc::clone(&connected));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                notify.notify_one();
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while let Ok(1..) = stream.read(&mut buffer).await {
                        let body = port.to_string();
                        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Self { url: format!("http://127.0.0.1:{port}/").parse().unwrap(), connections, connected }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Asks it, and checks that it was the one that answered.
    async fn ask(&self, client: &crate::http::Client) {
        let answer = client.requests().get(self.url.clone()).send().await.unwrap().text().await.unwrap();
        assert_eq!(Some(answer), self.url.port().map(|port| port.to_string()), "another host answered");
        client.answered(&self.url);
    }
}

#[tokio::test]
async fn a_request_takes_the_connection_that_was_opened_for_it() {
    let (client, server) = (client(None).unwrap(), Server::start().await);
    client.open(&server.url, 1);
    server.connected.notified().await;
    server.ask(&client).await;
    assert_eq!(server.connections(), 1);
    // It is kept by the client from now on: there is nothing to open.
    client.open(&server.url, 1);
    server.ask(&client).await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn requests_side_by_side_take_as_many_connections() {
    let (client, server) = (client(None).unwrap(), Server::start().await);
    client.open(&server.url, 2);
    tokio::join!(server.ask(&client), server.ask(&client), server.ask(&client));
    assert_eq!(server.connections(), 3, "two that were opened early, and one more");
}

#[tokio::test]
async fn a_connection_is_never_taken_for_another_host() {
    let (client, one, other) = (client(None).unwrap(), Server::start().await, Server::start().await);
    client.open(&one.url, 3);
    one.connected.notified().await;
    other.ask(&client).await;
    assert_eq!(other.connections(), 1);
    one.ask(&client).await;
}

#[tokio::test]
async fn a_host_that_is_gone_fails_as_without_early_connections() {
    let client = client(None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    client.open(&url, 1);
    let error = client.requests().get(url).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}
