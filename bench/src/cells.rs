//! The cheapest durable conditional write on the crates that the service's store stands on: one thread, sled, one barrier for
//! all who wait. What the store's verbs are held against.
//!
//! The barrier is `flush()` and an fdatasync of sled's file, as it must be: `flush()` alone does not commit the file's size.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Writes that share a barrier at the most.
const GROUP: usize = 1024;
/// A group of so many was a crowd, and more of it are on their way: one barrier for all of them is the cheaper way.
const CROWD: usize = 8;
/// How often the writer looks whether more of a crowd have come.
const LOOK: Duration = Duration::from_micros(500);
/// How long it waits for a crowd at the most.
const LINGER: Duration = Duration::from_millis(2);

/// Numbers in a database of their own.
#[derive(Debug)]
pub(crate) struct Cells(Sender<Raise>);

#[derive(Debug)]
struct Raise {
    cell: u32,
    answer: oneshot::Sender<io::Result<u64>>,
}

struct Writer {
    database: sled::Db,
    /// A handle of our own on sled's file.
    file: File,
    /// Where the callers' tasks run.
    runtime: Handle,
}

impl Cells {
    /// Makes them in a new directory. Blocks; must be called within a runtime.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let database = sled::Config::new().path(directory).cache_capacity(64 << 20).open()?;
        database.flush()?;
        let file = File::open(directory.join("db"))?;
        rustix::fs::syncfs(&file)?;
        let writer = Writer { database, file, runtime: Handle::current() };
        let (raises, queue) = channel();
        thread::Builder::new().name("cells".to_owned()).spawn(move || writer.run(&queue))?;
        Ok(Self(raises))
    }

    /// Raises a cell by one unless it is at its end; answers what it is then. Atomic; durable when it returns.
    ///
    /// # Errors
    /// What the system says of the write or of its barrier.
    pub(crate) async fn raise(&self, cell: u32) -> io::Result<u64> {
        let gone = || io::Error::other("the writer is gone");
        let (answer, answered) = oneshot::channel();
        self.0.send(Raise { cell, answer }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Writer {
    fn run(self, queue: &Receiver<Raise>) {
        let mut last = 0;
        while let Ok(first) = queue.recv() {
            let raises = gather(first, queue, last);
            last = raises.len();
            let written = self.write(&raises);
            // From a task: from here each answer could wake a worker of its own.
            self.runtime.spawn(async move {
                match written {
                    Ok(values) => {
                        for (raise, value) in raises.into_iter().zip(values) {
                            // Who no longer waits for the answer does not need it.
                            let _ = raise.answer.send(Ok(value));
                        }
                    }
                    Err(error) => raises.into_iter().for_each(|raise| {
                        let _ = raise.answer.send(Err(io::Error::new(error.kind(), error.to_string())));
                    }),
                }
            });
        }
    }

    /// Applies a group in one batch and makes it durable; answers what each cell is then.
    fn write(&self, raises: &[Raise]) -> io::Result<Vec<u64>> {
        let mut changed = HashMap::new();
        let mut values = Vec::with_capacity(raises.len());
        for Raise { cell, .. } in raises {
            let before = match changed.get(cell) {
                Some(value) => *value,
                None => self.database.get(key(*cell))?.map_or(0, |value| value.as_ref().try_into().map_or(0, u64::from_be_bytes)),
            };
            let after = before.saturating_add(1);
            changed.insert(*cell, after);
            values.push(after);
        }
        let mut batch = sled::Batch::default();
        for (cell, value) in changed {
            batch.insert(&key(cell), &value.to_be_bytes());
        }
        self.database.apply_batch(batch)?;
        self.database.flush()?;
        self.file.sync_data()?;
        Ok(values)
    }
}

fn key(cell: u32) -> [u8; 8] {
    let [a, b, c, d] = cell.to_be_bytes();
    [b'c', b'e', b'l', b'l', a, b, c, d]
}

/// The next group, after one of `last`. Who calls alone waits for nobody.
fn gather(first: Raise, queue: &Receiver<Raise>, last: usize) -> Vec<Raise> {
    let mut raises = vec![first];
    let begun = Instant::now();
    while last >= CROWD && raises.len() < GROUP && begun.elapsed() < LINGER {
        thread::sleep(LOOK);
        let before = raises.len();
        raises.extend(queue.try_iter().take(GROUP - before));
        if raises.len() == before {
            break;
        }
    }
    raises.extend(queue.try_iter().take(GROUP - raises.len()));
    raises
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn each_call_raises_its_cell_by_one_and_what_was_answered_is_there_after() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cells");
        let cells = Arc::new(Cells::open(&path).unwrap());
        for expected in 1..=3 {
            assert_eq!(cells.raise(7).await.unwrap(), expected);
        }
        let raise = |cells: Arc<Cells>| tokio::spawn(async move { cells.raise(8).await.unwrap() });
        let many: Vec<_> = (0..100).map(|_| raise(Arc::clone(&cells))).collect();
        let mut raised = Vec::new();
        for one in many {
            raised.push(one.await.unwrap());
        }
        raised.sort_unstable();
        assert_eq!(raised, (1..=100).collect::<Vec<_>>());
        assert_eq!(cells.raise(7).await.unwrap(), 4);
    }
}
