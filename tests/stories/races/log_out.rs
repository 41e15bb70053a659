//! Against LogoutUser.

use std::sync::Arc;

use countersign::service::Error;
use uuid::Uuid;

use super::{Outcomes, begun, jitter, together};
use crate::arena::house::{House, PLAIN, SUPERUSER, client, token_of};

/// Fails where the generation that was read before the password was checked is not held against the account in the commit.
pub(super) async fn login_against_logout_user(house: Arc<House>, rounds: u32) {
    let root = house.person("root", SUPERUSER).await;
    house.user("pat", PLAIN).await;
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        let running = begun(4, || {
            let house = Arc::clone(&house);
            async move { house.log_in("pat").await }
        })
        .await;
        jitter(round).await;
        house.services.logout.logout_user(&root, "pat").await.unwrap();
        for tokens in outcomes.those_let_in(running.join_all().await) {
            house.assert_dead(&tokens, "", "a login that began before LogoutUser").await;
        }
    }
    println!("{outcomes:?}");
    assert!(house.log_in("pat").await.is_ok());
}

/// Fails where a rotation does not look at the account's generation.
pub(super) async fn refresh_against_logout_user(house: Arc<House>, rounds: u32) {
    let root = house.person("root", SUPERUSER).await;
    house.user("pat", PLAIN).await;
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        let (shared, own) = (house.log_in("pat").await.unwrap(), house.log_in("pat").await.unwrap());
        let running = together(4, |number| {
            let house = Arc::clone(&house);
            // Three ask with one token; the fourth runs along a chain of its own.
            let (mut last, steps) = if number < 3 { (shared.clone(), 1) } else { (own.clone(), 3) };
            async move {
                let mut answered = Vec::new();
                for _ in 0..steps {
                    last = house.refresh(last.refresh_token.as_ref().unwrap()).await?;
                    answered.push(last.clone());
                }
                Ok(answered)
            }
        });
        jitter(round).await;
        house.services.logout.logout_user(&root, "pat").await.unwrap();
        for tokens in outcomes.those_let_in(running.join_all().await).into_iter().flatten().chain([shared, own]) {
            house.assert_dead(&tokens, "", "a refresh of a session from before LogoutUser").await;
        }
    }
    println!("{outcomes:?}");
}

/// The other way of renewing.
pub(super) async fn renewal_against_logout_user(house: Arc<House>, rounds: u32) {
    let root = house.person("root", SUPERUSER).await;
    house.user("pat", PLAIN).await;
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        let before = house.log_in("pat").await.unwrap();
        let running = together(4, |_| {
            let (house, access) = (Arc::clone(&house), before.access_token.clone());
            async move { house.renew(&access).await }
        });
        jitter(round).await;
        house.services.logout.logout_user(&root, "pat").await.unwrap();
        for tokens in outcomes.those_let_in(running.join_all().await) {
            house.assert_dead(&tokens, "", "a renewal of a session from before LogoutUser").await;
        }
    }
    println!("{outcomes:?}");
}

/// Links, with and without request ids, against LogoutUser of the guest's name.
pub(super) async fn redeem_against_logout_user(house: Arc<House>, rounds: u32) {
    let root = house.person("root", SUPERUSER).await;
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        house.forget_failures();
        let made = house.services.single_use.generate(&root, "visitor", "dataset", None).await.unwrap();
        let unredeemed = house.services.single_use.generate(&root, "visitor", "dataset", None).await.unwrap();
        let link = token_of(&made.url);
        let running = together(4, |number| {
            let (house, link) = (Arc::clone(&house), link.clone());
            let request = (number % 2 == 0).then(|| Uuid::from_u128(u128::from(round)));
            async move { house.services.single_use.redeem(&client(), &link, request, None).await.map(|done| done.tokens) }
        });
        jitter(round).await;
        house.services.logout.logout_user(&root, "visitor").await.unwrap();
        for tokens in outcomes.those_let_in(running.join_all().await) {
            house.assert_dead(&tokens, "dataset", "a link from before LogoutUser").await;
        }
        for link in [&link, &token_of(&unredeemed.url)] {
            let again = house.services.single_use.redeem(&client(), link, None, None).await;
            assert!(matches!(again, Err(Error::LinkInvalid)), "a link from before LogoutUser still opens something");
        }
    }
    println!("{outcomes:?}");
}
