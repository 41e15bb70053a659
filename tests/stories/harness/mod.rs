//! What the stories stand on: the real binary as a child process, the same server in this process on a clock of the test's own,
//! the commands, and the one client.
//!
//! Loopback only, every port by `:0`, every data directory a temporary one. Whatever is started ends with the test: a child is
//! killed when its handle is dropped. Password hashes cost next to nothing here ([`CHEAP`]).

mod client;
mod commands;
mod in_process;
mod server;

pub(crate) use crate::house::one_time_code;
pub(crate) use client::{Calls, Key, bearer, with_bearer};
pub(crate) use commands::{Ran, command};
pub(crate) use in_process::InProcess;
pub(crate) use server::{Server, Setup, Stopped};

/// The password of `admin`, where a test does not ask for another: that of everybody.
pub(crate) const ADMIN_PASSWORD: &str = PASSWORD;

/// The password of every user.
pub(crate) const PASSWORD: &str = crate::house::PASSWORD;

/// The least that a password check can cost.
pub(crate) const CHEAP: [(&str, &str); 2] = [("COUNTERSIGN_HASH_MEMORY", "8"), ("COUNTERSIGN_HASH_PASSES", "1")];

/// What anything here may take before the test says that it hangs.
pub(crate) const SOON: std::time::Duration = std::time::Duration::from_secs(30);
