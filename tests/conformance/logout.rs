use crate::asked::Ask as _;
use countersign::model::link::{Link, NewLink};
use countersign::model::revocation::Claim;
use countersign::model::user::{Roles, Subject};
use countersign::store::verbs::{Commit, LoggedOut, Needs, Redeemed, Rotated};

use crate::world::{World, account, folded, secs, session_id, with_email};

fn done(commit: Commit<LoggedOut>) -> (u32, u32, i64) {
    match commit.outcome {
        LoggedOut::Done { sessions, links } => (sessions, links, commit.revision),
        LoggedOut::NotAllowed => panic!("not allowed"),
    }
}

pub(crate) async fn ends_and_counts_what_was_live(world: &mut World) {
    let ann = world.plain("ann").await;
    let sessions = [world.opened(ann.id()).await, world.opened(ann.id()).await];
    let by = world.holder(&sessions[0], Needs::Nothing);
    world.store.end_session(sessions[0].grant.session(), by).await.unwrap();
    let redeemed = world.issued(world.link("Ann").await).await;
    let guest = world.redeemed(&redeemed).await;
    let waiting = world.issued(world.link("ANN").await).await;
    let short = NewLink { ttl: secs(10), ..world.new_link("ann").await };
    world.issued(Link::new(short)).await;
    let bystander = world.opened(world.admin).await;
    world.pass(secs(10));

    let by = world.superuser().await;
    let (ended, links, revision) = done(world.store.logout_user(folded("ann"), by).await.unwrap());
    // One session of the account and one of the guest; one link, as one was redeemed and one is over.
    assert_eq!((ended, links), (2, 1));
    assert!(world.revocations.revision() >= revision);
    world.settle().await;
    assert!(world.revokes(&sessions[1]) && world.revokes(&guest) && !world.revokes(&bystander));
    for session in [&sessions[1], &guest] {
        let outcome = world.store.rotate(world.exchange(session.grant.session(), 0)).await.unwrap();
        assert_eq!(outcome, Rotated::Ended);
    }
    assert_eq!(world.store.redeem(world.redemption(&waiting)).await.unwrap(), Redeemed::Dead);
    assert_eq!(world.store.peek_link(waiting.id(), world.now).await.unwrap(), None);

    let again = done(world.store.logout_user(folded("ann"), world.superuser().await).await.unwrap());
    assert_eq!((again.0, again.1), (0, 0), "nothing is counted twice");
    assert!(again.2 > revision);
    world.opened(ann.id()).await;
    let third = done(world.store.logout_user(folded("ann"), world.superuser().await).await.unwrap());
    assert_eq!((third.0, third.1), (1, 0));
}

pub(crate) async fn raises_the_generation_of_a_name_that_nobody_has(world: &mut World) {
    let link = world.link("nobody").await;
    let (sessions, links, revision) = done(world.store.logout_user(folded("nobody"), world.superuser().await).await.unwrap());
    assert_eq!((sessions, links), (0, 0));
    assert!(revision > 0);
    world.settle().await;
    let raised = world.store.guest_generation(&folded("nobody")).await.unwrap();
    assert!(raised > link.generation());
    let guest = Subject::Guest(folded("nobody"));
    let dead = |generation| {
        let claim = Claim { subject: &guest, generation, organization: "", session: session_id(), credential: None };
        world.revocations.revokes(&claim)
    };
    assert!(dead(link.generation()));
    assert!(!dead(raised));
}

pub(crate) async fn only_a_superuser_ends_staff(world: &mut World) {
    let staff = world.made(account("staff", Roles { staff: true, superuser: false })).await;
    let other = world.made(account("other", Roles { staff: true, superuser: false })).await;
    world.plain("ann").await;
    let target = world.opened(other.id()).await;
    let by_staff = world.caller(staff.id(), Needs::Privileged).await;
    let logout = async |name: &str, by| world.store.logout_user(folded(name), by).await.unwrap();
    for name in ["other", "admin", "staff"] {
        assert_eq!(logout(name, by_staff.clone()).await.outcome, LoggedOut::NotAllowed, "{name}");
    }
    assert!(!world.revokes(&target));
    done(logout("ann", by_staff).await);
    let superuser = world.superuser().await;
    assert_eq!(done(logout("other", superuser).await).0, 1);
    assert!(world.revokes(&target));
}

pub(crate) async fn takes_names_and_addresses(world: &mut World) {
    let ann = world.made(with_email(account("ann", Roles::default()), "Ann@example.org")).await;
    let session = world.opened(ann.id()).await;
    let of_address = world.issued(world.link("ANN@example.org").await).await;
    let of_name = world.issued(world.link("ann").await).await;
    let by = world.superuser().await;
    let (sessions, links, _) = done(world.store.logout_user(folded("ann@example.org"), by).await.unwrap());
    assert_eq!((sessions, links), (1, 1), "the account, and the guests of just that name");
    world.settle().await;
    assert!(world.revokes(&session));
    assert_eq!(world.store.redeem(world.redemption(&of_address)).await.unwrap(), Redeemed::Dead);
    world.redeemed(&of_name).await;
}
