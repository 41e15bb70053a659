//! Whole handlers, without the transport: what a call computes between its message and its answer. The store is in memory, so
//! that a Refresh waits for no disk.

use std::hint::black_box;
use std::sync::Arc;

use countersign::grpc::Api;
use countersign::grpc::pb::auth_service_server::AuthService as _;
use countersign::grpc::pb::token_service_server::TokenService as _;
use countersign::grpc::pb::{LoginRequest, PkeyJwtRequest, RefreshRequest, VerifyTokenRequest};
use countersign::model::clock::ManualClock;
use tokio::runtime::{Builder, Runtime};
use tonic::Request;

use super::fixture::{NOW, Run, Seeded};
use crate::house::{Ground, House, PASSWORD, PLAIN};

/// PkeyJwt with the key of an account.
pub(crate) fn pkey_jwt() -> Run {
    let Served { runtime, api, house } = Served::new();
    let key = runtime.block_on(async {
        let caller = house.signed_in("mara").await;
        house.keys.create(&caller, "a script", None).await.unwrap()
    });
    let exchange = PkeyJwtRequest { key_id: key.key_id, key_secret: key.secret.expose().to_owned(), org_name: String::new() };
    Box::new(move || drop(black_box(runtime.block_on(api.pkey_jwt(Request::new(exchange.clone()))).unwrap())))
}

/// VerifyToken of a token that was seen before.
pub(crate) fn verify_token() -> Run {
    let Served { runtime, api, .. } = Served::new();
    let access = log_in(&runtime, &api).0;
    let verify = VerifyTokenRequest { token: access.clone(), ..Default::default() };
    Box::new(move || drop(black_box(runtime.block_on(api.verify_token(bearing(&access, verify.clone()))).unwrap())))
}

/// Refresh, with the newest token each time.
pub(crate) fn refresh() -> Run {
    let Served { runtime, api, .. } = Served::new();
    let mut refresh_token = log_in(&runtime, &api).1;
    Box::new(move || {
        let message = RefreshRequest { refresh_token: std::mem::take(&mut refresh_token), ..Default::default() };
        let answer = runtime.block_on(api.refresh(Request::new(message))).unwrap();
        refresh_token = answer.into_inner().tokens.unwrap().refresh_token;
    })
}

/// The rpcs of a house with one account, `mara`.
struct Served {
    runtime: Runtime,
    api: Api,
    house: House,
}

impl Served {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let (clock, random) = (Arc::new(ManualClock::new(NOW)), Arc::new(Seeded));
        let house = House::on(Ground { clock, random, ..Ground::in_memory() });
        runtime.block_on(house.user("mara", PLAIN));
        Self { api: Api::new(Arc::clone(&house.services), &house.policy), runtime, house }
    }
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
