//! What went wrong, in words: sled's errors and panics told apart and without the library's own way of writing them.
//!
//! A machine that is out of room, descriptors or memory, or refuses access, is no damage; only damage asks for a backup.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::error::OpenError;

/// The errors that say something of the machine and nothing of the files.
const OF_THE_MACHINE: [Errno; 16] = [
    Errno::ACCESS,
    Errno::AGAIN,
    Errno::DQUOT,
    Errno::FBIG,
    Errno::IO,
    Errno::MFILE,
    Errno::NFILE,
    Errno::NODEV,
    Errno::NOLCK,
    Errno::NOMEM,
    Errno::NOSPC,
    Errno::NXIO,
    Errno::PERM,
    Errno::ROFS,
    Errno::STALE,
    Errno::TIMEDOUT,
];

/// Why the database at `path` does not open, where the library said `text`.
pub(super) fn opening(path: &Path, text: &str) -> OpenError {
    if text.contains("could not acquire lock") {
        // Someone removed our lock file while a process had the store open; sled has a lock of its own.
        return OpenError::InUse(path.to_owned());
    }
    match of_the_machine(text) {
        Some(error) => OpenError::of_io("use", path, error),
        None => OpenError::Damaged { path: path.to_owned(), detail: in_words(text) },
    }
}

/// What went wrong with the store at `path` while it was in use, as a part of a sentence.
pub(super) fn using(path: &Path, text: &str) -> String {
    let words = in_words(text);
    match of_the_machine(text).filter(is_full).map(|_| file_system(path)) {
        Some(mounted) => format!("{words}: the file system mounted at {} is full", mounted.display()),
        None => words,
    }
}

/// What the library said, as a part of a sentence.
pub(super) fn in_words(text: &str) -> String {
    if let Some(error) = os_error(text) {
        return error.to_string();
    }
    if text.contains("corrupted data") || text.contains("Corruption") {
        return "it does not read back as it was written".to_owned();
    }
    // What a panic or `Debug` says is the library's own notation.
    if text.contains(['{', '`']) || text.contains("assertion") {
        tracing::debug!(said = text, "the database's library gave up");
        return "the database's library gave up on it".to_owned();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// True where there is no room on a file system, or in somebody's share of it.
pub(super) fn is_full(error: &io::Error) -> bool {
    [Errno::NOSPC, Errno::DQUOT].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Where the file system that `path` is on is mounted, as far as can be told.
pub(super) fn file_system(path: &Path) -> PathBuf {
    let there = |path: &Path| path.ancestors().find_map(|path| path.canonicalize().ok());
    let Some(path) = there(path).or_else(|| there(Path::new("."))) else { return path.to_owned() };
    let device = |path: &Path| path.metadata().ok().map(|metadata| metadata.dev());
    let own = device(&path);
    path.ancestors().take_while(|above| device(above) == own).last().unwrap_or(&path).to_owned()
}

fn of_the_machine(text: &str) -> Option<io::Error> {
    let error = os_error(text)?;
    OF_THE_MACHINE.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error())).then_some(error)
}

/// The operating system's error in a text, as `io::Error` writes it in either of its ways; sled keeps it as text alone.
fn os_error(text: &str) -> Option<io::Error> {
    let code = ["(os error ", "Os { code: "].iter().find_map(|mark| {
        let (_, rest) = text.split_once(mark)?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    })?;
    Some(io::Error::from_raw_os_error(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_troubles_are_told_from_damage() {
        let at = Path::new("/proc/self");
        for (text, part, damaged) in [
            ("IO error: No space left on device (os error 28)", "file system mounted at /proc is full", false),
            ("IO error: Os { code: 28, kind: StorageFull, message: \"No space left on device\" }", "No space left", false),
            (
                "called `Result::unwrap()` on an `Err` value: Io(Os { code: 5, kind: Uncategorized, message: \"Input/output error\" })",
                "Input/output error",
                false,
            ),
            ("IO error: Too many open files (os error 24)", "Too many open files", false),
            ("IO error: Permission denied (os error 13)", "Permission denied", false),
            ("IO error: No such file or directory (os error 2)", "restore", true),
            ("Read corrupted data at file offset None backtrace ()", "does not read back as it was written", true),
            ("called `Result::unwrap()` on an `Err` value: Corruption { at: None, bt: () }", "does not read back", true),
            ("called `Option::unwrap()` on a `None` value", "restore", true),
            ("IO error: Custom { kind: Other, error: \"x\" }", "restore", true),
        ] {
            let error = opening(at, text);
            let said = error.to_string();
            assert!(said.contains(part), "{text}: {said}");
            assert_eq!(said.contains("restore"), damaged, "{text}: {said}");
            assert_eq!(matches!(error, OpenError::Damaged { .. }), damaged, "{text}");
            for notation in ["{", "backtrace", "None", "Err", "()"] {
                assert!(!said.contains(notation), "{text}: {said}");
            }
        }
        assert!(matches!(opening(at, "IO error: could not acquire lock on \"db\": Os { code: 11 }"), OpenError::InUse(_)));
    }

    #[test]
    fn a_file_system_is_named_by_where_it_is_mounted() {
        assert_eq!(file_system(Path::new("/proc/self/none/there")), PathBuf::from("/proc"));
        assert_eq!(file_system(Path::new("/")), PathBuf::from("/"));
    }
}
