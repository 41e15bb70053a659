//! What a start answers about a directory that it cannot serve from: exit code and one sentence.

use std::fs;

use crate::driver::{Driver, Order, REFUSED, check_store};

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
