//! Every fixture opens, and everything its manifest names is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::model::audit::Action;
use countersign::store::{Lane, Revocations, Store, audit_digest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::describe::describe;
use crate::fill::{PASSWORD, open_store};
use crate::manifest::Manifest;
use crate::rig::{Rig, one_time_code, reason};

/// A fixture, unpacked.
pub(crate) struct Fixture {
    /// `format-2/plain` and so on.
    pub(crate) name: String,
    pub(crate) manifest: Manifest,
    directory: TempDir,
}

impl Fixture {
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

/// The fixtures of every format.
pub(crate) fn fixtures() -> Vec<Fixture> {
    let mut formats: Vec<_> = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    formats.retain(|name| root().join(name).is_dir());
    formats.sort();
    let mut found = Vec::new();
    for format in formats {
        for kind in ["plain", "sealed"] {
            let name = format!("{}/{kind}", format.display());
            let fixture = Fixture { manifest: manifest(&name), directory: tempfile::tempdir().unwrap(), name };
            unpack_into(&fixture, fixture.directory.path());
            found.push(fixture);
        }
    }
    assert!(found.len() >= 2, "the fixtures were not found");
    found
}

/// Those of one format.
pub(crate) fn fixtures_of(format: u64) -> Vec<Fixture> {
    fixtures().into_iter().filter(|fixture| fixture.name.starts_with(&format!("format-{format}/"))).collect()
}

/// What a fixture holds.
pub(crate) fn manifest(name: &str) -> Manifest {
    serde_json::from_str(&fs::read_to_string(root().join(format!("{name}.json"))).unwrap()).unwrap()
}

/// Puts a fixture, as it was written, into `data` of a directory.
pub(crate) fn unpack_into(fixture: &Fixture, directory: &Path) {
    let archive = root().join(format!("{}.tar.gz", fixture.name));
    let mut tar = Command::new("tar");
    tar.args(["--no-same-owner", "-xzf"]).arg(archive).arg("-C").arg(directory);
    assert!(tar.status().unwrap().success());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_a_fixture_is_there_when_it_is_opened() {
    for fixture in fixtures() {
        // Once more as well: what the first opening wrote is read by the second.
        for _ in 0..2 {
            let (store, revocations) = open_store(&fixture.data()).await;
            assert_kept(&*store, &revocations, &fixture.manifest, &fixture.name).await;
            store.close().await;
        }
    }
}

/// Holds a store to what the manifest says of it, and its audit log to its chain.
pub(crate) async fn assert_kept(store: &dyn Store, revocations: &Revocations, manifest: &Manifest, name: &str) {
    let mut found = describe(store, revocations, &manifest.catalogue, manifest.now()).await;
    let mut expected = manifest.state.clone();
    let (found_audit, expected_audit) = (found["audit"].take(), expected["audit"].take());
    for (part, was) in expected.as_object().unwrap() {
        assert_eq!(&found[part], was, "{name}: {part}");
    }
    let (found_audit, expected_audit) = (found_audit.as_array().unwrap(), expected_audit.as_array().unwrap());
    assert_eq!(&found_audit[..expected_audit.len()], expected_audit, "{name}: audit");
    let told: Vec<_> = found_audit[expected_audit.len()..].iter().map(|event| event[4].clone()).collect();
    let upgraded = |digest: &Value| json!(["store_upgraded", "2", "3", expected_audit.len().to_string(), digest]);
    match told.as_slice() {
        [] => assert!(!name.starts_with("format-2"), "{name}: no event tells of the upgrade"),
        [one] if name.starts_with("format-2") => assert_eq!(one, &upgraded(&one[4]), "{name}: audit"),
        _ => panic!("{name}: {told:?}"),
    }

    let mut previous = [0; 32];
    for (event, sequence) in store.audit_events(Lane::Only, 1, u32::MAX).await.unwrap().iter().zip(1..) {
        assert_eq!((event.sequence, event.previous), (sequence, previous), "{name}: the audit chain is broken");
        previous = audit_digest(event);
    }
}

/// Whoever holds the log as it was exported before an upgrade can hold it against the one that there is now.
#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_an_upgrade_holds_the_end_of_the_chain_before_it() {
    for fixture in fixtures_of(2) {
        // The last field of format 2's last record is the digest of its last event.
        let before = tempfile::tempdir().unwrap();
        unpack_into(&fixture, before.path());
        let db = sled::Config::new().path(before.path().join("data/sled")).flush_every_ms(None).open().unwrap();
        let tip = db.get(b"\0tip").unwrap().unwrap();
        let ended: [u8; 32] = *tip.last_chunk().unwrap();
        let (store, _) = open_store(&fixture.data()).await;
        let events = store.audit_events(Lane::Only, 1, u32::MAX).await.unwrap();
        let last = events.last().unwrap();
        let expected = Action::StoreUpgraded { from: 2, to: 3, last: last.sequence - 1, digest: ended };
        assert_eq!(last.action, expected, "{}", fixture.name);
        assert_ne!(last.previous, ended, "{}: it is chained anew", fixture.name);
        store.close().await;
    }
}

/// By the server itself, at the moment when the directory was closed.
#[tokio::test(flavor = "multi_thread")]
async fn what_clients_held_works_on_a_fixture_and_what_was_revoked_stays_so() {
    for fixture in fixtures() {
        let Manifest { kek, secrets, .. } = &fixture.manifest;
        let rig = Rig::start(&fixture.data(), kek.as_deref(), fixture.manifest.now()).await;
        let name = &fixture.name;

        for (username, password) in &secrets.passwords {
            let login = rig.log_in(username, password, "").await;
            match username.as_str() {
                "dan" => assert_eq!(reason(login), "INVALID_CREDENTIALS", "{name}: dan is disabled"),
                "carol" => assert_eq!(reason(login), "OTP_REQUIRED", "{name}: carol has one-time codes"),
                _ => assert!(login.is_ok(), "{name}: {username}: {login:?}"),
            }
        }
        let admin = rig.log_in("admin", &secrets.passwords["admin"], "").await.unwrap();

        assert!(rig.active(&admin, &secrets.access).await, "{name}: an access token");
        assert!(!rig.active(&admin, &secrets.revoked_access).await, "{name}: a revoked access token");
        rig.exchange(&secrets.key).await.unwrap();
        rig.exchange(&secrets.rotated_key).await.unwrap();
        assert_eq!(reason(rig.exchange(&secrets.revoked_key).await), "INVALID_CREDENTIALS", "{name}");
        rig.redeem(&secrets.link).await.unwrap();
        for dead in [&secrets.link, &secrets.redeemed_link, &secrets.revoked_link] {
            assert_eq!(reason(rig.redeem(dead).await), "LINK_INVALID", "{name}");
        }

        // The step at which codes were turned on is spent, the next one is not; a recovery code counts once.
        let spent = one_time_code(&secrets.codes, fixture.manifest.now());
        assert_eq!(reason(rig.log_in("carol", PASSWORD, &spent).await), "OTP_REQUIRED", "{name}");
        let code = one_time_code(&secrets.codes, fixture.manifest.now().plus(std::time::Duration::from_secs(30)));
        rig.log_in("carol", PASSWORD, &code).await.unwrap();
        rig.log_in("carol", PASSWORD, &secrets.recovery[0]).await.unwrap();
        assert_eq!(reason(rig.log_in("carol", PASSWORD, &secrets.recovery[0]).await), "OTP_REQUIRED", "{name}");

        let refreshed = rig.refresh(&secrets.refresh).await.unwrap();
        assert_eq!(reason(rig.refresh(&secrets.rotated_refresh).await), "REFRESH_REUSED", "{name}");
        assert_eq!(reason(rig.refresh(&refreshed.refresh_token).await), "SESSION_REVOKED", "{name}");
        rig.stop().await;
    }
}
