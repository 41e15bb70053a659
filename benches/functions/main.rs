//! The functions that every call spends its time in, one by one, so that a regression has a name.
//!
//! `cargo bench --bench functions` measures; `cargo bench --bench functions -- --test` runs each once, so that they cannot rot.
//! What a live server does with them is `countersign bench`'s to say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a benchmark does not expect ends it")]

mod calls;
mod crypto;
mod edge;
mod store;

use countersign::model::random::{Random, SystemRandom};
use criterion::{criterion_group, criterion_main};

fn random() -> &'static dyn Random {
    &SystemRandom
}

criterion_group!(functions, crypto::tokens, crypto::secrets, edge::calls, calls::handlers, store::verbs);
criterion_main!(functions);
