//! countersign exchanges a credential (password and one-time code, personal key, single sign-on, single-use link) for a
//! short-lived signed JWT, keeps the session behind it, and can end that session at once, everywhere.
//!
//! # The map
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | one file per command; `serve` with its log and signals; the client commands speak gRPC to a running server |
//! | [`app`] | the composition root: builds everything, `run(listener, shutdown)` |
//! | [`config`] | typed settings from defaults, file, environment and flags |
//! | [`net`] | the listener: accept loop, TLS, limits, drain; knows no service |
//! | [`edge`] | what gRPC and HTTP share: source and trusted proxies, request ids, deadlines, places in flight, cookies, origin |
//! | [`grpc`] | a face: one file per service, conversions, the one reason -> code table, layers |
//! | [`web`] | a face: the pages and JSON of sign-on, well-known documents, the one reason -> status table |
//! | [`oidc`] | the client that speaks OpenID Connect to identity providers, for `service::sso` |
//! | [`service`] | what the service does and every policy: login, refresh, keys, links, logout, verify, throttle, audit |
//! | [`crypto`] | passwords (the hash pool), JWT, key ring, opaque tokens, sealing, one-time codes |
//! | [`store`] | the [`store::Store`] trait and its contract; memory and sled behind it |
//! | [`model`] | plain values and their state machines |
//!
//! `main -> cli -> app -> grpc | web -> edge, service -> crypto, store -> model`, with `app -> net` and
//! `app -> oidc -> service, crypto` beside it, and nothing runs back. `tests/architecture.rs` holds the arrows, `clippy.toml` the banned calls.
//!
//! # The invariants
//!
//! - What was answered is true: a store verb answers only after its commit is durable (see [`store`]).
//! - What ends a session is a generation, never a time: see [`model::user`].
//! - Nothing secret rests in the clear: see [`crypto`].

// What the unit tests share with the other tests names the crate as those do.
#[cfg(test)]
extern crate self as countersign;

pub mod app;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod edge;
pub mod grpc;
pub mod model;
pub mod net;
pub mod oidc;
pub mod service;
pub mod store;
pub mod web;
