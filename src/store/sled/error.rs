//! Why a store does not open: one sentence each, which says what to do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::trouble;
use crate::model::ids::StoreId;

/// Why a data directory cannot be served from. Nothing in it was changed, unless the text says otherwise; a start ends with
/// this text and exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path is a file.
    #[error("the data directory {} is not a directory: name another one", .0.display())]
    NotADirectory(PathBuf),
    /// The operating system refused something: permissions, a read-only file system, too many open files.
    #[error("cannot {action} {}: {source}; check its owner, its permissions and its disk", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// There is no room.
    #[error("cannot {action} {}, because the file system mounted at {} is full ({source}): make room there and start again; nothing is lost", path.display(), mounted.display())]
    Full {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Where the full file system is mounted.
        mounted: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It did not open in any reasonable time.
    #[error("the database in {} did not open within {}: see to its disk and to the limits of this process, and start again; nothing is lost", path.display(), minutes(within))]
    TooSlow {
        /// The database.
        path: PathBuf,
        /// How long it was waited for.
        within: Duration,
    },
    /// Opening it ended without an outcome, by a mistake of ours.
    #[error("opening the data directory {} broke off: start again, and report it if that does not help", .0.display())]
    BrokenOff(PathBuf),
    /// Something else lives there.
    #[error("the data directory {} is not empty and holds no store of countersign (there is {found:?}): name an empty or a new one", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The name of something in it.
        found: String,
    },
    /// Another process has it open.
    #[error("the data directory {} is in use by another process: stop that one first, or name another directory", .0.display())]
    InUse(PathBuf),
    /// The database is there, and the file that says whose it is is not.
    #[error("{} is missing although there is a database beside it: put the file back, or restore the whole data directory from a backup", .0.display())]
    IdentityMissing(PathBuf),
    /// The identity file cannot be read.
    #[error("{} is damaged ({detail}): restore the whole data directory from a backup", path.display())]
    IdentityDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The identity file promises a database that is not there.
    #[error("the database in {} is missing or empty ({detail}), though it was there before: put it back, or restore the whole data directory from a backup; it is not replaced by an empty one", path.display())]
    DatabaseMissing {
        /// Where it should be.
        path: PathBuf,
        /// What is missing.
        detail: String,
    },
    /// Database and identity file are of two stores.
    #[error("the database in {} is of the store {found}, but the data directory is of the store {expected}: put back the one that belongs here", path.display())]
    OtherStore {
        /// The database.
        path: PathBuf,
        /// The id in the identity file.
        expected: StoreId,
        /// The id in the database.
        found: StoreId,
    },
    /// The database is behind what the identity file says was durable.
    #[error("the database in {} ends at commit {found}, but commit {expected} was durable: it is an older copy, or damaged; put the right one back, or restore the whole data directory from a backup", path.display())]
    Behind {
        /// The database.
        path: PathBuf,
        /// The commit the identity file knows of.
        expected: u64,
        /// The last commit in the database.
        found: u64,
    },
    /// Written by a later version.
    #[error("the data directory {} has format {found}, and this version reads up to {known}: run a later version of countersign", path.display())]
    LaterFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The highest format this version knows.
        known: u32,
    },
    /// Written by an earlier version, in a format that was never released.
    #[error("the data directory {} has format {found}, which only development versions wrote, and this version reads from {known} on: start with a new data directory", path.display())]
    EarlierFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The earliest format this version reads.
        known: u32,
    },
    /// A directory of an earlier format could not be brought to the present one. The old store is as it was.
    #[error("the database in {} could not be upgraded from format {from} to {to} ({detail}): make sure of room for a second one beside it and start again; it is as it was", path.display())]
    Upgrade {
        /// The database.
        path: PathBuf,
        /// Its format.
        from: u32,
        /// The format of this version.
        to: u32,
        /// What went wrong.
        detail: String,
    },
    /// The database does not read back as it was written.
    #[error("the database in {} is damaged ({detail}): restore the whole data directory from a backup", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

impl OpenError {
    /// What the operating system refused, when `action`, a verb, was tried with `path`, which is in the data directory. Where there
    /// is no room it names the file system.
    pub(crate) fn of_io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        if trouble::is_full(&source) {
            let mounted = trouble::file_system(&path);
            Self::Full { action, path, mounted, source }
        } else {
            Self::Io { action, path, source }
        }
    }
}

fn minutes(within: &Duration) -> String {
    match within.as_secs().div_ceil(60) {
        _ if within.as_secs() < 60 => format!("{} s", within.as_secs()),
        1 => "a minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

/// Names what was tried, and with what, in an error of the operating system.
pub(super) trait Trying<T> {
    /// `action` reads as in "cannot `action` `path`".
    fn trying(self, action: &'static str, path: &Path) -> Result<T, OpenError>;
}

impl<T, E: Into<std::io::Error>> Trying<T> for Result<T, E> {
    fn trying(self, action: &'static str, path: &Path) -> Result<T, OpenError> {
        self.map_err(|source| OpenError::of_io(action, path, source.into()))
    }
}
