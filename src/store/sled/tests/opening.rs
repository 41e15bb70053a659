use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{ID, commits, open, open_with, options, put, run, text, try_open, view};
use crate::model::ids::StoreId;
use crate::store::kv::engine::Engine;
use crate::store::kv::revocations;
use crate::store::sled::database::shorten_next_opening;
use crate::store::sled::directory::{Directory, bytes_of_databases};
use crate::store::sled::{OpenError, Options, SledEngine};

/// What was done to a directory, and how.
type Spoiling = (&'static str, fn(&Path));

/// What a refusal says; checks that it is one sentence.
fn refusal(directory: &Path) -> (OpenError, String) {
    let error = try_open(directory).expect_err("it opened");
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("panicked"), "{text}");
    (error, text)
}

async fn made(directory: &Path) {
    let engine = open(directory);
    run(&engine, put("a", "v")).await.unwrap();
    engine.close().await;
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() { copy(&entry.path(), &target) } else { drop(fs::copy(entry.path(), target)) }
    }
}

#[tokio::test]
async fn an_absent_directory_is_made_for_its_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("new");
    made(&directory).await;
    let mut pending = vec![directory];
    while let Some(path) = pending.pop() {
        let metadata = fs::metadata(&path).unwrap();
        let private = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o777, private, "{}", path.display());
        if metadata.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

#[tokio::test]
async fn the_root_of_a_fresh_file_system_counts_as_empty() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("lost+found")).unwrap();
    made(directory.path()).await;
}

#[test]
fn what_is_not_ours_is_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(matches!(refusal(&file).0, OpenError::NotADirectory(_)));
    assert!(matches!(refusal(directory.path()).0, OpenError::Foreign { found, .. } if found == "file"));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was left there");
    assert!(matches!(refusal(&file.join("below")).0, OpenError::Io { .. }));
}

#[tokio::test]
async fn a_second_opening_is_refused_and_does_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    assert!(matches!(refusal(directory.path()).0, OpenError::InUse(_)));
    run(&engine, put("a", "v")).await.unwrap();
    engine.close().await;
    open(directory.path()).close().await;
}

#[tokio::test]
async fn a_database_that_should_be_there_is_never_replaced_by_an_empty_one() {
    let whole = tempfile::tempdir().unwrap();
    made(whole.path()).await;
    let spoilt: [Spoiling; 5] = [
        ("sled gone", |sled| fs::remove_dir_all(sled).unwrap()),
        ("sled empty", |sled| {
            fs::remove_dir_all(sled).unwrap();
            fs::create_dir(sled).unwrap();
        }),
        ("conf gone", |sled| fs::remove_file(sled.join("conf")).unwrap()),
        ("db gone", |sled| fs::remove_file(sled.join("db")).unwrap()),
        ("db empty", |sled| fs::write(sled.join("db"), "").unwrap()),
    ];
    for (what, spoil) in spoilt {
        let directory = tempfile::tempdir().unwrap();
        copy(whole.path(), directory.path());
        spoil(&directory.path().join("sled"));
        let (error, text) = refusal(directory.path());
        assert!(matches!(error, OpenError::DatabaseMissing { .. }), "{what}: {text}");
        refusal(directory.path());
    }
}

#[tokio::test]
async fn an_identity_file_that_is_gone_damaged_or_of_another_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    made(directory.path()).await;
    let file = directory.path().join("countersign.store");
    let whole = fs::read(&file).unwrap();

    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&file, flipped).unwrap();
        assert!(matches!(refusal(directory.path()).0, OpenError::IdentityDamaged { .. }), "byte {at}");
        fs::write(&file, &whole[..at]).unwrap();
        assert!(matches!(refusal(directory.path()).0, OpenError::IdentityDamaged { .. }), "cut at {at}");
    }

    for format in [1, 4] {
        let other = format!(r#"{{"format":{format},"something":"else"}}"#);
        fs::write(&file, format!("{other}\n{:08x}\n", crc32fast::hash(other.as_bytes()))).unwrap();
        match refusal(directory.path()).0 {
            OpenError::EarlierFormat { found: 1, known: 2, .. } | OpenError::LaterFormat { found: 4, known: 3, .. } => {}
            error => panic!("format {format}: {error}"),
        }
    }

    fs::remove_file(&file).unwrap();
    assert!(matches!(refusal(directory.path()).0, OpenError::IdentityMissing(_)));

    fs::write(&file, whole).unwrap();
    open(directory.path()).close().await;
}

