//! A file system that fills up.

use std::fs::{self, File};
use std::io::Write;

use crate::disk::disk_or_skip;
use crate::driver::{Driver, FAILED, Order, REFUSED, assert_kept, check_store};

#[test]
fn a_full_disk_ends_in_a_message_and_space_is_all_that_a_restart_needs() {
    let Some(disk) = disk_or_skip(64) else { return };
    let first = Driver::start(Order::Load, &disk.data(), &[]);
    let mut answered = first.take(500);
    fill(&disk.root().join("ballast"));
    let end = first.end();
    answered.extend(end.answered);
    assert_eq!(end.status.code(), Some(FAILED), "{}", end.last_words);
    assert!(end.last_words.contains("No space left"), "{}", end.last_words);

    fs::remove_file(disk.root().join("ballast")).unwrap();
    assert_kept(&disk.data(), &answered);
    let again = Driver::start(Order::LoadAndClose, &disk.data(), &[]).end();
    assert_eq!(again.status.code(), Some(0), "{}", again.last_words);
    answered.extend(again.answered);
    assert_kept(&disk.data(), &answered);
}

#[test]
fn a_full_disk_at_start_is_named_and_is_no_damage() {
    let Some(disk) = disk_or_skip(64) else { return };
    let first = Driver::start(Order::Load, &disk.data(), &[]);
    let mut answered = first.take(500);
    answered.extend(first.kill().answered);
    fill(&disk.root().join("ballast"));
    let refused = check_store(&disk.data(), &answered);
    assert_eq!(refused.status.code(), Some(REFUSED), "{}", refused.last_words);
    let mounted = disk.root().canonicalize().unwrap();
    for part in ["is full", "No space left", mounted.to_str().unwrap()] {
        assert!(refused.last_words.contains(part), "{part}: {}", refused.last_words);
    }
    assert!(!refused.last_words.contains("restore"), "{}", refused.last_words);
    fs::remove_file(disk.root().join("ballast")).unwrap();
    assert_kept(&disk.data(), &answered);
}

#[test]
fn a_full_disk_at_the_first_start_is_named_and_a_store_is_made_once_there_is_room() {
    let Some(disk) = disk_or_skip(64) else { return };
    fill(&disk.root().join("ballast"));
    let refused = check_store(&disk.data(), &[]);
    assert_eq!(refused.status.code(), Some(REFUSED), "{}", refused.last_words);
    assert!(refused.last_words.contains("is full"), "{}", refused.last_words);
    fs::remove_file(disk.root().join("ballast")).unwrap();
    assert_kept(&disk.data(), &[]);
}

/// Takes all the space there is.
fn fill(path: &std::path::Path) {
    let mut ballast = File::create(path).unwrap();
    let mut piece = vec![0; 1 << 20];
    while !piece.is_empty() {
        if ballast.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
}
