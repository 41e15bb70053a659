//! The reasons that every rpc shares, each provoked at all of them.

use std::sync::Arc;
use std::time::Duration;

use countersign::edge::EdgeSettings;
use countersign::edge::deadline::Deadlines;
use countersign::edge::in_flight::Bounds;
use countersign::grpc::pb;
use countersign::model::clock::Clock as _;
use countersign::model::ids::{SessionId, UserId};
use countersign::model::random::{Random, SystemRandom};
use countersign::model::secret::Secret;
use countersign::model::session::{Method, Mode};
use countersign::store::verbs::{NewSession, OpenSession, Opened};
use http::uri::PathAndQuery;
use prost::Message;
use prost_types::field_descriptor_proto::Type;
use tonic::client::Grpc;
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{assert_listed, is_built, stage};
use crate::arena::backend::{Backend, PLAIN, SUPERUSER, begun, client};
use crate::arena::raw::{Raw, Rpc, call, length_delimited, rpcs};
use crate::arena::refusal::told;
use crate::arena::served::Served;
use crate::arena::wire::Wire;
use crate::arena::{OTHER_PASSWORD, PASSWORD};
use crate::harness::{Calls, Key};

/// The rpcs that are answered from memory.
const FROM_MEMORY: [&str; 2] = ["VerifyToken", "GetJwks"];

/// Every rpc, built or not, is refused for this reason to a caller without a token.
async fn assert_refuses_everything(served: &Served, reason: &str) {
    for rpc in rpcs() {
        let refused = call(&served.calls.channel, &rpc.path(), Vec::new(), None).await.unwrap_err();
        assert_listed(&rpc, &refused);
        assert_eq!(told(&refused).1, reason, "{rpc:?}");
    }
}

