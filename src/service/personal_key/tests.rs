use async_trait::async_trait;

use super::*;
use crate::model::ids::UserId;
use crate::model::personal_key::KeyCreated;
use crate::model::random::SystemRandom;
use crate::model::session::Credential;
use crate::service::testing::{House, PLAIN, client};
use crate::store::verbs::{Commit, CreateKey, Ended, RevokeKey, SwitchUser};
use crate::store::{Lanes, Result as StoreResult, Revocations, Simulation, simulated};

/// A store where `pat` is logged out, or disabled, just before the use of a key is noted.
struct Overtaking {
    store: Arc<dyn Store>,
    disabling: bool,
}

#[async_trait]
impl KeyStore for Overtaking {
    async fn key_owner(&self, id: KeyId, organization: Option<&Folded>) -> StoreResult<Option<KeyOwner>> {
        self.store.key_owner(id, organization).await
    }

    async fn keys_of(&self, user: UserId, after: Option<KeyId>, most: u32) -> StoreResult<Vec<PersonalKey>> {
        self.store.keys_of(user, after, most).await
    }

    async fn create_key(&self, command: CreateKey, by: By) -> StoreResult<Commit<KeyCreated>> {
        self.store.create_key(command, by).await
    }

    async fn revoke_key(&self, command: RevokeKey, by: By) -> StoreResult<Commit<Ended>> {
        self.store.revoke_key(command, by).await
    }

    async fn note_key_use(&self, uses: Vec<KeyUse>, by: By) -> StoreResult<Commit<()>> {
        let (name, system) = (Folded::presented("pat"), By::system(by.now));
        if self.disabling {
            self.store.switch_user(SwitchUser { name, enabled: false }, system).await?;
        } else {
            self.store.logout_user(name, system).await?;
        }
        self.store.note_key_use(uses, by).await
    }
}

#[tokio::test]
async fn a_key_that_is_overtaken_while_its_use_is_noted_is_looked_at_again() {
    for disabling in [false, true] {
        let house = House::new();
        let pat = house.person("pat", PLAIN).await;
        let key = house.keys.create(&pat, "a script", None).await.unwrap();
        let exchanged = house.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await.unwrap();
        let script = house.caller(&exchanged.tokens).unwrap();
        let Some(Credential::Key(id)) = script.credential else { panic!("{script:?}") };
        let guesses = Arc::new(Guesses::new(house.time.steady()));
        let (keys, random) = (Arc::clone(&house.server_keys), Arc::new(SystemRandom));
        let mut over = PersonalKeys::new(&house.store, keys, random, house.tokens.clone(), guesses, house.time.clone());
        over.keys = Arc::new(Overtaking { store: Arc::clone(&house.store), disabling });
        let exchanged = over.exchange(&client(), &key.key_id, &key.secret, "").await;
        if disabling {
            assert!(matches!(exchanged, Err(Error::InvalidCredentials)), "{exchanged:?}");
            continue;
        }
        assert!(house.caller(&exchanged.unwrap().tokens).is_ok(), "with the generation of after the logout");
        house.clock.advance(std::time::Duration::from_mins(1));
        let renewed = over.renew(&script, id).await;
        assert!(matches!(renewed, Err(Error::SessionRevoked)), "{renewed:?}");
    }
}

/// An exchange like that of `house` over another, empty store; a caller with the token of a key, and that key's id.
async fn elsewhere(house: &House) -> (Arc<dyn Store>, PersonalKeys, SignedIn, KeyId) {
    let pat = house.person("pat", PLAIN).await;
    let script = house.by_key(&pat).await;
    let Some(Credential::Key(key)) = script.credential else { panic!("{script:?}") };
    let simulation = Simulation { seed: 1, lanes: 1, conflicts_percent: 0 };
    let store = simulated(simulation, Arc::new(Revocations::of(Lanes::Many))).unwrap();
    let guesses = Arc::new(Guesses::new(house.time.steady()));
    let (keys, random) = (Arc::clone(&house.server_keys), Arc::new(SystemRandom));
    let over = PersonalKeys::new(&store, keys, random, house.tokens.clone(), guesses, house.time.clone());
    (store, over, script, key)
}

#[tokio::test]
async fn a_key_that_is_gone_ends_the_session_and_a_store_that_is_away_does_not() {
    let house = House::new();
    let (store, keys, caller, key) = elsewhere(&house).await;
    let gone = keys.renew(&caller, key).await;
    assert!(matches!(gone, Err(Error::SessionRevoked)), "{gone:?}");
    store.close().await;
    let away = keys.renew(&caller, key).await;
    assert!(matches!(away, Err(Error::StoreUnavailable)), "{away:?}");
}
