//! What LogoutUser and its like do to a login that they overtake: between its check of the password and its commit.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::model::ids::SessionId;
use crate::model::session::Session;
use crate::service::testing::{House, PASSWORD, PLAIN};
use crate::store::verbs::{By, Commit, Ended, LoggedOut, RenewSession, Renewed, RotateSession, Rotated, SwitchUser};

/// What happens to `pat` just before a session opens.
#[derive(Clone, Copy)]
enum Change {
    Logout,
    Disabling,
    AnotherPassword,
}

/// A store that has a change commit first, one before each session.
struct Overtaking {
    store: Arc<dyn Store>,
    changes: Mutex<Vec<Change>>,
}

#[async_trait]
impl SessionStore for Overtaking {
    async fn session(&self, id: SessionId) -> crate::store::Result<Option<Session>> {
        self.store.session(id).await
    }

    async fn open_session(&self, command: OpenSession, by: By) -> crate::store::Result<Commit<Opened>> {
        let change = self.changes.lock().unwrap().pop();
        let (name, system) = (Folded::presented("pat"), By::system(by.now));
        match change {
            Some(Change::Logout) => drop(self.store.logout_user(name, system).await?),
            Some(Change::Disabling) => drop(self.store.switch_user(SwitchUser { name, enabled: false }, system).await?),
            Some(Change::AnotherPassword) => {
                // What the commit of a login does that stores a stronger hash; this one is of another password.
                let mut other = command.clone();
                other.session.id = SessionId::from_bytes([9; 16]);
                other.upgraded = Some(bcrypt::hash("another password", 4).unwrap());
                assert!(matches!(self.store.open_session(other, system).await?.outcome, Opened::Opened(_)));
            }
            None => {}
        }
        self.store.open_session(command, by).await
    }

    async fn rotate_session(&self, command: RotateSession, by: By) -> crate::store::Result<Commit<Rotated>> {
        self.store.rotate_session(command, by).await
    }

    async fn renew_session(&self, command: RenewSession, by: By) -> crate::store::Result<Commit<Renewed>> {
        self.store.renew_session(command, by).await
    }

    async fn end_session(&self, session: SessionId, by: By) -> crate::store::Result<Commit<Ended>> {
        self.store.end_session(session, by).await
    }

    async fn logout_user(&self, name: Folded, by: By) -> crate::store::Result<Commit<LoggedOut>> {
        self.store.logout_user(name, by).await
    }
}

/// A house where the account `pat` is overtaken by each of `changes` once, the last one first.
async fn overtaken(changes: &[Change]) -> House {
    let mut house = House::new();
    house.user("pat", PLAIN).await;
    Arc::get_mut(&mut house.services).unwrap().login.sessions =
        Arc::new(Overtaking { store: Arc::clone(&house.store), changes: Mutex::new(changes.to_vec()) });
    house
}

#[tokio::test]
async fn a_right_password_that_logout_overtook_is_checked_once_more_and_lets_in() {
    let house = overtaken(&[Change::Logout]).await;
    let done = house.pool.stats().done;
    let signed_in = house.log_in("pat", PASSWORD, "").await.unwrap();
    assert!(house.caller(&signed_in.tokens).is_ok(), "with the generation of after the logout");
    assert_eq!(house.pool.stats().done - done, 2, "a hash of its own, begun after that commit");
}

#[tokio::test]
async fn overtaken_twice_it_is_a_conflict_and_counts_as_no_failure() {
    let house = overtaken(&[Change::Logout; 24]).await;
    for _ in 0..12 {
        assert!(matches!(house.log_in("pat", PASSWORD, "").await, Err(Error::Conflict)));
    }
    assert!(house.log_in("pat", PASSWORD, "").await.is_ok());
}

#[tokio::test]
async fn disabled_or_wrong_by_then_is_what_it_always_is() {
    for change in [Change::Disabling, Change::AnotherPassword] {
        let house = overtaken(&[change]).await;
        assert!(matches!(house.log_in("pat", PASSWORD, "").await, Err(Error::InvalidCredentials)));
    }
}

#[tokio::test]
async fn a_code_is_looked_at_again_and_spent_once() {
    let mut house = overtaken(&[]).await;
    let caller = house.signed_in("pat").await;
    let enrolment = house.accounts.enroll_totp(&caller).await.unwrap();
    let secret = totp_rs::Secret::try_from_base32(enrolment.secret.expose()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).with_skew(0).build_noncompliant();
    let code = |house: &House| totp.generate(house.time.now().unwrap().secs()).to_string();
    house.accounts.confirm_totp(&caller, &Secret::new(code(&house))).await.unwrap();
    house.clock.advance(std::time::Duration::from_secs(30));
    Arc::get_mut(&mut house.services).unwrap().login.sessions =
        Arc::new(Overtaking { store: Arc::clone(&house.store), changes: Mutex::new(vec![Change::Logout]) });
    let otp = code(&house);
    assert!(house.log_in("pat", PASSWORD, &otp).await.is_ok());
    assert!(matches!(house.log_in("pat", PASSWORD, &otp).await, Err(Error::OtpRequired)));
}
