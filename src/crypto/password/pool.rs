//! The hash pool: threads of its own, at a lower scheduling priority, each with its argon2 memory allocated once. A short, fair
//! queue with deadlines feeds them, and they yield to other calls. Owns the threads and this promise: a flood of logins takes
//! bounded memory, slows only password checks, and cannot starve those who signed in recently.

mod job;
mod part;

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use self::job::{Job, Reply, Work};
use self::part::Part;
use super::hash::{HashError, HashParams, Hasher};
pub use super::queue::Lane;
use super::queue::{FairQueue, Pushed};
use crate::model::name::Folded;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::traffic::Traffic;

/// How a pool is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// How many threads; at least one is started.
    pub threads: usize,
    /// The nice value of the threads, 0 to 19; a higher value leaves more of the machine to other work. The first of several
    /// threads keeps the nice value of the process.
    pub nice: i32,
    /// What new hashes cost.
    pub params: HashParams,
    /// How many may wait. One source may have all places if nobody else waits.
    pub capacity: usize,
}

impl Default for PoolConfig {
    /// One thread for each core, nice 10, 19 MiB twice, 512 waiting.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { threads, nice: 10, params: HashParams::default(), capacity: 512 }
    }
}

/// Who asks, and how long they wait for the answer.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The name that was presented.
    pub name: Folded,
    /// Where from. IPv6 sources count by their /64.
    pub source: IpAddr,
    /// Which queue it waits in.
    pub lane: Lane,
    /// How long the caller waits, from now.
    pub deadline: Duration,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Right {
        /// A new hash of it would be stronger: store one.
        needs_rehash: bool,
    },
    /// The password is wrong, or there is no such account.
    Wrong,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// Too many wait.
    #[error("too many password checks are waiting")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// The ticket's deadline passed.
    #[error("the deadline passed before the password was checked")]
    DeadlinePassed,
    /// The pool has been stopped.
    #[error("the password checks have been stopped")]
    Stopped,
    /// The stored hash cannot be checked.
    #[error(transparent)]
    StoredHash(#[from] HashError),
}

/// What the pool is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Jobs that wait.
    pub waiting: usize,
    /// Jobs that are being computed.
    pub running: usize,
    /// Jobs that were computed since the start.
    pub done: u64,
}

/// The threads and their queue.
pub struct HashPool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for HashPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashPool(..)")
    }
}

impl HashPool {
    /// Starts the threads. If there are several, the last one rests while `traffic` rises. The first one takes at most about
    /// three tenths of a core while others want that core too.
    ///
    /// # Errors
    /// The operating system's error, if it cannot start a thread.
    pub fn start(config: PoolConfig, random: Arc<dyn Random>, traffic: &Traffic) -> std::io::Result<Self> {
        let threads = config.threads.max(1);
        let queue = FairQueue::new(config.capacity.max(1));
        let shared = Arc::new(Shared {
            state: Mutex::new(State { queue, stopping: false, running: 0, done: 0, swept: Instant::now() }),
            wake: Condvar::new(),
            wake_courteous: Condvar::new(),
            micros: AtomicU64::new(15_000),
            threads,
            params: config.params,
            random,
        });
        let pool = Self { shared, threads: Mutex::new(Vec::with_capacity(threads)) };
        for number in 0..threads {
            let shared = Arc::clone(&pool.shared);
            let thread = std::thread::Builder::new().name(format!("hash-{number}"));
            let part = Part::of(number, threads, traffic);
            let handle = thread.spawn(move || work(&shared, config.nice, part))?;
            lock(&pool.threads).push(handle);
        }
        Ok(pool)
    }

    /// Checks a password against a stored hash of any known form. Without one (`phc: None`, there is no such account) it takes
    /// as long as a check of one of our hashes and answers [`Verdict::Wrong`].
    ///
    /// Dropping the future gives up the place in the queue. A check that has begun runs to its end.
    ///
    /// # Errors
    /// - [`PoolError::Overloaded`] - no room, or displaced by one with a better claim.
    /// - [`PoolError::DeadlinePassed`] - not answered within `ticket.deadline`.
    /// - [`PoolError::StoredHash`] - the hash is damaged or out of bounds; as dear as a check.
    /// - [`PoolError::Stopped`] - the pool has been stopped.
    ///
    /// # Security
    /// Compared in constant time. The time that a hash from elsewhere takes differs from our own; it is upgraded at the first
    /// right password.
    pub async fn verify(&self, ticket: Ticket, password: Secret, phc: Option<String>) -> Result<Verdict, PoolError> {
        self.run(ticket, |reply| Work::Verify { password, phc, reply }).await
    }

    /// Hashes a new password: argon2id in PHC form, about 97 characters.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), but for [`PoolError::StoredHash`].
    pub async fn hash(&self, ticket: Ticket, password: Secret) -> Result<String, PoolError> {
        self.run(ticket, |reply| Work::Hash { password, reply }).await
    }

