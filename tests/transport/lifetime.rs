//! Idle and old connections.

use std::time::Duration;

use countersign::net::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::support::{CHECK, H2, Server, WAIT, until_closed};

const SHORT: Duration = Duration::from_millis(400);

#[tokio::test]
async fn an_idle_connection_gets_goaway_and_ends() {
    let server = Server::start(Limits { idle_timeout: SHORT, ..Limits::default() }).await;
    let client = server.h2().await;
    assert_eq!(client.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);
    client.end().await.unwrap();
}

#[tokio::test]
async fn a_call_in_flight_is_not_idle() {
    let server = Server::start(Limits { idle_timeout: SHORT, ..Limits::default() }).await;
    let (busy, idle) = (server.h2().await, server.h2().await);
    let (answered, ()) = tokio::join!(busy.call(WAIT), async {
        server.stage.entered().await;
        // Two idle lives end while the call waits.
        idle.end().await.unwrap();
        server.h2().await.end().await.unwrap();
        server.stage.release();
    });
    assert_eq!(answered.unwrap().status().code(), tonic::Code::Ok);
    busy.end().await.unwrap();
}

/// Calls until the connection takes no new ones.
async fn until_goaway(client: &H2) {
    while client.call(CHECK).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_old_connection_takes_no_new_calls_and_finishes_those_in_flight() {
    let server = Server::start(Limits { max_connection_age: SHORT, ..Limits::default() }).await;
    let client = server.h2().await;
    let (answered, ()) = tokio::join!(client.call(WAIT), async {
        server.stage.entered().await;
        until_goaway(&client).await;
        server.stage.release();
    });
    assert_eq!(answered.unwrap().status().code(), tonic::Code::Ok);
    client.end().await.unwrap();
    assert_eq!(server.h2().await.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);
}

#[tokio::test]
async fn an_old_connection_is_cut_after_its_grace() {
    let limits = Limits { max_connection_age: SHORT, connection_age_grace: SHORT, ..Limits::default() };
    let server = Server::start(limits).await;
    let client = server.h2().await;
    assert!(client.call(WAIT).await.is_err());
    server.stage.left().await;
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_cut() {
    let short = Duration::from_millis(100);
    let server = Server::start(Limits { keepalive_interval: short, keepalive_timeout: short, ..Limits::default() }).await;
    let (attentive, mut deaf) = (server.h2().await, server.tcp().await);
    deaf.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    assert!(!until_closed(deaf).await.is_empty());
    assert_eq!(attentive.call(CHECK).await.unwrap().status().code(), tonic::Code::Ok);
}
