use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::ids::{KeyId, LinkId, SessionId, UserId};
use crate::model::name::Name;
use crate::model::signing_key::{Algorithm, KeyState};
use crate::model::user::{Roles, SecondFactor};
use crate::store::Revocations;
use crate::store::memory::kv_in_memory;
use crate::store::verbs::{
    AccountStore as _, AuditStore as _, CreateKey, Founding, KeyStore as _, SigningKeyStore as _, StoreState as _,
};

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);

fn signing_key(kid: &str) -> SigningKeyRecord {
    SigningKeyRecord {
        kid: kid.to_owned(),
        algorithm: Algorithm::EdDsa,
        sealed_private: vec![1],
        state: KeyState::Signing,
        create_time: NOW,
        low_s: false,
    }
}

fn user(number: u16, at: Timestamp) -> User {
    let [high, low] = number.to_be_bytes();
    let id = UserId::from_bytes([high, low, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
    let name = Name::parse(&format!("user{number}")).unwrap();
    User::new(id, name, None, None, Roles { staff: false, superuser: number == 0 }, at)
}

/// A store that was founded three days ahead of [`NOW`].
async fn ahead() -> KvStore {
    let store = kv_in_memory(Arc::new(Revocations::default()));
    let at = NOW.plus(3 * DAY);
    let foundation = Foundation { issuer: "i".to_owned(), epoch: 4, sealed_check: vec![1], server_keys: Vec::new() };
    let founding = Founding { foundation, signing_keys: vec![signing_key("old")], admin: user(0, at) };
    assert!(store.found(founding, By::system(at)).await.unwrap().outcome);
    store
}

#[tokio::test]
async fn the_last_commit_is_now_and_says_so() {
    let store = ahead().await;
    let events = store.audit_events(Lane::Only, 1, 100).await.unwrap().len();
    let recovered = store.recover_clock(signing_key("new"), NOW).await.unwrap();
    assert_eq!(recovered, Recovered { ahead: 3 * DAY, sessions: 0, links: 0 });
    assert_eq!(store.status().last_commit, NOW);
    assert_eq!(store.signing_keys().await.unwrap(), [signing_key("new")]);
    assert_eq!(store.foundation().await.unwrap().unwrap().epoch, 5);
    let told = store.audit_events(Lane::Only, u64::try_from(events).unwrap() + 1, 100).await.unwrap();
    let actions: Vec<_> = told.iter().map(|event| (event.at, event.action.clone())).collect();
    assert_eq!(actions, [(NOW, Action::ClockRecovered(3 * 86_400)), (NOW, Action::SigningKey("new".to_owned()))]);
    // Whoever commits next does so by the time that is right.
    let later = NOW.plus(HOUR);
    let made = store.create_user(user(1, later), By::system(later)).await.unwrap();
    assert_eq!((made.decided_at, store.status().last_commit), (later, later));
}

#[tokio::test]
async fn everything_that_passes_goes_however_much_of_it_there_is() {
    let store = ahead().await;
    let put = |tx: &mut Tx<'_>| {
        for number in 0..2500_u16 {
            let [high, low] = number.to_be_bytes();
            let id = [high, low, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
            tx.put(key::session(SessionId::from_bytes(id)), vec![1]);
            tx.put(key::link(LinkId::from_bytes(id)), vec![1]);
        }
        tx.keep();
        Ok(())
    };
    store.run(put).await.unwrap();
    let recovered = store.recover_clock(signing_key("new"), NOW).await.unwrap();
    assert_eq!((recovered.sessions, recovered.links), (2500, 2500));
    for kind in PASSING {
        let left = store.read(|view| view.scan(&key::all(kind), &key::all(kind), 1)).await.unwrap();
        assert_eq!(left, [], "{kind:?}");
    }
}

#[tokio::test]
async fn accounts_and_keys_are_set_back_however_many_there_are() {
    let store = ahead().await;
    let at = NOW.plus(2 * DAY);
    for number in 1..1500 {
        store.create_user(user(number, at), By::system(at)).await.unwrap();
    }
    let owner = user(1499, at).id();
    for (number, made, ttl) in [(1, NOW.minus(DAY), Some(30 * DAY)), (2, at, Some(HOUR)), (3, at, None)] {
        let key = PersonalKey::new(KeyId::from_bytes([number; 16]), owner, "k".to_owned(), [number; 32], made, ttl);
        store.create_key(CreateKey { key, most: 10 }, By::system(at)).await.unwrap();
    }
    store.recover_clock(signing_key("new"), NOW).await.unwrap();
    for number in 0..1500 {
        let found = store.user(user(number, at).id()).await.unwrap().unwrap();
        assert_eq!(found.create_time(), NOW, "{number}");
    }
    let times = |keys: Vec<PersonalKey>| keys.iter().map(|key| (key.create_time(), key.expire_time())).collect::<Vec<_>>();
    let expected = [(NOW.minus(DAY), Some(NOW.plus(29 * DAY))), (NOW, Some(NOW.plus(HOUR))), (NOW, None)];
    assert_eq!(times(store.keys_of(owner, None, 10).await.unwrap()), expected);
    let after_first = store.keys_of(owner, Some(KeyId::from_bytes([1; 16])), 10).await.unwrap();
    assert_eq!(times(after_first), expected[1..]);
}

#[test]
fn one_time_codes_of_the_present_are_accepted_again() {
    let step = |at: Timestamp| at.secs() / crate::model::user::STEP_SECONDS;
    let with_codes = |last: u64| user(1, NOW).enroll_totp(&[1]).value.confirm_totp(&[1], last, &[]).value;
    let set_back = with_codes(step(NOW.plus(3 * DAY))).set_back(NOW);
    let spend = |step| set_back.totp().clone().spend(Some(&SecondFactor::TotpStep(step)));
    assert!(spend(step(NOW)).is_none() && spend(step(NOW) + 1).is_some());
    let before = with_codes(step(NOW.minus(DAY)));
    assert_eq!(before.clone().set_back(NOW), before);
}
