use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::{ID, commits, job, open, open_with, options, put, run, text, try_open, view};
use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;
use crate::model::revocation::{Revocation, Revoked};
use crate::store::kv::engine::{Engine, View};
use crate::store::sled::SledEngine;
use crate::store::{Revocations, StoreError};

/// Keeps the writer at one verb until the guard is dropped.
fn hold(engine: &SledEngine) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, start) = mpsc::channel();
    let (held, _) = job(move |_| {
        started.send(()).unwrap();
        released.recv().ok();
    });
    engine.submit(held).unwrap();
    start.recv().unwrap();
    release
}

#[tokio::test]
async fn what_is_queued_is_one_commit_and_a_losing_verb_costs_none() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let held = hold(&engine);
    let mut answers = Vec::new();
    for n in 0..100 {
        let (job, answer) = job(move |tx| {
            // Each sees what those before it in its group did.
            let before = tx.scan(b"k", b"k", 1000).unwrap().len();
            assert_eq!(before, n);
            put(&format!("k{n:03}"), "v")(tx);
        });
        engine.submit(job).unwrap();
        answers.push(answer);
    }
    drop(held);
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    // A verb that changes nothing is answered, and one that does not keep its changes leaves none.
    assert!(run(&engine, |tx| tx.read(b"k000").unwrap().is_some()).await.unwrap());
    run(&engine, |tx| tx.put(b"lost".to_vec(), Vec::new())).await.unwrap();
    assert_eq!(text(view(&engine), "lost"), None);
    engine.close().await;
    assert_eq!(commits(directory.path()), 2, "the creation and one group");
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    run(&engine, put("a", "1")).await.unwrap();
    run(&engine, put("b", "2")).await.unwrap();
    run(&engine, |tx| {
        tx.remove(b"b".to_vec());
        tx.head.revision = 41;
        tx.head.last_commit = Timestamp::from_secs(9);
        tx.keep();
    })
    .await
    .unwrap();
    assert_eq!(engine.status().revision, 41);
    engine.close().await;

    let engine = open(directory.path());
    assert_eq!(text(view(&engine), "a").as_deref(), Some("1"));
    assert_eq!(text(view(&engine), "b"), None);
    let status = engine.status();
    assert_eq!((status.id, status.revision, status.last_commit), (ID, 41, Timestamp::from_secs(9)));
    engine.close().await;
}

#[tokio::test]
async fn a_group_larger_than_a_segment_of_the_log_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    run(&engine, |tx| {
        for n in 0..5000_u32 {
            tx.put(n.to_be_bytes().to_vec(), vec![b'x'; 1000]);
        }
        tx.keep();
    })
    .await
    .unwrap();
    engine.close().await;
    let engine = open(directory.path());
    assert_eq!(view(&engine).scan(&[], &[0; 4], 10_000).unwrap().iter().filter(|(_, value)| value.len() == 1000).count(), 5000);
    engine.close().await;
}

#[tokio::test]
async fn revocations_are_there_before_the_answer_and_after_a_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let revocations = Arc::new(Revocations::default());
    let (engine, _) = SledEngine::open(&options(directory.path()), Arc::clone(&revocations), |_| Ok(Vec::new())).unwrap();
    let what = Revoked::Session(SessionId::from_bytes([1; 16]));
    let revocation = Revocation { revision: 5, what, until: Timestamp::from_secs(100) };
    let kept = revocation.clone();
    run(&engine, move |tx| {
        tx.head.revision = 5;
        tx.revocations.push(revocation);
        put("r", "")(tx);
    })
    .await
    .unwrap();
    assert_eq!(revocations.revision(), 5);
    engine.close().await;

    let revocations = Arc::new(Revocations::default());
    let read = |view: &dyn View| Ok(view.read(b"r").unwrap().map(|_| kept).into_iter().collect());
    let (engine, _) = SledEngine::open(&options(directory.path()), Arc::clone(&revocations), read).unwrap();
    assert_eq!(revocations.revision(), 5);
    engine.close().await;
}

#[tokio::test]
async fn a_full_queue_is_overloaded_and_an_abandoned_verb_runs_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path());
    options.queue = 2;
    let (engine, _) = open_with(&options).unwrap();
    let held = hold(&engine);
    for key in ["a", "b"] {
        let (job, abandoned) = job(put(key, "v"));
        engine.submit(job).unwrap();
        drop(abandoned);
    }
    assert_eq!(engine.submit(job(put("c", "v")).0), Err(StoreError::Overloaded));
    drop(held);
    engine.close().await;
    let engine = open(directory.path());
    assert_eq!(["a", "b", "c"].map(|key| text(view(&engine), key).is_some()), [true, true, false]);
    engine.close().await;
}

#[tokio::test]
async fn close_commits_what_is_queued_and_nothing_is_answered_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    let held = hold(&engine);
    let (queued, answer) = job(put("a", "v"));
    engine.submit(queued).unwrap();
    let release = async { drop(held) };
    tokio::join!(engine.close(), release);
    answer.await.unwrap().unwrap();
    assert!(matches!(engine.submit(job(put("b", "v")).0), Err(StoreError::Unavailable(_))));
    assert!(matches!(view(&engine).read(b"a"), Err(StoreError::Unavailable(_))));
    assert!(!engine.healthy());
    engine.close().await;
    let engine = open(directory.path());
    assert_eq!(text(view(&engine), "a").as_deref(), Some("v"));
    engine.close().await;
}

#[tokio::test]
async fn a_panic_in_the_writer_ends_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, failure) = try_open(directory.path()).unwrap();
    run(&engine, put("a", "v")).await.unwrap();
    let held = hold(&engine);
    let (before, told) = job(put("b", "v"));
    let (broken, broken_told) = job(|_| panic!("it broke"));
    let (after, after_told) = job(put("c", "v"));
    for job in [before, broken, after] {
        engine.submit(job).unwrap();
    }
    drop(held);
    assert_eq!(failure.failed().await, "it broke");
    assert_eq!(told.await.unwrap(), Err(StoreError::Unavailable("it broke".to_owned())));
    assert!(broken_told.await.is_err(), "its reply is gone");
    assert!(after_told.await.is_err(), "its reply is gone");
    assert!(!engine.healthy());
    assert_eq!(engine.submit(job(put("d", "v")).0), Err(StoreError::Unavailable("it broke".to_owned())));
    engine.close().await;
}

#[tokio::test]
async fn a_commit_that_does_not_return_is_unhealthy_until_it_does() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = options(directory.path());
    options.watchdog = Duration::from_millis(1);
    let (engine, _) = open_with(&options).unwrap();
    let held = hold(&engine);
    while engine.healthy() {
        tokio::task::yield_now().await;
    }
    drop(held);
    while !engine.healthy() {
        tokio::task::yield_now().await;
    }
    engine.close().await;
}