    /// What the pool is doing now.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        let state = lock(&self.shared.state);
        PoolStats { waiting: state.queue.len(), running: state.running, done: state.done }
    }

    /// Refuses the jobs that wait, lets running ones finish, and joins the threads. Blocks for up to the length of a hash.
    /// Idempotent.
    pub fn stop(&self) {
        {
            let mut state = lock(&self.shared.state);
            state.stopping = true;
            state.queue.retain(|_| false);
        }
        self.shared.wake.notify_all();
        self.shared.wake_courteous.notify_all();
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            // A panic in a job is caught; one outside has been printed by then.
            let _ = thread.join();
        }
    }

    async fn run<T>(&self, ticket: Ticket, work: impl FnOnce(Reply<T>) -> Work) -> Result<T, PoolError> {
        let (reply, answer) = oneshot::channel();
        let wait = ticket.deadline;
        self.shared.enqueue(ticket, work(reply))?;
        match tokio::time::timeout(wait, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(PoolError::Stopped),
            Err(_) => Err(PoolError::DeadlinePassed),
        }
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// For the two threads that rest at times. If a resting thread were woken instead of another one, nobody might take the
    /// job.
    wake_courteous: Condvar,
    /// How long a job takes, in microseconds: a moving average.
    micros: AtomicU64,
    threads: usize,
    params: HashParams,
    random: Arc<dyn Random>,
}

struct State {
    queue: FairQueue<Job>,
    stopping: bool,
    running: usize,
    done: u64,
    /// When dead jobs were last looked for.
    swept: Instant,
}

impl Shared {
    fn enqueue(&self, ticket: Ticket, work: Work) -> Result<(), PoolError> {
        let now = Instant::now();
        let job = Job { work, deadline: now.checked_add(ticket.deadline).unwrap_or(now) };
        let displaced = {
            let mut state = lock(&self.state);
            if state.stopping {
                return Err(PoolError::Stopped);
            }
            // Jobs whose caller gave up make room first. Looking for them at every push of a flood would cost more than it
            // gains.
            if state.queue.is_full() && now.duration_since(state.swept) > Duration::from_millis(10) {
                state.swept = now;
                state.queue.retain(|job| job.is_wanted(now));
            }
            match state.queue.push(ticket.lane, ticket.source, ticket.name, job) {
                Pushed::Admitted => None,
                Pushed::Displaced(job) => Some(job),
                Pushed::Refused(_) => return Err(self.overloaded(state.queue.len())),
            }
        };
        self.wake.notify_one();
        self.wake_courteous.notify_all();
        if let Some(job) = displaced {
            job.work.refuse(self.overloaded(lock(&self.state).queue.len()));
        }
        Ok(())
    }

    /// How long until the jobs that wait now will be done, between 1 and 30 s.
    fn overloaded(&self, waiting: usize) -> PoolError {
        let waiting = u64::try_from(waiting / self.threads).unwrap_or(u64::MAX);
        let wait = Duration::from_micros(waiting.saturating_mul(self.micros.load(Ordering::Relaxed)));
        PoolError::Overloaded { retry_after: wait.clamp(Duration::from_secs(1), Duration::from_secs(30)) }
    }

    /// The next job that can still be answered in time; `None` when the pool stops. Calls `idle` once before it sleeps.
    fn next(&self, part: &mut Part, mut idle: impl FnMut()) -> Option<Job> {
        let wake = if matches!(part, Part::Plain) { &self.wake } else { &self.wake_courteous };
        let mut wiped = false;
        let mut state = lock(&self.state);
        loop {
            if state.stopping {
                return None;
            }
            if !state.queue.is_empty()
                && let Some(left) = part.stands_back(Instant::now())
            {
                state = wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            match state.queue.pop() {
                Some(job) if job.is_wanted(Instant::now() + self.about_a_job()) => {
                    state.running += 1;
                    return Some(job);
                }
                Some(dead) => dead.work.refuse(PoolError::DeadlinePassed),
                None if !wiped => {
                    drop(state);
                    idle();
                    wiped = true;
                    state = lock(&self.state);
                }
                None => state = wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// How long a job takes, with a margin. A job that begins with less time than this left would be answered too late. It is
    /// bounded, because only jobs that are begun can show that jobs have become quicker.
    fn about_a_job(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed).saturating_mul(2)).min(Duration::from_millis(500))
    }

    fn finished(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let average = self.micros.load(Ordering::Relaxed);
        self.micros.store(average - average / 16 + took / 16, Ordering::Relaxed);
        let mut state = lock(&self.state);
        state.running -= 1;
        state.done += 1;
    }
}

/// What a thread does until the pool stops.
fn work(shared: &Shared, nice: i32, mut part: Part) {
    // On Linux this is the calling thread alone.
    if !matches!(part, Part::First(..))
        && let Err(error) = rustix::process::setpriority_process(None, nice)
    {
        tracing::warn!(%error, nice, "the hash threads keep their priority");
    }
    let mut hasher = Hasher::new(shared.params);
    while let Some(job) = shared.next(&mut part, || hasher.wipe()) {
        let (begun, cpu) = (Instant::now(), cpu_time());
        let outcome = catch_unwind(AssertUnwindSafe(|| job.work.run(&mut hasher, &*shared.random)));
        let now = Instant::now();
        part.worked(begun, now, cpu_time().saturating_sub(cpu));
        shared.finished(now.duration_since(begun));
        if let Ok(answer) = outcome {
            answer.send();
        } else {
            // The caller sees its answer's channel close; the memory is taken anew.
            tracing::error!("a password check panicked");
            hasher = Hasher::new(shared.params);
        }
    }
}

/// What this thread has had of a core.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
