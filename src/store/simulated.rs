//! A store that is far away, simulated in memory, for tests: reads come late, commits lose against others at random, and several
//! lanes write at once. What holds here holds on a database that is shared by several nodes.
//!
//! It also finds verbs that are not pure: each is run twice over the same reads, and has to make the same of them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::kv::KvStore;
use super::kv::engine::{Engine, Fetch, Job, Reads};
use super::kv::head::Head;
use super::kv::late::{Fetched, Found, Wanted};
use super::kv::tx::{Committed, Group};
use super::verbs::StoreStatus;
use super::{Lane, Lanes, Result, Revocations, Store, StoreError};
use crate::model::ids::StoreId;

/// A lane takes at most so many verbs at once.
const MAX_GROUP: usize = 8;

/// A group is split in two after so many lost commits.
const CONFLICTS_BEFORE_SPLIT: u32 = 3;

/// How a simulated store behaves.
#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    /// Where its randomness begins.
    pub seed: u64,
    /// How many lanes write, at least one.
    pub lanes: u8,
    /// How many of a hundred commits lose for no reason.
    pub conflicts_percent: u32,
}

/// An empty store in memory that behaves like one that is far away. `revocations` are those of [`Lanes::Many`].
///
/// Keeps the contract of [`Store`] but for durability.
///
/// # Errors
/// The system's, where a lane can have no thread.
pub fn simulated(simulation: Simulation, revocations: Arc<Revocations>) -> std::io::Result<Arc<dyn Store>> {
    let shared = Arc::new(Shared { state: Mutex::default(), closed: AtomicBool::new(false), revocations });
    let mut random = StdRng::seed_from_u64(simulation.seed);
    let id = StoreId::from_bytes(random.random());
    let mut lanes = Vec::new();
    for number in 0..simulation.lanes.max(1) {
        let (queue, jobs) = mpsc::channel();
        let lane = Writer {
            lane: Lane::Numbered(number),
            random: StdRng::seed_from_u64(random.random()),
            conflicts_percent: simulation.conflicts_percent.min(90),
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new().name(format!("lane-{number}")).spawn(move || lane.run(&jobs))?;
        lanes.push((queue, thread));
    }
    let (lanes, threads) = lanes.into_iter().unzip();
    let engine = Simulated { id, queues: Mutex::new(Queues { random, lanes }), threads: Mutex::new(threads), shared };
    Ok(Arc::new(KvStore::new(Arc::new(engine))))
}

struct Simulated {
    id: StoreId,
    queues: Mutex<Queues>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

/// Which lane a verb goes to is random.
struct Queues {
    random: StdRng,
    /// None after a close.
    lanes: Vec<Sender<Box<dyn Job>>>,
}

/// What all lanes share: the database, so to speak.
struct Shared {
    state: Mutex<State>,
    closed: AtomicBool,
    revocations: Arc<Revocations>,
}

#[derive(Default)]
struct State {
    pairs: BTreeMap<Vec<u8>, Vec<u8>>,
    heads: BTreeMap<Lane, Head>,
}

#[async_trait]
impl Engine for Simulated {
    fn submit(&self, job: Box<dyn Job>) -> Result<()> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let Queues { random, lanes } = &mut *queues;
        if lanes.is_empty() {
            return Err(closed());
        }
        let picked = random.random_range(0..lanes.len());
        lanes.get(picked).ok_or_else(closed)?.send(job).map_err(|_| closed())
    }

    fn reads(&self) -> Reads<'_> {
        Reads::Far(&*self.shared)
    }

    fn lanes(&self) -> Vec<Lane> {
        self.shared.state().heads.keys().copied().collect()
    }

    fn status(&self) -> StoreStatus {
        let head = self.shared.state().head();
        StoreStatus { id: self.id, revision: head.revision, last_commit: head.last_commit }
    }

    fn healthy(&self) -> bool {
        !self.shared.closed.load(Ordering::SeqCst)
    }

    async fn close(&self) {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner).lanes.clear();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        // A lane that broke off has told whoever waited for it.
        drop(tokio::task::spawn_blocking(move || threads.into_iter().for_each(|lane| drop(lane.join()))).await);
        self.shared.closed.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Fetch for Shared {
    async fn fetch(&self, wanted: Vec<Wanted>) -> Result<Vec<Found>> {
        tokio::task::yield_now().await;
        if self.closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        let state = self.state();
        Ok(wanted.iter().map(|wanted| state.find(wanted)).collect())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The latest of all heads.
    fn head(&self) -> Head {
        self.heads.values().fold(Head::default(), Head::having_seen)
    }

    fn find(&self, wanted: &Wanted) -> Found {
        match wanted {
            Wanted::Key(key) => Found::Value(self.pairs.get(key).cloned()),
            Wanted::Range { prefix, from, most } => {
                let range = self.pairs.range::<[u8], _>((Bound::Included(from.max(prefix).as_slice()), Bound::Unbounded));
                let pairs = range.take_while(|(key, _)| key.starts_with(prefix)).take(*most);
                Found::Pairs(pairs.map(|(key, value)| (key.clone(), value.clone())).collect())
            }
        }
    }
}

/// The writer of a lane.
struct Writer {
    lane: Lane,
    random: StdRng,
    conflicts_percent: u32,
    shared: Arc<Shared>,
}

/// Another lane changed what this group has read.
struct Conflict;

impl Writer {
    fn run(mut self, queue: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = queue.recv() {
            let more = self.random.random_range(0..MAX_GROUP);
            let jobs = std::iter::once(first).chain(queue.try_iter().take(more)).collect();
            self.commit(jobs);
        }
    }

    /// Commits a group and answers it, however often it takes.
    fn commit(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let mut conflicts = 0;
        let durable = loop {
            match self.attempt(&mut jobs) {
                Ok(durable) => break durable,
                Err(Conflict) => conflicts += 1,
            }
            if conflicts >= CONFLICTS_BEFORE_SPLIT && jobs.len() > 1 {
                let rest = jobs.split_off(jobs.len() / 2);
                self.commit(jobs);
                return self.commit(rest);
            }
        };
        for job in jobs {
            job.answer(durable.clone());
        }
    }

    /// Runs a group from the start and commits it, if everything that it read still stands then.
    fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> std::result::Result<Result<()>, Conflict> {
        let head = {
            let state = self.shared.state();
            let own = state.heads.get(&self.lane).cloned().unwrap_or_default();
            own.having_seen(&state.head())
        };
        let known = Fetched::default();
        let mut group = Group::new(&known, self.lane, head);
        let mut pending: Vec<&mut Box<dyn Job>> = jobs.iter_mut().collect();
        while !pending.is_empty() {
            pending.retain_mut(|job| !run(&mut group, &known, &mut ***job));
            let wanted = known.take_wanted();
            let found = {
                let state = self.shared.state();
                wanted.iter().map(|wanted| state.find(wanted)).collect()
            };
            known.learn(wanted, found);
            thread::yield_now();
        }
        let Committed { changes, head, revocations } = match group.finish() {
            Ok(committed) => committed,
            Err(error) => return Ok(Err(error)),
        };

        let mut state = self.shared.state();
        let loses = self.random.random_range(0..100) < self.conflicts_percent;
        if loses || known.reads().iter().any(|(wanted, found)| state.find(wanted) != *found) {
            return Err(Conflict);
        }
        if changes.is_empty() {
            return Ok(Ok(()));
        }
        for (key, value) in changes {
            match value {
                Some(value) => state.pairs.insert(key, value),
                None => state.pairs.remove(&key),
            };
        }
        self.shared.revocations.extend(self.lane, &revocations, head.revision);
        state.heads.insert(self.lane, head);
        Ok(Ok(()))
    }
}

/// Runs a verb; false where something that it asks for is not there yet.
///
/// # Panics
/// Where the verb is not pure: that is a fault of ours, and this is a store for tests.
fn run(group: &mut Group<'_>, known: &Fetched, job: &mut dyn Job) -> bool {
    let missed = known.misses();
    let made = group.attempt(job);
    if known.misses() > missed {
        return false;
    }
    assert!(group.attempt(job) == made, "a verb made something else of the same reads");
    if let Some(made) = made {
        group.join(made);
    }
    true
}

fn closed() -> StoreError {
    StoreError::Unavailable("it is closed".to_owned())
}

impl std::fmt::Debug for Simulated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulated").field("id", &self.id).field("lanes", &Lanes::Many).finish_non_exhaustive()
    }
}
