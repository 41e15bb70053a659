//! Files that rot between a clean stop and the next start: the store refuses with a sentence, or nothing is lost.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::driver::{DONE, Driver, Order, REFUSED, check_store};

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Deleted,
    CutTo(u64),
    /// The lowest bit of the byte there.
    Flipped(u64),
}

#[test]
fn a_rotten_file_is_refused_or_does_no_harm() {
    let whole = tempfile::tempdir().unwrap();
    let end = Driver::start(Order::LoadAndClose, whole.path(), &[]).end();
    assert_eq!(end.status.code(), Some(DONE), "{}", end.last_words);
    let cases = cases(whole.path());
    assert!(cases.len() > 50, "{}", cases.len());
    let mut refused = 0;
    for (file, damage) in &cases {
        let directory = tempfile::tempdir().unwrap();
        copy(whole.path(), directory.path());
        inflict(&directory.path().join(file), *damage);
        let outcome = check_store(directory.path(), &end.answered);
        let what = format!("{} {damage:?}: {}", file.display(), outcome.last_words);
        for notation in ["panicked", "backtrace", "Err value", "Corruption", "None"] {
            assert!(!outcome.last_words.contains(notation), "{what}");
        }
        match outcome.status.code() {
            Some(DONE) => {}
            Some(REFUSED) => refused += 1,
            code => panic!("{code:?}, {what}"),
        }
    }
    println!("{refused} of {} damaged stores were refused, the others had lost nothing", cases.len());
}

fn cases(root: &Path) -> Vec<(PathBuf, Damage)> {
    let mut cases = Vec::new();
    for file in files(root, Path::new("")) {
        let length = fs::metadata(root.join(&file)).unwrap().len();
        let mut add = |damage| cases.push((file.clone(), damage));
        add(Damage::Deleted);
        for cut in [0, length / 2, length.saturating_sub(1)] {
            add(Damage::CutTo(cut));
        }
        // Spread over the file, and never at one place of a record of fixed length only.
        for n in 0..40.min(length) {
            add(Damage::Flipped(n * length / 40.min(length) + (n % 7).min(length / 80)));
        }
    }
    cases
}

fn files(root: &Path, below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() { found.extend(files(root, &path)) } else { found.push(path) }
    }
    found
}

fn inflict(path: &Path, damage: Damage) {
    match damage {
        Damage::Deleted => fs::remove_file(path).unwrap(),
        Damage::CutTo(length) => OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap(),
        Damage::Flipped(at) => {
            let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1], at).unwrap();
        }
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for file in files(from, Path::new("")) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(&file), target).unwrap();
    }
    // sled keeps an empty directory, too.
    fs::create_dir_all(to.join("sled/blobs")).unwrap();
}
