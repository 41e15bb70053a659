//! The writer: the one thread that changes the database, a group at a time.
//!
//! It takes the verbs that are queued, runs them one after another, applies what they changed in one atomic batch, passes the
//! barrier, hands the revocations on, and only then answers, the losing and unchanged verbs as well. A group that changed
//! nothing needs no barrier of its own: all that it saw went through the barrier of the group before it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::Shared;
use super::barrier::Barrier;
use super::crowd::gather;
use super::database::{Database, OTHERS, panic_text, shorten_next_opening, wait_for_release};
use super::directory::Directory;
use super::identity::Identity;
use super::pace::Pace;
use super::recount::{Counted, Recount};
use super::tip::Tip;
use super::trouble;
use crate::model::revocation::Revocation;
use crate::store::kv::engine::Job;
use crate::store::kv::tx::{Committed, Group};
use crate::store::{Lane, Revocations, StoreError};

/// How often the identity file is updated with the state of the store, while there are commits.
const IDENTITY_INTERVAL: Duration = Duration::from_mins(1);

/// Records that are counted at once while verbs may wait: a page or two, which takes microseconds.
const RECOUNT_STEP: usize = 16;

/// After this many changed records, closing does some of the next opening's work.
const CLOSING_WORK_THRESHOLD: usize = 2000;

/// Everything that is the writer's alone.
pub(super) struct Writer {
    pub(super) database: Database,
    pub(super) directory: Directory,
    pub(super) identity: Identity,
    pub(super) barrier: Barrier,
    pub(super) tip: Tip,
    /// The records changed since the store was opened.
    pub(super) changed: usize,
    /// The count of the records, while it is under way.
    pub(super) recount: Option<Recount>,
    /// Of that count.
    pub(super) pace: Pace,
    /// Bytes of records that are kept in memory.
    pub(super) cache: u64,
    pub(super) group: usize,
    pub(super) revocations: Arc<Revocations>,
    pub(super) shared: Arc<Shared>,
    /// Where the callers' tasks run, if the store was opened there.
    pub(super) runtime: Option<Handle>,
}

impl Writer {
    /// Commits until the queue is closed and empty, then closes the store; or until a commit fails.
    pub(super) fn run(mut self, queue: &Receiver<Box<dyn Job>>) {
        let mut recorded = Instant::now();
        let mut crowd = 0;
        while let Some(first) = self.next(queue) {
            // Who comes while the group runs still joins it.
            let jobs = gather(first, queue, crowd, self.group).into_iter().chain(queue.try_iter()).take(self.group);
            self.shared.busy.begin();
            match self.commit(jobs) {
                Ok(size) => crowd = size,
                Err(reason) => return self.fail(&reason),
            }
            if recorded.elapsed() >= IDENTITY_INTERVAL {
                recorded = Instant::now();
                if let Err(error) = self.record() {
                    tracing::warn!(%error, "the store's identity file was not updated; it stays as it was");
                }
            }
            self.shared.busy.end();
        }
        let failed = self.shared.failure.borrow().clone();
        match failed {
            Some(reason) => self.fail(&reason),
            None => self.close(),
        }
    }

