//! The body of a stream: keeps its place in flight, ends at its deadline, and ends as its face says whatever happens.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;
use http_body::{Body, Frame};

use super::in_flight::Place;
use super::request_id::{RequestId, marked};
use super::{Admission, Deadline, Refusal, panics};
use crate::service::Reason;

/// How a face ends a stream.
pub trait Trailers: Send + 'static {
    /// The trailers that say so; `id` names the call.
    fn refused(refusal: &Refusal, id: &RequestId) -> HeaderMap;

    /// What stands in place of `trailers`, which a handler gave; `None` where they are good as they are.
    fn completed(trailers: &HeaderMap) -> Option<HeaderMap>;
}

/// See the module.
#[derive(Debug)]
pub struct Held<B, T> {
    /// `None` once it was ended from here.
    body: Option<B>,
    deadline: Deadline,
    path: PathAndQuery,
    id: RequestId,
    /// `None` when the stream has ended.
    place: Option<Place>,
    /// Set once the server drains: nothing is sent any more but the end.
    last: bool,
    face: PhantomData<fn() -> T>,
}

impl<B, T: Trailers> Held<B, T> {
    /// The body of the call `id` for `path`, which holds what its call held.
    pub fn new(body: B, admission: Admission, path: PathAndQuery, id: RequestId) -> Self {
        let Admission { deadline, place } = admission;
        Self { body: Some(body), deadline, path, id, place: Some(place), last: false, face: PhantomData }
    }

    fn end(&mut self, refusal: &Refusal) -> Frame<Bytes> {
        (self.place, self.body) = (None, None);
        Frame::trailers(T::refused(refusal, &self.id))
    }
}

impl<B: Body<Data = Bytes> + Unpin, T: Trailers> Body for Held<B, T> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let held = &mut *self;
        let (Some(body), true) = (&mut held.body, held.place.is_some()) else { return Poll::Ready(None) };
        let over = match held.deadline.poll_passed(cx) {
            Poll::Ready(over) => Some(over),
            Poll::Pending => None,
        };
        if let Some(over) = over.as_ref().filter(|over| held.last || over.reason != Reason::ShuttingDown) {
            return Poll::Ready(Some(Ok(held.end(over))));
        }
        // One thing more is said before a drain ends a stream, if it is there: that the server no longer serves.
        held.last = over.is_some();
        let polled = marked(&held.id, || {
            catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx).map_ok(completed::<T>)))
                .map_err(|panic| panics::caught(held.path.path(), panic.as_ref()))
        });
        match polled {
            Ok(Poll::Ready(None)) => {
                held.place = None;
                Poll::Ready(None)
            }
            Ok(Poll::Pending) => match over {
                Some(over) => Poll::Ready(Some(Ok(held.end(&over)))),
                None => Poll::Pending,
            },
            Ok(other) => other,
            Err(refusal) => Poll::Ready(Some(Ok(held.end(&refusal)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.place.is_none() || self.body.as_ref().is_none_or(Body::is_end_stream)
    }
}

fn completed<T: Trailers>(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.trailers_ref().and_then(T::completed) {
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

    use super::super::in_flight::Bounds;
    use super::super::{Class, Edge, EdgeSettings};
    use super::*;

    /// Trailers that say nothing but the reason and the id.
    struct Plain;

    impl Trailers for Plain {
        fn refused(refusal: &Refusal, id: &RequestId) -> HeaderMap {
            let mut trailers = HeaderMap::new();
            trailers.insert("reason", refusal.reason.name().parse().unwrap());
            id.answer(&mut trailers);
            trailers
        }

        fn completed(trailers: &HeaderMap) -> Option<HeaderMap> {
            trailers.contains_key("incomplete").then(|| Self::refused(&Refusal::internal(), &RequestId::Own(1)))
        }
    }

    fn held<B: Body<Data = Bytes, Error = Infallible> + Unpin>(body: B, asked: Option<Duration>) -> (Edge, Held<B, Plain>) {
        let bounds = Bounds { watches: 1, ..Bounds::default() };
        let edge = Edge::new(EdgeSettings { bounds, ..EdgeSettings::default() });
        let admission = edge.admit(Class::Watch, asked).unwrap();
        (edge, Held::new(body, admission, PathAndQuery::from_static("/a/B"), RequestId::Own(7)))
    }

    async fn reason_at_the_end<B: Body<Data = Bytes, Error = Infallible> + Unpin>(held: &mut Held<B, Plain>) -> String {
        while let Some(frame) = held.frame().await {
            if let Ok(trailers) = frame.unwrap().into_trailers() {
                assert_eq!(trailers[super::super::request_id::HEADER].len(), 16);
                return trailers["reason"].to_str().unwrap().to_owned();
            }
        }
        panic!("no trailers");
    }

    #[tokio::test]
    async fn a_deadline_ends_a_stream_and_frees_its_place() {
        let (edge, mut held) = held(StreamBody::new(stream::pending()), Some(Duration::from_millis(5)));
        assert!(edge.admit(Class::Watch, None).is_err());
        assert_eq!(reason_at_the_end(&mut held).await, "DEADLINE_EXCEEDED");
        assert!(edge.admit(Class::Watch, None).is_ok());
        assert!(held.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_drain_ends_a_stream_after_one_thing_more() {
        let draining = tokio_util::sync::CancellationToken::new();
        let edge = Edge::new(EdgeSettings { draining: draining.clone(), ..EdgeSettings::default() });
        let data = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x")));
        let endless = StreamBody::new(stream::repeat_with(data));
        let mut chatty: Held<_, Plain> = Held::new(
            endless,
            edge.admit(Class::Reflection, None).unwrap(),
            PathAndQuery::from_static("/a/B"),
            RequestId::Own(7),
        );
        let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let mut silent: Held<_, Plain> = Held::new(
            silent,
            edge.admit(Class::HealthWatch, None).unwrap(),
            PathAndQuery::from_static("/a/B"),
            RequestId::Own(8),
        );
        assert!(chatty.frame().await.unwrap().unwrap().is_data());
        let (reason, ()) = tokio::join!(reason_at_the_end(&mut silent), async { draining.cancel() });
        assert_eq!(reason, "SHUTTING_DOWN");
        assert!(chatty.frame().await.unwrap().unwrap().is_data());
        assert_eq!(reason_at_the_end(&mut chatty).await, "SHUTTING_DOWN");
    }

    #[tokio::test]
    async fn a_panic_ends_a_stream_with_a_refusal() {
        let bad = stream::once(async { Ok(Frame::data(Bytes::from_static(b"x"))) })
            .chain(stream::poll_fn(|_| panic!("in the middle of a stream")));
        let (_edge, mut held) = held(StreamBody::new(Box::pin(bad)), None);
        assert_eq!(reason_at_the_end(&mut held).await, "INTERNAL");
    }

    #[tokio::test]
    async fn trailers_of_others_are_completed() {
        let trailers = [("incomplete".parse().unwrap(), "yes".parse().unwrap())].into_iter().collect();
        let body = StreamBody::new(Box::pin(stream::once(async move { Ok(Frame::trailers(trailers)) })));
        let (_edge, mut held) = held(body, None);
        assert_eq!(reason_at_the_end(&mut held).await, "INTERNAL");
    }
}
