//! Something of everything, in a new data directory: three days in the life of a service.
//!
//! On the first day the server itself makes accounts and organizations; on the third the store is brought into every state by
//! its verbs ([`sessions`], [`things`]); at last the server runs once more and gives out what clients still hold ([`clients`]).

mod clients;
mod people;
mod sessions;
mod things;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::crypto::seal::Sealer;
use countersign::crypto::server_key::ServerKeys;
use countersign::model::audit::{Actor, Origin};
use countersign::model::clock::Timestamp;
use countersign::model::ids::{SessionId, StoreId, UserId};
use countersign::model::name::Folded;
use countersign::model::random::{Random, SystemRandom};
use countersign::model::session::{ChainHash, Face, Method, Mode, NewSession, PresentedToken};
use countersign::model::user::{Subject, User};
use countersign::store::sled::{Options, open};
use countersign::store::verbs::{By, Caller, Needs, OpenSession, Opened, RotateSession, Rotated};
use countersign::store::{Revocations, Store};

use crate::manifest::{Catalogue, Secrets, sealer};
use crate::rig::{ADMIN_PASSWORD, Rig};

/// The password of everybody else.
pub(crate) const PASSWORD: &str = "tangerine submarine waltz 1871";

/// When it begins.
const FIRST_DAY: Timestamp = Timestamp::from_secs(1_795_000_000);

/// Fills a directory that is not there yet; answers what there is, what clients hold, and when it was closed.
pub(crate) async fn fill(data: &Path, kek: Option<&str>) -> (Catalogue, Secrets, Timestamp) {
    let (mut catalogue, mut secrets) = (Catalogue::default(), Secrets::default());
    secrets.passwords.insert("admin".to_owned(), ADMIN_PASSWORD.to_owned());

    let rig = Rig::start(data, kek, FIRST_DAY).await;
    people::make(&rig, &mut catalogue, &mut secrets).await;
    rig.stop().await;

    let third_day = FIRST_DAY.plus(Duration::from_hours(70));
    let (store, _) = open_store(data).await;
    let foundation = store.foundation().await.unwrap().unwrap();
    let sealer = sealer(kek);
    let keys = ServerKeys::from_sealed(&foundation.server_keys, &sealer).unwrap();
    let mut scene = Scene { store, sealer, keys, now: FIRST_DAY.plus(Duration::from_hours(1)), catalogue, secrets };
    sessions::grow_old(&mut scene).await;
    scene.now = third_day;
    scene.store.sweep(1000, By::system(scene.now)).await.unwrap();
    sessions::make(&mut scene).await;
    things::make(&mut scene).await;
    scene.store.close().await;

    let Scene { mut catalogue, mut secrets, now, .. } = scene;
    let rig = Rig::start(data, kek, now.plus(Duration::from_mins(1))).await;
    clients::serve(&rig, &mut catalogue, &mut secrets).await;
    let now = countersign::model::clock::Clock::now(&*rig.clock);
    rig.stop().await;
    (catalogue, secrets, now)
}

/// Opens the store of a directory, which is there.
pub(crate) async fn open_store(data: &Path) -> (Arc<dyn Store>, Arc<Revocations>) {
    let revocations = Arc::new(Revocations::default());
    let options = Options::new(data.to_owned(), StoreId::from_bytes([0; 16]));
    let (store, _) = open(options, Arc::clone(&revocations)).await.unwrap();
    (store, revocations)
}

/// A store at a moment, and what was put in so far.
struct Scene {
    store: Arc<dyn Store>,
    sealer: Sealer,
    keys: ServerKeys,
    now: Timestamp,
    catalogue: Catalogue,
    secrets: Secrets,
}

impl Scene {
    fn pass(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    async fn user(&self, login: &str) -> User {
        self.store.user_by_login(&folded(login)).await.unwrap().unwrap()
    }

    /// Nobody yet, at an address.
    fn anyone(&self, address: &str) -> By {
        let source: IpAddr = address.parse().unwrap();
        By { origin: Origin { actor: Actor::Anonymous, source: Some(source) }, caller: None, now: self.now }
    }

    /// An account with a token of its own.
    async fn by(&self, login: &str, needs: Needs) -> By {
        let user = self.user(login).await;
        let (subject, generation) = (Subject::User(user.id()), user.generations().current());
        let session = SessionId::random(random());
        let caller =
            Caller { subject, generation, session, credential: None, organization: user.name().as_str().to_owned(), needs };
        let source = Some("192.0.2.10".parse().unwrap());
        By { origin: Origin { actor: Actor::User(user.id()), source }, caller: Some(caller), now: self.now }
    }

    async fn superuser(&self) -> By {
        self.by("admin", Needs::Superuser).await
    }

    /// Opens a session of an account.
    async fn open(&mut self, login: &str, new: NewSession, organization: Option<&str>, address: &str) -> SessionId {
        let (user, id) = (self.user(login).await, new.id);
        let open = OpenSession {
            session: new,
            user: user.id(),
            generation: user.generations().current(),
            password: user.password().unwrap().to_owned(),
            factor: None,
            upgraded: None,
            organization: organization.map(folded),
        };
        assert!(matches!(self.store.open_session(open, self.anyone(address)).await.unwrap().outcome, Opened::Opened(_)));
        self.catalogue.sessions.push(id.to_string());
        id
    }

    async fn exchange(&self, session: SessionId, n: u32, address: &str) -> Rotated {
        let token = PresentedToken { n, hash: tip(session, n), successor: tip(session, n + 1), mode: None };
        self.store.rotate_session(RotateSession { session, token }, self.anyone(address)).await.unwrap().outcome
    }
}

fn session(face: Face, mode: Mode, methods: &[Method]) -> NewSession {
    let id = SessionId::random(random());
    let lifetime = Duration::from_hours(24);
    NewSession { id, tip: tip(id, 0), face, mode, methods: methods.to_vec(), lifetime, most: 1000 }
}

/// Stands for the keyed hash of refresh token `n`.
fn tip(session: SessionId, n: u32) -> ChainHash {
    let mut tip = *session.as_bytes();
    tip.iter_mut().zip(n.to_be_bytes()).for_each(|(byte, of_n)| *byte ^= of_n);
    tip
}

fn folded(text: &str) -> Folded {
    Folded::presented(text)
}

fn random() -> &'static dyn Random {
    &SystemRandom
}

fn user_id() -> UserId {
    UserId::random(random())
}
