//! kill -9 in the middle of load, and of opening.

use std::path::Path;

use crate::damage::copy;
use crate::driver::{DONE, Driver, Order, assert_kept, can_trace, check_store};

/// The calls that change something on the disk, or wait for it.
const CHANGES: [&str; 12] = [
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "syncfs",
    "rename",
    "unlink",
    "ftruncate",
    "mkdir",
    "chmod",
    "openat",
];
/// More of one of them than an opening makes in any thread.
const MANY: usize = 100;

#[test]
fn what_was_answered_survives_ten_kills() {
    let directory = tempfile::tempdir().unwrap();
    let mut answered = Vec::new();
    for round in 0..10_usize {
        let driver = Driver::start(Order::Load, directory.path(), &[]);
        // Also right after the opening, and once after a longer life.
        answered.extend(driver.take(round * round * 60));
        answered.extend(driver.kill().answered);
        assert_kept(directory.path(), &answered);
    }
    assert!(answered.len() > 5000, "{}", answered.len());
}

#[test]
fn a_kill_at_any_moment_of_opening_leaves_a_store_that_opens() {
    if !can_trace() {
        return;
    }
    let killed = tempfile::tempdir().unwrap();
    let driver = Driver::start(Order::Load, killed.path(), &[]);
    let mut answered = driver.take(300);
    answered.extend(driver.kill().answered);
    let kills: usize = CHANGES.iter().map(|call| kill_while_opening(call, Some(killed.path()), &answered)).sum();
    let kills_of_creations: usize = CHANGES.iter().map(|call| kill_while_opening(call, None, &[])).sum();
    println!("{kills} kills of openings, {kills_of_creations} of creations");
    assert!(kills > 20 && kills_of_creations > 20, "{kills}, {kills_of_creations}");
}

/// Opens a copy of `origin`, or a new store, again and again, and kills it at one `call` later each time (as each thread counts
/// them), until it is done before that. `openat` begins behind the program's own libraries.
fn kill_while_opening(call: &str, origin: Option<&Path>, answered: &[String]) -> usize {
    let first = if call == "openat" { 8 } else { 1 };
    for moment in first..MANY {
        let directory = tempfile::tempdir().unwrap();
        if let Some(origin) = origin {
            copy(origin, directory.path());
        }
        let (trace, kill) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={moment}"));
        // Beside the program, so that its end is the program's.
        let strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &kill];
        let opened = Driver::start(Order::Check, directory.path(), &strace).end();
        assert_kept(directory.path(), answered);
        if opened.status.code() == Some(DONE) {
            return moment - first;
        }
        assert_eq!(opened.status.code(), None, "{call} {moment}: {}", opened.last_words);
    }
    panic!("it makes {call} more than {MANY} times");
}

#[test]
fn kills_at_any_time_while_opening_leave_a_store_that_opens() {
    let directory = tempfile::tempdir().unwrap();
    let driver = Driver::start(Order::Load, directory.path(), &[]);
    let mut answered = driver.take(300);
    answered.extend(driver.kill().answered);
    for round in 0..60 {
        let opening = Driver::start(Order::Check, directory.path(), &[]);
        // An opening takes some 20 ms, and nothing tells of its inner moments.
        std::thread::sleep(std::time::Duration::from_micros(round * 700));
        drop(opening.kill());
    }
    assert_kept(directory.path(), &answered);
}

#[test]
fn a_snapshot_that_was_never_finished_is_no_damage() {
    let whole = tempfile::tempdir().unwrap();
    let end = Driver::start(Order::LoadAndClose, whole.path(), &[]).end();
    for content in [&b""[..], b"half of it"] {
        let directory = tempfile::tempdir().unwrap();
        copy(whole.path(), directory.path());
        std::fs::write(directory.path().join("sled/snap.00000000000FFFFF.generating"), content).unwrap();
        let outcome = check_store(directory.path(), &end.answered);
        assert_eq!(outcome.status.code(), Some(DONE), "{}", outcome.last_words);
    }
}
