//! The ceilings: a bare tonic server on the crates of the service, with calls that do one thing the service cannot avoid.
//!
//! Hidden behind `countersign-bench ceiling`, which this program starts beside the server that it measures. It signs with a key
//! that it makes and that nobody trusts.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_client::{pb, prost_types};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::cells::Cells;
use crate::error::{Result, Trying as _};
use crate::secret::random_hex;

/// Does nothing and answers with an empty message.
pub(crate) const NOTHING: &str = "/bench.Ceiling/Nothing";
/// Signs an access token.
pub(crate) const SIGN: &str = "/bench.Ceiling/Sign";
/// Changes one record on the condition that it is what it was, durably.
pub(crate) const WRITE: &str = "/bench.Ceiling/Write";

/// How many records are written to, one after the other.
const CELLS: u32 = 4096;
const HOUR: Duration = Duration::from_hours(1);

/// Serves the ceilings until SIGTERM. Prints where it listens.
///
/// # Errors
/// [`crate::error::BenchError::Io`] where the address or the directory cannot be had.
pub(crate) async fn serve(listen: SocketAddr, data: PathBuf) -> Result<()> {
    let listener = TcpListener::bind(listen).await.trying(format!("listen on {listen}"))?;
    let address = listener.local_addr().trying("read the listening address")?;
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).trying("wait for SIGTERM")?;
    let ceiling = Ceiling(Arc::new(Work::new(&data)?));
    let incoming = TcpListenerStream::new(listener).map(|accepted| {
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
    /// ES256, which the service signs with where nothing else is set.
    key: EcdsaKeyPair,
    /// The head of every token, with its dot.
    head: String,
    user: String,
    session: String,
    cells: Cells,
    next: AtomicU32,
}

/// What an access token of the service says.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    iat: u64,
    jti: &'a str,
    sid: &'a str,
    generation: u64,
    client_id: &'a str,
    username: &'a str,
    org: &'a str,
    roles: [&'a str; 0],
    amr: [&'a str; 1],
    auth_time: u64,
}

impl Work {
    fn new(data: &std::path::Path) -> Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(std::io::Error::other).trying("make a key")?;
        let header = format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"}}"#, URL_SAFE_NO_PAD.encode([7; 32]));
        Ok(Self {
            key,
            head: format!("{}.", URL_SAFE_NO_PAD.encode(header)),
            user: id(),
            session: id(),
            cells: Cells::open(data).trying(format!("open {}", data.display()))?,
            next: AtomicU32::new(0),
        })
    }

    /// What every token of the service takes: its claims, a fresh `jti` and the signature.
    fn sign(&self) -> std::result::Result<pb::RefreshResponse, Status> {
        const HERE: &str = "http://127.0.0.1:50051";
        let now = now();
        let claims = Claims {
            iss: HERE,
            sub: &self.user,
            aud: HERE,
            exp: now + HOUR.as_secs(),
            iat: now,
            jti: &id(),
            sid: &self.session,
            generation: 0,
            client_id: "grpc",
            username: "bench-0",
            org: "bench-0",
            roles: [],
            amr: ["pwd"],
            auth_time: now,
        };
        let failed = |error: &dyn std::fmt::Display| Status::internal(error.to_string());
        let json = serde_json::to_vec(&claims).map_err(|error| failed(&error))?;
        let mut token = String::with_capacity(self.head.len() + json.len().div_ceil(3) * 4 + 96);
        token.push_str(&self.head);
        URL_SAFE_NO_PAD.encode_string(json, &mut token);
        let signature = self.key.sign(&SystemRandom::new(), token.as_bytes()).map_err(|error| failed(&error))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        let seconds = i64::try_from(now + HOUR.as_secs()).unwrap_or(i64::MAX);
        let tokens = pb::TokenSet {
            access_token: token,
            token_type: "Bearer".to_owned(),
            expires: 3_600_000,
            access_expire_time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            session_id: self.session.clone(),
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

/// As long as a UUID, and as unlikely to occur twice.
fn id() -> String {
    let mut id = random_hex::<16>();
    for at in [8, 13, 18, 23] {
        id.insert(at, '-');
    }
    id
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a clock of the service's own is what it is held against, too")]
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
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
