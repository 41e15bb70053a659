use crate::asked::Ask as _;
use std::time::Duration;

use countersign::model::audit::Action;
use countersign::store::verbs::{By, Ended, Needs, Redeemed, RefuseAttempt, Rotated, Step};

use crate::sso::{begin, begun};
use crate::world::{DAY, World, attempt_id, folded, secs};

pub(crate) async fn removes_what_expired_a_day_ago(world: &mut World) {
    let ann = world.plain("ann").await;
    let session = world.opened(ann.id()).await;
    let attempt = begun(world).await;
    let link = world.issued(world.link("guest").await).await;
    let rowless = world.caller(ann.id(), Needs::Nothing).await;
    let tombstone = rowless.caller.clone().unwrap().session;
    assert!(matches!(world.store.end_session(tombstone, rowless).await.unwrap().outcome, Ended::Ended));

    world.pass(Duration::from_hours(7 * 24) + DAY + secs(1));
    let event = world.next_event().await;
    // The session, the attempt, the link and the revocation.
    assert_eq!(world.store.sweep(100, By::system(world.now)).await.unwrap().outcome, 4);
    world.recorded(&event, &[Action::Swept(4)]).await;
    world.settle().await;
    assert_eq!(world.store.session(session.grant.session()).await.unwrap(), None);
    assert_eq!(world.store.attempt(attempt).await.unwrap(), None);
    assert_eq!(world.store.peek_link(link.id(), link.create_time()).await.unwrap(), None);
    assert_eq!(world.store.sweep(100, By::system(world.now)).await.unwrap().outcome, 0);

    // What is gone comes to nothing, and an attempt that was swept cannot be taken a second time.
    assert_eq!(world.store.rotate(world.exchange(session.grant.session(), 0)).await.unwrap(), Rotated::Unknown);
    assert_eq!(world.store.redeem(world.redemption(&link)).await.unwrap(), Redeemed::Dead);
    let end = session.grant.auth_time().plus(secs(600));
    assert_eq!(world.store.begin_exchange(begin(attempt, end), world.anyone()).await.unwrap().outcome, Step::OutOfTurn);
    assert_eq!(world.user(ann.id()).await.id(), ann.id());
}

pub(crate) async fn removes_attempts_when_their_time_is_up(world: &mut World) {
    let end = world.now.plus(secs(600));
    let event = world.next_event().await;
    let (exchanging, refused) = (begun(world).await, attempt_id());
    for attempt in [refused, exchanging] {
        let refuse = RefuseAttempt { attempt, expire_time: end };
        assert_eq!(world.store.refuse_attempt(refuse, world.anyone()).await.unwrap().outcome, Step::Done);
    }
    world.recorded(&event, &[]).await;
    // What was collected at the last moment can be asked for again for a minute.
    world.now = end.plus(secs(60)).minus(secs(1));
    assert_eq!(world.store.sweep(100, By::system(world.now)).await.unwrap().outcome, 0);
    world.now = end.plus(secs(61));
    assert_eq!(world.store.sweep(100, By::system(world.now)).await.unwrap().outcome, 2);
    world.settle().await;
    for attempt in [exchanging, refused] {
        assert_eq!(world.store.attempt(attempt).await.unwrap(), None);
        assert_eq!(world.store.begin_exchange(begin(attempt, end), world.anyone()).await.unwrap().outcome, Step::OutOfTurn);
    }
}

pub(crate) async fn keeps_what_a_token_may_need(world: &mut World) {
    let ann = world.plain("ann").await;
    let session = world.opened(ann.id()).await;
    let link = world.issued(world.link("guest").await).await;
    let guest = world.redeemed(&link).await;
    world.store.revoke_link(link.id(), world.superuser().await).await.unwrap();
    assert!(world.revokes(&guest));
    let ends = session.grant.expire_time();
    world.now = ends.plus(DAY).minus(secs(1));
    world.store.sweep(100, By::system(world.now)).await.unwrap();
    world.settle().await;
    assert!(world.store.session(session.grant.session()).await.unwrap().is_some(), "a second less than a day");
    let by = world.superuser().await;
    assert!(
        matches!(world.store.revoke_link(link.id(), by).await.unwrap().outcome, Ended::Before),
        "its record outlives its guests"
    );
    world.now = ends.plus(DAY);
    world.store.sweep(100, By::system(world.now)).await.unwrap();
    assert_eq!(world.store.session(session.grant.session()).await.unwrap(), None);

    // A clock that is behind sweeps less.
    let other = world.opened(ann.id()).await;
    world.pass(DAY + DAY);
    world.store.logout_user(folded("nobody"), world.superuser().await).await.unwrap();
    let behind = other.grant.expire_time();
    world.store.sweep(100, By::system(behind)).await.unwrap();
    assert!(world.store.session(other.grant.session()).await.unwrap().is_some());
}

pub(crate) async fn goes_in_small_steps(world: &mut World) {
    let ann = world.plain("ann").await;
    for _ in 0..7 {
        world.opened(ann.id()).await;
    }
    world.pass(DAY + DAY + secs(1));
    assert_eq!(world.store.sweep(3, By::system(world.now)).await.unwrap().outcome, 3);
    world.settle().await;
    assert_eq!(world.store.sweep(3, By::system(world.now)).await.unwrap().outcome, 3);
    assert_eq!(world.store.sweep(3, By::system(world.now)).await.unwrap().outcome, 1);
    assert_eq!(world.store.sweep(3, By::system(world.now)).await.unwrap().outcome, 0);
}
