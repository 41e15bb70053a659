//! What counts once: a refresh token, a link, a code.

use std::sync::Arc;
use std::time::Duration;

use countersign::model::ids::LinkId;
use countersign::model::secret::Secret;
use countersign::service::Error;
use countersign::service::accounts::Enrolment;
use countersign::service::tokens::TokenSet;
use uuid::Uuid;

use super::{Outcomes, begun, jitter, together};
use crate::arena::house::{House, PLAIN, SUPERUSER, client, client_at, token_of};
use crate::arena::{PASSWORD, otp};

/// A Refresh whose caller leaves as soon as the store has it: the rotation happens whole, asking again gives its successor, and the
/// chain goes on from there. Fails where the successor is not the same each time.
pub(super) async fn a_refresh_that_is_left(house: Arc<House>, rounds: u32) {
    house.user("pat", PLAIN).await;
    for round in 0..rounds {
        let zero = house.log_in("pat").await.unwrap();
        let token = zero.refresh_token.as_ref().unwrap();
        let left = begun(1, || {
            let (house, token) = (Arc::clone(&house), token.clone());
            async move { house.refresh(&token).await }
        });
        drop(left.await);
        jitter(round).await;
        let one = house.refresh(token).await.unwrap();
        assert!(house.caller(&one).is_ok());
        let two = house.refresh(one.refresh_token.as_ref().unwrap()).await.unwrap();
        assert_eq!([one.session_id, two.session_id], [zero.session_id; 2]);
        assert!(matches!(house.refresh(token).await, Err(Error::RefreshReused)), "it was moved once for all that was asked");
    }
}

/// R0 comes back while R2 is being refreshed: nothing of the session is left. Fails where reuse does not end the session.
pub(super) async fn replay_against_refresh_of_the_newest(house: Arc<House>, rounds: u32) {
    house.user("pat", PLAIN).await;
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        let zero = house.log_in("pat").await.unwrap();
        let one = house.refresh(zero.refresh_token.as_ref().unwrap()).await.unwrap();
        let two = house.refresh(one.refresh_token.as_ref().unwrap()).await.unwrap();
        let running = together(3, |_| {
            let (house, newest) = (Arc::clone(&house), two.refresh_token.clone().unwrap());
            async move { house.refresh(&newest).await }
        });
        jitter(round).await;
        let replayed = house.refresh(zero.refresh_token.as_ref().unwrap()).await;
        assert!(matches!(replayed, Err(Error::RefreshReused)), "{replayed:?}");
        for tokens in outcomes.those_let_in(running.join_all().await).into_iter().chain([zero, one, two]) {
            house.assert_dead(&tokens, "", "a survivor of a stolen session").await;
        }
    }
    println!("{outcomes:?}");
}

/// One chain lives on, with one successor.
pub(super) async fn a_hundred_refresh_one_token(house: Arc<House>, rounds: u32) {
    house.user("pat", PLAIN).await;
    for _ in 0..rounds {
        let before = house.log_in("pat").await.unwrap().refresh_token.unwrap();
        let running = together(100, |_| {
            let (house, before) = (Arc::clone(&house), before.clone());
            async move { house.refresh(&before).await }
        });
        let answers: Vec<TokenSet> = running.join_all().await.into_iter().map(|answer| answer.unwrap()).collect();
        let mut successors: Vec<&str> = answers.iter().map(|set| set.refresh_token.as_ref().unwrap().expose()).collect();
        successors.dedup();
        assert_eq!(successors.len(), 1, "a chain has forked");
        let next = house.refresh(&Secret::new(successors[0])).await.unwrap();
        assert!(matches!(house.refresh(&before).await, Err(Error::RefreshReused)));
        house.assert_dead(&next, "", "the chain of a token that came back").await;
    }
}

/// Exactly one session comes of a link. Fails where a redeemed link stays redeemable in the commit.
pub(super) async fn a_hundred_redeem_one_link(house: Arc<House>, rounds: u32) {
    let root = house.person("root", SUPERUSER).await;
    for round in 0..rounds {
        house.forget_failures();
        let made = house.services.single_use.generate(&root, "visitor", "dataset", None).await.unwrap();
        let link = token_of(&made.url);
        let running = together(100, |number| {
            let (house, link) = (Arc::clone(&house), link.clone());
            // Half of them say who they are, each its own.
            let request = (number % 2 == 0).then(|| Uuid::from_u64_pair(u64::from(round) + 1, u64::from(number)));
            async move { house.services.single_use.redeem(&client(), &link, request, None).await }
        });
        let answers = running.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Err(Error::LinkInvalid))).count(), 99);
        let done: LinkId = made.link_id;
        assert!(house.store.peek_link(done, house.services.time.now()).await.unwrap().is_none());
    }
}

/// Exactly one gets in. Every caller is a source that signed in before, so that no throttle decides it. Fails where the commit does
/// not take the code's step.
pub(super) async fn fifty_log_in_with_one_code(house: Arc<House>, rounds: u32) {
    let owner = house.person("pat", PLAIN).await;
    for source in 0..50 {
        house.log_in_from(client_at(source), "pat", PASSWORD, "").await.unwrap();
    }
    let Enrolment { secret, .. } = house.services.accounts.enroll_totp(&owner).await.unwrap();
    let code = |house: &House| otp::code(secret.expose(), house.services.time.now().secs());
    house.services.accounts.confirm_totp(&owner, &Secret::new(code(&house))).await.unwrap();
    for _ in 0..rounds {
        // Each source fails once a round at the most, and forgets one failure in this time.
        house.clock.advance(Duration::from_secs(30));
        let code = code(&house);
        let running = together(50, |number| {
            let (house, code) = (Arc::clone(&house), code.clone());
            async move { house.log_in_from(client_at(u16::try_from(number).unwrap()), "pat", PASSWORD, &code).await }
        });
        let answers = running.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "one code let in other than one");
        let refused = answers.iter().filter(|answer| matches!(answer, Err(Error::OtpRequired))).count();
        assert_eq!(refused, 49, "{:?}", answers.iter().filter_map(|answer| answer.as_ref().err()).collect::<Vec<_>>());
    }
}
