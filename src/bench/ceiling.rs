//! The ceilings: a bare tonic server on the same crates, with calls that do one thing the service cannot avoid.
//!
//! Hidden behind `countersign bench-ceiling`; [`super`] starts it beside the server that it measures.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::error::{Result, Trying as _};
use crate::crypto::jwt::Claims;
use crate::crypto::keyring::KeyRing;
use crate::crypto::seal::Sealer;
use crate::grpc::pb;
use crate::model::clock::{Clock as _, SystemClock, Timestamp};
use crate::model::ids::{SessionId, UserId};
use crate::model::random::{Random, SystemRandom};
use crate::model::signing_key::{Algorithm, KeyState};
use crate::store::sled::Cells;

/// Does nothing and answers with an empty message.
pub(super) const NOTHING: &str = "/bench.Ceiling/Nothing";
/// Signs an access token.
pub(super) const SIGN: &str = "/bench.Ceiling/Sign";
/// Changes one record on the condition that it is what it was, durably.
pub(super) const WRITE: &str = "/bench.Ceiling/Write";

/// How many records are written to, one after the other.
const CELLS: u32 = 4096;

/// Serves the ceilings until SIGTERM. Prints where it listens.
///
/// # Errors
/// [`super::BenchError::Io`] where the address or the directory cannot be had, [`super::BenchError::Store`].
pub async fn serve(listen: SocketAddr, data: PathBuf) -> Result<()> {
    let listener = TcpListener::bind(listen).await.trying(format!("listen on {listen}"))?;
    let address = listener.local_addr().trying("read the listening address")?;
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).trying("wait for SIGTERM")?;
    let ceiling = Ceiling(Arc::new(Work::new(data)?));
    let incoming = futures_util::StreamExt::map(TcpListenerStream::new(listener), |accepted| {
        accepted.inspect(|stream| {
            // As the service's own listener has it; without, the answer is late and still right.
            let _ = stream.set_nodelay(true);
        })
    });
    println!("listening on {address}");
    let served = tonic::transport::Server::builder()
        .add_service(ceiling)
        .serve_with_incoming_shutdown(incoming, async move {
            terminated.recv().await;
        })
        .await;
    served.map_err(std::io::Error::other).trying("serve")
}

struct Work {
    ring: KeyRing,
    user: String,
    session: SessionId,
    cells: Cells,
    next: AtomicU32,
}

impl Work {
    fn new(data: PathBuf) -> Result<Self> {
        let random: &dyn Random = &SystemRandom;
        let sealer = Sealer::new(None);
        let key = KeyRing::generate(Algorithm::EdDsa, KeyState::Signing, &sealer, random, SystemClock.now());
        let ring = key.and_then(|key| KeyRing::load(&[key], &sealer)).map_err(std::io::Error::other).trying("make a key")?;
        let cells = Cells::open(data).map_err(|error| super::BenchError::Store(error.to_string()))?;
        let user = UserId::random(random).to_string();
        Ok(Self { ring, user, session: SessionId::random(random), cells, next: AtomicU32::new(0) })
    }

    /// What every token of the service takes: its claims, a fresh `jti` and the signature.
    fn sign(&self) -> std::result::Result<pb::RefreshResponse, Status> {
        let now = SystemClock.now();
        let claims = Claims {
            iss: "http://127.0.0.1:50051".to_owned(),
            sub: self.user.clone(),
            aud: "http://127.0.0.1:50051".to_owned(),
            exp: now.plus(Duration::from_hours(1)).secs(),
            iat: now.secs(),
            nbf: None,
            jti: SessionId::derived((&SystemRandom as &dyn Random).id()).to_string(),
            sid: self.session,
            generation: 0,
            cred: None,
            client_id: "grpc".to_owned(),
            username: "bench-0".to_owned(),
            org: "bench-0".to_owned(),
            roles: Vec::new(),
            amr: vec!["pwd".to_owned()],
            auth_time: now.secs(),
            dataset: None,
        };
        let token = self.ring.mint(&claims).map_err(|error| Status::internal(error.to_string()))?;
        let expire = |at: Timestamp| prost_types::Timestamp { seconds: i64::try_from(at.secs()).unwrap_or(i64::MAX), nanos: 0 };
        let tokens = pb::TokenSet {
            access_token: token.expose().to_owned(),
            token_type: "Bearer".to_owned(),
            expires: 3_600_000,
            access_expire_time: Some(expire(now.plus(Duration::from_hours(1)))),
            session_id: self.session.to_string(),
            active_organization: "bench-0".to_owned(),
            ..pb::TokenSet::default()
        };
        Ok(pb::RefreshResponse { tokens: Some(tokens) })
    }

    async fn write(&self) -> std::result::Result<(), Status> {
        let cell = self.next.fetch_add(1, Ordering::Relaxed) % CELLS;
        self.cells.raise(cell).await.map(drop).map_err(|error| Status::unavailable(error.to_string()))
    }
}

/// The service: each path is one ceiling.
#[derive(Clone)]
struct Ceiling(Arc<Work>);

impl NamedService for Ceiling {
    const NAME: &'static str = "bench.Ceiling";
}

type Answered = Pin<Box<dyn Future<Output = std::result::Result<http::Response<Body>, Infallible>> + Send>>;

impl Service<http::Request<Body>> for Ceiling {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    // As tonic's generated servers do it.
    fn call(&mut self, request: http::Request<Body>) -> Answered {
        let work = Arc::clone(&self.0);
        match request.uri().path() {
            NOTHING => Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(Nothing, request).await) }),
            SIGN => Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(Sign(work), request).await) }),
            WRITE => Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(Write(work), request).await) }),
            _ => Box::pin(ready(Ok(Status::unimplemented("").into_http()))),
        }
    }
}

struct Nothing;

impl UnaryService<()> for Nothing {
    type Response = ();
    type Future = std::future::Ready<std::result::Result<Response<()>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

struct Sign(Arc<Work>);

impl UnaryService<pb::RefreshRequest> for Sign {
    type Response = pb::RefreshResponse;
    type Future = std::future::Ready<std::result::Result<Response<pb::RefreshResponse>, Status>>;

    fn call(&mut self, _: Request<pb::RefreshRequest>) -> Self::Future {
        ready(self.0.sign().map(Response::new))
    }
}

struct Write(Arc<Work>);

impl UnaryService<()> for Write {
    type Response = ();
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Response<()>, Status>> + Send>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let work = Arc::clone(&self.0);
        Box::pin(async move { work.write().await.map(Response::new) })
    }
}
