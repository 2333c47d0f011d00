use super::*;
use resources::Message;

/// A receiver may need longer for a message than the message is hidden.
#[tokio::test]
async fn a_message_that_nobody_deletes_hides_no_other() {
    let local = Local::start().await.unwrap();
    for id in ["first", "second"] {
        let event = json!({"RequestId": id});
        lock(&local.queue).push(Message { event, hidden_until: Instant::now() });
    }
    for id in ["first", "second", "first"] {
        let received = local.run(Side::Child, &["sqs", "receive-message"]).unwrap();
        assert!(received.contains(&format!("\"ReceiptHandle\":\"{id}\"")), "{id}: {received}");
        for message in lock(&local.queue).iter_mut() {
            message.hidden_until = Instant::now();
        }
    }
}
