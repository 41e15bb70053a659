//! The identity file: which store a data directory is, and how far it had come.
//!
//! sled opens *empty* where its files were lost, and drops the end of its log where that is damaged. This small file beside it,
//! replaced whole and fsynced, knows better: a database of another store, or one that ends before what this file says was
//! durable, is refused.
//!
//! **Shape**: one line of JSON, a newline, and the CRC-32 of that line as eight hexadecimal digits and a newline.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::FORMAT;
use super::error::{OpenError, Trying};
use super::tip::Tip;
use crate::model::ids::StoreId;

/// The earliest format that is brought to the present one. What came before was never released.
const EARLIEST: u32 = 2;

/// What the file says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The format of the data directory.
    pub(super) format: u32,
    /// The store's id, in the database too.
    #[serde(with = "as_text")]
    pub(super) store: StoreId,
    /// So many commits were durable when this was written; all there are, where the store was closed after it.
    pub(super) commits: u64,
    /// The revision that was durable; for people.
    pub(super) revision: i64,
}

/// What every format has: enough to tell that a file is of a later one.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

impl Identity {
    /// The identity of a store that was just made.
    pub(super) fn fresh(store: StoreId) -> Self {
        Self { format: FORMAT, store, commits: 0, revision: 0 }
    }

    /// The same store at `tip`.
    pub(super) fn at(&self, tip: &Tip) -> Self {
        Self { commits: tip.commits, revision: tip.head.revision, ..*self }
    }

    /// Reads the file at `path`.
    pub(super) fn read(path: &Path) -> Result<Self, OpenError> {
        let bytes = fs::read(path).trying("read", path)?;
        Self::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, OpenError> {
        let damaged = |detail: String| OpenError::IdentityDamaged { path: path.to_owned(), detail };
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text".to_owned()))?;
        let (line, checksum) = text.split_once('\n').ok_or_else(|| damaged("it is cut short".to_owned()))?;
        if checksum != checksum_of(line) {
            return Err(damaged("its checksum is wrong".to_owned()));
        }
        let unreadable = |error: serde_json::Error| damaged(error.to_string());
        let AnyFormat { format } = serde_json::from_str(line).map_err(unreadable)?;
        if format > FORMAT {
            let path = path.parent().unwrap_or(path).to_owned();
            return Err(OpenError::LaterFormat { path, found: format, known: FORMAT });
        }
        if format < EARLIEST {
            let path = path.parent().unwrap_or(path).to_owned();
            return Err(OpenError::EarlierFormat { path, found: format, known: EARLIEST });
        }
        serde_json::from_str(line).map_err(unreadable)
    }

    /// Makes `path` this file, whole or not at all, by way of `scratch` in the same directory. Durable when it returns.
    pub(super) fn replace(&self, path: &Path, scratch: &Path) -> std::io::Result<()> {
        self.write(scratch)?;
        fs::rename(scratch, path)?;
        File::open(path.parent().unwrap_or(path))?.sync_all()
    }

    /// Writes and fsyncs the file, mode 0600; its directory entry is the caller's.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        let line = serde_json::to_string(self)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(format!("{line}\n{}", checksum_of(&line)).as_bytes())?;
        file.sync_all()
    }
}

fn checksum_of(line: &str) -> String {
    format!("{:08x}\n", crc32fast::hash(line.as_bytes()))
}

/// A store id as people read it.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::StoreId;

    pub(super) fn serialize<S: Serializer>(id: &StoreId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StoreId, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}
