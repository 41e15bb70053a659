use crate::asked::Ask as _;
use std::time::Duration;

use countersign::model::link::{Link, NewLink};
use countersign::model::name::Folded;
use countersign::model::organization::ActiveOrganization;
use countersign::model::session::{Credential, Mode};
use countersign::model::user::{Roles, Subject};
use countersign::store::verbs::{Commit, Ended, Issued, Needs, Redeemed, Renewed, Rotated};

use crate::world::{World, access_token, folded, link_id, new_session, secs, session_id};

async fn redeem(world: &World, link: &Link) -> Redeemed {
    world.store.redeem(world.redemption(link)).await.unwrap()
}

pub(crate) async fn opens_one_session_for_a_guest(world: &mut World) {
    let link = world.issued(world.link("Admin").await).await;
    world.settle().await;
    for _ in 0..5 {
        assert_eq!(world.store.peek_link(link.id(), world.now).await.unwrap().as_ref(), Some(&link), "peeking changes nothing");
    }
    let mut wrong = world.redemption(&link);
    wrong.token = [0; 32];
    assert_eq!(world.store.redeem(wrong).await.unwrap(), Redeemed::Dead);
    let mut unknown = world.redemption(&link);
    unknown.link = link_id();
    assert_eq!(world.store.redeem(unknown).await.unwrap(), Redeemed::Dead);

    let grant = world.redeemed(&link).await;
    // Whatever accounts there are, it is a guest.
    assert_eq!(*grant.grant.subject(), Subject::Guest(Folded::presented("admin")));
    assert_eq!((grant.grant.username(), grant.grant.organization()), ("guest:Admin", ""));
    assert_eq!((grant.grant.roles(), grant.user.as_ref()), (Roles::default(), None));
    assert_eq!(world.session(grant.grant.session()).await.organization(), ActiveOrganization::Personal);
    assert_eq!(grant.grant.dataset_id(), Some("dataset"));
    assert_eq!(grant.grant.credential(), Some(Credential::Link(link.id())));
    world.settle().await;
    assert_eq!(redeem(world, &link).await, Redeemed::Dead);
    assert_eq!(world.store.peek_link(link.id(), world.now).await.unwrap(), None);
}

pub(crate) async fn gives_the_same_session_to_the_same_request(world: &mut World) {
    let link = world.issued(world.link("ann").await).await;
    let request = world.redemption(&link);
    let again = async |world: &World| {
        let mut request = request.clone();
        request.by = world.anyone();
        world.store.redeem(request).await.unwrap()
    };
    let Redeemed::Opened(first) = again(world).await else { panic!("the first opens") };
    let at = world.now;
    for later in [0, 30, 60] {
        world.now = at.plus(secs(later));
        world.settle().await;
        let Redeemed::Retried(retried) = again(world).await else { panic!("{later} s after") };
        assert_eq!(retried, first);
    }
    let mut other = request.clone();
    other.request = Some([1; 32]);
    assert_eq!(world.store.redeem(other).await.unwrap(), Redeemed::Dead);
    let mut unnamed = request.clone();
    unnamed.request = None;
    assert_eq!(world.store.redeem(unnamed).await.unwrap(), Redeemed::Dead);
    let mut elsewhere = request.clone();
    elsewhere.session = new_session(session_id());
    assert_eq!(world.store.redeem(elsewhere).await.unwrap(), Redeemed::Dead, "another session is not the same again");
    world.now = at.plus(secs(61));
    assert_eq!(again(world).await, Redeemed::Dead);

    // Closed as soon as the session was renewed, either way, or ended.
    for way in 0..3 {
        let link = world.issued(world.link("ann").await).await;
        let request = world.redemption(&link);
        let Redeemed::Opened(grant) = world.store.redeem(request.clone()).await.unwrap() else { panic!("the first opens") };
        let id = grant.grant.session();
        match way {
            0 => assert!(matches!(world.store.rotate(world.exchange(id, 0)).await.unwrap(), Rotated::Rotated(_))),
            1 => assert!(matches!(
                world.store.renew_session(access_token(&grant), world.anyone()).await.unwrap().outcome,
                Renewed::Renewed(_)
            )),
            _ => drop(world.store.end_session(id, world.holder(&grant, Needs::Nothing)).await.unwrap().outcome),
        }
        assert_eq!(world.store.redeem(request).await.unwrap(), Redeemed::Dead);
    }
}

