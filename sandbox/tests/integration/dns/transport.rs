//! Messages, UDP, TCP and EDNS (RFC 1035, RFC 6891, RFC 7766).

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::DNSClass;
use sandbox::{RecordSet, Transport};

use crate::dns::common::{
    Shape, edns, exchange, exchange_tcp, fixture, query, raw, with_dnssec_ok,
};

#[tokio::test]
async fn udp_and_tcp_give_the_same_answer() {
    let fixture = fixture().await;
    let (server, asked) = (fixture.server(&fixture.parent), query("www.example.com", "A"));
    let (udp, tcp) = (exchange(server, &asked).await, exchange_tcp(server, &asked).await.unwrap());
    assert_eq!(udp, tcp);
    assert_eq!((udp.metadata.id, &udp.queries), (asked.metadata.id, &asked.queries));
    let transports: Vec<Transport> =
        fixture.dns.queries().iter().map(|query| query.transport).collect();
    assert_eq!(transports, [Transport::Udp, Transport::Tcp]);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_truncated_and_complete_over_tcp() {
    let fixture = fixture().await;
    let server = fixture.server(&fixture.parent);
    let values: Vec<String> = (0..16).map(|n| format!("\"{n:02}{}\"", "x".repeat(60))).collect();
    fixture.parent.put(RecordSet::new("long.example.com", "TXT", 60, values));
    let plain = query("long.example.com", "TXT");
    let truncated = exchange(server, &plain).await;
    assert!(truncated.metadata.truncation && truncated.metadata.authoritative);
    assert_eq!(Shape::new(&truncated).counts, [0, 0, 0]);
    assert_eq!(exchange_tcp(server, &plain).await.unwrap().answers.len(), 16);
    let wide = exchange(server, &edns(plain.clone(), 4096)).await;
    assert!(
        wide.metadata.truncation,
        "16 strings of 62 bytes and their owners take more than 1232 bytes"
    );
    fixture.parent.put(RecordSet::new(
        "mid.example.com",
        "TXT",
        60,
        [format!("\"{0}\" \"{0}\" \"{0}\"", "x".repeat(250))],
    ));
    let mid = query("mid.example.com", "TXT");
    assert!(
        exchange(server, &mid).await.metadata.truncation,
        "without EDNS, an answer has at most 512 bytes"
    );
    assert!(!exchange(server, &edns(mid.clone(), 1232)).await.metadata.truncation);
    assert!(
        exchange(server, &edns(mid, 600)).await.metadata.truncation,
        "the client's limit must apply"
    );
}

#[tokio::test]
async fn edns_is_answered_with_edns() {
    let fixture = fixture().await;
    let (server, plain) = (fixture.server(&fixture.parent), query("www.example.com", "A"));
    assert!(exchange(server, &plain).await.edns.is_none());
    for (dnssec_ok, query) in
        [(false, edns(plain.clone(), 4096)), (true, with_dnssec_ok(plain.clone(), 4096))]
    {
        let answer = exchange(server, &query).await;
        let edns = answer.edns.unwrap();
        assert_eq!(
            (edns.max_payload(), edns.version(), edns.flags().dnssec_ok),
            (1232, 0, dnssec_ok)
        );
    }
    let mut later = edns(plain, 4096);
    later.edns.as_mut().unwrap().set_version(1);
    // BADVERS and BADSIG have the same number; hickory uses the other name.
    assert_eq!(u16::from(exchange(server, &later).await.metadata.response_code), 16);
    let logged = fixture.dns.queries();
    assert_eq!(logged[0].payload, None);
    assert_eq!((logged[2].payload, logged[2].dnssec_ok), (Some(4096), true));
}

#[tokio::test]
async fn messages_that_are_no_queries_are_rejected() {
    let fixture = fixture().await;
    let server = fixture.server(&fixture.parent);
    let code = async |message: &Message| exchange(server, message).await.metadata.response_code;
    let mut chaos = query("version.bind", "TXT");
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(code(&chaos).await, ResponseCode::Refused);
    let mut notify = query("example.com", "SOA");
    notify.metadata.op_code = OpCode::Notify;
    assert_eq!(code(&notify).await, ResponseCode::NotImp);
    let mut two = query("example.com", "SOA");
    two.add_query(two.queries[0].clone());
    assert_eq!(code(&two).await, ResponseCode::FormErr);
    let garbage = Message::from_vec(&raw(server, &[0x12, 0x34, 0, 0, 0, 1, 0, 0]).await).unwrap();
    assert_eq!(
        (garbage.metadata.id, garbage.metadata.response_code),
        (0x1234, ResponseCode::FormErr)
    );
    // A response and a single byte get no answer; the next query does.
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut response = query("example.com", "SOA").into_response();
    response.metadata.id = 1;
    let mut asked = query("example.com", "SOA");
    asked.metadata.id = 2;
    for bytes in [response.to_vec().unwrap(), vec![7], asked.to_vec().unwrap()] {
        socket.send_to(&bytes, server).await.unwrap();
    }
    let mut buffer = [0; 512];
    let (length, _) = socket.recv_from(&mut buffer).await.unwrap();
    assert_eq!(Message::from_vec(&buffer[..length]).unwrap().metadata.id, 2);
}
