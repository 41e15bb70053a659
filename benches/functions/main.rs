//! How long the functions take that every call spends its time in. `benches/counts` counts the instructions of the same ones.
//!
//! `cargo bench --bench functions` measures; `cargo bench --bench functions -- --test` runs each once, so that they cannot rot.
//! What a live server does with them is `countersign-bench`'s to say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a benchmark does not expect ends it")]

#[expect(dead_code, reason = "what the conformance suite takes beside")]
#[path = "../../tests/conformance/asked.rs"]
mod asked;
mod functions;
#[expect(dead_code, reason = "what the tests take beside")]
#[path = "../../tests/house/mod.rs"]
mod house;
#[expect(dead_code, reason = "what the conformance suite takes beside")]
#[path = "../../tests/conformance/values.rs"]
mod values;
mod waiting;
#[expect(dead_code, clippy::unused_async, reason = "what the conformance suite takes beside")]
#[path = "../../tests/conformance/world.rs"]
mod world;

use countersign::model::signing_key::Algorithm;
use criterion::{Criterion, criterion_group, criterion_main};

use self::functions::fixture::random;
use self::functions::{calls, crypto, edge, store};

macro_rules! timed {
    ($($name:ident: $make:expr,)*) => {
        fn timed(criterion: &mut Criterion) {
            $({
                let mut run = $make;
                criterion.bench_function(stringify!($name), |b| b.iter(&mut run));
            })*
        }
    };
}
functions::functions!(timed);

criterion_group!(all, timed, waiting::passwords, waiting::verbs);
criterion_main!(all);