pub(crate) async fn opens_many_where_it_is_not_one_time(world: &mut World) {
    let link = NewLink { one_time: false, ..world.new_link("ann").await };
    let link = world.issued(Link::new(link)).await;
    let request = world.redemption(&link);
    let Redeemed::Opened(first) = world.store.redeem(request.clone()).await.unwrap() else { panic!("it opens") };
    let Redeemed::Retried(retried) = world.store.redeem(request.clone()).await.unwrap() else { panic!("the same again") };
    assert_eq!(retried, first);
    world.settle().await;
    let second = world.redeemed(&link).await;
    assert_ne!(second.grant.session(), first.grant.session());
    let mut late = request;
    late.by.now = world.now.plus(secs(61));
    assert_eq!(world.store.redeem(late).await.unwrap(), Redeemed::Dead);
    let Ended::Ended = world.store.revoke_link(link.id(), world.superuser().await).await.unwrap().outcome else {
        panic!("it lived")
    };
    assert!(world.revokes(&first) && world.revokes(&second));
}

pub(crate) async fn dies_in_time(world: &mut World) {
    let link = world.issued(world.link("ann").await).await;
    world.now = link.redeem_by().minus(Duration::from_micros(1));
    assert!(world.store.peek_link(link.id(), world.now).await.unwrap().is_some());
    world.now = link.redeem_by();
    assert_eq!(world.store.peek_link(link.id(), world.now).await.unwrap(), None);
    assert_eq!(redeem(world, &link).await, Redeemed::Dead);
}

pub(crate) async fn dies_with_the_generation_it_was_read_with(world: &mut World) {
    let late = world.link("ann").await;
    let waiting = world.issued(world.link("ann").await).await;
    world.store.logout_user(folded("ann"), world.superuser().await).await.unwrap();
    world.settle().await;
    let by = world.superuser().await;
    assert_eq!(world.store.issue_link(late.clone(), by).await.unwrap().outcome, Issued::Stale);
    assert_eq!(redeem(world, &late).await, Redeemed::Dead);
    assert_eq!(redeem(world, &waiting).await, Redeemed::Dead);
    let fresh = world.issued(world.link("ann").await).await;
    let grant = world.redeemed(&fresh).await;
    assert!(grant.grant.generation() > waiting.generation());
    assert_eq!(grant.grant.generation(), world.store.guest_generation(&folded("ann")).await.unwrap());
    assert!(!world.revokes(&grant));
}

pub(crate) async fn revoking_ends_what_it_opened(world: &mut World) {
    let link = world.issued(world.link("ann").await).await;
    let mut cookie = world.redemption(&link);
    cookie.session.mode = Mode::Cookie;
    let Redeemed::Opened(grant) = world.store.redeem(cookie).await.unwrap() else { panic!("it opens") };
    let other = world.issued(world.link("ann").await).await;
    let unredeemed = world.issued(world.link("ann").await).await;
    let stays = world.redeemed(&other).await;
    let revoke = async |world: &World, id| world.store.revoke_link(id, world.superuser().await).await.unwrap();
    assert_eq!(revoke(world, link_id()).await.outcome, Ended::Unknown);
    let Commit { outcome: Ended::Ended, revision, .. } = revoke(world, link.id()).await else { panic!("it lived") };
    assert_eq!(revoke(world, unredeemed.id()).await.outcome, Ended::Ended);
    world.settle().await;
    let again = revoke(world, link.id()).await;
    assert_eq!((again.outcome, again.revision), (Ended::Before, revision));
    assert!(world.revokes(&grant) && !world.revokes(&stays));
    assert_eq!(world.store.rotate(world.exchange(grant.grant.session(), 0)).await.unwrap(), Rotated::Ended);
    assert_eq!(redeem(world, &unredeemed).await, Redeemed::Dead);
}

pub(crate) async fn a_guest_ends_seven_days_after_its_link(world: &mut World) {
    let week = Duration::from_hours(7 * 24);
    let link = NewLink { ttl: week, ..world.new_link("ann").await };
    let link = world.issued(Link::new(link)).await;
    world.pass(week.checked_sub(Duration::from_hours(1)).unwrap());
    let grant = world.redeemed(&link).await;
    assert_eq!(grant.grant.expire_time(), link.create_time().plus(week));
    assert_eq!(grant.grant.auth_time(), world.now);
}
