//! One connection from its handshake to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Handler;
use super::accept::Accepted;
use super::activity::{Activity, Call, CountedBody, Watched};
use super::limits::{AGE_SPREAD_PERCENT, Limits};
use super::tls::Tls;
use crate::model::random::Random;

/// How long a connection without a call in flight gets to acknowledge its GOAWAY. A request that crossed the GOAWAY on the wire
/// has arrived by then.
const GOAWAY_GRACE: Duration = Duration::from_secs(2);

/// What all connections of a listener share.
#[derive(Debug)]
pub(super) struct Context<H> {
    handler: H,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    http: Builder<Tracked>,
    shutdown: CancellationToken,
}

impl<H> Context<H> {
    pub(super) fn new(
        handler: H,
        tls: Option<Arc<Tls>>,
        limits: Limits,
        streams: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        let http = builder(&limits, streams);
        Self { handler, tls, limits, http, shutdown }
    }

    /// How long the next connection may live: the maximum age, plus or minus up to [`AGE_SPREAD_PERCENT`]. Without the spread,
    /// clients that reconnected together after a restart would reconnect together again and again.
    pub(super) fn lifetime(&self, random: &dyn Random) -> Duration {
        spread(self.limits.max_connection_age, random)
    }
}

fn spread(age: Duration, random: &dyn Random) -> Duration {
    let share = f64::from(u32::from_le_bytes(random.bytes())) / f64::from(u32::MAX);
    let spread = f64::from(AGE_SPREAD_PERCENT) / 100.0;
    age.mul_f64(1.0 - spread + 2.0 * spread * share)
}

/// Serves one connection until the client leaves, a limit ends it, or the listener shuts down.
pub(super) async fn run<H: Handler>(context: Arc<Context<H>>, accepted: Accepted, lifetime: Duration) {
    let greet_by = Instant::now() + context.limits.handshake_timeout;
    let Accepted { stream, peer, registered, slot: _slot } = accepted;
    let face = Face { handler: context.handler.clone(), peer, activity: Arc::clone(&registered.activity) };
    let until = Until { greet_by, old_at: Instant::now() + lifetime, close: &registered.close };
    match &context.tls {
        None => drive(&context, stream, face, until).await,
        Some(tls) => {
            let handshake = timeout_at(greet_by, tls.acceptor().accept(stream));
            tokio::select! {
                () = context.shutdown.cancelled() => {}
                shaken = handshake => match shaken {
                    Ok(Ok(stream)) => drive(&context, stream, face, until).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
                    Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
                },
            }
        }
    }
}

/// When a connection ends by itself.
struct Until<'a> {
    greet_by: Instant,
    old_at: Instant,
    close: &'a CancellationToken,
}

async fn drive<H, S>(context: &Context<H>, stream: S, face: Face<H>, until: Until<'_>)
where
    H: Handler,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (peer, activity) = (face.peer, Arc::clone(&face.activity));
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity)));
    let mut connection = pin!(context.http.serve_connection(io, face));
    // A set of one future. The connection is polled very often; the set polls the future that ends it only when that has been
    // woken.
    let mut ends = FuturesUnordered::from_iter([until.end(context, &activity)]);
    let reason = tokio::select! {
        biased;
        ended = gathered(connection.as_mut(), &activity) => {
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "the connection ended");
            }
            return;
        }
        Some(end) = ends.next() => match end {
            End::Silent => {
                tracing::debug!(%peer, "closed: the client did not speak in time");
                return;
            }
            End::Leave(reason) => reason,
        },
    };

    tracing::debug!(%peer, reason, "closing");
    connection.as_mut().graceful_shutdown();
    let grace = context.limits.connection_age_grace;
    let cut_at = Instant::now() + grace;
    if timeout(GOAWAY_GRACE.min(grace), connection.as_mut()).await.is_err() && activity.busy() {
        let _ = timeout_at(cut_at, connection).await;
    }
}

