//! Who does not speak in time, or finds no room.

use std::time::{Duration, Instant};

use countersign::net::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::support::{CHECK, Server, WAIT, until_closed};

const SHORT: Duration = Duration::from_millis(100);

fn hasty() -> Limits {
    Limits { handshake_timeout: SHORT, header_read_timeout: SHORT, ..Limits::default() }
}

#[tokio::test]
async fn a_silent_client_is_closed() {
    let server = Server::start(hasty()).await;
    let began = Instant::now();
    assert!(until_closed(server.tcp().await).await.is_empty());
    assert!(began.elapsed() >= SHORT);
}

#[tokio::test]
async fn half_a_preface_is_no_greeting() {
    let server = Server::start(Limits { header_read_timeout: Duration::from_mins(1), ..hasty() }).await;
    let mut client = server.tcp().await;
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n").await.unwrap();
    assert!(until_closed(client).await.is_empty());
}

#[tokio::test]
async fn slow_http1_headers_are_closed() {
    let server = Server::start(Limits { handshake_timeout: Duration::from_mins(1), ..hasty() }).await;
    let mut client = server.tcp().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.unwrap();
    let answered = until_closed(client).await;
    assert!(answered.is_empty() || answered.starts_with(b"HTTP/1.1 408"), "{answered:?}");
}

#[tokio::test]
async fn an_unused_http1_connection_is_closed() {
    let server = Server::start(hasty()).await;
    let mut client = server.tcp().await;
    client.write_all(b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(until_closed(client).await.starts_with(b"HTTP/1.1 404"));
}

#[tokio::test]
async fn a_greeting_without_calls_is_not_silence() {
    let server = Server::start(hasty()).await;
    let client = server.h2().await;
    // Its end is awaited by the server's own timers: a silent client that came later is gone before.
    until_closed(server.tcp().await).await;
    until_closed(server.tcp().await).await;
    assert_eq!(client.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);
}

#[tokio::test]
async fn past_the_most_connections_the_next_one_waits_its_turn() {
    let server = Server::start(Limits { max_connections: 1, ..Limits::default() }).await;
    let first = server.h2().await;
    let second = server.h2().await;
    let (answered, ()) = tokio::join!(first.call(WAIT), async {
        server.stage.entered().await;
        // The kernel has taken the connection and the server has not.
        assert!(tokio::time::timeout(SHORT, second.call(CHECK)).await.is_err());
        server.stage.release();
    });
    assert_eq!(answered.unwrap().status().code(), tonic::Code::Ok);
    drop(first);
    assert_eq!(second.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);
}

#[tokio::test]
async fn when_full_the_longest_idle_makes_room() {
    let server = Server::start(Limits { max_connections: 1, idle_when_full: SHORT, ..Limits::default() }).await;
    let first = server.h2().await;
    assert_eq!(first.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);
    let second = server.h2().await;
    assert_eq!(second.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);
    first.end().await.unwrap();
}
