use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::Poll;

use super::*;
use crate::model::random::SystemRandom;

/// Randomness that keeps whoever asks waiting until the gate is opened. Only new hashes ask: one of them holds a thread.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *lock(&self.open) = true;
        self.opened.notify_all();
    }
}

impl Random for Gate {
    fn fill(&self, buffer: &mut [u8]) {
        drop(self.opened.wait_while(lock(&self.open), |open| !*open).unwrap());
        SystemRandom.fill(buffer);
    }
}

fn pool(threads: usize, capacity: usize) -> (HashPool, Arc<Gate>) {
    let (pool, gate, _) = pool_beside_others(threads, capacity);
    (pool, gate)
}

fn pool_beside_others(threads: usize, capacity: usize) -> (HashPool, Arc<Gate>, Traffic) {
    let (params, gate, traffic) = (HashParams::new(64, 1, 1).unwrap(), Arc::new(Gate::default()), Traffic::default());
    let config = PoolConfig { threads, params, capacity, ..PoolConfig::default() };
    (HashPool::start(config, Arc::<Gate>::clone(&gate), &traffic).unwrap(), gate, traffic)
}

fn ticket(source: u8, name: &str, lane: Lane) -> Ticket {
    let source = IpAddr::V4(Ipv4Addr::new(192, 0, 2, source));
    Ticket { name: Folded::presented(name), source, lane, deadline: Duration::from_secs(20) }
}

/// A job that has been put into the queue.
type Queued<'a, T> = Pin<Box<dyn Future<Output = Result<T, PoolError>> + 'a>>;

/// Polls once, which is what puts it into the queue.
async fn enqueue<'a, T: 'a>(future: impl Future<Output = Result<T, PoolError>> + 'a) -> Queued<'a, T> {
    let mut future: Queued<'a, T> = Box::pin(future);
    let first = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    match first {
        Poll::Ready(answer) => Box::pin(std::future::ready(answer)),
        Poll::Pending => future,
    }
}

/// Keeps one thread busy until the gate is opened; returns when it is.
async fn plug(pool: &HashPool) -> Queued<'_, String> {
    let busy = pool.stats().running;
    let plug = enqueue(pool.hash(ticket(250, "plug", Lane::Known), Secret::new("x"))).await;
    while pool.stats().running == busy {
        tokio::task::yield_now().await;
    }
    plug
}

async fn check<'a>(pool: &'a HashPool, source: u8, name: &str, lane: Lane) -> Queued<'a, Verdict> {
    enqueue(pool.verify(ticket(source, name, lane), Secret::new("x"), None)).await
}

#[tokio::test]
async fn a_password_is_right_or_wrong() {
    let (pool, gate) = pool(2, 8);
    gate.open();
    let ask = |password: &str, phc: Option<&str>| {
        pool.verify(ticket(1, "a", Lane::Stranger), Secret::new(password), phc.map(str::to_owned))
    };
    let stored = pool.hash(ticket(1, "a", Lane::Stranger), Secret::new("right")).await.unwrap();
    assert_eq!(ask("right", Some(&stored)).await, Ok(Verdict::Right { needs_rehash: false }));
    assert_eq!(ask("wrong", Some(&stored)).await, Ok(Verdict::Wrong));
    assert_eq!(ask("right", None).await, Ok(Verdict::Wrong), "nobody has no password");
    assert_eq!(ask("", None).await, Ok(Verdict::Wrong));
    assert_eq!(ask("right", Some("damaged")).await, Err(PoolError::StoredHash(HashError::Unsupported)));
    let weaker = "$argon2i$v=19$m=1024,t=2,p=1$2c7goZ1EGLBB7/GTxtUn7Q$3YQzIbj3VqgexsXRYRl/twj++iSHnfuRSTZkgdv5atw";
    assert_eq!(ask("correct horse é battery", Some(weaker)).await, Ok(Verdict::Right { needs_rehash: true }));
    let other = pool.hash(ticket(1, "a", Lane::Stranger), Secret::new("right")).await.unwrap();
    assert_ne!(stored, other, "each hash has its own salt");
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let (pool, gate) = pool(1, 4);
    let plug = plug(&pool).await;
    let mut waiting = Vec::new();
    for _ in 0..4 {
        waiting.push(check(&pool, 1, "junk", Lane::Stranger).await);
    }
    assert_eq!(pool.stats().waiting, 4);
    match check(&pool, 1, "junk", Lane::Stranger).await.await {
        Err(PoolError::Overloaded { retry_after }) => {
            assert!((Duration::from_secs(1)..=Duration::from_secs(30)).contains(&retry_after));
        }
        other => panic!("{other:?}"),
    }
    let known = check(&pool, 2, "alice", Lane::Known).await;
    gate.open();
    let newest = waiting.pop().unwrap();
    assert!(matches!(newest.await, Err(PoolError::Overloaded { .. })), "it gave way to alice");
    assert_eq!(known.await, Ok(Verdict::Wrong));
    for early in waiting {
        assert_eq!(early.await, Ok(Verdict::Wrong));
    }
    plug.await.unwrap();
}

