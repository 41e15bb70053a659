use super::*;
use crate::model::random::SystemRandom;
use crate::model::session::Credential;
use crate::service::testing::{House, PLAIN};
use crate::store::{Lanes, Revocations, Simulation, simulated};

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
