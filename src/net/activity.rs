//! What a connection is doing: whether the client has spoken, how many calls are in flight, and since when there are none.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Length of the HTTP/2 preface in bytes. Fewer bytes decide between HTTP/1 and HTTP/2.
const PREFACE_LEN: usize = 24;

/// Shared by a connection, its calls, and whoever may want to close it.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    greeted: AtomicBool,
    open: AtomicUsize,
    /// Milliseconds after `began` at which the last call ended.
    quiet_since: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), greeted: AtomicBool::new(false), open: AtomicUsize::new(0), quiet_since: AtomicU64::new(0) }
    }

    /// Whether the client has sent a whole preface or a request.
    pub(super) fn greeted(&self) -> bool {
        self.greeted.load(Ordering::Relaxed)
    }

    /// Whether a call is in flight.
    pub(super) fn busy(&self) -> bool {
        self.open.load(Ordering::Acquire) > 0
    }

    /// Whether more than one call is in flight.
    pub(super) fn several(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 1
    }

    /// When the last call ended, or the connection began; `None` while one is in flight.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (!self.busy()).then(|| self.began + Duration::from_millis(self.quiet_since.load(Ordering::Relaxed)))
    }

    /// Counts a call until the returned value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Call {
        if !self.greeted() {
            self.greeted.store(true, Ordering::Relaxed);
        }
        self.open.fetch_add(1, Ordering::AcqRel);
        Call(Arc::clone(self))
    }
}

/// A call in flight.
#[derive(Debug)]
pub(super) struct Call(Arc<Activity>);

impl Drop for Call {
    fn drop(&mut self) {
        // The clock is read only when the last call ends. Until the next line the connection seems to have been idle for
        // longer, so at worst it is asked to leave a moment early.
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let quiet = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.0.quiet_since.fetch_max(quiet, Ordering::Relaxed);
        }
    }
}

/// A response body that counts as a call in flight until it has been sent.
#[derive(Debug)]
pub(super) struct CountedBody<B> {
    body: B,
    _call: Option<Call>,
}

impl<B> CountedBody<B> {
    pub(super) fn new(body: B, call: Option<Call>) -> Self {
        Self { body, _call: call }
    }
}

impl<B: Body + Unpin> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

/// A byte stream that notices when the client has greeted.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    /// Bytes of the greeting that have not come yet.
    missing: usize,
    activity: Arc<Activity>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, missing: PREFACE_LEN, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.missing > 0 {
            self.missing = self.missing.saturating_sub(buf.filled().len().saturating_sub(before));
            if self.missing == 0 {
                self.activity.greeted.store(true, Ordering::Relaxed);
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}