#[tokio::test]
async fn the_database_of_another_store_or_an_older_copy_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    made(directory.path()).await;
    let sled = directory.path().join("sled");
    let older = tempfile::tempdir().unwrap();
    copy(&sled, older.path());
    made(directory.path()).await;
    assert_eq!(commits(directory.path()), 3);
    fs::remove_dir_all(&sled).unwrap();
    copy(older.path(), &sled);
    assert!(matches!(refusal(directory.path()).0, OpenError::Behind { expected: 3, found: 2, .. }));

    let other = tempfile::tempdir().unwrap();
    let mut options = options(other.path());
    options.fresh_id = StoreId::from_bytes([8; 16]);
    open_with(&options).unwrap().0.close().await;
    fs::remove_dir_all(&sled).unwrap();
    copy(&other.path().join("sled"), &sled);
    assert!(matches!(refusal(directory.path()).0, OpenError::OtherStore { expected: ID, .. }));
}

#[tokio::test]
async fn a_creation_that_was_cut_off_anywhere_is_begun_anew() {
    let whole = tempfile::tempdir().unwrap();
    open(whole.path()).close().await;
    let cut: [Spoiling; 5] = [
        ("before its marker", |directory| {
            fs::remove_file(directory.join("countersign.store")).unwrap();
            fs::remove_dir_all(directory.join("sled")).unwrap();
        }),
        ("in its marker", |directory| {
            fs::remove_file(directory.join("countersign.store")).unwrap();
            fs::write(directory.join("countersign.store.creating"), "{").unwrap();
            fs::remove_dir_all(directory.join("sled")).unwrap();
        }),
        ("before the database", |directory| {
            unfinish(directory);
            fs::remove_dir_all(directory.join("sled")).unwrap();
            fs::create_dir(directory.join("sled")).unwrap();
        }),
        ("in the database", |directory| {
            unfinish(directory);
            fs::write(directory.join("sled/db"), "half").unwrap();
        }),
        ("before the last step", unfinish),
    ];
    for (when, cut) in cut {
        let directory = tempfile::tempdir().unwrap();
        copy(whole.path(), directory.path());
        cut(directory.path());
        made(directory.path()).await;
        let engine = open(directory.path());
        assert_eq!(text(view(&engine), "a").as_deref(), Some("v"), "{when}");
        engine.close().await;
    }
}

fn unfinish(directory: &Path) {
    fs::rename(directory.join("countersign.store"), directory.join("countersign.store.creating")).unwrap();
}

#[tokio::test]
async fn an_opening_that_takes_too_long_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { patience: Duration::ZERO, ..options(directory.path()) };
    let error = crate::store::sled::open(options, std::sync::Arc::default()).await.err().unwrap();
    let text = error.to_string();
    assert!(matches!(error, OpenError::TooSlow { .. }) && text.contains("did not open within"), "{text}");
    assert!(!text.contains("restore"), "{text}");
}

#[tokio::test]
async fn an_opening_has_time_for_every_file_that_it_reads() {
    let directory = tempfile::tempdir().unwrap();
    made(directory.path()).await;
    let sled = directory.path().join("sled");
    assert!(fs::metadata(sled.join("db")).unwrap().len() < 1 << 20, "which gives it no second");
    fs::File::create(sled.join("other")).unwrap().set_len(60 << 20).unwrap();
    let hurried = Options { patience: Duration::ZERO, ..options(directory.path()) };
    let (store, _) = crate::store::sled::open(hurried, Arc::default()).await.unwrap();
    store.close().await;

    let before = bytes_of_databases(directory.path());
    // A large value lies in a file of its own, and an upgrade leaves a second database.
    for (place, bytes) in [("sled/blobs/large", 7 << 20), ("sled.format-3/db", 5 << 20)] {
        let path = directory.path().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().set_len(bytes).unwrap();
    }
    assert_eq!(bytes_of_databases(directory.path()) - before, 12 << 20);
    assert_eq!(bytes_of_databases(&directory.path().join("none")), 0);
}

