//! What every call passes before its handler.

use std::hint::black_box;
use std::net::IpAddr;

use countersign::edge::request_id::{current, marked};
use countersign::edge::{Class, Edge, EdgeSettings};
use criterion::Criterion;
use http::{HeaderMap, Request};

/// A call's way in, and what its name costs by itself.
pub(crate) fn calls(criterion: &mut Criterion) {
    let edge = Edge::new(EdgeSettings::default());
    let peer: IpAddr = [192, 0, 2, 1].into();

    criterion.bench_function("edge: receive and admit", |b| {
        b.iter(|| {
            let mut request = Request::new(());
            let id = edge.receive(&mut request, peer);
            (id, edge.admit(Class::Unary, None))
        });
    });

    let id = edge.receive(&mut Request::new(()), peer);
    criterion.bench_function("edge: mark the poll of a call", |b| b.iter(|| marked(black_box(&id), || black_box(1))));
    criterion
        .bench_function("edge: the mark of a line in the log", |b| b.iter(|| marked(&id, || current().map(|id| id.to_string()))));
    criterion.bench_function("edge: x-request-id in an answer", |b| {
        let mut headers = HeaderMap::with_capacity(4);
        b.iter(|| id.answer(&mut headers));
    });
}