#[tokio::test]
async fn junk_does_not_starve_who_signed_in_lately() {
    const SLOW: &str = "pbkdf2_sha256$300000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let (pool, gate) = pool(1, 512);
    let plug = plug(&pool).await;
    let mut junk = Vec::new();
    for n in 0..256usize {
        let ticket = ticket(1, &format!("junk{n}"), Lane::Stranger);
        junk.push(enqueue(pool.verify(ticket, Secret::new("x"), Some(SLOW.to_owned()))).await);
    }
    assert_eq!(pool.stats().waiting, 256, "256 from one source fit");
    let known = check(&pool, 1, "alice", Lane::Known).await;
    gate.open();
    plug.await.unwrap();
    known.await.unwrap();
    let done = pool.stats().done;
    assert!(done < 100, "alice was served after {done} of 258, each of 256 takes some 50 ms");
    drop(junk);
}

#[tokio::test]
async fn nobody_hashes_for_who_has_left() {
    let (pool, gate) = pool(1, 8);
    let plug = plug(&pool).await;
    let left = check(&pool, 1, "a", Lane::Stranger).await;
    let stays = check(&pool, 1, "b", Lane::Stranger).await;
    drop(left);
    gate.open();
    plug.await.unwrap();
    stays.await.unwrap();
    assert_eq!(pool.stats().done, 2, "the plug and the one who stayed");
}

#[tokio::test]
async fn who_has_left_makes_room() {
    let (pool, gate) = pool(1, 2);
    let plug = plug(&pool).await;
    let left = [check(&pool, 1, "a", Lane::Stranger).await, check(&pool, 1, "a", Lane::Stranger).await];
    drop(left);
    // The sweep runs at most each 10 ms, so the first newcomers may still be refused.
    let stays = loop {
        let mut newcomer = check(&pool, 1, "b", Lane::Stranger).await;
        match std::future::poll_fn(|context| Poll::Ready(newcomer.as_mut().poll(context))).await {
            Poll::Ready(Err(PoolError::Overloaded { .. })) => tokio::task::yield_now().await,
            Poll::Ready(other) => panic!("{other:?}"),
            Poll::Pending => break newcomer,
        }
    };
    gate.open();
    assert_eq!(stays.await, Ok(Verdict::Wrong));
    plug.await.unwrap();
    assert_eq!(pool.stats().done, 2);
}

#[tokio::test]
async fn past_its_deadline_a_job_is_not_hashed() {
    let (pool, gate) = pool(1, 8);
    let plug = plug(&pool).await;
    let hasty = Ticket { deadline: Duration::from_millis(1), ..ticket(1, "hasty", Lane::Known) };
    assert_eq!(pool.verify(hasty, Secret::new("x"), None).await, Err(PoolError::DeadlinePassed));
    let after = check(&pool, 1, "b", Lane::Stranger).await;
    gate.open();
    plug.await.unwrap();
    after.await.unwrap();
    assert_eq!(pool.stats().done, 2);
}