    /// Waits for the next verb, and counts records meanwhile; `None` where none can come, or the count came out wrong.
    fn next(&mut self, queue: &Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        while let Some(recount) = &mut self.recount {
            let begun = Instant::now();
            let outcome = match recount.step(&self.database, self.tip.tally, RECOUNT_STEP) {
                Ok(Counted::Partly) => Ok(()),
                Ok(Counted::Right) => {
                    self.recount = None;
                    Ok(())
                }
                Ok(Counted::Wrong) => Err(OTHERS.to_owned()),
                Err(error) => Err(trouble::in_words(&error.to_string())),
            };
            if let Err(reason) = outcome {
                let reason = format!("it is damaged ({reason}); restore the whole data directory from a backup");
                self.shared.fail(&reason);
                return None;
            }
            let Some(rest) = self.pace.rest(begun, Instant::now()) else { continue };
            match queue.recv_timeout(rest) {
                Ok(job) => {
                    self.pace.called(Instant::now());
                    return Some(job);
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        queue.recv().ok()
    }

    /// Runs one group and answers it; says how many verbs it had. Fails with the reason where the group may or may not be durable.
    fn commit(&mut self, jobs: impl Iterator<Item = Box<dyn Job>>) -> Result<usize, String> {
        let mut ran = Vec::new();
        let committed = catch_unwind(AssertUnwindSafe(|| self.make_durable(jobs, &mut ran)));
        let outcome = committed.unwrap_or_else(|panic| Err(self.told(&panic_text(panic.as_ref()))));
        match outcome {
            Ok(revocations) => {
                if self.revocations.revision() != self.tip.head.revision {
                    self.revocations.extend(Lane::Only, &revocations, self.tip.head.revision);
                }
                self.shared.durable(&self.tip.head);
                let size = ran.len();
                self.answer(ran);
                Ok(size)
            }
            Err(reason) => {
                // First, so that whoever gets this answer finds the store unhealthy.
                self.shared.fail(&reason);
                drop(Answers { ran, outcome: Err(StoreError::Unavailable(reason.clone())) });
                Err(reason)
            }
        }
    }

    fn make_durable(
        &mut self,
        jobs: impl Iterator<Item = Box<dyn Job>>,
        ran: &mut Vec<Box<dyn Job>>,
    ) -> Result<Vec<Revocation>, String> {
        let mut group = Group::new(&self.database, Lane::Only, self.tip.head.clone());
        for mut job in jobs {
            group.run(&mut *job);
            ran.push(job);
        }
        let Committed { changes, head, revocations } = group.finish().map_err(|error| error.to_string())?;
        if changes.is_empty() && head == self.tip.head {
            return Ok(Vec::new());
        }
        let mut tip = Tip { head, ..self.tip.clone() };
        self.database
            .apply(&changes, &mut tip, self.recount.as_mut())
            .map_err(|error| format!("a change could not be written: {}", self.told(&error)))?;
        let passed = self.barrier.pass();
        passed.map_err(|error| format!("a change could not be made durable: {}", self.told(&error)))?;
        self.tip = tip;
        self.changed += changes.len();
        Ok(revocations)
    }

    /// Answers a group that is durable. A crowd is answered from one task of the runtime: from here each answer could wake a worker
    /// of its own, and each response would be written to its socket by itself.
    fn answer(&self, ran: Vec<Box<dyn Job>>) {
        let answers = Answers { ran, outcome: Ok(()) };
        if let (Some(runtime), true) = (&self.runtime, answers.ran.len() > 1) {
            runtime.spawn(async move { drop(answers) });
        }
    }

    /// What went wrong, as a part of a sentence.
    fn told(&self, error: &dyn std::fmt::Display) -> String {
        trouble::using(&self.directory.database(), &error.to_string())
    }

    fn record(&mut self) -> Result<(), super::OpenError> {
        self.identity = self.identity.at(&self.tip);
        self.directory.record(&self.identity)
    }

    /// Nothing is written any more, and what sled would write when it is dropped is not either: after a failed fsync nobody
    /// knows what is on the medium. The locks stay with the process.
    fn fail(self, reason: &str) {
        tracing::error!(reason, "the store failed and answers nothing any more");
        std::mem::forget(self.database.clone());
        std::mem::forget(self.directory);
        self.shared.view.close();
        self.shared.closed.send_replace(true);
        // The queue goes next: whoever waits in it finds the reply gone, which is unavailable too.
    }

    fn close(mut self) {
        self.shared.view.close();
        let path = self.directory.database();
        let database = self.database.clone();
        let closed = catch_unwind(AssertUnwindSafe(|| {
            self.barrier.pass().map_err(|error| trouble::in_words(&error.to_string()))?;
            self.record().map_err(|error| error.to_string())
        }));
        if let Err(reason) = closed.unwrap_or_else(|panic| Err(trouble::in_words(&panic_text(panic.as_ref())))) {
            tracing::error!(reason, "the store was not closed cleanly; everything answered is durable");
        }
        let much = self.changed >= CLOSING_WORK_THRESHOLD;
        let Self { database: last, barrier, directory, shared, cache, .. } = self;
        // sled flushes when it is dropped, and panics where it cannot.
        drop(catch_unwind(AssertUnwindSafe(|| drop((barrier, database, last)))));
        wait_for_release(&path);
        if much {
            shorten_next_opening(&directory, cache);
        }
        drop(directory);
        shared.closed.send_replace(true);
    }
}

/// The answers of a group, given when this is dropped, wherever that is.
struct Answers {
    ran: Vec<Box<dyn Job>>,
    outcome: Result<(), StoreError>,
}

impl Drop for Answers {
    fn drop(&mut self) {
        for job in self.ran.drain(..) {
            job.answer(self.outcome.clone());
        }
    }
}
