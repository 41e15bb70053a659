//! The data directory: what is in it, who holds it, and how a store comes into being there.
//!
//! ```text
//! countersign.store           the identity file; its appearance under this name completes a creation
//! countersign.store.creating  the same, while a creation is under way
//! countersign.store.new       the same, while it is being replaced
//! countersign.lock            locked by the process that has the store open
//! sled/                       the database
//! sled.format-3/              the database that an upgrade to format 3 builds; see `upgrade`
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::FORMAT;
use super::error::{OpenError, Trying};
use super::identity::Identity;

const STORE: &str = "countersign.store";
const CREATING: &str = "countersign.store.creating";
const SCRATCH: &str = "countersign.store.new";
const LOCK: &str = "countersign.lock";
const DATABASE: &str = "sled";

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;

/// What a data directory holds.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing: a store may be made.
    Nothing,
    /// A creation that never completed, so that nothing was ever answered from it: it may be begun anew.
    Unfinished,
    /// A store.
    Store(Identity),
}

/// A data directory that this process holds, until it is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Enters a data directory, making it where it is absent, and says what is there. A foreign one is refused untouched.
    pub(super) fn enter(path: &Path) -> Result<(Self, Found), OpenError> {
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_dir() => return Err(OpenError::NotADirectory(path.to_owned())),
            Ok(_) => {
                survey(path)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => make_private(path)?,
            Err(error) => return Err(error).trying("look at", path),
        }
        let lock = lock(path)?;
        let found = survey(path)?;
        Ok((Self { path: path.to_owned(), _lock: lock }, found))
    }

    /// Where the database is.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Makes sure that sled finds what it left, before it may change anything.
    ///
    /// A snapshot that its process was killed over is removed: sled would take it for the newest one, and the one before it is
    /// there until it is whole. Every file is read once. sled takes a piece that it cannot read for the torn end of its log and
    /// overwrites it, so that a disk that fails for a moment would cost what was on it.
    pub(super) fn prepare(&self) -> Result<(), OpenError> {
        for path in files(&self.database())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                fs::remove_file(&path).trying("clear", &path)?;
            } else {
                read_through(&path).trying("read", &path)?;
            }
        }
        Ok(())
    }

    /// Checks that the database an identity file promises can be there at all, before sled would make an empty one.
    pub(super) fn expect_database(&self) -> Result<(), OpenError> {
        for (name, least) in [("conf", 9), ("db", 1)] {
            let path = self.database().join(name);
            let missing = |detail: String| OpenError::DatabaseMissing { path: self.database(), detail };
            match fs::metadata(&path) {
                Ok(metadata) if metadata.len() < least => return Err(missing(format!("its file {name:?} is empty"))),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    return Err(missing(format!("there is no file {name:?}")));
                }
                Err(error) => return Err(error).trying("look at", &path),
            }
        }
        Ok(())
    }

    /// Begins a creation: from here to [`Self::finish_creation`] the directory is recognised as an unfinished one. Clears away
    /// what an earlier creation left.
    pub(super) fn begin_creation(&self, identity: &Identity) -> Result<(), OpenError> {
        let marker = self.path.join(CREATING);
        identity.write(&marker).trying("write", &marker)?;
        sync_directory(&self.path)?;
        let database = self.database();
        remove(&database)?;
        make_private(&database)
    }

    /// Completes a creation, when everything else is durable.
    pub(super) fn finish_creation(&self) -> Result<(), OpenError> {
        let store = self.path.join(STORE);
        fs::rename(self.path.join(CREATING), &store).trying("write", &store)?;
        sync_directory(&self.path)
    }

    /// Replaces the identity file. Durable when it returns.
    pub(super) fn record(&self, identity: &Identity) -> Result<(), OpenError> {
        let store = self.path.join(STORE);
        identity.replace(&store, &self.path.join(SCRATCH)).trying("write", &store)
    }
}

