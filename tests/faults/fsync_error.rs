//! A medium that fails: each of the calls of which the barrier is made answers EIO from some moment on.

use std::time::Duration;

use crate::driver::{Driver, End, FAILED, Order, REFUSED, assert_kept, can_trace};

#[test]
fn a_failed_barrier_is_fatal_and_says_so() {
    if !can_trace() {
        return;
    }
    for (call, from) in [("fdatasync", 20), ("sync_file_range", 40)] {
        let directory = tempfile::tempdir().unwrap();
        let end = inject(call, from, Duration::ZERO, directory.path());
        assert_eq!(end.status.code(), Some(FAILED), "{call}: {}", end.last_words);
        assert!(end.last_words.contains("Input/output error"), "{call}: {}", end.last_words);
        assert!(!end.answered.is_empty(), "{call}: it failed before it served");
        // Eight callers, four lines an answer at the most: nothing was answered behind the first barrier that failed. Now and then sled's
        // own thread has written everything before a barrier begins, which then makes none of these calls.
        assert!(end.answered.len() <= from as usize * 8 * 4 * 2, "{call}: {} answers", end.answered.len());
        assert_kept(directory.path(), &end.answered);
    }
}

/// sled wakes nobody where some of its writes fail; which of them do depends on how the load falls.
#[test]
fn a_write_that_fails_late_is_heard_by_who_waits_for_it() {
    if !can_trace() {
        return;
    }
    for from in 40..43 {
        let directory = tempfile::tempdir().unwrap();
        let end = inject("sync_file_range", from, Duration::from_millis(100), directory.path());
        assert_eq!(end.status.code(), Some(FAILED), "{from}: {}", end.last_words);
        assert!(end.last_words.contains("Input/output error"), "{from}: {}", end.last_words);
        assert_kept(directory.path(), &end.answered);
    }
}

#[test]
fn a_store_that_cannot_be_made_durable_does_not_open() {
    if !can_trace() {
        return;
    }
    for call in ["fsync", "fdatasync", "syncfs", "sync_file_range"] {
        let directory = tempfile::tempdir().unwrap();
        let end = inject(call, 1, Duration::ZERO, directory.path());
        assert_eq!(end.status.code(), Some(REFUSED), "{call}: {}", end.last_words);
        assert!(end.last_words.contains("Input/output error"), "{call}: {}", end.last_words);
        assert!(end.answered.is_empty());
        // The creation is begun anew, and nothing had been answered.
        assert_kept(directory.path(), &[]);
    }
}

/// Loads a store whose `call` fails from the `from`th time on, so long after it was made. Who then hangs is killed.
fn inject(call: &str, from: u32, delay: Duration, directory: &std::path::Path) -> End {
    let trace = format!("trace={call}");
    let fault = format!("inject={call}:error=EIO:delay_enter={}:when={from}+", delay.as_micros());
    let strace = ["strace", "-f", "-o", "/dev/null", "-e", &trace, "-e", &fault];
    let bounded = ["timeout", "--signal=KILL", "60"];
    Driver::start(Order::Load, directory, &[&strace[..], &bounded[..]].concat()).end()
}
