//! An upgrade that is cut off: by kill -9 at each of its calls, by power cuts, by a full disk.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher as _;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::disk::{Cutter, disk_or_skip};
use crate::driver::{REFUSED, assert_opens, command, last_words};
use crate::kept::{Fixture, fixtures_of, unpack_into};
use crate::write::format_of;

/// What changes names, makes something durable or writes: between two of these nothing happens that a crash could show.
const CALLS: [&str; 11] =
    ["mkdir", "rename", "unlink", "unlinkat", "rmdir", "chmod", "ftruncate", "pwrite64", "fsync", "fdatasync", "syncfs"];

fn plain() -> Fixture {
    fixtures_of(2).swap_remove(0)
}

#[test]
fn an_upgrade_that_is_killed_at_any_call_is_begun_anew_or_finished() {
    if !can_trace() {
        return;
    }
    let fixture = plain();
    let (mut killed, mut committed) = (0, 0);
    for call in CALLS {
        // Counted in each thread by itself, so that a call of one thread alone may be passed over.
        for number in 1.. {
            let directory = tempfile::tempdir().unwrap();
            unpack_into(&fixture, directory.path());
            let data = directory.path().join("data");
            let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={number}"));
            let strace = ["strace", "-f", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            let ended = command(&fixture.name, &data, &strace).output().unwrap();
            if ended.status.success() {
                break;
            }
            assert_eq!(ended.status.signal(), Some(9), "{call} {number}: {}", last_words(&ended));
            killed += 1;
            committed += u32::from(format_of(&data) == 3);
            assert_opens(&fixture.name, &data, &format!("killed at {call} {number}"));
            assert_settled(&data);
        }
    }
    println!("{killed} kills, {committed} of them after the identity file was replaced");
    assert!(killed > 20 && committed > 5, "{killed} kills, {committed} after the commit");
}

#[test]
fn an_upgrade_that_loses_power_is_begun_anew_or_finished() {
    let Some(mut disk) = disk_or_skip(64) else { return };
    let fixture = plain();
    for round in 0..rounds() {
        unpack_into(&fixture, &disk.root());
        // What is cut off here is the upgrade, not the unpacking.
        rustix::fs::syncfs(File::open(disk.root()).unwrap()).unwrap();
        let cutter = Cutter::new(&disk.root());
        let mut child = command(&fixture.name, &disk.data(), &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // It takes some 30 ms, and nothing tells of its inner moments.
        std::thread::sleep(Duration::from_micros(RandomState::new().hash_one(round) % 60_000));
        cutter.cut();
        child.kill().unwrap();
        child.wait().unwrap();
        disk.remount();
        assert_opens(&fixture.name, &disk.data(), &format!("cut {round}"));
        assert_settled(&disk.data());
        fs::remove_dir_all(disk.data()).unwrap();
    }
}

#[test]
fn a_disk_without_room_leaves_the_old_store_as_it_was_and_says_so() {
    let Some(disk) = disk_or_skip(16) else { return };
    let fixture = plain();
    unpack_into(&fixture, &disk.root());
    let mut ballast = File::create(disk.root().join("ballast")).unwrap();
    let mut piece = vec![1; 1 << 16];
    while !piece.is_empty() {
        if ballast.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
    drop(ballast);
    let ended = command(&fixture.name, &disk.data(), &[]).output().unwrap();
    let words = last_words(&ended);
    assert_eq!(ended.status.code(), Some(REFUSED), "{words}");
    assert!(words.contains("No space left"), "{words}");
    assert_eq!(format_of(&disk.data()), 2);
    assert!(!disk.data().join("sled.format-3").exists());

    fs::remove_file(disk.root().join("ballast")).unwrap();
    assert_opens(&fixture.name, &disk.data(), "with room");
    assert_settled(&disk.data());
}

/// The directory is of the present format, and nothing of the upgrade is left in it.
fn assert_settled(data: &Path) {
    assert_eq!(format_of(data), 3);
    let mut names: Vec<_> = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    // Scratch of the identity file is written over by the next one.
    names.retain(|name| name != "countersign.store.new");
    assert_eq!(names, ["countersign.lock", "countersign.store", "sled"]);
}

fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        println!("SKIPPED: strace cannot be used here");
    }
    can
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn rounds() -> usize {
    std::env::var("COUNTERSIGN_POWER_CUTS").ok().and_then(|number| number.parse().ok()).unwrap_or(8)
}
