//! The functions that every call spends its time in, one by one, so that a regression has a name.
//!
//! `cargo bench --bench functions` measures; `cargo bench --bench functions -- --test` runs each once, so that they cannot rot.
//! What a live server does with them is `countersign bench`'s to say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a benchmark does not expect ends it")]

mod crypto;
mod store;

use criterion::{criterion_group, criterion_main};

criterion_group!(functions, crypto::tokens, crypto::secrets, store::verbs);
criterion_main!(functions);
