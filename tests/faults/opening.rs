//! What a start answers about a directory that it cannot serve from: exit code and one sentence.

use std::fs;

use crate::driver::{DONE, Driver, Order, REFUSED, assert_kept, can_trace, check_store};

#[test]
fn a_second_process_is_refused_while_the_first_serves() {
    let directory = tempfile::tempdir().unwrap();
    let first = Driver::start(Order::Load, directory.path(), &[]);
    let mut answered = first.take(100);
    let second = check_store(directory.path(), &[]);
    assert_eq!(second.status.code(), Some(REFUSED));
    assert!(second.last_words.contains("in use by another process"), "{}", second.last_words);
    // The first neither noticed nor lost anything.
    answered.extend(first.take(100));
    answered.extend(first.kill().answered);
    crate::driver::assert_kept(directory.path(), &answered);
}

#[test]
fn a_foreign_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("letters"), "mine").unwrap();
    let end = check_store(directory.path(), &[]);
    assert_eq!(end.status.code(), Some(REFUSED));
    assert!(end.last_words.contains("not empty"), "{}", end.last_words);
}

#[test]
fn trouble_of_the_machine_is_not_told_as_damage() {
    if !can_trace() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let end = Driver::start(Order::LoadAndClose, directory.path(), &[]).end();
    assert_eq!(end.status.code(), Some(DONE), "{}", end.last_words);
    // The first reads are those of the program's own libraries.
    let cases = [
        ("pread64", "EIO:when=3+", "Input/output error"),
        ("pwrite64", "ENOSPC", "is full"),
        ("rename", "EROFS", "Read-only file system"),
        ("fsync", "EIO", "Input/output error"),
    ];
    let mut noticed = 0;
    for (call, error, said) in cases {
        let (trace, inject) = (format!("trace={call}"), format!("inject={call}:error={error}"));
        let strace = ["strace", "-f", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        let refused = Driver::start(Order::Check, directory.path(), &strace).end();
        // What is not called cannot fail.
        if refused.status.code() != Some(DONE) {
            assert_eq!(refused.status.code(), Some(REFUSED), "{call}: {}", refused.last_words);
            assert!(refused.last_words.contains(said), "{call}: {}", refused.last_words);
            assert!(!refused.last_words.contains("restore"), "{call}: {}", refused.last_words);
            noticed += 1;
        }
        assert_kept(directory.path(), &end.answered);
    }
    assert!(noticed >= 2, "{noticed}");
}
