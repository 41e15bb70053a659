//! Changes of every kind, from eight callers at once, and a line for each that was answered.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::model::audit::{Actor, Origin};
use countersign::model::clock::{Clock, SystemClock, Timestamp};
use countersign::model::ids::{LinkId, SessionId, UserId};
use countersign::model::link::{Link, NewLink};
use countersign::model::name::Name;
use countersign::model::random::{Random, SystemRandom};
use countersign::model::session::{ChainHash, Face, Method, Mode, NewSession, PresentedToken};
use countersign::model::user::{Generation, Roles, SecondFactor, Totp, User, UserParts};
use countersign::store::sled::{Options, open};
use countersign::store::verbs::{
    By, Commit, Foundation, Founding, Issued, LoggedOut, OpenSession, Opened, RedeemLink, Redeemed, RotateSession, Rotated,
    UserCreated,
};
use countersign::store::{Result, Store};

use crate::driver::{DONE, FAILED, REFUSED};

/// What the line of an answer begins with.
pub(crate) const ANSWER: &str = "answered ";

/// Opens the store and changes it, `times` a caller or until it fails; answers the exit code.
pub(crate) async fn run(options: Options, times: u32) -> i32 {
    let (store, failure) = match open(options, Arc::default()).await {
        Ok(opened) => opened,
        Err(error) => {
            eprintln!("{error}");
            return REFUSED;
        }
    };
    let work = async {
        if store.foundation().await?.is_none() {
            store.found(founding(), By::system(now())).await?;
        }
        let turn = Arc::new(AtomicU32::new(0));
        let callers: Vec<_> = (0..8).map(|_| tokio::spawn(caller(Arc::clone(&store), Arc::clone(&turn), times))).collect();
        for caller in callers {
            caller.await.unwrap()?;
        }
        Ok::<_, countersign::store::StoreError>(())
    };
    match work.await {
        Ok(()) => {
            store.close().await;
            DONE
        }
        Err(error) => {
            let reason = tokio::time::timeout(Duration::from_secs(10), failure.failed()).await;
            let reason = reason.unwrap_or_else(|_| panic!("{error}, but the store did not fail"));
            assert!(!store.healthy(), "it failed and is healthy");
            store.create_user(create("late"), by()).await.expect_err("it answers after a failure");
            eprintln!("{reason}");
            FAILED
        }
    }
}

async fn caller(store: Arc<dyn Store>, turn: Arc<AtomicU32>, times: u32) -> Result<()> {
    for _ in 0..times {
        let name = format!("u{}-{}", std::process::id(), turn.fetch_add(1, Ordering::Relaxed));
        let user = create(&name);
        let id = user.id();
        assert_eq!(store.create_user(user, by()).await?.outcome, UserCreated::Created);
        answer(&format!("user {name}"));

        let mut sessions = Vec::new();
        for step in 1..=2 {
            let session = SessionId::random(random());
            let opened = store.open_session(opening(id, session, step), by()).await?.outcome;
            assert!(matches!(opened, Opened::Opened(_)), "{opened:?}");
            answer(&format!("session {session}"));
            answer(&format!("step {name} {step}"));
            for n in 0..2 {
                let (rotate, by) = rotation(session, n);
                let rotated = store.rotate_session(rotate, by).await?.outcome;
                assert!(matches!(rotated, Rotated::Rotated(_)), "{rotated:?}");
                answer(&format!("rotated {session} {}", n + 1));
            }
            sessions.push(session);
        }

        let (link, session) = (LinkId::random(random()), SessionId::random(random()));
        assert_eq!(store.issue_link(issued(link, id, &name), by()).await?.outcome, Issued::Issued);
        let redeemed = store.redeem_link(redemption(link, session), by()).await?.outcome;
        assert!(matches!(redeemed, Redeemed::Opened(_)), "{redeemed:?}");
        answer(&format!("redeemed {link}"));
        answer(&format!("session {session}"));
        sessions.push(session);

        let logged_out = store.logout_user(Name::parse(&name).unwrap().folded(), by()).await?;
        let Commit { outcome: LoggedOut::Done { sessions: ended, .. }, revision, .. } = logged_out else {
            panic!("{logged_out:?}")
        };
        assert_eq!(ended, 3);
        answer(&format!("revision {revision}"));
        for session in sessions {
            answer(&format!("ended {session}"));
        }
    }
    Ok(())
}

