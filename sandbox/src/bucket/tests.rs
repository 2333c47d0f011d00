use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

fn key() -> ResponseKey {
    ResponseKey {
        stack_id: "arn:aws:cloudformation:us-east-1:222222222222:stack/s/1".into(),
        logical_id: "Delegation".into(),
        request_id: "r-1".into(),
    }
}

/// Sends a request as raw text, so that no client adds headers. Returns the status.
async fn send(method: &str, url: &str, headers: &str, body: &str) -> u16 {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let mut stream = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_signed_put_is_stored() {
    let bucket = ResponseBucket::start().await.unwrap();
    assert_eq!(send("PUT", &bucket.presign(&key()), "", "{}").await, 200);
    assert_eq!(
        send("PUT", &bucket.presign_v2(&key(), SystemTime::now()), "content-type: \r\n", "{}")
            .await,
        200
    );
    assert_eq!(bucket.answers("r-1").len(), 2);
    assert_eq!(bucket.answers("r-1")[0].json(), serde_json::json!({}));
}

#[tokio::test]
async fn a_request_that_differs_from_the_signed_one_is_rejected() {
    let bucket = ResponseBucket::start().await.unwrap();
    let url = bucket.presign(&key());
    assert_eq!(send("PUT", &url, "content-type: application/json\r\n", "{}").await, 403);
    assert_eq!(send("POST", &url, "", "{}").await, 403);
    assert_eq!(send("PUT", &url.replace("r-1", "r-2"), "", "{}").await, 403);
    assert_eq!(send("PUT", url.split('?').next().unwrap(), "", "{}").await, 403);
    assert_eq!(
        send("PUT", &url.replace("X-Amz-Signature=", "X-Amz-Signature=0"), "", "{}").await,
        403
    );
    assert_eq!(
        send("PUT", &url.replace("response-useast1", "response-euwest1"), "", "{}").await,
        404
    );
    assert_eq!(
        send(
            "PUT",
            &bucket.presign_v2(&key(), SystemTime::now()).replace("Signature=", "Signature=0"),
            "",
            ""
        )
        .await,
        403
    );
    assert_eq!(bucket.puts().iter().filter(|put| put.stored).count(), 0);
    assert_eq!(bucket.puts().len(), 7);
}

#[tokio::test]
async fn urls_expire_after_two_hours() {
    let bucket = ResponseBucket::start().await.unwrap();
    let now = SystemTime::now();
    let (old, older) = (now - Duration::from_secs(7100), now - Duration::from_secs(7300));
    assert_eq!(send("PUT", &bucket.presign_at(&key(), old), "", "{}").await, 200);
    assert_eq!(send("PUT", &bucket.presign_at(&key(), older), "", "{}").await, 403);
    assert_eq!(send("PUT", &bucket.presign_v2(&key(), older), "", "{}").await, 403);
}

#[tokio::test]
async fn faults_apply_in_the_order_of_their_addition() {
    let bucket = ResponseBucket::start().await.unwrap();
    bucket.fault(BucketFault::Status(503), 2);
    bucket.fault(BucketFault::Status(429), 1);
    let url = bucket.presign(&key());
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(send("PUT", &url, "", "{}").await);
    }
    assert_eq!(seen, [503, 503, 429, 200]);
}
