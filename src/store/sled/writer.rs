//! The writer: the one thread that changes the database, a group at a time.
//!
//! It takes the verbs that are queued, runs them one after another, applies what they changed in one atomic batch, passes the
//! barrier, hands the revocations on, and only then answers, the losing and unchanged verbs as well. A group that changed
//! nothing needs no barrier of its own: all that it saw went through the barrier of the group before it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::Shared;
use super::barrier::Barrier;
use super::database::{Database, Tip, panic_text};
use super::directory::Directory;
use super::identity::Identity;
use crate::model::revocation::Revocation;
use crate::store::embedded::engine::{Job, Reply};
use crate::store::embedded::tx::Group;
use crate::store::{Revocations, StoreError};

/// How often the identity file learns how far the store has come, while there are commits.
const RECORD_EVERY: Duration = Duration::from_mins(1);

/// Everything that is the writer's alone.
pub(super) struct Writer {
    pub(super) database: Database,
    pub(super) directory: Directory,
    pub(super) identity: Identity,
    pub(super) barrier: Barrier,
    pub(super) tip: Tip,
    pub(super) group: usize,
    pub(super) revocations: Arc<Revocations>,
    pub(super) shared: Arc<Shared>,
}

impl Writer {
    /// Commits until the queue is closed and empty, then closes the store; or until a commit fails.
    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        let mut recorded = Instant::now();
        while let Ok(first) = queue.recv() {
            let jobs = std::iter::once(first).chain(queue.try_iter()).take(self.group);
            self.shared.busy.begin();
            if let Err(reason) = self.commit(jobs) {
                return self.fail(&reason);
            }
            if recorded.elapsed() >= RECORD_EVERY {
                recorded = Instant::now();
                if let Err(error) = self.record() {
                    tracing::warn!(%error, "the store's identity file was not updated; it stays as it was");
                }
            }
            self.shared.busy.end();
        }
        self.close();
    }

    /// Runs one group and answers it. Fails with the reason where the group may or may not be durable.
    fn commit(&mut self, jobs: impl Iterator<Item = Job>) -> Result<(), String> {
        let mut replies = Vec::new();
        let committed = catch_unwind(AssertUnwindSafe(|| self.make_durable(jobs, &mut replies)));
        let outcome = committed.unwrap_or_else(|panic| Err(panic_text(panic.as_ref())));
        match outcome {
            Ok(revocations) => {
                if self.revocations.revision() != self.tip.head.revision {
                    self.revocations.extend(&revocations, self.tip.head.revision);
                }
                self.shared.durable(&self.tip.head);
                answer(replies, &Ok(()));
                Ok(())
            }
            Err(reason) => {
                // First, so that whoever gets this answer finds the store unhealthy.
                self.shared.fail(&reason);
                answer(replies, &Err(StoreError::Unavailable(reason.clone())));
                Err(reason)
            }
        }
    }

    fn make_durable(&mut self, jobs: impl Iterator<Item = Job>, replies: &mut Vec<Reply>) -> Result<Vec<Revocation>, String> {
        let mut group = Group::new(&self.database, self.tip.head.clone());
        for job in jobs {
            replies.push(group.run(job));
        }
        if group.changes().is_empty() && *group.head() == self.tip.head {
            return Ok(Vec::new());
        }
        let mut tip = Tip { head: group.head().clone(), ..self.tip.clone() };
        self.database.apply(group.changes(), &mut tip).map_err(|error| format!("a change could not be written: {error}"))?;
        self.barrier.pass(self.database.sled()).map_err(|error| format!("a change could not be made durable: {error}"))?;
        let revocations = group.revocations().to_vec();
        self.tip = tip;
        Ok(revocations)
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
            self.barrier.pass(self.database.sled()).map_err(|error| error.to_string())?;
            self.record().map_err(|error| error.to_string())
        }));
        if let Err(reason) = closed.unwrap_or_else(|panic| Err(panic_text(panic.as_ref()))) {
            tracing::error!(reason, "the store was not closed cleanly; everything answered is durable");
        }
        let Self { database: last, directory, shared, .. } = self;
        // sled flushes when it is dropped, and panics where it cannot.
        drop(catch_unwind(AssertUnwindSafe(|| drop((database, last)))));
        super::database::wait_for_release(&path);
        drop(directory);
        shared.closed.send_replace(true);
    }
}

fn answer(replies: Vec<Reply>, outcome: &Result<(), StoreError>) {
    for reply in replies {
        reply(outcome.clone());
    }
}
