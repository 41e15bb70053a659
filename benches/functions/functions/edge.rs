//! What every call passes before its handler.

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;

use countersign::edge::request_id::{current, marked};
use countersign::edge::{Class, Edge, EdgeSettings};
use http::{HeaderMap, Request};

use super::fixture::Run;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn edge() -> Arc<Edge> {
    Arc::new(Edge::new(EdgeSettings::default()))
}

/// A call's way in.
pub(crate) fn receive() -> Run {
    let edge = edge();
    Box::new(move || {
        let mut request = Request::new(());
        let id = edge.receive(&mut request, PEER);
        drop(black_box((id, edge.admit(Class::Unary, None))));
    })
}

/// Marking a poll with the call's name.
pub(crate) fn mark_poll() -> Run {
    let id = edge().receive(&mut Request::new(()), PEER);
    Box::new(move || {
        black_box(marked(black_box(&id), || black_box(1)));
    })
}

/// The call's name in a line of the log.
pub(crate) fn mark_line() -> Run {
    let id = edge().receive(&mut Request::new(()), PEER);
    Box::new(move || drop(black_box(marked(&id, || current().map(|id| id.to_string())))))
}

/// The call's name in its answer.
pub(crate) fn answer_header() -> Run {
    let id = edge().receive(&mut Request::new(()), PEER);
    let mut headers = HeaderMap::with_capacity(4);
    Box::new(move || {
        id.answer(&mut headers);
    })
}
