//! The same few sessions rotated again and again, so that the store's file is written over many times.

use std::sync::Arc;

use countersign::model::ids::{SessionId, UserId};
use countersign::model::user::{User, UserParts};
use countersign::store::sled::{Options, open};
use countersign::store::verbs::{By, Opened, Rotated, UserCreated};
use countersign::store::{Result, Store};

use crate::driver::{FAILED, REFUSED};
use crate::load::{answer, by, create, founding, now, opening, rotation};

/// So many callers, each with so many sessions of an account of its own. Together some hundred pages of sled's.
const CALLERS: u8 = 64;
const SESSIONS: u8 = 32;

/// Opens the store and rotates until it fails; answers the exit code.
pub(crate) async fn run(options: Options) -> i32 {
    let store = match open(options, Arc::default()).await {
        Ok((store, _)) => store,
        Err(error) => {
            eprintln!("{error}");
            return REFUSED;
        }
    };
    if store.foundation().await.unwrap().is_none() {
        store.found(founding(), By::system(now())).await.unwrap();
    }
    let callers: Vec<_> = (0..CALLERS).map(|number| tokio::spawn(caller(Arc::clone(&store), number))).collect();
    for caller in callers {
        if let Err(error) = caller.await.unwrap() {
            eprintln!("{error}");
        }
    }
    FAILED
}

/// The sessions of an account, from where they stand.
async fn caller(store: Arc<dyn Store>, number: u8) -> Result<()> {
    let user = UserId::from_bytes([number; 16]);
    if store.user(user).await?.is_none() {
        let account = create(&format!("churn{number}"));
        let account = User::try_from(UserParts { id: user, ..account.into_parts() }).unwrap();
        assert_eq!(store.create_user(account, by()).await?.outcome, UserCreated::Created);
    }
    let mut sessions = Vec::new();
    for of in 0..SESSIONS {
        let mut bytes = [number; 16];
        bytes[0] = of;
        let session = SessionId::from_bytes(bytes);
        let n = if let Some(session) = store.session(session).await? {
            session.n()
        } else {
            let opened = store.open_session(opening(user, session, u64::from(of) + 1), by()).await?.outcome;
            assert!(matches!(opened, Opened::Opened(_)), "{opened:?}");
            answer(&format!("session {session}"));
            0
        };
        sessions.push((session, n));
    }
    loop {
        for (session, n) in &mut sessions {
            let (rotate, by) = rotation(*session, *n);
            let rotated = store.rotate_session(rotate, by).await?.outcome;
            assert!(matches!(rotated, Rotated::Rotated(_)), "{rotated:?}");
            *n += 1;
            answer(&format!("rotated {session} {n}"));
        }
    }
}
