use crate::asked::Ask as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use countersign::model::audit::{Action, Actor, Origin};
use countersign::model::organization::OrganizationRole;
use countersign::model::user::{Roles, Subject};
use countersign::store::audit_digest;
use countersign::store::verbs::{AddMember, By, EnrollTotp, Needs, Redeemed, RemoveMember, RenewSession, RevokeKey, SwitchUser};

use futures_util::future::join_all;

use crate::sso::{confirmed, provider, registered};
use crate::world::{Mark, World, account, folded, generation, session_id};

pub(crate) async fn records_each_change_in_order(world: &mut World) {
    let admin = world.admin;
    world.recorded(&Mark::new(), &[Action::StoreCreated, Action::UserCreated(admin)]).await;
    let event = world.next_event().await;
    let ann = world.plain("ann").await;
    let team = world.organization("team", &[&ann]).await;
    let session = world.opened(ann.id()).await.grant.session();
    let exchange = world.exchange(session, 0);
    world.store.rotate(exchange.clone()).await.unwrap();
    world.store.rotate(exchange).await.unwrap();
    let link = world.issued(world.link("guest").await).await;
    let redemption = world.redemption(&link);
    let Redeemed::Opened(guest) = world.store.redeem(redemption.clone()).await.unwrap() else { panic!("it opens") };
    world.store.redeem(redemption).await.unwrap();
    world.store.revoke_link(link.id(), world.superuser().await).await.unwrap();
    let key = world.key(ann.id()).await.id();
    world.store.revoke_key(RevokeKey { owner: ann.id(), id: key }, world.superuser().await).await.unwrap();
    let registered = registered(world, provider("idp", None)).await;
    let attempt = confirmed(world, &registered, "eve").await;
    let collection = world.collection(attempt);
    let eve = crate::sso::collected(world, attempt).await;
    drop(collection);
    world.with_codes(ann.id()).await;
    let refusal = Action::LoginRefused(ann.id(), "INVALID_CREDENTIALS".to_owned());
    world.store.record(refusal.clone(), world.anyone()).await.unwrap();
    let name = folded("ann");
    world
        .store
        .remove_member(RemoveMember { organization: folded("team"), user: name.clone() }, world.superuser().await)
        .await
        .unwrap();
    world.store.logout_user(name.clone(), world.superuser().await).await.unwrap();
    world.store.switch_user(SwitchUser { name: name.clone(), enabled: false }, world.superuser().await).await.unwrap();
    world.store.switch_user(SwitchUser { name: name.clone(), enabled: true }, world.superuser().await).await.unwrap();
    world.settle().await;

    let new = eve.user.unwrap().id();
    let expected = [
        Action::UserCreated(ann.id()),
        Action::OrganizationCreated(team),
        Action::MemberAdded(team, ann.id()),
        Action::Login(ann.id(), session),
        Action::Refreshed(session, true),
        Action::LinkIssued(link.id()),
        Action::LinkRedeemed(link.id(), guest.grant.session()),
        Action::SessionRetried(guest.grant.session()),
        Action::LinkRevoked(link.id()),
        Action::KeyCreated(key, ann.id()),
        Action::KeyRevoked(key),
        Action::ProviderCreated(registered.id),
        Action::UserCreated(new),
        Action::SsoIdentified(attempt, new, true),
        Action::SsoConfirmed(attempt),
        Action::SsoCollected(new, eve.grant.session(), attempt),
        Action::TotpEnrolled(ann.id()),
        Action::TotpConfirmed(ann.id()),
        refusal,
        Action::MemberRemoved(team, ann.id()),
        Action::LogoutUser(name, 1, 0),
        Action::UserDisabled(ann.id()),
        Action::UserEnabled(ann.id()),
    ];
    world.recorded(&event, &expected).await;
}

/// A session is refreshed as long as it lives: its row counts, and the log tells what stands out.
pub(crate) async fn records_a_refresh_that_stands_out(world: &mut World) {
    let ann = world.plain("ann").await;
    let session = world.opened(ann.id()).await.grant.session();
    let from = world.next_event().await;
    let elsewhere = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    for (n, source) in [None, None, elsewhere, elsewhere, None].into_iter().enumerate() {
        let mut exchange = world.exchange(session, u32::try_from(n).unwrap());
        exchange.by.origin.source = source;
        world.store.rotate(exchange).await.unwrap();
        assert_eq!(world.session(session).await.source(), source);
    }
    world.settle().await;
    world.recorded(&from, &[Action::Refreshed(session, false), Action::Refreshed(session, false)]).await;
    assert!(world.events_since(&from).await.iter().any(|event| event.origin.source == elsewhere));
    let swept = world.next_event().await;
    world.pass(Duration::from_hours(49));
    assert_eq!(world.store.sweep(10, By::system(world.now)).await.unwrap().outcome, 1);
    world.settle().await;
    world.recorded(&swept, &[Action::SessionSwept(session, 5), Action::Swept(1)]).await;
    world.chain().await;
}

