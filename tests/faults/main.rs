//! What survives when the machine does not: power cuts, kills, full disks, failing fsyncs and rotten files.
//!
//! Each test runs this very program again as a process of its own (see [`driver`]), which opens a store, makes changes and
//! writes a line for each that was answered; then breaks something; then runs it once more to check that everything that was
//! answered is there.
//!
//! Power cuts and full disks need the right to mount a loop device, failing fsyncs need strace; where something is missing the
//! test says so and passes. `COUNTERSIGN_POWER_CUTS` is the number of power cuts, 8 where it is not set.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what a test does not expect ends it")]

mod check;
mod churn;
mod damage;
mod disk;
mod disk_full;
mod driver;
mod fsync_error;
mod kill;
mod load;
mod opening;
mod power_cut;
