//! gRPC-Web over HTTP/1.1, and what else speaks HTTP/1.1 to the same port.

use countersign::net::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::support::{CHECK, PANIC, Server, framed, until_closed};

async fn post(server: &Server, path: &str, kind: &str, body: &[u8]) -> String {
    let mut client = server.tcp().await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(body).await.unwrap();
    String::from_utf8_lossy(&until_closed(client).await).to_lowercase()
}

#[tokio::test]
async fn a_call_is_answered_with_its_trailers_in_the_body() {
    let server = Server::start(Limits::default()).await;
    let answered = post(&server, CHECK, "application/grpc-web+proto", &framed(b"")).await;
    assert!(answered.starts_with("http/1.1 200"), "{answered}");
    assert!(answered.contains("content-type: application/grpc-web+proto"), "{answered}");
    assert!(answered.contains("\0\0\0\0\u{2}\u{8}\u{1}") && answered.contains("grpc-status:0"), "{answered}");
}

#[tokio::test]
async fn refusals_are_statuses() {
    let server = Server::start(Limits::default()).await;
    for (path, body, code) in
        [(CHECK, &b"\x02\0\0\0\0"[..], 3), (PANIC, b"\0\0\0\0\0", 13), ("/nobody.v1.Nothing/Do", b"\0\0\0\0\0", 12)]
    {
        let answered = post(&server, path, "application/grpc-web+proto", body).await;
        assert!(answered.starts_with("http/1.1 200"), "{answered}");
        assert!(answered.contains("content-type: application/grpc-web+proto"), "{answered}");
        assert!(answered.contains(&format!("grpc-status: {code}")), "{answered}");
        assert!(answered.contains("grpc-status-details-bin: "), "{answered}");
    }
}

/// The text form is base64. What is none, or is cut short, is the sender's fault and no error of the server.
#[tokio::test]
async fn text_that_cannot_be_decoded_is_an_invalid_argument() {
    let server = Server::start(Limits::default()).await;
    for (body, code) in [
        ("AAAAAAA=", 0),
        ("!!!!", 3),
        ("AAAAAA=A", 3),
        ("AAAAAAA", 3),
        ("A", 3),
        ("AAAAAAB=", 3),
        ("AAAAAAU=", 3),
        ("AgAAAAA=", 3),
        ("", 3),
    ] {
        let answered = post(&server, CHECK, "application/grpc-web-text+proto", body.as_bytes()).await;
        assert!(answered.starts_with("http/1.1 200"), "{body}: {answered}");
        if code == 0 {
            assert!(!answered.contains("grpc-status: "), "{body}: {answered}");
        } else {
            assert!(answered.contains(&format!("grpc-status: {code}\r")), "{body}: {answered}");
        }
    }
}

#[tokio::test]
async fn other_http1_is_refused_on_grpc_routes_and_free_elsewhere() {
    let server = Server::start(Limits::default()).await;
    assert!(post(&server, CHECK, "application/json", b"{}").await.starts_with("http/1.1 400"));
    assert!(post(&server, "/nowhere", "application/json", b"{}").await.starts_with("http/1.1 404"));
}