/// One write of one line, so that a kill cannot cut it in two.
pub(crate) fn answer(text: &str) {
    println!("{ANSWER}{text}");
}

/// The keyed hash of R(n), if it were one.
pub(crate) fn tip(session: SessionId, n: u32) -> ChainHash {
    let mut tip = *session.as_bytes();
    for (byte, of_n) in tip.iter_mut().zip(n.to_le_bytes()) {
        *byte ^= of_n;
    }
    tip
}

/// A redemption by somebody who did not make an earlier one.
pub(crate) fn redemption(link: LinkId, session: SessionId) -> RedeemLink {
    RedeemLink { link, token: token(link), request: None, session: new(session) }
}

pub(crate) fn by() -> By {
    let source = Some(IpAddr::from([127, 0, 0, 1]));
    By { origin: Origin { actor: Actor::Anonymous, source }, caller: None, now: now() }
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn random() -> &'static dyn Random {
    &SystemRandom
}

pub(crate) fn founding() -> Founding {
    let foundation =
        Foundation { issuer: "https://here".to_owned(), epoch: 1, sealed_check: Vec::new(), server_keys: Vec::new() };
    let roles = Roles { staff: false, superuser: true };
    let admin = User::new(UserId::random(random()), Name::parse("admin").unwrap(), None, Some("hash".to_owned()), roles, now());
    Founding { foundation, signing_keys: Vec::new(), admin }
}

pub(crate) fn create(name: &str) -> User {
    let (id, name) = (UserId::random(random()), Name::parse(name).unwrap());
    let plain = User::new(id, name, None, Some("hash".to_owned()), Roles::default(), now());
    let totp = Totp::On { sealed: vec![0; 40], last_step: 0, recovery: vec![[0; 32]; 10] };
    User::try_from(UserParts { totp, ..plain.into_parts() }).unwrap()
}

pub(crate) fn opening(user: UserId, session: SessionId, step: u64) -> OpenSession {
    OpenSession {
        session: new(session),
        user,
        generation: Generation(0),
        password: "hash".to_owned(),
        factor: Some(SecondFactor::TotpStep(step)),
        upgraded: None,
        organization: None,
    }
}

fn new(id: SessionId) -> NewSession {
    NewSession {
        id,
        tip: tip(id, 0),
        face: Face::Grpc,
        mode: Mode::Json,
        methods: vec![Method::Password],
        lifetime: Duration::from_hours(24),
        most: 1000,
    }
}

/// Each from another address than the one before, so that each is an audit event.
pub(crate) fn rotation(session: SessionId, n: u32) -> (RotateSession, By) {
    let mut by = by();
    by.origin.source = Some([192, 0, 2, u8::from(n.is_multiple_of(2))].into());
    let token = PresentedToken { n, hash: tip(session, n), successor: tip(session, n + 1), mode: None };
    (RotateSession { session, token }, by)
}

fn issued(id: LinkId, issuer: UserId, guest: &str) -> Link {
    Link::new(NewLink {
        id,
        token: token(id),
        guest: guest.to_owned(),
        dataset_id: "d".to_owned(),
        generation: Generation(0),
        issuer,
        one_time: true,
        create_time: now(),
        ttl: Duration::from_hours(1),
    })
}

fn token(id: LinkId) -> [u8; 32] {
    let mut token = [0; 32];
    token[..16].copy_from_slice(id.as_bytes());
    token
}
