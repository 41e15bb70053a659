//! How many instructions the functions take that every call spends its time in, and each verb of the store on memory, so that a
//! regression has a name. `make counts` compares with `benches/counts.txt`; `make counts-update` writes it anew.
//!
//! Each is run once before it is counted, in a process of its own under callgrind. Randomness is seeded and the clock stands still.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a benchmark does not expect ends it")]
#![expect(missing_docs, reason = "gungraun makes public modules")]

#[expect(dead_code, reason = "what the conformance suite takes beside")]
#[path = "../../tests/conformance/asked.rs"]
mod asked;
#[path = "../functions/functions/mod.rs"]
mod functions;

#[expect(dead_code, reason = "what the tests take beside")]
#[path = "../../tests/house/mod.rs"]
mod house;
#[expect(dead_code, reason = "what the conformance suite takes beside")]
#[path = "../../tests/conformance/sso.rs"]
mod sso;
#[expect(dead_code, reason = "what the conformance suite takes beside")]
#[path = "../../tests/conformance/values.rs"]
mod values;
mod verbs;
#[expect(dead_code, clippy::unused_async, reason = "what the conformance suite takes beside")]
#[path = "../../tests/conformance/world.rs"]
mod world;

use countersign::model::signing_key::Algorithm;
use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};

use self::functions::fixture::{Run, random};
use self::functions::{calls, crypto, edge, store};
use self::verbs::{Verb, prepared};

/// Runs a function once, so that what is made once is made.
fn warm(mut run: Run) -> Run {
    run();
    run
}

macro_rules! counted {
    ($($name:ident: $make:expr,)*) => {
        #[library_benchmark]
        $(#[bench::$name(warm($make))])*
        fn function(mut run: Run) -> Run {
            run();
            run
        }
    };
}
functions::functions!(counted);

macro_rules! counted_verbs {
    ($($name:ident,)*) => {
        #[library_benchmark]
        $(#[bench::$name(prepared(stringify!($name)))])*
        fn verb(mut verb: Verb) -> Verb {
            verb.run();
            verb
        }
    };
}
verbs::verbs!(counted_verbs);

library_benchmark_group!(name = counts, benchmarks = [function, verb]);
main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = counts
);
