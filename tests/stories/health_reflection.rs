//! Whether a server may be sent calls, and what it can be asked.

use std::sync::Arc;
use std::time::Duration;

use countersign::model::clock::Clock as _;
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use crate::arena::refusal::told;
use crate::harness::{InProcess, SOON, Server, Setup};

const NAMES: [&str; 5] = [
    "",
    "countersign.v1.AccountService",
    "countersign.v1.AdminService",
    "countersign.v1.AuthService",
    "countersign.v1.TokenService",
];

#[tokio::test]
async fn a_server_that_listens_serves_under_every_name() {
    let server = Server::start().await;
    let mut health = HealthClient::new(server.channel().await);
    for name in NAMES {
        let answer = health.check(HealthCheckRequest { service: name.to_owned() }).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name}");
    }
    let unknown = health.check(HealthCheckRequest { service: "nothing".to_owned() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn health_turns_before_the_drain_ends_watching() {
    let server = InProcess::start().await;
    let mut health = HealthClient::new(server.channel().await);
    let mut states = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let stopping = tokio::spawn(server.stop());
    let next = timeout(SOON, states.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
    drop(states);
    drop(health);
    timeout(SOON, stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_clock_that_jumps_takes_the_server_out() {
    let server = InProcess::start().await;
    let clock = Arc::clone(&server.clock);
    let mut health = HealthClient::new(server.channel().await);
    let mut states = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    let began = clock.now();
    let behind = began.minus(Duration::from_mins(2));
    let ahead = began.plus(Duration::from_hours(2));
    for (at, expected) in [
        (began, ServingStatus::Serving),
        (behind, ServingStatus::NotServing),
        (began, ServingStatus::Serving),
        (ahead, ServingStatus::NotServing),
        (began, ServingStatus::Serving),
    ] {
        clock.set(at);
        let told = timeout(SOON, states.message()).await.unwrap().unwrap().unwrap();
        assert_eq!(told.status(), expected, "at {at:?}");
    }
    drop(states);
    server.stop().await;
}

#[tokio::test]
async fn reflection_lists_every_service_and_describes_the_error_details() {
    let server = Server::start().await;
    let mut listed = listed_v1(&server).await;
    listed.sort();
    let mut expected: Vec<String> = NAMES.iter().skip(1).map(|name| (*name).to_owned()).collect();
    expected.extend(["grpc.health.v1.Health".to_owned(), "grpc.reflection.v1.ServerReflection".to_owned()]);
    expected.sort();
    assert_eq!(listed, expected);

    let mut old = v1alpha::server_reflection_client::ServerReflectionClient::new(server.channel().await);
    for symbol in ["countersign.v1.AuthService", "google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo"] {
        use v1alpha::server_reflection_request::MessageRequest;
        use v1alpha::server_reflection_response::MessageResponse;

        let request = v1alpha::ServerReflectionRequest {
            message_request: Some(MessageRequest::FileContainingSymbol(symbol.to_owned())),
            ..Default::default()
        };
        let mut answers = old.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
        assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{symbol}: {answer:?}");
    }
    server.stop().await;
}

async fn listed_v1(server: &Server) -> Vec<String> {
    use v1::server_reflection_request::MessageRequest;
    use v1::server_reflection_response::MessageResponse;

    let mut client = v1::server_reflection_client::ServerReflectionClient::new(server.channel().await);
    let request =
        v1::ServerReflectionRequest { message_request: Some(MessageRequest::ListServices(String::new())), ..Default::default() };
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answers.message().await.unwrap().unwrap().message_response else {
        panic!("no list");
    };
    list.service.into_iter().map(|service| service.name).collect()
}

#[tokio::test]
async fn reflection_can_be_switched_off() {
    let server = Setup::new().arg("--reflection=false").start().await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(server.channel().await);
    let request = v1::ServerReflectionRequest::default();
    let refused = client.server_reflection_info(tokio_stream::once(request)).await.unwrap_err();
    assert_eq!((refused.code(), told(&refused).1.as_str()), (Code::Unimplemented, "UNIMPLEMENTED"));
    server.stop().await;
}
