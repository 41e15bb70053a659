//! The body of a stream: keeps its place in flight, ends at its deadline, and ends with a status whatever happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http_body::Frame;
use tonic::Status;
use tonic::body::Body;

use super::deadline::{self, Deadline};
use super::in_flight::Place;
use super::{details, panics, refusal};

/// See the module.
#[derive(Debug)]
pub(super) struct Held {
    body: Body,
    deadline: Deadline,
    path: PathAndQuery,
    /// `None` when the stream has ended.
    place: Option<Place>,
}

impl Held {
    /// `deadline` is that of the whole call.
    pub(super) fn new(body: Body, place: Place, deadline: Deadline, path: PathAndQuery) -> Self {
        Self { body, deadline, path, place: Some(place) }
    }

    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.place = None;
        self.body = Body::empty();
        Frame::trailers(details::trailers_of(status))
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.place.is_none() {
            return Poll::Ready(None);
        }
        if self.deadline.poll_passed(cx).is_ready() {
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
                panics::log(self.path.path(), panic.as_ref());
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
    use std::convert::Infallible;
    use std::time::Duration;

    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};

    use super::super::deadline::Deadlines;
    use super::super::in_flight::{Bounds, InFlight};
    use super::*;
    use crate::grpc::layers::class::Class;

    fn held(
        body: impl http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
        asked: Option<Duration>,
    ) -> (InFlight, Held) {
        let in_flight = InFlight::new(&Bounds { watches: 1, ..Bounds::default() });
        let place = in_flight.enter(Class::Watch).unwrap();
        let deadline = Deadlines::default().of(Class::Watch, asked);
        (in_flight, Held::new(Body::new(body), place, deadline, PathAndQuery::from_static("/a/B")))
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
        let endless = StreamBody::new(stream::pending());
        let (in_flight, held) = held(endless, Some(Duration::from_millis(5)));
        assert!(in_flight.enter(Class::Watch).is_none());
        assert_eq!(code_at_the_end(held).await, tonic::Code::DeadlineExceeded);
        assert!(in_flight.enter(Class::Watch).is_some());
    }

    #[tokio::test]
    async fn a_panic_ends_a_stream_with_a_status() {
        let bad = stream::once(async { Ok(Frame::data(Bytes::from_static(b"x"))) })
            .chain(stream::poll_fn(|_| panic!("in the middle of a stream")));
        let (_, held) = held(StreamBody::new(bad), None);
        assert_eq!(code_at_the_end(held).await, tonic::Code::Internal);
    }

    #[tokio::test]
    async fn tonics_trailers_are_completed() {
        let trailers = details::trailers_of(&Status::internal("Unexpected EOF decoding stream."));
        let body = StreamBody::new(stream::once(async move { Ok(Frame::trailers(trailers)) }));
        let (_, held) = held(body, None);
        assert_eq!(code_at_the_end(held).await, tonic::Code::InvalidArgument);
    }
}
