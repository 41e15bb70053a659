//! Bad input of every kind, on every rpc: refused as the caller's fault, with a reason, and never as INTERNAL.

use countersign::grpc::pb;
use countersign::model::random::{Random, SystemRandom};
use countersign::model::secret::Secret;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::arena::raw::{Rpc, call, length_delimited, odd_values, rpcs};
use crate::arena::refusal::told;
use crate::contract;
use crate::harness::{Calls, PASSWORD, Server};

/// The rpcs that anybody may call.
const OPEN: [&str; 8] = ["Login", "Refresh", "PkeyJwt", "SsoStart", "SsoJwt", "PeekSingleUse", "RedeemSingleUse", "GetJwks"];

/// A refusal that its caller could have caused, with a reason that the contract has at that rpc, and that tells nothing of what is
/// behind it.
fn assert_decent(rpc: &Rpc, status: &Status, what: &str) {
    let unexpected = [Code::Internal, Code::Unknown, Code::DataLoss, Code::OutOfRange, Code::Cancelled];
    assert!(!unexpected.contains(&status.code()), "{what}: {status:?}");
    let reason = told(status).1;
    assert!(status.code() != Code::Unavailable || reason == "REVISION_NOT_REACHED", "{what}: {status:?}");
    contract::assert_listed(rpc, status);
    for inside in ["src/", "sled", "panicked", "postcard", "serde", "prost", "rust"] {
        assert!(!status.message().contains(inside), "{what}: {status:?}");
    }
}

/// Another superuser than `admin`, with a session for each call: some of the calls end the one they are made with.
struct Caller(Calls);

impl Caller {
    async fn new(server: &Server) -> Self {
        Self(server.admin().await.person("root", &["superuser"]).await)
    }

    async fn call(&mut self, rpc: &Rpc, message: Vec<u8>) -> Result<Vec<u8>, Status> {
        let answer = call(&self.0.channel, &rpc.path(), message, Some(&self.0.tokens.access_token)).await;
        if rpc.method == "Logout" {
            self.0 = self.0.as_user("root").await;
        }
        answer
    }
}

