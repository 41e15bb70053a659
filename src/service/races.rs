//! What two calls can race for, over the memory store: whatever the order, nothing outlives the change that ended it once that
//! change has answered.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::refresh::RefreshSource;
use super::testing::{House, PASSWORD, PLAIN, STAFF, SUPERUSER, client};
use super::tokens::TokenSet;
use crate::model::audit::{Action, Actor};
use crate::model::secret::Secret;
use crate::store::Lane;

const NEW: &str = "marmalade over quiet rivers";

/// Nothing of these verifies or renews.
async fn all_dead(house: &House, tokens: Vec<TokenSet>) {
    for set in tokens {
        assert!(house.caller(&set).is_err(), "an access token outlived the change");
        if let Some(token) = set.refresh_token {
            let renewed = house.refresh.refresh(&client(), RefreshSource::Token(token), None).await;
            assert!(renewed.is_err(), "a session outlived the change");
        }
    }
}

/// Logins with [`PASSWORD`] that run meanwhile; those that were let in.
fn logins(house: &Arc<House>, name: &'static str) -> JoinSet<Option<TokenSet>> {
    let mut running = JoinSet::new();
    for _ in 0..4 {
        let house = Arc::clone(house);
        running.spawn(async move { house.log_in(name, PASSWORD, "").await.ok().map(|sign_in| sign_in.tokens) });
    }
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_login_outlives_a_change_of_password() {
    let house = Arc::new(House::new());
    for round in 0..100 {
        let name: &'static str = format!("pat-{round}").leak();
        let caller = house.person(name, PLAIN).await;
        let running = logins(&house, name);
        house.accounts.change_password(&caller, &Secret::new(PASSWORD), &Secret::new(NEW)).await.unwrap();
        all_dead(&house, running.join_all().await.into_iter().flatten().collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_login_outlives_a_disabling() {
    let house = Arc::new(House::new());
    let root = house.person("root", SUPERUSER).await;
    for round in 0..100 {
        let name: &'static str = format!("pat-{round}").leak();
        house.user(name, PLAIN).await;
        let running = logins(&house, name);
        house.users.disable(&root, name).await.unwrap();
        all_dead(&house, running.join_all().await.into_iter().flatten().collect()).await;
        house.users.enable(&root, name).await.unwrap();
        assert!(house.log_in(name, PASSWORD, "").await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_token_of_a_key_outlives_its_revocation() {
    let house = Arc::new(House::new());
    let owner = house.person("pat", PLAIN).await;
    for _ in 0..300 {
        let key = house.keys.create(&owner, "raced", None).await.unwrap();
        let mut running = JoinSet::new();
        for _ in 0..4 {
            let (house, key) = (Arc::clone(&house), key.clone());
            running.spawn(async move {
                let exchanged = house.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await;
                exchanged.ok().map(|sign_in| sign_in.tokens)
            });
        }
        house.keys.revoke(&owner, &key.key_id).await.unwrap();
        assert!(house.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await.is_err());
        all_dead(&house, running.join_all().await.into_iter().flatten().collect()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_link_is_made_by_staff_who_were_stopped() {
    let house = Arc::new(House::new());
    let root = house.person("root", SUPERUSER).await;
    for round in 0..100 {
        let name = format!("sam-{round}");
        let staff = house.person(&name, STAFF).await;
        let mut running = JoinSet::new();
        for _ in 0..4 {
            let (house, staff) = (Arc::clone(&house), staff.clone());
            running.spawn(async move { house.single_use.generate(&staff, "visitor", "d", None).await.is_ok() });
        }
        house.users.disable(&root, &name).await.unwrap();
        assert!(house.single_use.generate(&staff, "visitor", "d", None).await.is_err());
        running.join_all().await;
    }
    // The audit log is written in the commits themselves: it has their order.
    let events = house.store.audit_events(Lane::Only, 1, 10_000).await.unwrap();
    let mut stopped = Vec::new();
    for event in events {
        match (event.action, event.origin.actor) {
            (Action::UserDisabled(user), _) => stopped.push(user),
            (Action::LinkIssued(_), Actor::User(user)) => assert!(!stopped.contains(&user), "a link after the disabling"),
            _ => {}
        }
    }
    assert_eq!(stopped.len(), 100);
}