/// Pages hold many events; whoever reads finds each, from any number on.
pub(crate) async fn reads_from_any_event_on(world: &mut World) {
    let ann = world.plain("ann").await;
    let refusals = (0..200).map(|n| Action::LoginRefused(ann.id(), format!("{n:0>40}")));
    let recorded = refusals.clone().map(|action| world.store.record(action, world.anyone()));
    join_all(recorded).await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    world.settle().await;
    world.chain().await;
    for lane in world.store.lanes() {
        let all = world.store.audit_events(lane, 1, u32::MAX).await.unwrap();
        for (from, most) in [(1, 1), (2, 7), (50, 100), (199, 3), (all.len(), 10), (all.len() + 1, 10)] {
            let expected = all.iter().skip(from - 1).take(most);
            let (from, most) = (u64::try_from(from).unwrap(), u32::try_from(most).unwrap());
            let found = world.store.audit_events(lane, from, most).await.unwrap();
            assert!(found.iter().eq(expected), "{most} from {from} on");
        }
    }
}

pub(crate) async fn records_nothing_where_nothing_changed(world: &mut World) {
    let ann = world.plain("ann").await;
    world.organization("team", &[&ann]).await;
    let session = world.opened(ann.id()).await;
    let session = world.session(session.grant.session()).await;
    let (before, status) = (world.next_event().await, world.store.status());
    world.pass(Duration::from_secs(5));
    let by = world.superuser().await;
    world.store.switch_user(SwitchUser { name: folded("ann"), enabled: true }, by.clone()).await.unwrap();
    world.store.switch_user(SwitchUser { name: folded("admin"), enabled: false }, by.clone()).await.unwrap();
    world
        .store
        .add_member(
            AddMember { organization: folded("team"), user: folded("ann"), role: OrganizationRole::Member, most: 10 },
            by.clone(),
        )
        .await
        .unwrap();
    let mut foreign = world.exchange(session.id(), 0);
    foreign.token.hash = [0; 16];
    world.store.rotate(foreign).await.unwrap();
    world.store.renew_session(RenewSession { session: session_id(), generation: generation(0) }, world.anyone()).await.unwrap();
    let link = world.link("guest").await;
    world.store.redeem(world.redemption(&link)).await.unwrap();
    world.store.sweep(100, By::system(world.now)).await.unwrap();
    assert_eq!(world.next_event().await, before);
    assert_eq!(world.store.status(), status);
    assert_eq!(world.session(session.id()).await, session);
}

pub(crate) async fn chains_what_it_records(world: &mut World) {
    let ann = world.made(account("ann", Roles::default())).await;
    let source = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    let mut login = world.login(ann.id()).await;
    login.by.origin = Origin { actor: Actor::Anonymous, source };
    world.store.log_in(login).await.unwrap();
    world.settle().await;
    world.chain().await;
    let by = world.caller(ann.id(), Needs::Nothing).await;
    assert_eq!(by.caller.as_ref().unwrap().subject, Subject::User(ann.id()));
    world.store.enroll_totp(EnrollTotp { user: ann.id(), sealed: vec![1] }, by.clone()).await.unwrap();
    let events = world.events().await;
    let find = |wanted: fn(&Action) -> bool| events.iter().find(|event| wanted(&event.action)).unwrap();
    let login = find(|action| matches!(action, Action::Login(..)));
    let enrolled = find(|action| matches!(action, Action::TotpEnrolled(_)));
    assert_eq!((login.origin.source, login.at), (source, world.now));
    assert_eq!(enrolled.origin, by.origin);
    // Whoever changes an event breaks the chain of its lane.
    let mut forged = login.clone();
    forged.origin.source = None;
    assert_ne!(audit_digest(login), audit_digest(&forged));
    world.chain().await;
    for lane in world.store.lanes() {
        let events = world.store.audit_events(lane, 1, u32::MAX).await.unwrap();
        assert_eq!(world.store.audit_events(lane, 2, 2).await.unwrap(), events[1.min(events.len())..3.min(events.len())]);
        let end = u64::try_from(events.len()).unwrap();
        assert!(world.store.audit_events(lane, end + 1, 10).await.unwrap().is_empty());
    }
}
