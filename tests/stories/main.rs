//! User stories: what somebody does with countersign, driven through the real binary or a server in this process. One module a
//! story.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, its helpers too"
)]

mod arena;
#[path = "../evil_provider/mod.rs"]
mod evil_provider;
mod harness;
#[expect(dead_code, reason = "what unit tests and benchmarks take beside")]
#[path = "../house/mod.rs"]
mod house;

mod admins;
mod browser;
mod clock;
mod commands;
mod contract;
mod crash;
mod deadlines;
mod errors;
mod expiry;
mod failing_disk;
mod first_start;
mod health_reflection;
mod keys;
mod links;
mod login;
mod logout;
mod operators;
mod organizations;
mod outputs;
mod overload;
mod passwords;
mod races;
mod readme;
mod readme_tables;
mod refresh;
mod security_table;
mod settings;
mod signals;
mod sso;
mod timing;
mod tls;
mod tokens;
mod totp;
