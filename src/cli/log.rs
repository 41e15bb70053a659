//! The log of `serve`. Whoever writes a line never waits for it.
//!
//! Lines go through a queue of [`QUEUE_LINES`] to a thread that writes them to standard error. Where nobody reads, the disk
//! is full or the other end is gone, lines are lost and the work goes on. Lost lines are counted, and the next line that gets
//! through says how many they were.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::mem::ManuallyDrop;
use std::os::fd::AsFd as _;
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use crate::edge::request_id::Fields;

/// Lines that may wait to be written.
const QUEUE_LINES: usize = 4096;
/// How long the end waits for the last lines.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(1);
/// Stands for no line: the writer answers when it gets here.
const MARK: &[u8] = b"\0";

/// The log of this process.
pub(super) struct Log {
    lines: NonBlocking,
    marks: Mutex<Receiver<()>>,
    filter: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>,
    /// Never dropped: it would write to standard output where the queue is full.
    _worker: ManuallyDrop<WorkerGuard>,
}

impl Log {
    /// Begins to log what `filter` lets through, panics too.
    ///
    /// # Errors
    /// Standard error cannot be used at all.
    pub(super) fn begin(filter: &str) -> io::Result<Self> {
        let stderr = io::stderr();
        let colours = stderr.is_terminal();
        let (marked, marks) = sync_channel(1);
        let dropped = Arc::new(OnceLock::new());
        let out = Lines {
            out: File::from(stderr.as_fd().try_clone_to_owned()?),
            dropped: Arc::clone(&dropped),
            failed: 0,
            told: 0,
            marked,
        };
        let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE_LINES).thread_name("log");
        let (lines, worker) = builder.finish(out);
        dropped.get_or_init(|| lines.error_counter());
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .fmt_fields(Fields::default())
            .with_writer(lines.clone())
            .with_ansi(colours)
            .log_internal_errors(false)
            .with_filter_reloading();
        let handle = subscriber.reload_handle();
        // A subscriber that is there already, in a test, may stay.
        let _ = subscriber.try_init();
        panic::set_hook(Box::new(log_panic));
        Ok(Self {
            lines,
            marks: Mutex::new(marks),
            filter: Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string())),
            _worker: ManuallyDrop::new(worker),
        })
    }

    /// Lets through what `filter` says from now on.
    pub(super) fn filter(&self, filter: &str) {
        match (self.filter)(EnvFilter::new(filter)) {
            Ok(()) => tracing::info!(filter, "the log follows its setting"),
            Err(error) => tracing::error!(error, "the log cannot be changed"),
        }
    }

    /// Waits until what was logged is written, for a second at the most.
    pub(super) fn finish(&self) {
        let mut lines = self.lines.clone();
        let before = lines.error_counter().dropped_lines();
        if lines.write_all(MARK).is_ok() && lines.error_counter().dropped_lines() == before {
            let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = marks.recv_timeout(LAST_LINES_TIMEOUT);
        }
    }
}

/// A panic is a line of the log like any other. The default would write to standard error by itself, and wait for it.
fn log_panic(panic: &panic::PanicHookInfo<'_>) {
    let said = panic.payload_as_str().unwrap_or("(no text)").split_whitespace().collect::<Vec<_>>().join(" ");
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(thread = thread::current().name(), location, said, "a thread panicked");
}

/// What the log's thread writes to. It never fails: what cannot be written is lost, and counted.
struct Lines<W> {
    out: W,
    /// Of the queue, when it was full.
    dropped: Arc<OnceLock<ErrorCounter>>,
    failed: usize,
    /// How many lost lines were told already.
    told: usize,
    marked: SyncSender<()>,
}

impl<W: Write> Lines<W> {
    /// Says how many lines were lost since that was last said.
    fn tell_lost(&mut self) -> io::Result<()> {
        let lost = self.failed.saturating_add(self.dropped.get().map_or(0, ErrorCounter::dropped_lines));
        let new = lost.saturating_sub(self.told);
        if new > 0 {
            let mut time = String::new();
            let _ = SystemTime.format_time(&mut Writer::new(&mut time));
            writeln!(self.out, "{time}  WARN countersign: {new} lines of the log were lost, because they could not be written")?;
            self.told = lost;
        }
        Ok(())
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let told = self.tell_lost();
        if line == MARK {
            let _ = self.marked.try_send(());
        } else if told.and_then(|()| self.out.write_all(line)).is_err() {
            self.failed = self.failed.saturating_add(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that is full for so many writes.
    struct Full(usize, Vec<u8>);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 > 0 {
                self.0 -= 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lost_lines_are_counted_and_told_once() {
        let (marked, marks) = sync_channel(1);
        let mut lines = Lines { out: Full(2, Vec::new()), dropped: Arc::default(), failed: 0, told: 0, marked };
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            lines.write_all(line.as_bytes()).unwrap();
        }
        lines.write_all(MARK).unwrap();
        marks.try_recv().unwrap();
        let text = String::from_utf8(lines.out.1).unwrap();
        let mut said = text.lines();
        assert!(said.next().unwrap().contains("2 lines of the log were lost"), "{text}");
        assert_eq!(said.collect::<Vec<_>>(), ["three", "four"]);
    }
}
