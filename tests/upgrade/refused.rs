//! What is not upgraded: each refusal is one sentence, and the directory stays as it was.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use countersign::model::ids::StoreId;
use countersign::store::sled::{OpenError, Options, open};

use crate::driver::assert_opens;
use crate::kept::fixtures_of;
use crate::write::format_of;

async fn refusal(data: &Path) -> (OpenError, String) {
    let options = Options::new(data.to_owned(), StoreId::from_bytes([0; 16]));
    let error = open(options, Arc::default()).await.err().expect("it opened");
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("panicked"), "{text}");
    (error, text)
}

fn write_identity(data: &Path, line: &str) {
    fs::write(data.join("countersign.store"), format!("{line}\n{:08x}\n", crc32fast::hash(line.as_bytes()))).unwrap();
}

fn identity(data: &Path) -> String {
    fs::read_to_string(data.join("countersign.store")).unwrap().lines().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_format_that_is_too_late_or_too_early_is_one_sentence() {
    let fixture = fixtures_of(2).swap_remove(0);
    let whole = identity(&fixture.data());
    for (format, says) in [(4, "run a later version of countersign"), (1, "start with a new data directory")] {
        write_identity(&fixture.data(), &whole.replace("\"format\":2", &format!("\"format\":{format}")));
        let (_, text) = refusal(&fixture.data()).await;
        assert!(text.contains(&format!("has format {format}")) && text.ends_with(says), "{text}");
    }
    write_identity(&fixture.data(), &whole);
    assert_opens(&fixture.name, &fixture.data(), "once the file is back");
}

/// An older copy, another store's, one with a record changed: the checks of any opening come before the upgrade.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_the_one_that_was_written_is_not_upgraded() {
    let [plain, sealed] = fixtures_of(2).try_into().ok().unwrap();
    let (data, whole) = (plain.data(), identity(&plain.data()));
    let commits: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let commits = commits["commits"].as_u64().unwrap();
    write_identity(&data, &whole.replace(&format!("\"commits\":{commits}"), &format!("\"commits\":{}", commits + 1)));
    assert!(matches!(refusal(&data).await.0, OpenError::Behind { .. }));
    write_identity(&data, &identity(&sealed.data()));
    assert!(matches!(refusal(&data).await.0, OpenError::OtherStore { .. }));
    write_identity(&data, &whole);

    let sled = data.join("sled");
    let db = sled::Config::new().path(&sled).flush_every_ms(None).open().unwrap();
    // An account's password hash, one of its bytes.
    let with_password = |(key, value): (sled::IVec, sled::IVec)| {
        let at = value.iter().position(|byte| *byte == b'$')?;
        Some((key, [&value[..at], b"%", &value[at + 1..]].concat()))
    };
    let (key, changed) = db.scan_prefix([0x10]).map(Result::unwrap).find_map(with_password).unwrap();
    db.insert(&key, changed).unwrap();
    drop(db);
    let (error, text) = refusal_once_released(&data).await;
    assert!(matches!(error, OpenError::Damaged { .. }) && text.contains("not the ones that were written"), "{text}");
    assert_eq!(format_of(&data), 2);
    assert!(!data.join("sled.format-3").exists());
}

/// sled's own threads hold its lock for a moment after the last handle is dropped.
async fn refusal_once_released(data: &Path) -> (OpenError, String) {
    loop {
        let (error, text) = refusal(data).await;
        if !matches!(error, OpenError::InUse(_)) && !text.contains("could not acquire lock") {
            return (error, text);
        }
    }
}

/// Where the directory of the new database is of a format that this version does not know, it is another version's to finish.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_a_later_version_began_is_left_alone() {
    let fixture = fixtures_of(2).swap_remove(0);
    assert_opens(&fixture.name, &fixture.data(), "first");
    let begun = fixture.data().join("sled.format-4");
    fs::create_dir(&begun).unwrap();
    assert_opens(&fixture.name, &fixture.data(), "with a later upgrade begun");
    assert!(begun.exists());
}