#[tokio::test]
async fn what_sled_never_finished_is_removed_at_the_end_too() {
    let directory = tempfile::tempdir().unwrap();
    made(directory.path()).await;
    let unfinished = directory.path().join("sled/snap.00000000000FFFFF.generating");
    fs::write(&unfinished, "").unwrap();
    let (held, _) = Directory::enter(directory.path()).unwrap();
    shorten_next_opening(&held, 1 << 20);
    drop(held);
    assert!(!unfinished.exists(), "as at any other opening");
    let engine = open(directory.path());
    assert_eq!(text(view(&engine), "a").as_deref(), Some("v"));
    engine.close().await;
}

#[tokio::test]
async fn what_sled_never_finished_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    made(directory.path()).await;
    let unfinished = directory.path().join("sled/snap.00000000000FFFFF.generating");
    for content in ["", "half"] {
        fs::write(&unfinished, content).unwrap();
        open(directory.path()).close().await;
        assert!(!unfinished.exists());
    }
}

#[tokio::test]
async fn a_record_that_is_not_the_one_that_was_written_is_noticed() {
    type Tampering = (&'static str, fn(&::sled::Db));
    let spoilt: [Tampering; 3] = [
        ("changed", |db| drop(db.insert("a", "w").unwrap())),
        ("gone", |db| drop(db.remove("a").unwrap())),
        ("too many", |db| drop(db.insert("b", "v").unwrap())),
    ];
    for (what, spoil) in spoilt {
        let directory = tempfile::tempdir().unwrap();
        made(directory.path()).await;
        let path = directory.path().join("sled");
        let db = ::sled::Config::new().path(&path).flush_every_ms(None).open().unwrap();
        spoil(&db);
        drop(db);
        crate::store::sled::database::wait_for_release(&path);
        let (error, text) = refusal(directory.path());
        assert!(matches!(error, OpenError::Damaged { .. }) && text.contains("not the ones that were written"), "{what}: {text}");
    }
}

/// What a later version may write. The format of the directory refuses that before, and still nothing is guessed.
#[tokio::test]
async fn a_record_with_something_unknown_is_refused_in_one_sentence() {
    let known = [[0x08, 1, 0x1a, 16].as_slice(), &[7; 16], &[0x28, 1]].concat();
    let value = |version: u8, message: &[u8]| [[version, 0x40].as_slice(), message].concat();
    let cases = [
        (value(2, &known), None),
        (value(3, &known), Some("Revocation: is of version 3")),
        (value(2, &[&known[..], &[0x48, 1]].concat()), Some("Revocation: holds something that this version does not know")),
        (value(2, &[0x08, 1, 0x28, 1]), Some("Revocation: what is missing")),
    ];
    for (value, refused) in cases {
        let directory = tempfile::tempdir().unwrap();
        let engine = open(directory.path());
        let key = [[0x40].as_slice(), &1_u64.to_be_bytes()].concat();
        run(&engine, |tx| {
            tx.put(key, value);
            tx.keep();
        })
        .await
        .unwrap();
        engine.close().await;
        let opened = SledEngine::open(&options(directory.path()), Arc::default(), revocations);
        let said = opened.err().map(|error| error.to_string());
        let expected = refused.map(|what| {
            let database = directory.path().join("sled");
            let detail = format!("a stored record cannot be read: {what}");
            OpenError::Damaged { path: database, detail }.to_string()
        });
        assert_eq!(said, expected);
    }
}
