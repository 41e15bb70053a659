use std::time::Duration;

use super::{ID, job, open_with, options, run};
use crate::store::kv::MANY;
use crate::store::kv::engine::Engine;
use crate::store::kv::tx::{Changes, Tx};
use crate::store::sled::Options;
use crate::store::sled::database::Database;
use crate::store::sled::recount::{Counted, Recount};

/// A key of one of the kinds that are counted late.
fn key(kind: u8, number: u32) -> Vec<u8> {
    [[kind].as_slice(), &number.to_be_bytes()].concat()
}

/// So many records of each kind that is counted late.
fn fill(each: u32) -> impl FnOnce(&mut Tx<'_>) + Send + 'static {
    move |tx| {
        for number in 0..each {
            for kind in MANY {
                tx.put(key(kind, number), number.to_le_bytes().to_vec());
            }
        }
        tx.keep();
    }
}

/// Counts nothing before the start that could be counted later.
fn at_once(directory: &std::path::Path) -> Options {
    Options { moment: Duration::ZERO, ..options(directory) }
}

#[test]
fn a_count_follows_what_changes_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let (database, mut tip) = Database::create(directory.path(), 1 << 20, ID).unwrap();
    let some = |numbers: std::ops::Range<u32>, value: Option<&[u8]>| -> Changes {
        let keys = numbers.flat_map(|number| [MANY[0], MANY[2], 0x11, 0x60].map(|kind| key(kind, number)));
        keys.map(|key| (key, value.map(<[u8]>::to_vec))).collect()
    };
    database.apply(&some(0..3000, Some(b"first")), &mut tip, None).unwrap();
    let (mut recount, counted) = Recount::begin(&database, tip.tally, Duration::ZERO).unwrap();
    assert_eq!(counted, Counted::Partly);
    let mut at = 0;
    loop {
        // Before, at and behind what is counted.
        database.apply(&some(at..at + 40, Some(b"changed")), &mut tip, Some(&mut recount)).unwrap();
        database.apply(&some(2900 - at..2940 - at, None), &mut tip, Some(&mut recount)).unwrap();
        database.apply(&some(4000 + at..4002 + at, Some(b"new")), &mut tip, Some(&mut recount)).unwrap();
        at += 40;
        match recount.step(&database, tip.tally, 128).unwrap() {
            Counted::Partly => {}
            counted => break assert_eq!(counted, Counted::Right),
        }
    }
    assert!(at > 400, "it took several steps");
}

#[tokio::test]
async fn a_record_that_is_not_the_one_that_was_written_is_noticed_at_once_or_soon() {
    for (kind, soon) in [(MANY[0], true), (MANY[3], true), (0x40, false)] {
        let directory = tempfile::tempdir().unwrap();
        let (engine, _) = open_with(&options(directory.path())).unwrap();
        run(&engine, fill(2000)).await.unwrap();
        run(&engine, |tx| {
            tx.put(key(0x40, 1999), b"revoked".to_vec());
            tx.keep();
        })
        .await
        .unwrap();
        engine.close().await;
        let database = sled::open(directory.path().join("sled")).unwrap();
        assert!(database.insert(key(kind, 1999), b"other").unwrap().is_some());
        drop(database);
        super::super::database::wait_for_release(&directory.path().join("sled"));

        match open_with(&at_once(directory.path())) {
            Ok((engine, failure)) => {
                assert!(soon, "{kind:#x}");
                let reason = failure.failed().await;
                assert!(reason.contains("not the ones that were written"), "{reason}");
                assert!(!engine.healthy());
                // Whatever still waits finds its answer gone.
                let (job, answered) = job(fill(1));
                assert!(engine.submit(job).is_err() || answered.await.is_err());
            }
            Err(error) => assert!(!soon, "{kind:#x}: {error}"),
        }
        assert!(open_with(&options(directory.path())).is_err(), "a small store is counted before it answers");
    }
}

#[tokio::test]
async fn a_store_answers_while_it_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, _) = open_with(&options(directory.path())).unwrap();
    run(&engine, fill(20_000)).await.unwrap();
    engine.close().await;
    let (engine, _) = open_with(&at_once(directory.path())).unwrap();
    for number in 0..200 {
        run(&engine, move |tx| {
            tx.put(key(MANY[0], number * 100), b"changed".to_vec());
            tx.keep();
        })
        .await
        .unwrap();
    }
    assert!(engine.healthy());
    engine.close().await;
    let (engine, _) = open_with(&options(directory.path())).unwrap();
    assert!(engine.healthy());
    engine.close().await;
}

/// The names of sled's snapshots.
fn snapshots(directory: &std::path::Path) -> Vec<std::ffi::OsString> {
    let names = std::fs::read_dir(directory.join("sled")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("snap")).collect()
}

#[tokio::test]
async fn one_large_commit_is_enough_for_closing_to_shorten_the_next_opening() {
    for (each, shortens) in [(10, false), (2000, true)] {
        let directory = tempfile::tempdir().unwrap();
        let (engine, _) = open_with(&options(directory.path())).unwrap();
        let before = snapshots(directory.path());
        run(&engine, fill(each)).await.unwrap();
        engine.close().await;
        assert_eq!(snapshots(directory.path()) != before, shortens, "{each} records of each kind");
    }
}