#[tokio::test]
async fn a_stopped_pool_refuses_what_waits_and_what_comes() {
    let (pool, gate) = pool(1, 8);
    let plug = plug(&pool).await;
    let waiting = check(&pool, 1, "a", Lane::Stranger).await;
    let stopper = std::thread::scope(|scope| {
        let stopper = scope.spawn(|| pool.stop());
        while pool.stats().waiting > 0 {
            std::thread::yield_now();
        }
        gate.open();
        stopper.join()
    });
    assert!(stopper.is_ok() && lock(&pool.threads).is_empty());
    assert!(plug.await.is_ok(), "what runs is finished");
    assert_eq!(waiting.await, Err(PoolError::Stopped));
    assert_eq!(pool.verify(ticket(1, "b", Lane::Known), Secret::new("x"), None).await, Err(PoolError::Stopped));
    pool.stop();
}

#[tokio::test]
async fn every_thread_works_at_the_priority_that_was_asked_for() {
    let (pool, gate) = pool(2, 16);
    let (one, other) = (plug(&pool).await, plug(&pool).await);
    assert_eq!(pool.stats().running, 2);
    let mut nice = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        // Another test's thread may have ended since.
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else { continue };
        let (name, rest) = stat.split_once(") ").unwrap();
        if name.contains("(hash-") {
            nice.push(rest.split(' ').nth(16).unwrap().to_owned());
        }
    }
    assert!(nice.iter().any(|nice| nice == "0") && nice.iter().any(|nice| nice == "10"), "{nice:?}");
    gate.open();
    assert!(one.await.is_ok() && other.await.is_ok());
}

#[tokio::test]
async fn what_could_only_be_answered_too_late_is_not_begun() {
    let (pool, gate) = pool(1, 8);
    gate.open();
    // Before anything was measured a job is thought to take 15 ms.
    let hasty = Ticket { deadline: Duration::from_millis(20), ..ticket(1, "a", Lane::Known) };
    assert_eq!(pool.verify(hasty, Secret::new("x"), None).await, Err(PoolError::DeadlinePassed));
    pool.verify(ticket(1, "b", Lane::Known), Secret::new("x"), None).await.unwrap();
    assert_eq!(pool.stats().done, 1);
}

#[tokio::test]
async fn the_last_thread_rests_while_anything_else_is_asked_for() {
    let (pool, gate, traffic) = pool_beside_others(2, 16);
    // So that it is the first thread that takes the first job, though the last one may be there before.
    traffic.count();
    let first = enqueue(pool.hash(ticket(250, "plug", Lane::Known), Secret::new("x"))).await;
    while pool.stats().running == 0 {
        traffic.count();
        tokio::task::yield_now().await;
    }
    let asked = Instant::now();
    traffic.count();
    let second = enqueue(pool.hash(ticket(1, "a", Lane::Known), Secret::new("x"))).await;
    while pool.stats().running < 2 && asked.elapsed() < Duration::from_secs(10) {
        tokio::task::yield_now().await;
    }
    let (rested, running) = (asked.elapsed(), pool.stats().running);
    // First, or the threads never end.
    gate.open();
    assert!(rested >= Duration::from_millis(50) && running == 2, "{running} run after {rested:?}");
    assert!(first.await.is_ok() && second.await.is_ok());
}

#[tokio::test]
async fn the_others_work_on_while_the_last_one_rests() {
    let (pool, gate, traffic) = pool_beside_others(2, 16);
    gate.open();
    for _ in 0..200 {
        traffic.count();
        assert_eq!(check(&pool, 1, "a", Lane::Known).await.await, Ok(Verdict::Wrong));
    }
}

#[test]
fn nothing_shows_itself() {
    let (pool, _) = pool(1, 1);
    assert_eq!(format!("{pool:?}"), "HashPool(..)");
}
