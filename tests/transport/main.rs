//! The transport as a client meets it: a real server of `net::serve` with `edge` and the layers of `grpc` on loopback, and clients
//! from raw bytes to tonic's.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers too"
)]

mod descriptors;
mod drain;
mod greeting;
mod layers;
mod lifetime;
mod messages;
mod request_ids;
mod reset;
mod support;
mod tls;
mod web;
