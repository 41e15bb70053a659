//! Messages and headers that are too large or malformed.

use bytes::Bytes;
use countersign::net::Limits;
use tokio::io::AsyncWriteExt as _;
use tonic::Code;

use crate::support::{CHECK, H2, Server, framed, grpc_request, until_closed};

/// A `HealthCheckRequest` for a service with a name of this length.
fn check(name_length: usize) -> Bytes {
    let mut message = vec![10];
    let mut rest = name_length;
    while rest > 127 {
        message.push(u8::try_from(rest & 127).unwrap() | 128);
        rest >>= 7;
    }
    message.push(u8::try_from(rest).unwrap());
    message.resize(message.len() + name_length, b'x');
    framed(&message)
}

async fn refused(client: &H2, body: Bytes) -> (Code, String) {
    client.send(grpc_request(CHECK), body).await.unwrap().refusal()
}

#[tokio::test]
async fn a_message_of_64_kib_is_read_and_one_byte_more_is_not() {
    let server = Server::start(Limits::default()).await;
    let client = server.h2().await;
    let most = check(65_536 - 4);
    assert_eq!(most.len(), 5 + 65_536);
    let answered = client.send(grpc_request(CHECK), most).await.unwrap();
    assert_eq!(answered.status().code(), Code::NotFound, "health knows no such service, so it has read the name");
    for length in [65_536 - 3, 1 << 20] {
        assert_eq!(refused(&client, check(length)).await, (Code::ResourceExhausted, "MESSAGE_TOO_LARGE".to_owned()));
    }
}

#[tokio::test]
async fn a_length_without_a_message_is_refused_at_once() {
    let server = Server::start(Limits::default()).await;
    let client = server.h2().await;
    let mut sender = client.sender.clone();
    let (answer, mut stream) = sender.send_request(grpc_request(CHECK), false).unwrap();
    stream.send_data(Bytes::from_static(&[0, 0xFF, 0xFF, 0xFF, 0xFF]), false).unwrap();
    let head = tokio::time::timeout(crate::support::LONG, answer).await.unwrap().unwrap();
    assert_eq!(tonic::Status::from_header_map(head.headers()).unwrap().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn malformed_messages_are_the_callers_fault() {
    let server = Server::start(Limits::default()).await;
    let client = server.h2().await;
    for (what, body) in [
        ("no message", &b""[..]),
        ("half a prefix", b"\0\0\0"),
        ("an unknown flag", b"\x02\0\0\0\0"),
        ("compressed by nothing", b"\x01\0\0\0\x01x"),
        ("a body that stops", b"\0\0\0\0\x09\x0a\x07hea"),
        ("a prefix and nothing", b"\0\0\0\0\x09"),
        ("no protobuf", b"\0\0\0\0\x04\xff\xff\xff\xff"),
        ("no UTF-8", b"\0\0\0\0\x03\x0a\x01\xff"),
        ("a string as a number", b"\0\0\0\0\x02\x08\x01"),
    ] {
        let refusal = refused(&client, Bytes::from_static(body)).await;
        assert_eq!(refusal, (Code::InvalidArgument, "MALFORMED_MESSAGE".to_owned()), "{what}");
    }
}

#[tokio::test]
async fn an_unknown_compression_is_named_with_what_would_do() {
    let server = Server::start(Limits::default()).await;
    let mut request = grpc_request(CHECK);
    request.headers_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    let answered = server.h2().await.send(request, framed(b"")).await.unwrap();
    assert_eq!(answered.refusal(), (Code::Unimplemented, "UNIMPLEMENTED".to_owned()));
    assert!(answered.headers.contains_key("grpc-accept-encoding"));
}

#[tokio::test]
async fn headers_past_16_kib_are_refused_and_the_connection_lives() {
    let server = Server::start(Limits::default()).await;
    let client = server.h2().await;
    let with = |lines: usize, length: usize| {
        let mut request = grpc_request(CHECK);
        for line in 0..lines {
            let name: http::HeaderName = format!("x-{line}").parse().unwrap();
            request.headers_mut().insert(name, "v".repeat(length).parse().unwrap());
        }
        request
    };
    for (lines, length) in [(1, 12 * 1024), (100, 10)] {
        let answered = client.send(with(lines, length), framed(b"")).await.unwrap();
        assert_eq!(answered.status().code(), Code::Ok);
    }
    for (lines, length) in [(1, 20 * 1024), (1, 64 * 1024), (2_000, 10)] {
        let answered = server.h2().await.send(with(lines, length), framed(b"")).await;
        assert!(answered.as_ref().map_or(true, |answer| answer.http == 431), "{answered:?}");
    }
    assert_eq!(client.call(CHECK).await.unwrap().status().code(), Code::Ok);
}

#[tokio::test]
async fn http1_headers_past_16_kib_are_refused() {
    let server = Server::start(Limits::default()).await;
    let mut client = server.tcp().await;
    let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "v".repeat(20 * 1024));
    client.write_all(request.as_bytes()).await.unwrap();
    assert!(until_closed(client).await.starts_with(b"HTTP/1.1 431"));
}

#[tokio::test]
async fn a_connection_has_100_streams() {
    let server = Server::start(Limits::default()).await;
    let client = server.h2().await;
    client.call(CHECK).await.unwrap();
    assert_eq!(client.sender.current_max_send_streams(), 100);
}
