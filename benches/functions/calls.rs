//! Whole handlers, without the transport: what a call computes between its message and its answer. The store is in memory, so
//! that a Refresh waits for no disk.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign::crypto::keyring::KeyRing;
use countersign::crypto::password::HashParams;
use countersign::crypto::password::pool::{HashPool, PoolConfig};
use countersign::crypto::seal::Sealer;
use countersign::crypto::server_key::ServerKeys;
use countersign::grpc::Api;
use countersign::grpc::pb::auth_service_server::AuthService as _;
use countersign::grpc::pb::token_service_server::TokenService as _;
use countersign::grpc::pb::{LoginRequest, PkeyJwtRequest, RefreshRequest, VerifyTokenRequest};
use countersign::model::clock::{Clock as _, SETTLED_AFTER, SystemClock};
use countersign::model::ids::UserId;
use countersign::model::name::Name;
use countersign::model::random::{Random, SystemRandom};
use countersign::model::secret::Secret;
use countersign::model::signing_key::{Algorithm, KeyState};
use countersign::model::traffic::Traffic;
use countersign::model::user::{Roles, User};
use countersign::service::client::Client;
use countersign::service::policy::Policy;
use countersign::service::services::{Parts, Services};
use countersign::service::sso::{IdentityClient, IdentityError, ProvenIdentity, Registration, SignInRequest};
use countersign::service::time::Time;
use countersign::store::verbs::{By, UserCreated};
use countersign::store::{Revocations, memory};
use criterion::Criterion;
use tokio::runtime::{Builder, Runtime};
use tonic::Request;

/// The password `nine herons read maps`, at the least cost.
const PASSWORD: &str = "nine herons read maps";

/// The handlers of the calls that machines make without pause.
pub(crate) fn handlers(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let (api, services) = runtime.block_on(house());
    let access = log_in(&runtime, &api).0;

    let key = runtime.block_on(async {
        let client = Client { source: [127, 0, 0, 1].into(), face: countersign::model::session::Face::Grpc };
        let caller = services.verifier.authenticate(&client, Some(&format!("Bearer {access}"))).unwrap();
        services.keys.create(&caller, "a script", None).await.unwrap()
    });
    let exchange = PkeyJwtRequest { key_id: key.key_id, key_secret: key.secret.expose().to_owned(), org_name: String::new() };
    criterion.bench_function("handler: PkeyJwt", |b| {
        b.iter(|| runtime.block_on(api.pkey_jwt(Request::new(exchange.clone()))).unwrap());
    });

    let verify = VerifyTokenRequest { token: access.clone(), ..Default::default() };
    criterion.bench_function("handler: VerifyToken, seen before", |b| {
        b.iter(|| runtime.block_on(api.verify_token(bearing(&access, verify.clone()))).unwrap());
    });

    let mut refresh_token = log_in(&runtime, &api).1;
    criterion.bench_function("handler: Refresh", |b| {
        b.iter(|| {
            let message = RefreshRequest { refresh_token: std::mem::take(&mut refresh_token), ..Default::default() };
            let answer = runtime.block_on(api.refresh(Request::new(message))).unwrap();
            refresh_token = answer.into_inner().tokens.unwrap().refresh_token;
        });
    });
}

/// The services over an empty store with one account, `mara`.
async fn house() -> (Api, Arc<Services>) {
    let policy = Arc::new(Policy::new("http://127.0.0.1:50051"));
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let sealer = Arc::new(Sealer::new(None));
    let signing = KeyRing::generate(Algorithm::EdDsa, KeyState::Signing, &sealer, &*random, SystemClock.now()).unwrap();
    let revocations = Arc::new(Revocations::default());
    let params = HashParams::new(8, 1, 1).unwrap();
    let pool = HashPool::start(
        PoolConfig { threads: 1, nice: 0, params, ..PoolConfig::default() },
        Arc::clone(&random),
        &Traffic::default(),
    )
    .unwrap();
    let store = memory(Arc::clone(&revocations));
    let parts = Parts {
        time: Time::new(Arc::new(SystemClock), store.clone(), SETTLED_AFTER),
        store,
        revocations,
        ring: Arc::new(KeyRing::load(&[signing], &sealer).unwrap()),
        server_keys: Arc::new(ServerKeys::generate(&*random).unwrap()),
        random,
        sealer,
        pool: Arc::new(pool),
        policy: Arc::clone(&policy),
        epoch: 1,
        identity: Arc::new(Nobody),
    };
    let (store, pool) = (Arc::clone(&parts.store), Arc::clone(&parts.pool));
    let services = Arc::new(Services::new(parts));
    let ticket = countersign::crypto::password::pool::Ticket {
        name: Name::parse("mara").unwrap().folded(),
        source: [127, 0, 0, 1].into(),
        lane: countersign::crypto::password::pool::Lane::Known,
        deadline: Duration::from_secs(10),
    };
    let user = User::new(
        UserId::random(super::random()),
        Name::parse("mara").unwrap(),
        None,
        Some(pool.hash(ticket, Secret::new(PASSWORD)).await.unwrap()),
        Roles::default(),
        SystemClock.now(),
    );
    let created = store.create_user(user, By::system(SystemClock.now())).await.unwrap();
    assert_eq!(created.outcome, UserCreated::Created);
    (Api::new(Arc::clone(&services), &policy), services)
}

/// The access and the refresh token of a login.
fn log_in(runtime: &Runtime, api: &Api) -> (String, String) {
    let message = LoginRequest { username: "mara".to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
    let tokens = runtime.block_on(api.login(Request::new(message))).unwrap().into_inner().tokens.unwrap();
    (tokens.access_token, tokens.refresh_token)
}

fn bearing<M>(access: &str, message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {access}").parse().unwrap());
    request
}

/// No provider: nobody signs on here.
struct Nobody;

#[async_trait]
impl IdentityClient for Nobody {
    async fn authorization_url(&self, _: &Registration, _: &SignInRequest) -> Result<String, IdentityError> {
        Err(IdentityError::Untrusted("there is no provider".to_owned()))
    }

    async fn exchange(
        &self,
        _: &Registration,
        _: &SignInRequest,
        _: &Secret,
        _: Option<&str>,
    ) -> Result<ProvenIdentity, IdentityError> {
        Err(IdentityError::Untrusted("there is no provider".to_owned()))
    }
}
