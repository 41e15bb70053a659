//! The body of a stream: keeps its place in flight, ends at its deadline, and ends with a status whatever happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::Uri;
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;

use super::in_flight::Place;
use super::{deadline, details, panics, refusal};

/// See the module.
#[derive(Debug)]
pub(super) struct Held {
    body: Body,
    deadline: Option<Pin<Box<Sleep>>>,
    uri: Uri,
    /// `None` when the stream has ended.
    place: Option<Place>,
}

impl Held {
    pub(super) fn new(body: Body, place: Place, deadline: Option<Instant>, uri: Uri) -> Self {
        Self { body, deadline: deadline.map(|at| Box::pin(sleep_until(at))), uri, place: Some(place) }
    }

    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.place = None;
        self.body = Body::empty();
        Frame::trailers(details::trailers_of(status))
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.place.is_none() {
            return Poll::Ready(None);
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(Ok(self.end(&deadline::expired()))));
        }
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.body).poll_frame(cx))) {
            Ok(Poll::Ready(Some(Ok(frame)))) => Poll::Ready(Some(Ok(completed(frame)))),
            Ok(Poll::Ready(None)) => {
                self.place = None;
                Poll::Ready(None)
            }
            Ok(other) => other,
            Err(panic) => {
                panics::log(self.uri.path(), panic.as_ref());
                Poll::Ready(Some(Ok(self.end(&refusal::internal()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.place.is_none() || self.body.is_end_stream()
    }
}

fn completed(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.trailers_ref().and_then(details::completed_trailers) {
        Some(trailers) => Frame::trailers(trailers),
        None => frame,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};

    use super::super::in_flight::{Bounds, InFlight};
    use super::*;
    use crate::grpc::layers::class::Class;

    fn held(body: Body, deadline: Option<Instant>) -> (InFlight, Held) {
        let in_flight = InFlight::new(&Bounds { watches: 1, ..Bounds::default() });
        let place = in_flight.enter(Class::Watch).unwrap();
        (in_flight, Held::new(body, place, deadline, Uri::from_static("/a/B")))
    }

    async fn code_at_the_end(mut held: Held) -> tonic::Code {
        while let Some(frame) = held.frame().await {
            if let Ok(trailers) = frame.unwrap().into_trailers() {
                return Status::from_header_map(&trailers).unwrap().code();
            }
        }
        panic!("no trailers");
    }

    #[tokio::test]
    async fn a_deadline_ends_a_stream_and_frees_its_place() {
        let endless = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let (in_flight, held) = held(endless, Some(Instant::now() + Duration::from_millis(5)));
        assert!(in_flight.enter(Class::Watch).is_none());
        assert_eq!(code_at_the_end(held).await, tonic::Code::DeadlineExceeded);
        assert!(in_flight.enter(Class::Watch).is_some());
    }

    #[tokio::test]
    async fn a_panic_ends_a_stream_with_a_status() {
        let bad = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"x")) })
            .chain(stream::poll_fn(|_| panic!("in the middle of a stream")));
        let (_, held) = held(Body::from_stream(bad), None);
        assert_eq!(code_at_the_end(held).await, tonic::Code::Internal);
    }

    #[tokio::test]
    async fn tonics_trailers_are_completed() {
        let trailers = details::trailers_of(&Status::internal("Unexpected EOF decoding stream."));
        let body = StreamBody::new(stream::once(async move { Ok::<_, std::io::Error>(Frame::<Bytes>::trailers(trailers)) }));
        let (_, held) = held(Body::new(body), None);
        assert_eq!(code_at_the_end(held).await, tonic::Code::InvalidArgument);
    }
}
