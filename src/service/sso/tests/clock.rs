//! A clock that is not trusted while a sign-on is under way.

use super::*;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_callback_with_a_clock_that_is_not_trusted_sends_nothing_and_can_come_again() {
    let rig = Rig::new().await;
    let round = rig.to_provider().await;
    let (right, before) = (rig.house.clock.now(), rig.house.store.status());
    rig.house.clock.set(right.plus(3 * DAY));
    let outcome = rig.sso.callback(&client(), rig.back(&round, "ada")).await;
    assert!(matches!(outcome, Err(Refusal::Failed(Error::ClockUntrusted(_)))), "{outcome:?}");
    assert!(matches!(rig.collect(&round).await, Err(Error::ClockUntrusted(_))));
    assert_eq!((rig.exchanges(), rig.house.store.status()), (0, before));

    rig.house.clock.set(right);
    let form = rig.confirmation(&round, "ada").await.form;
    rig.house.clock.set(right.plus(3 * DAY));
    let answered = rig.answer(&round, &form, true).await;
    assert!(matches!(answered, Err(Refusal::Failed(Error::ClockUntrusted(_)))), "{answered:?}");
    rig.house.clock.set(right);
    rig.answer(&round, &form, true).await.unwrap();
    rig.collected(&round).await;
}

/// The code is spent then, so the attempt is refused as soon as that can be committed.
#[tokio::test]
async fn a_clock_that_jumps_during_the_exchange_commits_nothing_and_ends_the_attempt_when_it_is_right() {
    let rig = Rig::new().await;
    let round = rig.to_provider().await;
    let right = rig.house.clock.now();
    let clock = Arc::clone(&rig.house.clock);
    rig.identity.meanwhile(move || clock.set(right.plus(3 * DAY)));
    let outcome = rig.sso.callback(&client(), rig.back(&round, "ada")).await;
    assert!(matches!(outcome, Err(Refusal::Failed(Error::ClockUntrusted(_)))), "{outcome:?}");
    assert_eq!((rig.exchanges(), rig.house.store.status().last_commit), (1, right));
    rig.house.clock.set(right);
    assert!(matches!(rig.collect(&round).await, Err(Error::SsoRefused)));
}
