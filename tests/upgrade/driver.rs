//! A process that opens a fixture, so that it can be killed on the way.

use std::path::Path;
use std::process::{Command, Output};

use countersign::model::ids::StoreId;
use countersign::store::Revocations;
use countersign::store::sled::{Options, open};
use std::sync::Arc;

use crate::kept::{assert_kept, manifest};

/// The directory to open, and the manifest that it is held to.
const DIRECTORY: &str = "COUNTERSIGN_UPGRADE_DIRECTORY";
const FIXTURE: &str = "COUNTERSIGN_UPGRADE_FIXTURE";

/// The store does not open, and the last line on standard error says why.
pub(crate) const REFUSED: i32 = 11;

/// Not a test: the process's beginning. Passes at once where nothing was ordered.
#[test]
#[expect(clippy::disallowed_methods, reason = "how this program tells itself what to do")]
fn driver() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let fixture = std::env::var(FIXTURE).unwrap();
    let manifest = manifest(&fixture);
    let revocations = Arc::new(Revocations::default());
    let options = Options::new(directory.into(), StoreId::from_bytes([0; 16]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match open(options, Arc::clone(&revocations)).await {
            Ok((store, _)) => {
                assert_kept(&*store, &revocations, &manifest, &fixture).await;
                store.close().await;
            }
            Err(error) => {
                eprintln!("{error}");
                std::process::exit(REFUSED);
            }
        }
    });
}

/// Opens a directory that holds a fixture, and looks for everything in it, `under` another program where one is named.
pub(crate) fn command(fixture: &str, directory: &Path, under: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match under {
        [] => Command::new(&program),
        [outer, arguments @ ..] => {
            let mut command = Command::new(outer);
            command.args(arguments).arg(&program);
            command
        }
    };
    command.args(["--exact", "driver::driver", "--nocapture", "--test-threads=1"]);
    command.env(DIRECTORY, directory).env(FIXTURE, fixture);
    command
}

/// The same to its end, which must be a good one.
pub(crate) fn assert_opens(fixture: &str, directory: &Path, when: &str) {
    let output = command(fixture, directory, &[]).output().unwrap();
    assert!(output.status.success(), "{when}: {}", last_words(&output));
}

pub(crate) fn last_words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim_end().lines().last().unwrap_or_default().to_owned()
}
