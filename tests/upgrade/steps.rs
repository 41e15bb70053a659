//! Each step of an upgrade, left half done: what a crash there leaves is put together by hand, and the next opening is held to it.

use std::fs;
use std::path::Path;

use crate::driver::assert_opens;
use crate::kept::{Fixture, fixtures_of, unpack_into};
use crate::write::format_of;

/// What a crash left: the directory as it was before, and the same when the upgrade was done.
type Crash = (&'static str, fn(&Path, &Path));

#[test]
fn a_step_that_was_left_half_done_is_done_by_the_next_opening() {
    let crashes: [Crash; 8] = [
        ("before anything was written", |data, _| fs::create_dir(data.join("sled.format-3")).unwrap()),
        ("while the new database was built", |data, _| {
            fs::create_dir_all(data.join("sled.format-3/blobs")).unwrap();
            fs::write(data.join("sled.format-3/db"), "half").unwrap();
        }),
        ("before the identity file was replaced", |data, done| {
            copy(&done.join("sled"), &data.join("sled.format-3"));
            fs::copy(done.join("countersign.store"), data.join("countersign.store.new")).unwrap();
        }),
        ("after it", |data, done| {
            copy(&done.join("sled"), &data.join("sled.format-3"));
            fs::copy(done.join("countersign.store"), data.join("countersign.store")).unwrap();
        }),
        ("while the old database was removed", |data, done| {
            copy(&done.join("sled"), &data.join("sled.format-3"));
            fs::copy(done.join("countersign.store"), data.join("countersign.store")).unwrap();
            fs::remove_file(data.join("sled/db")).unwrap();
        }),
        ("before the new one was renamed", |data, done| {
            copy(&done.join("sled"), &data.join("sled.format-3"));
            fs::copy(done.join("countersign.store"), data.join("countersign.store")).unwrap();
            fs::remove_dir_all(data.join("sled")).unwrap();
        }),
        ("while sled wrote a snapshot of the old one", |data, _| {
            fs::write(data.join("sled/snap.00000000000FFFFF.generating"), "half").unwrap();
        }),
        ("while sled wrote a snapshot of the new one", |data, done| {
            copy(&done.join("sled"), &data.join("sled.format-3"));
            fs::write(data.join("sled.format-3/snap.00000000000FFFFF.generating"), "half").unwrap();
            fs::copy(done.join("countersign.store"), data.join("countersign.store")).unwrap();
        }),
    ];
    for fixture in fixtures_of(2) {
        let done = tempfile::tempdir().unwrap();
        unpack_into(&fixture, done.path());
        assert_opens(&fixture.name, &done.path().join("data"), "the whole of it");
        for (when, crash) in crashes {
            let data = crashed(&fixture, &done.path().join("data"), crash);
            assert_opens(&fixture.name, &data.path().join("data"), when);
            assert_eq!(format_of(&data.path().join("data")), 3, "{when}");
            assert!(!data.path().join("data/sled.format-3").exists(), "{when}");
        }
    }
}

fn crashed(fixture: &Fixture, done: &Path, crash: fn(&Path, &Path)) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    unpack_into(fixture, directory.path());
    crash(&directory.path().join("data"), done);
    directory
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() { copy(&entry.path(), &target) } else { drop(fs::copy(entry.path(), target)) }
    }
}
