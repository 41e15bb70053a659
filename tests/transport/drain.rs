//! Shutting down.

use std::time::{Duration, Instant};

use countersign::net::{Drained, Limits};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{CHECK, Server, WAIT, WATCH, until_closed};

#[tokio::test]
async fn calls_in_flight_finish() {
    let server = Server::start(Limits::default()).await;
    let (busy, idle) = (server.h2().await, server.h2().await);
    let (answered, ()) = tokio::join!(busy.call(WAIT), async {
        server.stage.entered().await;
        server.shut_down();
        // GOAWAY has been sent once the idle connection ends; nothing is accepted any more.
        idle.end().await.unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
        server.stage.release();
    });
    assert_eq!(answered.unwrap().status().code(), tonic::Code::Ok);
    assert_eq!(server.drained().await, Drained { cut: 0 });
}

#[tokio::test]
async fn an_endless_stream_is_cut_at_the_drain_timeout() {
    let limit = Duration::from_millis(200);
    let server = Server::start(Limits { drain_timeout: limit, ..Limits::default() }).await;
    let client = server.h2().await;
    let stage = std::sync::Arc::clone(&server.stage);
    let watching = tokio::spawn(async move { client.call(WATCH).await });
    stage.entered().await;
    let began = Instant::now();
    server.shut_down();
    assert_eq!(server.drained().await, Drained { cut: 1 });
    assert!(began.elapsed() >= limit);
    assert!(watching.await.unwrap().is_err());
    stage.left().await;
}

#[tokio::test]
async fn clients_that_do_not_answer_do_not_hold_the_drain() {
    let limits = Limits { connection_age_grace: Duration::from_millis(100), ..Limits::default() };
    let server = Server::start(limits).await;
    let silent = server.tcp().await;
    let mut deaf = server.tcp().await;
    deaf.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    // Connections are accepted in their order, so both are the server's by now.
    assert_eq!(server.h2().await.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);
    let began = Instant::now();
    server.shut_down();
    assert_eq!(server.drained().await, Drained { cut: 0 });
    assert!(began.elapsed() < Limits::default().drain_timeout);
    until_closed(silent).await;
    until_closed(deaf).await;
}
