//! Data directories that earlier releases wrote: each is kept in `tests/fixtures`, and must open with everything in it.
//!
//! [`write`] makes the fixture of the *present* format, where it is told to; `tests/fixtures/README.md` says how. What a fixture
//! holds is written down beside it when it is made ([`manifest`]), so that the check does not depend on the code that made it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod describe;
#[path = "../faults/disk.rs"]
mod disk;
mod driver;
mod fill;
mod kept;
mod manifest;
mod power;
mod refused;
mod rig;
mod steps;
mod write;