#[tokio::test]
async fn nothing_but_the_listed_rpcs_is_open_to_anybody() {
    let server = Server::start().await;
    let channel = server.channel().await;
    for rpc in rpcs() {
        for token in [None, Some("a.b.c"), Some("")] {
            let Err(status) = call(&channel, &rpc.path(), Vec::new(), token).await else {
                assert_eq!(rpc.method, "GetJwks");
                continue;
            };
            assert_decent(&rpc, &status, &rpc.path());
            if !OPEN.contains(&rpc.method.as_str()) && status.code() != Code::Unimplemented {
                assert_eq!((status.code(), told(&status).1.as_str()), (Code::Unauthenticated, "TOKEN_INVALID"), "{rpc:?}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_fault_on_every_rpc() {
    let server = Server::start().await;
    let channel = server.channel().await;
    let ends_too_early = vec![0x0a, 0x05, b'a'];
    let field_zero = vec![0x00, 0x00];
    let endless_number = vec![0xff; 12];
    for rpc in rpcs() {
        for message in [&ends_too_early, &field_zero, &endless_number] {
            let status = call(&channel, &rpc.path(), message.clone(), None).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{rpc:?}: {status:?}");
            assert_eq!(told(&status).1, "MALFORMED_MESSAGE", "{rpc:?}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_message_past_64_kib_reaches_no_handler() {
    let server = Server::start().await;
    let channel = server.channel().await;
    for rpc in rpcs() {
        let message = length_delimited(1, "a".repeat(65 * 1024).as_bytes());
        let status = call(&channel, &rpc.path(), message, None).await.unwrap_err();
        assert_eq!((status.code(), told(&status).1.as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"), "{rpc:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn random_bytes_never_break_anything() {
    let server = Server::start().await;
    let mut caller = Caller::new(&server).await;
    let random: &dyn Random = &SystemRandom;
    for rpc in rpcs() {
        for round in 0..40_usize {
            let bytes: [u8; 64] = random.bytes();
            let message = bytes[..=(round % 64)].to_vec();
            if let Err(status) = caller.call(&rpc, message.clone()).await {
                assert_decent(&rpc, &status, &format!("{} {message:02x?}", rpc.path()));
            }
        }
    }
    server.login_admin().await;
    server.stop().await;
}

#[tokio::test]
async fn odd_values_in_any_field_never_break_anything() {
    let server = Server::start().await;
    let mut caller = Caller::new(&server).await;
    for rpc in rpcs() {
        for field in &rpc.fields {
            for message in odd_values(field) {
                let what = format!("{} {} {:02x?}", rpc.path(), field.name(), &message[..message.len().min(40)]);
                if let Err(status) = caller.call(&rpc, message.clone()).await {
                    assert_decent(&rpc, &status, &what);
                }
                if let Err(status) = call(&caller.0.channel, &rpc.path(), message, None).await {
                    assert_decent(&rpc, &status, &what);
                }
            }
        }
    }
    server.login_admin().await;
    server.stop().await;
}

/// What is refused as `field`, and nothing else.
fn assert_names(status: &Status, field: &str) {
    assert_eq!((status.code(), told(status).1.as_str()), (Code::InvalidArgument, "VALIDATION_FAILED"), "{field}: {status:?}");
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert_eq!(violations[0].field, field, "{status:?}");
    assert!(status.message().starts_with(field), "{status:?}");
}

/// Calls as a superuser and names the field that is refused.
async fn assert_refused(caller: &mut Caller, path: &str, message: &impl Message, field: &str) {
    let rpc = rpcs().into_iter().find(|rpc| rpc.path().ends_with(path)).unwrap();
    let status = caller.call(&rpc, message.encode_to_vec()).await.unwrap_err();
    assert_names(&status, field);
}

#[tokio::test]
async fn unknown_numbers_negative_durations_and_no_uuid_are_named() {
    let server = Server::start().await;
    let mut caller = Caller::new(&server).await;
    let negative = Some(prost_types::Duration { seconds: -1, nanos: 0 });
    let beyond = Some(prost_types::Duration { seconds: i64::MAX, nanos: i32::MAX });
    let caller = &mut caller;
    let login = pb::LoginRequest { username: "root".into(), password: PASSWORD.into(), mode: 77, ..Default::default() };
    assert_refused(caller, "AuthService/Login", &login, "mode").await;
    let refresh = pb::RefreshRequest { refresh_token: "csr_x".into(), mode: -1, ..Default::default() };
    assert_refused(caller, "AuthService/Refresh", &refresh, "mode").await;
    let redeem = pb::RedeemSingleUseRequest { token: "csl_x".into(), mode: 3, ..Default::default() };
    assert_refused(caller, "AuthService/RedeemSingleUse", &redeem, "mode").await;
    let redeem = pb::RedeemSingleUseRequest { token: "csl_x".into(), request_id: "once".into(), ..Default::default() };
    assert_refused(caller, "AuthService/RedeemSingleUse", &redeem, "request_id").await;
    for bad in [negative, beyond] {
        let link = pb::GenerateSingleUseRequest { username: "v".into(), dataset_id: "d".into(), ttl: bad };
        assert_refused(caller, "AuthService/GenerateSingleUse", &link, "ttl").await;
        let wait = pb::SsoJwtRequest { state: "cso_x".into(), wait: bad };
        assert_refused(caller, "AuthService/SsoJwt", &wait, "wait").await;
        let key = pb::AccountServiceCreatePersonalKeyRequest { display_name: "k".into(), ttl: bad, ..Default::default() };
        assert_refused(caller, "AccountService/CreatePersonalKey", &key, "ttl").await;
    }
    let member = pb::AddMemberRequest { org_name: "acme".into(), username: "root".into(), role: 9 };
    assert_refused(caller, "AdminService/AddMember", &member, "role").await;
    let page = pb::ListPersonalKeysRequest { page_size: -1, ..Default::default() };
    assert_refused(caller, "AccountService/ListPersonalKeys", &page, "page_size").await;
    let user = pb::CreateUserRequest {
        username: "x".into(),
        password: PASSWORD.into(),
        roles: vec!["emperor".into()],
        ..Default::default()
    };
    assert_refused(caller, "AdminService/CreateUser", &user, "roles").await;
    server.stop().await;
}

#[tokio::test]
async fn two_credentials_or_none_are_refused() {
    let server = Server::start_with(&[("COOKIE_SECURE", "false")]).await;
    let admin = server.login_admin().await;
    let mut auth = server.auth().await;
    let both = pb::RefreshRequest {
        refresh_token: admin.refresh_token.clone(),
        access_token: admin.access_token.clone(),
        ..Default::default()
    };
    assert_names(&auth.refresh(both).await.unwrap_err(), "refresh_token");
    assert_names(&auth.refresh(pb::RefreshRequest::default()).await.unwrap_err(), "refresh_token");
    let mut with_cookie =
        tonic::Request::new(pb::RefreshRequest { refresh_token: admin.refresh_token.clone(), ..Default::default() });
    with_cookie.metadata_mut().insert("cookie", "countersign_refresh=csr_x".parse().unwrap());
    assert_names(&auth.refresh(with_cookie).await.unwrap_err(), "refresh_token");

    let mut key =
        tonic::Request::new(pb::PkeyJwtRequest { key_id: "csk_x".into(), key_secret: "css_x".into(), ..Default::default() });
    key.metadata_mut().insert("authorization", "PersonalKey csk_x:css_x".parse().unwrap());
    assert_names(&auth.pkey_jwt(key).await.unwrap_err(), "key_id");
    // What was refused has spent nothing.
    let refresh = pb::RefreshRequest { refresh_token: admin.refresh_token, ..Default::default() };
    auth.refresh(refresh).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn no_secret_that_was_sent_is_in_the_log() {
    let server = Server::start_with(&[("COUNTERSIGN_LOG", "trace")]).await;
    let admin = server.login_admin().await;
    let secret = Secret::new("ostrich balcony 3141592 marmalade");
    let refused = server.try_login("admin", secret.expose()).await.unwrap_err();
    assert_eq!(told(&refused).1, "INVALID_CREDENTIALS");
    server.calls().await.bearing(admin.clone()).create_user("ada", &[]).await;
    let stopped = server.stop().await;
    for hidden in [secret.expose(), PASSWORD, &admin.access_token, &admin.refresh_token] {
        assert!(!stopped.stderr.contains(hidden), "{hidden} is in the log");
    }
}