/// Drives a connection so that answers that are nearly ready leave in one write.
///
/// Without this, the first answer wakes its connection, the connection runs next and writes that answer alone, and so on for
/// each answer. A system call for each is half of what a small call costs. So a connection with several calls in flight goes to
/// the end of the run queue once, behind the calls that are ready now.
async fn gathered<C: Future>(mut connection: Pin<&mut C>, activity: &Activity) -> C::Output {
    let mut stood_back = false;
    poll_fn(|cx| {
        stood_back = !stood_back && activity.several();
        if stood_back {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        connection.as_mut().poll(cx)
    })
    .await
}

/// How a connection ends by itself.
enum End {
    /// At once.
    Silent,
    /// When its calls are answered.
    Leave(&'static str),
}

impl Until<'_> {
    /// Waits for the moment.
    async fn end<H>(self, context: &Context<H>, activity: &Activity) -> End {
        let idle_timeout = context.limits.idle_timeout;
        loop {
            tokio::select! {
                biased;
                () = context.shutdown.cancelled() => return End::Leave("shutdown"),
                () = self.close.cancelled() => return End::Leave("room is needed"),
                () = sleep_until(self.next_check(activity, idle_timeout)) => {
                    if let Some(end) = self.verdict(activity, idle_timeout) {
                        return end;
                    }
                }
            }
        }
    }

    /// The earliest moment at which [`Self::verdict`] could change.
    fn next_check(&self, activity: &Activity, idle_timeout: Duration) -> Instant {
        let idle_at = activity.idle_since().unwrap_or_else(Instant::now) + idle_timeout;
        let next = idle_at.min(self.old_at);
        if activity.greeted() { next } else { next.min(self.greet_by) }
    }

    fn verdict(&self, activity: &Activity, idle_timeout: Duration) -> Option<End> {
        let now = Instant::now();
        if !activity.greeted() && now >= self.greet_by {
            Some(End::Silent)
        } else if now >= self.old_at {
            Some(End::Leave("old"))
        } else if activity.idle_since().is_some_and(|since| now >= since + idle_timeout) {
            Some(End::Leave("idle"))
        } else {
            None
        }
    }
}

/// The handler as one connection sees it: every request comes from its peer, and counts as a call in flight.
#[derive(Clone, Debug)]
struct Face<H> {
    handler: H,
    peer: SocketAddr,
    activity: Arc<Activity>,
}

impl<H: Handler> hyper::service::Service<Request<Incoming>> for Face<H> {
    type Response = Response<CountedBody<H::Body>>;
    type Error = Infallible;
    type Future = Counted<H::Answering>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Counted { call: Some(self.activity.begin()), answering: self.handler.handle(request, self.peer) }
    }
}

/// An answer on its way, and the call that it is counted as.
struct Counted<F> {
    answering: F,
    call: Option<Call>,
}

impl<F, B> Future for Counted<F>
where
    F: Future<Output = Response<B>> + Unpin,
{
    type Output = Result<Response<CountedBody<B>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let response = task::ready!(Pin::new(&mut self.answering).poll(cx));
        let call = self.call.take();
        Poll::Ready(Ok(response.map(|body| CountedBody::new(body, call))))
    }
}

/// Spawns the tasks of single requests so that the drain can wait for them.
#[derive(Clone, Debug)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

fn builder(limits: &Limits, streams: TaskTracker) -> Builder<Tracked> {
    let mut builder = Builder::new(Tracked(streams));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_buf_size((limits.max_header_list as usize).max(HTTP1_MIN_BUFFER));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_concurrent_streams)
        .max_header_list_size(limits.max_header_list)
        .max_pending_accept_reset_streams(limits.max_pending_accept_reset_streams)
        .max_local_error_reset_streams(limits.max_local_error_reset_streams)
        .initial_stream_window_size(limits.initial_stream_window)
        .initial_connection_window_size(limits.initial_connection_window)
        .max_frame_size(limits.max_frame_size)
        .max_send_buf_size(limits.max_send_buffer)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}

/// The smallest buffer that hyper takes without a panic.
const HTTP1_MIN_BUFFER: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    struct Only(u8);

    impl Random for Only {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn ages_are_spread_by_a_tenth_to_either_side() {
        let age = Duration::from_secs(1000);
        assert_eq!(spread(age, &Only(0)).as_millis(), 900_000);
        assert_eq!(spread(age, &Only(0xFF)).as_millis(), 1_100_000);
    }
}