#[tokio::test]
async fn an_overlong_field_is_refused_at_every_rpc() {
    let wire = Wire::start().await;
    let calls = wire.calls().await;
    let token = calls.log_in("admin").await.access_token;
    for rpc in rpcs().iter().filter(|rpc| is_built(&rpc.name())) {
        let texts: Vec<_> = rpc.fields.iter().filter(|field| field.r#type() == Type::String).collect();
        if texts.is_empty() {
            assert!(rpc.fields.is_empty(), "{rpc:?} has fields and no text: say here how one of them is wrong");
            continue;
        }
        // Longer than any field may be, and all of them within one message.
        let long = "a".repeat(9000.min(60_000 / texts.len()));
        let overlong = texts.iter().flat_map(|field| length_delimited(field.number(), long.as_bytes())).collect();
        let refused = call(&calls.channel, &rpc.path(), overlong, Some(&token)).await.unwrap_err();
        assert_listed(rpc, &refused);
        assert_eq!(told(&refused).1, "VALIDATION_FAILED", "{rpc:?}");
    }
}

#[tokio::test]
async fn without_a_place_no_rpc_is_carried_out() {
    let bounds = Bounds { unary: 0, waits: 0, watches: 0, ..Bounds::default() };
    let served = Served::new(&Backend::in_memory(), EdgeSettings { bounds, ..EdgeSettings::default() }).await;
    assert_refuses_everything(&served, "OVERLOADED").await;
    served.stop().await;
}

#[tokio::test]
async fn a_server_that_drains_takes_no_new_call() {
    let settings = EdgeSettings::default();
    settings.draining.cancel();
    let served = Served::new(&Backend::in_memory(), settings).await;
    assert_refuses_everything(&served, "SHUTTING_DOWN").await;
    let asked = HealthClient::new(served.calls.channel.clone()).check(HealthCheckRequest::default()).await;
    assert!(asked.is_ok(), "health is asked on: {asked:?}");
    served.stop().await;
}

/// The message never comes: the time is up before a handler has anything to do.
#[tokio::test]
async fn every_rpc_ends_at_its_deadline() {
    let soon = Duration::from_millis(20);
    let deadlines = Deadlines { unary: soon, wait: soon, ..Deadlines::default() };
    let served = Served::new(&Backend::in_memory(), EdgeSettings { deadlines, ..EdgeSettings::default() }).await;
    for rpc in rpcs().iter().filter(|rpc| is_built(&rpc.name())) {
        let mut grpc = Grpc::new(served.calls.channel.clone());
        grpc.ready().await.unwrap();
        let request = Request::new(tokio_stream::pending::<Vec<u8>>());
        let refused = grpc.client_streaming(request, PathAndQuery::try_from(rpc.path()).unwrap(), Raw).await.unwrap_err();
        assert_listed(rpc, &refused);
        assert_eq!(told(&refused).1, "DEADLINE_EXCEEDED", "{rpc:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn with_a_closed_store_nothing_that_needs_it_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let backend = Backend::on_sled(directory.path()).await;
    backend.user("root", SUPERUSER).await;
    let served = Served::new(&backend, EdgeSettings::default()).await;
    let token = served.calls.log_in("root").await.access_token;
    let right = Right::new(&served.calls.with(&token)).await;
    backend.store.close().await;
    for rpc in rpcs().iter().filter(|rpc| is_built(&rpc.name())) {
        let answer = call(&served.calls.channel, &rpc.path(), right.message(rpc), Some(&token)).await;
        if FROM_MEMORY.contains(&rpc.method.as_str()) {
            assert!(answer.is_ok(), "{rpc:?}: {answer:?}");
            continue;
        }
        let refused = answer.unwrap_err();
        assert_listed(rpc, &refused);
        assert_eq!(told(&refused).1, "STORE_UNAVAILABLE", "{rpc:?}");
    }
    served.stop().await;
}

/// Every rpc but the one that neither commits nor signs nor asks what has expired, with a clock that was set: ahead, back, and behind
/// the last commit. The store stays as it is, its last committed time too; when the clock is back everything is answered.
#[tokio::test]
async fn with_a_clock_that_is_not_trusted_nothing_is_committed_or_signed() {
    let backend = Backend::in_memory();
    backend.user("root", SUPERUSER).await;
    let served = Served::new(&backend, EdgeSettings::default()).await;
    let token = served.calls.log_in("root").await.access_token;
    let right = Right::new(&served.calls.with(&token)).await;
    let now = backend.clock.now();
    let before = backend.store.status();
    for wrong in [
        now.plus(Duration::from_secs(61)),
        now.minus(Duration::from_secs(61)),
        now.plus(Duration::from_hours(72)),
        now.minus(Duration::from_hours(72)),
    ] {
        backend.clock.set(wrong);
        for rpc in rpcs().iter().filter(|rpc| is_built(&rpc.name())) {
            let mut message = right.message(rpc);
            if rpc.method == "VerifyToken" {
                message = pb::VerifyTokenRequest { token: token.clone(), ..Default::default() }.encode_to_vec();
            }
            let answer = call(&served.calls.channel, &rpc.path(), message, Some(&token)).await;
            if rpc.method == "GetJwks" {
                assert!(answer.is_ok(), "{rpc:?}: {answer:?}");
                continue;
            }
            let refused = answer.unwrap_err();
            assert_listed(rpc, &refused);
            assert_eq!(told(&refused).1, "CLOCK_UNTRUSTED", "{rpc:?} at {wrong:?}");
        }
        assert_eq!(backend.store.status(), before, "at {wrong:?}");
    }
    backend.clock.set(now);
    for rpc in rpcs().iter().filter(|rpc| is_built(&rpc.name())) {
        if let Err(refused) = call(&served.calls.channel, &rpc.path(), right.message(rpc), Some(&token)).await {
            assert_ne!(told(&refused).1, "CLOCK_UNTRUSTED", "{rpc:?}");
        }
    }
    served.stop().await;
}

/// What right calls present.
struct Right {
    refresh: String,
    key: Key,
    link: String,
    state: String,
}

impl Right {
    async fn new(root: &Calls) -> Self {
        let provider = pb::CreateIdentityProviderRequest {
            name: "corp".to_owned(),
            issuer: "https://login.example.org".to_owned(),
            client_id: "countersign".to_owned(),
            ..Default::default()
        };
        root.administration().create_identity_provider(root.request(provider)).await.unwrap();
        Self {
            refresh: root.log_in("root").await.refresh_token,
            key: root.key().await,
            link: root.link("visitor", "d").await.unwrap(),
            state: root.auth().sso_start(pb::SsoStartRequest::default()).await.unwrap().into_inner().state,
        }
    }

    /// A message that is refused for nothing that stands in it.
    fn message(&self, rpc: &Rpc) -> Vec<u8> {
        let text = str::to_owned;
        match rpc.name().as_str() {
            "AuthService/Login" => stage::login("root").encode_to_vec(),
            "AuthService/Refresh" => {
                pb::RefreshRequest { refresh_token: self.refresh.clone(), ..Default::default() }.encode_to_vec()
            }
            "AuthService/PkeyJwt" => {
                let (key_id, key_secret) = (self.key.id.clone(), self.key.secret.clone());
                pb::PkeyJwtRequest { key_id, key_secret, ..Default::default() }.encode_to_vec()
            }
            "AuthService/SsoJwt" => pb::SsoJwtRequest { state: self.state.clone(), wait: None }.encode_to_vec(),
            "AuthService/GenerateSingleUse" => {
                pb::GenerateSingleUseRequest { username: text("v"), dataset_id: text("d"), ..Default::default() }.encode_to_vec()
            }
            "AuthService/PeekSingleUse" => pb::PeekSingleUseRequest { token: self.link.clone() }.encode_to_vec(),
            "AuthService/RedeemSingleUse" => {
                pb::RedeemSingleUseRequest { token: self.link.clone(), ..Default::default() }.encode_to_vec()
            }
            "AccountService/ChangePassword" => {
                let (current_password, new_password) = (text(PASSWORD), text(OTHER_PASSWORD));
                pb::ChangePasswordRequest { current_password, new_password }.encode_to_vec()
            }
            "AccountService/ConfirmTotp" => pb::ConfirmTotpRequest { otp: text("123456") }.encode_to_vec(),
            "AccountService/CreatePersonalKey" => {
                pb::AccountServiceCreatePersonalKeyRequest { display_name: text("k"), ..Default::default() }.encode_to_vec()
            }
            "AccountService/RevokePersonalKey" => pb::RevokePersonalKeyRequest { key_id: self.key.id.clone() }.encode_to_vec(),
            "AdminService/CreateUser" => {
                pb::CreateUserRequest { username: text("ada"), password: text(PASSWORD), ..Default::default() }.encode_to_vec()
            }
            "AdminService/CreateOrganization" => pb::CreateOrganizationRequest { name: text("crew") }.encode_to_vec(),
            "AdminService/AddMember" => {
                pb::AddMemberRequest { org_name: text("crew"), username: text("root"), ..Default::default() }.encode_to_vec()
            }
            "AdminService/RemoveMember" => {
                pb::RemoveMemberRequest { org_name: text("crew"), username: text("root") }.encode_to_vec()
            }
            "AdminService/CreateIdentityProvider" => {
                let (name, issuer, client_id) = (text("other"), text("https://login.example.org"), text("countersign"));
                pb::CreateIdentityProviderRequest { name, issuer, client_id, ..Default::default() }.encode_to_vec()
            }
            "AdminService/UpdateIdentityProvider" => {
                let update_mask = Some(prost_types::FieldMask { paths: vec![text("sign_up")] });
                pb::UpdateIdentityProviderRequest { name: text("corp"), update_mask, ..Default::default() }.encode_to_vec()
            }
            "AdminService/DeleteIdentityProvider" => {
                pb::DeleteIdentityProviderRequest { name: text("corp"), org_name: String::new() }.encode_to_vec()
            }
            "AdminService/CreatePersonalKey" => {
                let (username, display_name) = (text("root"), text("k"));
                pb::AdminServiceCreatePersonalKeyRequest { username, display_name, ..Default::default() }.encode_to_vec()
            }
            // One name in the first field, or nothing at all.
            "AuthService/LogoutUser" | "AdminService/GetUser" | "AdminService/DisableUser" | "AdminService/EnableUser" => {
                length_delimited(1, b"root")
            }
            "AuthService/SsoStart"
            | "AuthService/Logout"
            | "TokenService/VerifyToken"
            | "TokenService/GetJwks"
            | "AccountService/GetAccount"
            | "AccountService/EnrollTotp"
            | "AccountService/ListPersonalKeys"
            | "AdminService/ListIdentityProviders" => Vec::new(),
            other => {
                super::operators::right(other).unwrap_or_else(|| panic!("{other} is new: say here what a right call of it is"))
            }
        }
    }
}

/// At the service: only there can the moment be chosen. The password's hash is replaced, as a login does that upgrades it, while
/// another call is between reading it and its commit. That one checks once more from the start, and is let through; where the hash
/// is replaced again meanwhile, it is told. The hashes that it checks are dear ones, so that it takes its time.
#[tokio::test]
async fn what_changed_meanwhile_is_a_conflict() {
    for (overtaken, expected) in [(1, "changed"), (2, "CONFLICT")] {
        let backend = Backend::in_memory();
        let id = backend.user("pat", PLAIN).await;
        let caller = backend.signed_in("pat").await;
        let dear = || bcrypt::hash(PASSWORD, 11).unwrap();
        replace_hash(&backend, id, dear()).await;
        let before = backend.hashes_asked_for();
        let change = begun(1, || {
            let (backend, caller) = (Arc::clone(&backend), caller.clone());
            async move {
                let (current, new) = (Secret::new(PASSWORD), Secret::new(OTHER_PASSWORD));
                backend.services.accounts.change_password(&caller, &current, &new).await
            }
        })
        .await;
        for time in 0..overtaken {
            let other = dear();
            // A try asks for three hashes: to check, a stronger one of the same password, and the new password's.
            while backend.hashes_asked_for() - before < 3 * time + 1 {
                tokio::task::yield_now().await;
            }
            replace_hash(&backend, id, other).await;
        }
        let rpc = rpcs().into_iter().find(|rpc| rpc.name() == "AccountService/ChangePassword").unwrap();
        let said = match change.join_all().await.pop().unwrap() {
            Ok(_) => "changed".to_owned(),
            Err(error) => {
                let refused = Status::from(error);
                assert_listed(&rpc, &refused);
                told(&refused).1
            }
        };
        assert_eq!(said, expected, "overtaken {overtaken} times");
    }
}

/// What the commit of a login does to a hash that is to be upgraded.
async fn replace_hash(backend: &Backend, id: UserId, hash: String) {
    let user = backend.store.user(id).await.unwrap().unwrap();
    let session = NewSession {
        id: SessionId::random(&SystemRandom as &dyn Random),
        tip: [0; 16],
        face: client().face,
        mode: Mode::Json,
        methods: vec![Method::Password],
        lifetime: Duration::from_hours(24),
        most: 10,
    };
    let login = OpenSession {
        session,
        user: id,
        generation: user.generations().current(),
        password: user.password().unwrap().to_owned(),
        factor: None,
        upgraded: Some(hash),
        organization: None,
    };
    let by = client().by(backend.clock.now());
    assert!(matches!(backend.store.open_session(login, by).await.unwrap().outcome, Opened::Opened(_)));
}
