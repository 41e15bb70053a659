//! The store's verbs, on the memory store for what they compute and on sled for what a durable answer takes.

use std::sync::Arc;
use std::time::Duration;

use countersign::model::audit::{Action, Actor, AuditEvent, Origin};
use countersign::model::clock::{Clock as _, SystemClock};
use countersign::model::ids::{SessionId, StoreId, UserId};
use countersign::model::name::{Email, Name};
use countersign::model::session::{ChainHash, Face, Method, Mode, NewSession, PresentedToken};
use countersign::model::user::{Generation, Roles, User};
use countersign::store::verbs::{By, OpenSession, Opened, RotateSession, Rotated, UserCreated};
use countersign::store::{Revocations, Store, audit_digest, memory, sled};
use criterion::Criterion;
use tokio::runtime::Runtime;

use super::random;

/// What stands for a password hash: nothing here computes one.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
/// Verbs at once, so that they share a barrier.
const AT_ONCE: u32 = 64;

fn by() -> By {
    By { origin: Origin { actor: Actor::Anonymous, source: None }, caller: None, now: SystemClock.now() }
}

/// Every verb that a busy server spends its time in.
pub(crate) fn verbs(criterion: &mut Criterion) {
    let event = AuditEvent {
        sequence: 1_000_000,
        at: SystemClock.now(),
        origin: by().origin,
        action: Action::Login(UserId::random(random()), SessionId::random(random())),
        previous: [7; 32],
    };
    criterion.bench_function("record of an audit event, encoded and hashed", |b| b.iter(|| audit_digest(&event)));

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    measure(criterion, &runtime, "memory", &memory(Arc::new(Revocations::default())));

    let directory = tempfile::tempdir().unwrap();
    let options = sled::Options::new(directory.path().join("store"), StoreId::random(random()));
    let (store, _) = runtime.block_on(sled::open(options, Arc::new(Revocations::default()))).unwrap();
    measure(criterion, &runtime, "sled", &store);
    runtime.block_on(store.close());

    let path = directory.path().join("raw");
    let database = ::sled::Config::new().path(&path).open().unwrap();
    let file = std::fs::File::open(path.join("db")).unwrap();
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

fn measure(criterion: &mut Criterion, runtime: &Runtime, name: &str, store: &Arc<dyn Store>) {
    let user = user();
    let (id, generation) = (user.id(), user.generations().current());
    assert_eq!(runtime.block_on(store.create_user(user, by())).unwrap().outcome, UserCreated::Created);
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).measurement_time(Duration::from_secs(2));

    group.bench_function("open a session", |b| b.iter(|| open(runtime, store, id, generation)));
    let session = open(runtime, store, id, generation);
    group.bench_function("read a session", |b| b.iter(|| runtime.block_on(store.session(session)).unwrap().unwrap()));
    let mut n = 0;
    group.bench_function("rotate a session", |b| {
        b.iter(|| {
            rotated(runtime.block_on(store.rotate_session(rotation(session, n), by())).unwrap().outcome);
            n += 1;
        });
    });
    let sessions: Vec<SessionId> = (0..AT_ONCE).map(|_| open(runtime, store, id, generation)).collect();
    let mut n = 0;
    group.bench_function(format!("rotate {AT_ONCE} sessions at once"), |b| {
        b.iter(|| {
            runtime.block_on(async {
                let rotating: Vec<_> = sessions
                    .iter()
                    .map(|session| {
                        let (store, rotation) = (Arc::clone(store), rotation(*session, n));
                        tokio::spawn(async move { store.rotate_session(rotation, by()).await })
                    })
                    .collect();
                for rotation in rotating {
                    rotated(rotation.await.unwrap().unwrap().outcome);
                }
            });
            n += 1;
        });
    });
    group.finish();
}

fn user() -> User {
    User::new(
        UserId::random(random()),
        Name::parse("mara").unwrap(),
        Some(Email::parse("mara@example.org").unwrap()),
        Some(HASH.to_owned()),
        Roles::default(),
        SystemClock.now(),
    )
}

/// Opens a session whose tip is that of number 0; at most 100 live, as many as are counted at each opening.
fn open(runtime: &Runtime, store: &Arc<dyn Store>, user: UserId, generation: Generation) -> SessionId {
    let id = SessionId::random(random());
    let session = NewSession {
        id,
        tip: tip(0),
        face: Face::Grpc,
        mode: Mode::Json,
        methods: vec![Method::Password],
        lifetime: Duration::from_hours(24),
        most: 100,
    };
    let open =
        OpenSession { session, user, generation, password: HASH.to_owned(), factor: None, upgraded: None, organization: None };
    match runtime.block_on(store.open_session(open, by())).unwrap().outcome {
        Opened::Opened(_) => id,
        other => panic!("{other:?}"),
    }
}

fn rotation(session: SessionId, n: u32) -> RotateSession {
    RotateSession { session, token: PresentedToken { n, hash: tip(n), successor: tip(n + 1), mode: None } }
}

/// What stands for the keyed hash of token number `n`.
fn tip(n: u32) -> ChainHash {
    let mut tip = [0; 16];
    if let Some(place) = tip.first_chunk_mut() {
        *place = n.to_be_bytes();
    }
    tip
}

fn rotated(outcome: Rotated) {
    match outcome {
        Rotated::Rotated(_) => {}
        other => panic!("{other:?}"),
    }
}
