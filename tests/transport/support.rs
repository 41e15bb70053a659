//! A server to talk to, and the ways to talk to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use countersign::app::Front;
use countersign::edge::EdgeSettings;
use countersign::grpc::layers::{Called, Services};
use countersign::model::random::SystemRandom;
use countersign::model::source::Source;
use countersign::net::tls::Tls;
use countersign::net::{Drained, Limits, serve};
use futures_util::stream;
use http::{HeaderMap, Request, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::codegen::{Service as _, StdError};
use tonic::transport::Channel;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Longer than anything here takes; a test that gets there has failed.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) const CHECK: &str = "/grpc.health.v1.Health/Check";
pub(crate) const WAIT: &str = "/test.v1.Test/Wait";
pub(crate) const PANIC: &str = "/test.v1.Test/Panic";
pub(crate) const SOURCE: &str = "/test.v1.Test/Source";
pub(crate) const LOGIN: &str = "/countersign.v1.AuthService/Login";
pub(crate) const WATCH: &str = "/countersign.v1.TokenService/WatchRevocations";

/// What tests and the handlers of the server know of each other.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    entered: Semaphore0,
    released: Semaphore0,
    left: Semaphore0,
}

/// A semaphore that begins with nothing: events that are counted, so that none is missed.
#[derive(Debug)]
struct Semaphore0(Semaphore);

impl Default for Semaphore0 {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Semaphore0 {
    async fn take(&self) {
        tokio::time::timeout(LONG, self.0.acquire()).await.expect("in time").unwrap().forget();
    }
}

impl Stage {
    /// A handler has begun.
    pub(crate) async fn entered(&self) {
        self.entered.take().await;
    }

    /// Lets a waiting handler answer.
    pub(crate) fn release(&self) {
        self.released.0.add_permits(1);
    }

    /// A handler, or the stream it answered, has ended or was dropped.
    pub(crate) async fn left(&self) {
        self.left.take().await;
    }
}

struct Leaving(Arc<Stage>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.left.0.add_permits(1);
    }
}

/// A running server; dropping it cuts everything.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) stage: Arc<Stage>,
    shutdown: CancellationToken,
    task: JoinHandle<Drained>,
}

impl Server {
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::start_with(limits, EdgeSettings::default(), None).await
    }

    pub(crate) async fn start_with(limits: Limits, settings: EdgeSettings, tls: Option<Arc<Tls>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stage = Arc::new(Stage::default());
        let front = Front::new(Handlers::new(Arc::clone(&stage)).await, axum::Router::new(), settings);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve(listener, tls, front, limits, Arc::new(SystemRandom), shutdown.clone()));
        Self { address, stage, shutdown, task }
    }

    /// Begins the drain.
    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
    }

    /// Waits for the end of the drain.
    pub(crate) async fn drained(mut self) -> Drained {
        tokio::time::timeout(LONG, &mut self.task).await.expect("in time").unwrap()
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A connection of the plainest HTTP/2 client.
    pub(crate) async fn h2(&self) -> H2 {
        H2::over(self.tcp().await).await
    }

    pub(crate) async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Health from tonic, and handlers that wait, panic, tell the source and never end.
struct Handlers {
    health: HealthServer<HealthService>,
    others: axum::Router,
}

impl Handlers {
    async fn new(stage: Arc<Stage>) -> Self {
        let service = HealthReporter::new();
        service.set_service_status("", tonic_health::ServingStatus::Serving).await;
        let health = HealthServer::new(HealthService::from_health_reporter(service)).max_decoding_message_size(65_536);
        let others = axum::Router::new()
            .route(WAIT, post(wait))
            .route(PANIC, post(panics))
            .route(SOURCE, post(source))
            .route(LOGIN, post(source))
            .route(WATCH, post(watch))
            .with_state(stage);
        Self { health, others }
    }
}

impl Services for Handlers {
    fn have(&self, path: &str) -> bool {
        path.starts_with("/grpc.health.v1.Health/") || [WAIT, PANIC, SOURCE, LOGIN, WATCH].contains(&path)
    }

    fn call<B>(&self, request: Request<B>) -> Called
    where
        B: http_body::Body<Data = Bytes, Error: Into<StdError> + Send> + Send + 'static,
    {
        if request.uri().path().starts_with("/grpc.health.v1.Health/") {
            return self.health.clone().call(request);
        }
        let answered = self.others.clone().call(request.map(Body::new));
        Box::pin(async move { Ok(answered.await?.map(tonic::body::Body::new)) })
    }
}

async fn wait(State(stage): State<Arc<Stage>>) -> Response {
    let _leaving = Leaving(Arc::clone(&stage));
    stage.entered.0.add_permits(1);
    stage.released.0.acquire().await.unwrap().forget();
    answer(b"")
}

async fn panics() -> Response {
    panic!("this panic belongs to the test; its text must not reach the client");
}

/// Answers a `HealthCheckRequest`-shaped message (one string) that says who called.
async fn source(Extension(source): Extension<Source>) -> Response {
    let text = source.address().to_string();
    let mut message = vec![10, u8::try_from(text.len()).unwrap()];
    message.extend_from_slice(text.as_bytes());
    answer(&message)
}

async fn watch(State(stage): State<Arc<Stage>>) -> Response {
    stage.entered.0.add_permits(1);
    let leaving = Leaving(stage);
    let endless = stream::unfold((true, leaving), |(first, leaving)| async move {
        if !first {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, std::io::Error>(Frame::data(framed(b""))), (false, leaving)))
    });
    grpc(Body::new(StreamBody::new(endless)))
}

