//! Writes the fixture of the present format: not a test, and passes at once where nothing asks for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::model::random::{Random, SystemRandom};

use crate::describe::describe;
use crate::fill::{fill, open_store};
use crate::manifest::Manifest;

/// Names the directory under which `format-N/` is written.
const INTO: &str = "COUNTERSIGN_WRITE_FIXTURE";

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "how the tests are told to write a fixture")]
async fn writes_the_fixture_of_the_present_format() {
    let Ok(into) = std::env::var(INTO) else { return };
    let key: [u8; 32] = (&SystemRandom as &dyn Random).bytes();
    for (name, kek) in [("plain", None), ("sealed", Some(STANDARD.encode(key)))] {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        let (catalogue, secrets, now) = fill(&data, kek.as_deref()).await;
        let (store, revocations) = open_store(&data).await;
        let state = describe(&*store, &revocations, &catalogue, now).await;
        store.close().await;
        let told: BTreeSet<_> =
            state["audit"].as_array().unwrap().iter().map(|event| event[4][0].as_str().unwrap().to_owned()).collect();
        assert!(told.len() >= 38, "not every action is in it: {told:?}");

        let directory = Path::new(&into).join(format!("format-{}", format_of(&data)));
        fs::create_dir_all(&directory).unwrap();
        pack(scratch.path(), &directory.join(format!("{name}.tar.gz")));
        let manifest = Manifest { now: now.micros(), kek, secrets, catalogue, state };
        let text = serde_json::to_string_pretty(&manifest).unwrap() + "\n";
        fs::write(directory.join(format!("{name}.json")), text).unwrap();
    }
}

/// The format that the identity file of a data directory names.
pub(crate) fn format_of(data: &Path) -> u64 {
    let text = fs::read_to_string(data.join("countersign.store")).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    line["format"].as_u64().unwrap()
}

/// The directory `data` of `parent`, as one file.
fn pack(parent: &Path, into: &PathBuf) {
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "-czf"]).arg(into).arg("-C").arg(parent).arg("data");
    assert!(tar.status().unwrap().success());
}
