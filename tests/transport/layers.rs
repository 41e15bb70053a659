//! Deadlines, bounds, panics, unknown paths, sources.

use std::time::Duration;

use countersign::edge::EdgeSettings;
use countersign::edge::deadline::Deadlines;
use countersign::edge::in_flight::Bounds;
use countersign::net::Limits;
use http::Request;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{Answer, CHECK, LOGIN, PANIC, SOURCE, Server, WAIT, WATCH, framed, grpc_request};

const SHORT: Duration = Duration::from_millis(50);

async fn with_timeout(server: &Server, path: &str, timeout: &str) -> Answer {
    let mut request = grpc_request(path);
    request.headers_mut().insert("grpc-timeout", timeout.parse().unwrap());
    server.h2().await.send(request, framed(b"")).await.unwrap()
}

#[tokio::test]
async fn a_clients_deadline_ends_the_handler() {
    let server = Server::start(Limits::default()).await;
    let answered = with_timeout(&server, WAIT, "50m").await;
    assert_eq!(answered.refusal(), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    server.stage.left().await;
}

#[tokio::test]
async fn a_clients_deadline_ends_a_stream() {
    let server = Server::start(Limits::default()).await;
    let answered = with_timeout(&server, WATCH, "50m").await;
    assert_eq!(answered.refusal(), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".to_owned()));
    assert_eq!(answered.body, framed(b""));
    server.stage.left().await;
}

#[tokio::test]
async fn the_servers_own_deadline_holds_for_who_sets_none_or_a_longer_one() {
    let deadlines = Deadlines { unary: SHORT, ..Deadlines::default() };
    let server = Server::start_with(Limits::default(), EdgeSettings { deadlines, ..EdgeSettings::default() }, None).await;
    let answered = server.h2().await.call(WAIT).await.unwrap();
    assert_eq!(answered.status().code(), Code::DeadlineExceeded);
    assert_eq!(with_timeout(&server, WAIT, "1H").await.status().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_body_that_never_comes_meets_the_deadline() {
    let deadlines = Deadlines { unary: SHORT, ..Deadlines::default() };
    let server = Server::start_with(Limits::default(), EdgeSettings { deadlines, ..EdgeSettings::default() }, None).await;
    let mut sender = server.h2().await.sender;
    let (answer, _open) = sender.send_request(grpc_request(CHECK), false).unwrap();
    let head = tokio::time::timeout(crate::support::LONG, answer).await.unwrap().unwrap();
    assert_eq!(tonic::Status::from_header_map(head.headers()).unwrap().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_malformed_timeout_is_named() {
    let server = Server::start(Limits::default()).await;
    let answered = with_timeout(&server, CHECK, "soon").await;
    assert_eq!(answered.refusal(), (Code::InvalidArgument, "VALIDATION_FAILED".to_owned()));
    let violations = answered.status().get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "grpc-timeout");
}

#[tokio::test]
async fn a_panic_ends_its_call_alone_and_says_nothing() {
    let server = Server::start(Limits::default()).await;
    let client = server.h2().await;
    let answered = client.call(PANIC).await.unwrap();
    assert_eq!(answered.refusal(), (Code::Internal, "INTERNAL".to_owned()));
    assert_eq!(answered.status().message(), "internal error; the server's log says more");
    assert_eq!(client.call(CHECK).await.unwrap().status().code(), Code::Ok);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_unimplemented() {
    let server = Server::start(Limits::default()).await;
    let client = server.h2().await;
    for path in ["/nobody.v1.Nothing/Do", "/grpc.health.v1.Health/Nothing", "/", "/x"] {
        let answered = client.call(path).await.unwrap();
        assert_eq!(answered.refusal(), (Code::Unimplemented, "UNIMPLEMENTED".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn what_is_no_grpc_is_answered_in_http() {
    let server = Server::start(Limits::default()).await;
    let client = server.h2().await;
    let get = |path: &str| Request::get(format!("http://localhost{path}")).body(()).unwrap();
    assert_eq!(client.send(get("/nowhere"), "".into()).await.unwrap().http, 404);
    assert_eq!(client.send(get(CHECK), "".into()).await.unwrap().http, 415);
}

#[tokio::test]
async fn calls_are_counted_as_traffic_but_for_those_of_passwords_and_health() {
    let settings = EdgeSettings::default();
    let traffic = settings.traffic.clone();
    let server = Server::start_with(Limits::default(), settings, None).await;
    let client = server.h2().await;
    client.call(CHECK).await.unwrap();
    client.call(LOGIN).await.unwrap();
    assert_eq!(traffic.counted(), 0);
    assert_eq!(client.call(SOURCE).await.unwrap().status().code(), Code::Ok);
    assert_eq!(traffic.counted(), 1);
}

#[tokio::test]
async fn past_the_bound_calls_are_told_to_come_back_and_health_answers() {
    let bounds = Bounds { unary: 1, watches: 1, ..Bounds::default() };
    let server = Server::start_with(Limits::default(), EdgeSettings { bounds, ..EdgeSettings::default() }, None).await;
    let (busy, client) = (server.h2().await, server.h2().await);
    let (answered, ()) = tokio::join!(busy.call(WAIT), async {
        server.stage.entered().await;
        let refused = client.call(SOURCE).await.unwrap();
        assert_eq!(refused.refusal(), (Code::ResourceExhausted, "OVERLOADED".to_owned()));
        assert!(refused.status().get_details_retry_info().is_some());
        assert_eq!(client.call(CHECK).await.unwrap().status().code(), Code::Ok);
        server.stage.release();
    });
    assert_eq!(answered.unwrap().status().code(), Code::Ok);
    server.stage.left().await;
    assert_eq!(client.call(SOURCE).await.unwrap().status().code(), Code::Ok);

    let watcher = server.h2().await;
    let watching = tokio::spawn(async move { watcher.call(WATCH).await });
    server.stage.entered().await;
    assert_eq!(client.call(WATCH).await.unwrap().refusal(), (Code::ResourceExhausted, "OVERLOADED".to_owned()));
    watching.abort();
    server.stage.left().await;
}

#[tokio::test]
async fn the_source_is_the_peer_unless_a_trusted_proxy_says_otherwise() {
    for (trusted, source) in [("", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.7")] {
        let settings = EdgeSettings { trusted_proxies: trusted.parse().unwrap(), ..EdgeSettings::default() };
        let server = Server::start_with(Limits::default(), settings, None).await;
        let mut request = grpc_request(SOURCE);
        request.headers_mut().insert("x-forwarded-for", "198.51.100.1, 203.0.113.7".parse().unwrap());
        let answered = server.h2().await.send(request, framed(b"")).await.unwrap();
        let text = String::from_utf8(answered.body[7..].to_vec()).unwrap();
        assert_eq!(text, source);
    }
}

#[tokio::test]
async fn tonics_own_client_is_served() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    let server = Server::start(Limits::default()).await;
    let mut client = HealthClient::new(server.channel().await);
    let answered = client.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(answered.status, 1);
    let mut changes = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(changes.message().await.unwrap().unwrap().status, 1);
}
