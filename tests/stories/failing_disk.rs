//! A disk that fails under a running server: it stops answering OK, says why and ends; what it had answered is true.

use countersign::grpc::pb::TokenSet;
use tokio::time::timeout;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::arena::refusal::told;
use crate::harness::{SOON, Setup};

#[tokio::test]
async fn a_failed_write_barrier_ends_the_server_and_nothing_that_was_answered() {
    if !can_trace() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let inject = ["strace", "-f", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=25+"];
    let server = Setup::new().data_dir(&data).under(&inject).start().await;
    let mut health = HealthClient::new(server.channel().await);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);

    let mut answered: Vec<TokenSet> = Vec::new();
    let refused = loop {
        match server.try_login("admin", server.admin_password()).await {
            Ok(tokens) => answered.push(tokens),
            Err(refusal) => break refusal,
        }
        assert!(answered.len() < 200, "the disk does not fail");
    };
    assert!(!answered.is_empty());
    assert_eq!(told(&refused).1, "STORE_UNAVAILABLE");
    let told = timeout(SOON, watch.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(told.status(), ServingStatus::NotServing);

    let stopped = timeout(SOON, server.ended()).await.unwrap();
    assert_eq!(stopped.status.code(), Some(1), "{stopped:#?}");
    assert!(stopped.last_line().contains("the store has failed"), "{stopped:#?}");
    assert!(stopped.last_line().contains("Input/output error"), "{stopped:#?}");

    let server = Setup::new().data_dir(&data).start().await;
    let asker = server.login_admin().await;
    for tokens in answered {
        assert!(server.calls().await.bearing(asker.clone()).active(&tokens.access_token).await);
    }
    server.stop().await;
}

fn can_trace() -> bool {
    let tried = std::process::Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let why = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    println!("SKIPPED: strace cannot be used here ({why})");
    false
}
