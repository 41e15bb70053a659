//! The write barrier: what was applied before it is on the medium after it.
//!
//! sled's `flush()` ends in `sync_file_range`, which does not commit the size of the file (spacejam/sled#1452): a power cut
//! then takes whole segments that were reported flushed. So every barrier is `flush()` and an fdatasync of a handle of our own
//! on sled's file; and where the names in sled's directories changed, which sled never syncs, a `syncfs` as well.
//!
//! sled's own thread syncs the file too, from time to time, and only logs where that fails. The next barrier hears of it
//! nevertheless: since Linux 4.13 a write that failed is reported once to each open file.
//!
//! # Source
//! "Handling errors during writeback" in Linux's `Documentation/filesystems/vfs.rst`.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::flush::Flush;

/// Two changes of a directory within one tick of the kernel's clock can leave one modification time. Ticks are 1 to 10 ms.
const TICK: Duration = Duration::from_millis(20);

/// The barrier of one open database.
#[derive(Debug)]
pub(super) struct Barrier {
    flush: Flush,
    data: File,
    directory: File,
    watched: [PathBuf; 2],
    seen: Option<[Modified; 2]>,
    /// Since when the times in `seen` stand, while a change could still hide behind them.
    unsettled: Option<Instant>,
}

/// Seconds and nanoseconds.
type Modified = (i64, i64);

impl Barrier {
    /// Passes the first barrier of `db` in `directory`, a whole one with a `syncfs`: also what was there before, or
    /// was made by opening it, is durable when this returns. Blocks.
    pub(super) fn first(directory: &Path, db: ::sled::Db) -> io::Result<Self> {
        let mut barrier = Self {
            flush: Flush::new(db)?,
            data: File::open(directory.join("db"))?,
            directory: File::open(directory)?,
            watched: [directory.to_owned(), directory.join("blobs")],
            seen: None,
            unsettled: None,
        };
        barrier.pass()?;
        Ok(barrier)
    }

    /// Returns once everything applied to the database is durable. Blocks.
    pub(super) fn pass(&mut self) -> io::Result<()> {
        self.flush.pass()?;
        self.data.sync_data()?;
        if self.names_may_have_changed()? {
            rustix::fs::syncfs(&self.directory)?;
        }
        Ok(())
    }

    fn names_may_have_changed(&mut self) -> io::Result<bool> {
        let now = Instant::now();
        let [directory, blobs] = &self.watched;
        let found = Some([modified(directory)?, modified(blobs)?]);
        if self.seen != found {
            self.seen = found;
            self.unsettled = Some(now);
            return Ok(true);
        }
        let Some(since) = self.unsettled else { return Ok(false) };
        if now.duration_since(since) > TICK {
            self.unsettled = None;
        }
        Ok(true)
    }
}

fn modified(path: &Path) -> io::Result<Modified> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.mtime(), metadata.mtime_nsec()))
}