/// One message and OK.
fn answer(message: &[u8]) -> Response {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let frames = [Frame::data(framed(message)), Frame::trailers(trailers)];
    grpc(Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, std::io::Error>)))))
}

fn grpc(body: Body) -> Response {
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

/// A message with its five bytes in front.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(message);
    bytes.into()
}

/// An HTTP/2 connection.
pub(crate) struct H2 {
    pub(crate) sender: h2::client::SendRequest<Bytes>,
    /// Ends with the connection.
    pub(crate) ended: JoinHandle<Result<(), h2::Error>>,
}

/// A whole answer, headers and trailers in one.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) http: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The gRPC status.
    pub(crate) fn status(&self) -> tonic::Status {
        tonic::Status::from_header_map(&self.headers).unwrap_or_else(|| panic!("no grpc-status in {self:?}"))
    }

    /// The code and the reason of its `ErrorInfo`, which must be ours.
    pub(crate) fn refusal(&self) -> (tonic::Code, String) {
        let status = self.status();
        let info = tonic_types::StatusExt::get_details_error_info(&status).unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
        assert_eq!(info.domain, "countersign");
        (status.code(), info.reason)
    }
}

impl H2 {
    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        let sender = sender.ready().await.unwrap();
        Self { sender, ended: tokio::spawn(connection) }
    }

    /// A gRPC call with an empty message.
    pub(crate) async fn call(&self, path: &str) -> Result<Answer, h2::Error> {
        self.send(grpc_request(path), framed(b"")).await
    }

    pub(crate) async fn send(&self, request: Request<()>, body: Bytes) -> Result<Answer, h2::Error> {
        let asked = async {
            let mut sender = self.sender.clone().ready().await?;
            let (answer, mut stream) = sender.send_request(request, false)?;
            // A refusal may come before the body is through; the answer decides.
            let _ = stream.send_data(body, true);
            let (head, mut body) = answer.await?.into_parts();
            let mut bytes = Vec::new();
            while let Some(chunk) = body.data().await {
                let chunk = chunk?;
                let _ = body.flow_control().release_capacity(chunk.len());
                bytes.extend_from_slice(&chunk);
            }
            let mut headers = head.headers;
            headers.extend(body.trailers().await?.unwrap_or_default());
            Ok(Answer { http: head.status, headers, body: bytes })
        };
        tokio::time::timeout(LONG, asked).await.expect("in time")
    }

    /// Waits for the connection's end.
    pub(crate) async fn end(self) -> Result<(), h2::Error> {
        tokio::time::timeout(LONG, self.ended).await.expect("in time").unwrap()
    }
}

pub(crate) fn grpc_request(path: &str) -> Request<()> {
    Request::post(format!("http://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap()
}

/// Everything the server sends until it closes; a reset counts as the end.
pub(crate) async fn until_closed(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("closed in time");
    bytes
}
