//! What is worth timing and not worth counting, because it waits: password hashes on their threads, and the store's verbs, on sled
//! for what a durable answer takes and on memory beside it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign::crypto::password::pool::{HashPool, Lane, PoolConfig, Ticket};
use countersign::model::name::Folded;
use countersign::model::secret::Secret;
use countersign::model::traffic::Traffic;
use countersign::store::verbs::Rotated;
use criterion::Criterion;
use tokio::runtime::{Builder, Runtime};

use crate::asked::Ask as _;
use crate::functions::fixture::Seeded;
use crate::world::{self, World};

/// Verbs at once, so that they share a barrier.
const AT_ONCE: u32 = 64;
/// As many sessions as are counted at each opening.
const LIVE: u32 = 100;

/// A password's hash.
pub(crate) fn passwords(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let config = PoolConfig { threads: 1, nice: 0, ..PoolConfig::default() };
    let pool = HashPool::start(config, Arc::new(Seeded), &Traffic::default()).unwrap();
    let mut passwords = criterion.benchmark_group("password");
    passwords.sample_size(10).measurement_time(Duration::from_secs(3));
    passwords.bench_function("argon2id at its default cost", |b| {
        b.iter(|| {
            let ticket = Ticket {
                name: Folded::presented("mara"),
                source: IpAddr::from([127, 0, 0, 1]),
                lane: Lane::Known,
                deadline: Duration::from_mins(1),
            };
            runtime.block_on(pool.hash(ticket, Secret::new("violet kettle orbits sandstone"))).unwrap()
        });
    });
    passwords.finish();
    pool.stop();
}

/// The verbs that a busy server spends its time in, on each store, and sled by itself.
pub(crate) fn verbs(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let memory = runtime.block_on(async { World::found(world::memory().await).await });
    measure(criterion, &runtime, "memory", &memory);
    let sled = runtime.block_on(async { World::found(world::sled().await).await });
    measure(criterion, &runtime, "sled", &sled);
    runtime.block_on(sled.close());

    let directory = tempfile::tempdir().unwrap();
    let database = ::sled::Config::new().path(directory.path()).open().unwrap();
    let file = std::fs::File::open(directory.path().join("db")).unwrap();
    let mut n: u64 = 0;
    criterion.bench_function("sled alone: one durable write", |b| {
        b.iter(|| {
            n += 1;
            database.insert(b"cell", &n.to_be_bytes()).unwrap();
            database.flush().unwrap();
            file.sync_data().unwrap();
        });
    });
}

fn measure(criterion: &mut Criterion, runtime: &Runtime, name: &str, world: &World) {
    let mara = runtime.block_on(world.plain("mara")).id();
    let open = || {
        runtime.block_on(async {
            let mut login = world.login(mara).await;
            login.session.most = LIVE;
            world::opened(world.store.log_in(login).await.unwrap()).grant.session()
        })
    };
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).measurement_time(Duration::from_secs(2));

    group.bench_function("open a session", |b| b.iter(open));
    let session = open();
    group.bench_function("read a session", |b| b.iter(|| runtime.block_on(world.store.session(session)).unwrap().unwrap()));
    let mut n = 0;
    group.bench_function("rotate a session", |b| {
        b.iter(|| {
            rotated(&runtime.block_on(world.store.rotate(world.exchange(session, n))).unwrap());
            n += 1;
        });
    });
    let sessions: Vec<_> = (0..AT_ONCE).map(|_| open()).collect();
    let mut n = 0;
    group.bench_function(format!("rotate {AT_ONCE} sessions at once"), |b| {
        b.iter(|| {
            runtime.block_on(async {
                let rotating: Vec<_> = sessions
                    .iter()
                    .map(|session| {
                        let (store, exchange) = (Arc::clone(&world.store), world.exchange(*session, n));
                        tokio::spawn(async move { store.rotate(exchange).await })
                    })
                    .collect();
                for rotation in rotating {
                    rotated(&rotation.await.unwrap().unwrap());
                }
            });
            n += 1;
        });
    });
    group.finish();
}

fn rotated(outcome: &Rotated) {
    assert!(matches!(outcome, Rotated::Rotated(_)), "{outcome:?}");
}
