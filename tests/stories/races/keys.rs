//! Personal keys against what ends their tokens.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::service::keys::NewKey;
use countersign::service::tokens::TokenSet;
use countersign::service::{Error, Result};

use super::{Outcomes, jitter, together};
use crate::arena::house::{House, PLAIN, SUPERUSER, client};

/// Exchanges and renewals of a key's token. A check that began after the commit may let in, and its token then carries the new
/// generation; whatever carries the old one, or came from a token that does, is dead.
pub(super) async fn exchange_against_logout_user(house: Arc<House>, rounds: u32) {
    let root = house.person("root", SUPERUSER).await;
    let owner = house.person("pat", PLAIN).await;
    let key = house.services.keys.create(&owner, "raced", None).await.unwrap();
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        let before = exchange(&house, &key).await.unwrap();
        let old = generation(&before);
        let running = together(4, |number| {
            let (house, key, before) = (Arc::clone(&house), key.clone(), before.access_token.clone());
            async move { if number % 2 == 0 { exchange(&house, &key).await } else { house.renew(&before).await } }
        });
        jitter(round).await;
        house.services.logout.logout_user(&root, "pat").await.unwrap();
        let late = outcomes.those_let_in(running.join_all().await);
        for tokens in late.into_iter().chain([before]).filter(|tokens| generation(tokens) == old) {
            house.assert_dead(&tokens, "", "a key's token from before LogoutUser").await;
        }
        assert!(exchange(&house, &key).await.is_ok(), "LogoutUser ends the tokens of keys, not the keys");
    }
    println!("{outcomes:?}");
}

/// After RevokePersonalKey has answered the key gives nothing, and what it gave before is dead.
pub(super) async fn exchange_against_revocation(house: Arc<House>, rounds: u32) {
    let owner = house.person("pat", PLAIN).await;
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        house.forget_failures();
        let key = house.services.keys.create(&owner, "raced", None).await.unwrap();
        let before = exchange(&house, &key).await.unwrap();
        let running = together(4, |number| {
            let (house, key, before) = (Arc::clone(&house), key.clone(), before.access_token.clone());
            async move { if number % 2 == 0 { exchange(&house, &key).await } else { house.renew(&before).await } }
        });
        jitter(round).await;
        house.services.keys.revoke(&owner, &key.key_id).await.unwrap();
        assert!(matches!(exchange(&house, &key).await, Err(Error::InvalidCredentials)), "minted after the revocation");
        for tokens in outcomes.those_let_in(running.join_all().await).into_iter().chain([before]) {
            house.assert_dead(&tokens, "", "a token of a revoked key").await;
        }
    }
    println!("{outcomes:?}");
}

async fn exchange(house: &House, key: &NewKey) -> Result<TokenSet> {
    house.services.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await.map(|sign_in| sign_in.tokens)
}

/// The `gen` claim.
fn generation(tokens: &TokenSet) -> u64 {
    let claims = tokens.access_token.expose().split('.').nth(1).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["gen"].as_u64().unwrap()
}
