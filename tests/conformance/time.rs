use crate::asked::{Ask as _, Asked};
use countersign::store::verbs::{Opened, Renewed, Rotated, SwitchUser};

use crate::world::{DAY, World, access_token, folded, secs};

pub(crate) async fn never_goes_back(world: &mut World) {
    let ann = world.plain("ann").await;
    let short = world.opened(ann.id()).await;
    world.pass(DAY);
    let long = world.opened(ann.id()).await;
    let latest = world.now;
    assert_eq!(world.store.status().last_commit, latest);
    world.settle().await;

    // The machine's clock falls back by a day: what was over stays over, and nothing is dated earlier.
    world.now = latest.minus(DAY);
    assert_eq!(world.store.rotate(world.exchange(short.grant.session(), 0)).await.unwrap(), Rotated::Expired);
    assert_eq!(world.store.renew_session(access_token(&short), world.anyone()).await.unwrap().outcome, Renewed::Expired);
    let Rotated::Rotated(grant) = world.store.rotate(world.exchange(long.grant.session(), 0)).await.unwrap() else {
        panic!("it lives")
    };
    assert_eq!(world.session(grant.grant.session()).await.refresh_time(), latest);
    let opened = world.opened(ann.id()).await;
    assert_eq!((opened.grant.auth_time(), opened.grant.expire_time()), (latest, latest.plus(DAY)));
    assert_eq!(world.store.status().last_commit, latest);
    assert_eq!(world.events().await.last().unwrap().at, latest);
}

pub(crate) async fn revisions_rise_over_everything(world: &mut World) {
    let mut seen = i64::try_from(world.now.micros()).unwrap() - 1;
    for step in 0..10 {
        let revision = world.store.logout_user(folded("nobody"), world.superuser().await).await.unwrap().revision;
        assert!(revision > seen, "also within a microsecond, and when the clock goes back");
        assert_eq!(world.store.status().revision, revision);
        assert!(world.revocations.revision() >= revision);
        seen = revision;
        world.now = if step % 2 == 0 { world.now.minus(secs(5)) } else { world.now.plus(secs(1)) };
        world.settle().await;
    }
    world.pass(DAY);
    let by = world.superuser().await;
    let revision = world.store.logout_user(folded("nobody"), by).await.unwrap().revision;
    let micros = i64::try_from(world.now.micros()).unwrap();
    // Rounded up to the next number of its lane, where there are several.
    assert!((micros..micros + 257).contains(&revision), "it follows the clock where that is ahead");
}

/// What is answered is of the commit itself: a revision that holds it and the time that decided, also where that is not the caller's.
pub(crate) async fn answers_where_it_was_decided(world: &mut World) {
    let ann = world.plain("ann").await;
    let latest = world.now;
    world.now = latest.minus(secs(3600));
    let Asked { command, by } = world.login(ann.id()).await;
    let opened = world.store.open_session(command, by).await.unwrap();
    assert_eq!(opened.decided_at, latest);
    let Opened::Opened(granted) = opened.outcome else { panic!("it opens") };
    assert_eq!(granted.grant.auth_time(), latest);
    let disabled =
        world.store.switch_user(SwitchUser { name: folded("ann"), enabled: false }, world.superuser().await).await.unwrap();
    assert_eq!(world.user(ann.id()).await.generations().session_floor_revision(), disabled.revision);
    assert!(world.revocations.has_reached(disabled.revision) && world.revokes(&granted));
    // Others revoke meanwhile, and what was done before is still told by its own revision.
    world.store.logout_user(folded("nobody"), world.superuser().await).await.unwrap();
    let again =
        world.store.switch_user(SwitchUser { name: folded("ann"), enabled: false }, world.superuser().await).await.unwrap();
    assert_eq!(again.revision, disabled.revision);
}