/// An upgrade to the present format; see `upgrade` for the order of its steps.
impl Directory {
    /// Clears away what an earlier upgrade left, and makes the place for the new database.
    pub(super) fn begin_upgrade(&self) -> Result<PathBuf, OpenError> {
        let upgraded = self.upgraded();
        remove(&upgraded)?;
        make_private(&upgraded)?;
        Ok(upgraded)
    }

    /// Takes the place away again, before the identity file says otherwise.
    pub(super) fn abandon_upgrade(&self) {
        if let Err(error) = remove(&self.upgraded()) {
            tracing::warn!(%error, "what an upgrade left is removed at the next start");
        }
    }

    /// Puts the new database in the old one's place. Only where the identity file is of the present format: the new database is whole
    /// then, and the old one is what it was made from.
    pub(super) fn finish_upgrade(&self) -> Result<(), OpenError> {
        let (upgraded, database) = (self.upgraded(), self.database());
        if !fs::exists(&upgraded).trying("look at", &upgraded)? {
            return Ok(());
        }
        remove(&database)?;
        sync_directory(&self.path)?;
        fs::rename(&upgraded, &database).trying("write", &database)?;
        sync_directory(&self.path)
    }

    fn upgraded(&self) -> PathBuf {
        self.path.join(format!("{DATABASE}.format-{FORMAT}"))
    }
}

/// Removes a directory, if it is there.
fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).trying("clear", path),
        _ => Ok(()),
    }
}

/// How much an opening has to read: every file of the database, and of another that an upgrade left there. What cannot be looked at
/// counts nothing. Blocks.
pub(super) fn bytes_of_databases(path: &Path) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let databases = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(DATABASE));
    let files = databases.flat_map(|database| files(&database.path()).unwrap_or_default());
    files.map(|file| fs::metadata(file).map_or(0, |file| file.len())).sum()
}

/// Whether a directory holds a store that was made whole. Where that cannot be told, opening it says why.
#[must_use]
pub fn is_store(path: &Path) -> bool {
    fs::exists(path.join(STORE)).unwrap_or(true)
}

/// Looks at what is there, changing nothing.
fn survey(path: &Path) -> Result<Found, OpenError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).trying("read", path)? {
        names.push(entry.trying("read", path)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let has = |name: &str| names.iter().any(|found| found == name);
    if has(STORE) {
        return Identity::read(&path.join(STORE)).map(Found::Store);
    }
    if has(CREATING) {
        return Ok(Found::Unfinished);
    }
    if has(DATABASE) {
        return Err(OpenError::IdentityMissing(path.join(STORE)));
    }
    // A file system made for the data has `lost+found` in it; the lock is ours.
    match names.into_iter().find(|name| name != LOCK && name != "lost+found") {
        Some(found) => Err(OpenError::Foreign { path: path.to_owned(), found }),
        None => Ok(Found::Nothing),
    }
}

/// The files of a database, those in its directories too; none where it is not there.
fn files(database: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let entries = match fs::read_dir(database) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        entries => entries.trying("read", database)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.trying("read", database)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}

/// Reads a file to its end.
fn read_through(path: &Path) -> std::io::Result<()> {
    let file = File::open(path)?;
    let mut piece = vec![0; READ_BYTES];
    let mut at = 0;
    loop {
        match file.read_at(&mut piece, at)? {
            0 => return Ok(()),
            read => at += read as u64,
        }
    }
}

/// Takes the lock, which goes with the process.
fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK);
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).trying("open", &path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(directory.to_owned())),
        Err(error) => Err(error).trying("lock", &path),
    }
}

/// Makes a directory that only its owner can enter, and its entry durable.
fn make_private(path: &Path) -> Result<(), OpenError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).trying("make", path)?;
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync_directory(Path::new(".")),
        Some(parent) => sync_directory(parent),
        None => Ok(()),
    }
}

fn sync_directory(path: &Path) -> Result<(), OpenError> {
    File::open(path).and_then(|directory| directory.sync_all()).trying("write", path)
}
