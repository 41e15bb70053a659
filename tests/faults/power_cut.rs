//! Power cuts at any moment.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use crate::disk::{Cutter, Disk, disk_or_skip};
use crate::driver::{DONE, Driver, End, Order, can_trace, check_store};

/// One store lives through so many: each check looks for everything there ever was.
const CUTS_OF_ONE_STORE: usize = 10;

#[test]
fn what_was_answered_survives_power_cuts() {
    survives(Order::Load, 3000);
}

/// Where sled moves what still counts and writes over the rest of its file.
#[test]
fn what_was_answered_survives_power_cuts_while_the_file_is_written_over() {
    survives(Order::Churn, 20_000);
}

/// Runs a program whose barrier is `flush()` alone, after the first that each thread passes: what follows it in the barrier is
/// answered without being done.
const FLUSH_ALONE: [&str; 8] = [
    "strace",
    // Beside the program, not above it: who kills the child kills the program.
    "-D",
    "-f",
    "-qq",
    "--output=/dev/null",
    "--trace=fdatasync,syncfs",
    "--inject=fdatasync:retval=0:when=2+",
    "--inject=syncfs:retval=0:when=2+",
];

/// The planted bug: this file's tests notice a barrier that is none.
#[test]
fn a_barrier_of_flush_alone_is_noticed_within_five_power_cuts() {
    let Some(mut disk) = disk_or_skip(256) else { return };
    if !can_trace() {
        return;
    }
    let mut answered = Vec::new();
    for round in 0..5 {
        let end = cut_under_load(&mut disk, Order::Load, &FLUSH_ALONE, 3000, &mut answered);
        if end.status.code() != Some(DONE) {
            println!("noticed at cut {round}: {}", end.last_words);
            return;
        }
    }
    panic!("{} answers were kept without a barrier", answered.len());
}

#[test]
fn a_creation_that_loses_power_is_a_store_or_is_begun_anew() {
    let Some(mut disk) = disk_or_skip(64) else { return };
    for round in 0..rounds() {
        let cutter = Cutter::new(&disk.root());
        let driver = Driver::start(Order::Load, &disk.data(), &[]);
        // A creation takes some 10 ms, and nothing tells of its inner moments.
        std::thread::sleep(Duration::from_micros(random() % 40_000));
        let answered = driver.arrived();
        cutter.cut();
        drop(driver.kill());
        disk.remount();
        let end = check_store(&disk.data(), &answered);
        assert_eq!(end.status.code(), Some(DONE), "cut {round}: {}", end.last_words);
        std::fs::remove_dir_all(disk.data()).unwrap();
    }
}

/// Cuts the power again and again under the load that `order` names, each time after less than `most` answers.
fn survives(order: Order, most: u64) {
    let mut kept = 0;
    for begin in (0..rounds()).step_by(CUTS_OF_ONE_STORE) {
        let Some(mut disk) = disk_or_skip(256) else { return };
        let mut answered = Vec::new();
        for cut in (begin..rounds()).take(CUTS_OF_ONE_STORE) {
            let end = cut_under_load(&mut disk, order, &[], most, &mut answered);
            assert_eq!(end.status.code(), Some(DONE), "cut {cut}, {} answers: {}", answered.len(), end.last_words);
        }
        kept += answered.len();
    }
    println!("{} power cuts, {kept} answers kept", rounds());
}

/// Cuts the power after less than `most` answers, starts again and checks all there ever were. Only what had arrived before the
/// cut counts.
fn cut_under_load(disk: &mut Disk, order: Order, under: &[&str], most: u64, answered: &mut Vec<String>) -> End {
    let cutter = Cutter::new(&disk.root());
    let driver = Driver::start(order, &disk.data(), under);
    answered.extend(driver.take(usize::try_from(random() % most).unwrap()));
    answered.extend(driver.arrived());
    cutter.cut();
    drop(driver.kill());
    disk.remount();
    check_store(&disk.data(), answered)
}

fn random() -> u64 {
    RandomState::new().hash_one(0)
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn rounds() -> usize {
    std::env::var("COUNTERSIGN_POWER_CUTS").ok().and_then(|number| number.parse().ok()).unwrap_or(8)
}
