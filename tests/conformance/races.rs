use crate::asked::Ask as _;
use std::future::Future;
use std::sync::Arc;

use countersign::model::session::EndReason;
use countersign::model::user::Roles;
use countersign::store::StoreError;
use countersign::store::verbs::{
    Collected, Commit, Granted, LoggedOut, Needs, Opened, Redeemed, Rotated, SwitchUser, Switched, UserCreated,
};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::sso::{confirmed, provider, registered};
use crate::world::{World, account, code, folded, hash, opened};

/// Lets all of them go at the same moment; answers what they answered.
pub(crate) async fn at_once<T: Send + 'static>(callers: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let start = Arc::new(Barrier::new(callers.len()));
    let mut racing = JoinSet::new();
    for caller in callers {
        let start = Arc::clone(&start);
        racing.spawn(async move {
            start.wait().await;
            caller.await
        });
    }
    racing.join_all().await
}

pub(crate) async fn a_hundred_exchange_one_token(world: &mut World) {
    let ann = world.plain("ann").await;
    let session = world.opened(ann.id()).await.grant.session();
    for n in 0..3 {
        let exchange = world.exchange(session, n);
        let callers = (0..100).map(|_| {
            let (store, exchange) = (Arc::clone(&world.store), exchange.clone());
            async move { store.rotate(exchange).await.unwrap() }
        });
        let outcomes = at_once(callers.collect()).await;
        let rotated = outcomes.iter().filter(|outcome| matches!(outcome, Rotated::Rotated(_))).count();
        let retried = outcomes.iter().filter(|outcome| matches!(outcome, Rotated::Retried(_))).count();
        assert_eq!((rotated, retried), (1, 99));
        for outcome in outcomes {
            let (Rotated::Rotated(granted) | Rotated::Retried(granted)) = outcome else { panic!("counted above") };
            assert_eq!(granted.grant.session(), session);
        }
        world.settle().await;
        let row = world.session(session).await;
        assert_eq!((row.n(), *row.tip()), (n + 1, hash(session, n + 1)), "one successor");
    }
    assert_eq!(world.session(session).await.n(), 3);
}

pub(crate) async fn a_hundred_redeem_one_link(world: &mut World) {
    let link = world.issued(world.link("ann").await).await;
    let callers = (0..100).map(|_| {
        let (store, redemption) = (Arc::clone(&world.store), world.redemption(&link));
        async move { store.redeem(redemption).await.unwrap() }
    });
    let outcomes = at_once(callers.collect()).await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Redeemed::Opened(_))).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Redeemed::Dead).count(), 99);

    // With one request id all of them get the one session.
    let link = world.issued(world.link("ann").await).await;
    let redemption = world.redemption(&link);
    let callers = (0..100).map(|_| {
        let (store, redemption) = (Arc::clone(&world.store), redemption.clone());
        async move { store.redeem(redemption).await.unwrap() }
    });
    let outcomes = at_once(callers.collect()).await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Redeemed::Opened(_))).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Redeemed::Retried(_))).count(), 99);
    world.settle().await;
    let LoggedOut::Done { sessions, links, .. } =
        world.store.logout_user(folded("ann"), world.superuser().await).await.unwrap().outcome
    else {
        panic!("a superuser may")
    };
    assert_eq!((sessions, links), (2, 0));
}

pub(crate) async fn a_hundred_collect_one_attempt(world: &mut World) {
    let provider = registered(world, provider("idp", None)).await;
    let attempt = confirmed(world, &provider, "ann").await;
    let callers = (0..100).map(|_| {
        let (store, collection) = (Arc::clone(&world.store), world.collection(attempt));
        async move { store.collect(collection).await.unwrap() }
    });
    let outcomes = at_once(callers.collect()).await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Collected::Opened(_))).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Collected::Gone).count(), 99);
}

pub(crate) async fn fifty_log_in_with_one_code(world: &mut World) {
    let ann = world.plain("ann").await;
    world.with_codes(ann.id()).await;
    for step in [101, 102] {
        let mut callers = Vec::new();
        for _ in 0..50 {
            let (store, mut login) = (Arc::clone(&world.store), world.login(ann.id()).await);
            login.factor = Some(code(step));
            callers.push(async move { store.log_in(login).await.unwrap() });
        }
        let outcomes = at_once(callers).await;
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Opened::Opened(_))).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Opened::FactorRefused).count(), 49);
        world.settle().await;
    }
}

pub(crate) async fn theft_against_the_newest_token(world: &mut World) {
    let ann = world.plain("ann").await;
    for _ in 0..50 {
        let session = world.opened(ann.id()).await.grant.session();
        for n in 0..2 {
            let outcome = world.store.rotate(world.exchange(session, n)).await.unwrap();
            assert!(matches!(outcome, Rotated::Rotated(_)));
        }
        let callers = [0, 2, 2].map(|n| {
            let (store, exchange) = (Arc::clone(&world.store), world.exchange(session, n));
            async move { store.rotate(exchange).await.unwrap() }
        });
        let outcomes = at_once(callers.into()).await;
        assert!(outcomes.contains(&Rotated::Reused(EndReason::Reused)));
        for outcome in &outcomes {
            if let Rotated::Rotated(grant) | Rotated::Retried(grant) = outcome {
                assert!(world.revokes(grant), "what the newest token gave is dead too");
            }
        }
        for n in 0..4 {
            let outcome = world.store.rotate(world.exchange(session, n)).await.unwrap();
            assert_eq!(outcome, Rotated::Ended, "no survivor");
        }
    }
    world.settle().await;
}

/// Once LogoutUser has answered, nothing that was opened with a generation read before it lives.
pub(crate) async fn nothing_survives_logout(world: &mut World) {
    let provider = registered(world, provider("idp", None)).await;
    let attempt = confirmed(world, &provider, "ann").await;
    let user = crate::sso::collected(world, attempt).await.user.unwrap();
    let name = user.name().folded();
    let user = world.made(account("bob", Roles::default())).await.id();
    let bob = folded("bob");
    for round in 0..200_u64 {
        let session = world.opened(user).await.grant.session();
        let link = world.issued(world.link("bob").await).await;
        let attempt = confirmed(world, &provider, "ann").await;

        let (store, login) = (Arc::clone(&world.store), world.login(user).await);
        let opening = async move { one(store.log_in(login).await.unwrap()) };
        let (store, exchange) = (Arc::clone(&world.store), world.exchange(session, 0));
        let rotating = async move {
            match store.rotate(exchange).await.unwrap() {
                Rotated::Rotated(grant) => Some(*grant),
                _ => None,
            }
        };
        let (store, redemption) = (Arc::clone(&world.store), world.redemption(&link));
        let redeeming = async move {
            match store.redeem(redemption).await.unwrap() {
                Redeemed::Opened(grant) => Some(*grant),
                _ => None,
            }
        };
        let (store, collection) = (Arc::clone(&world.store), world.collection(attempt));
        let collecting = async move {
            match store.collect(collection).await.unwrap() {
                Collected::Opened(grant) => Some(*grant),
                _ => None,
            }
        };
        let logout = |name: countersign::model::name::Folded, by| {
            let store = Arc::clone(&world.store);
            async move {
                assert!(matches!(store.logout_user(name.clone(), by).await.unwrap().outcome, LoggedOut::Done { .. }));
                None
            }
        };
        let (first, second) = (logout(bob.clone(), world.superuser().await), logout(name.clone(), world.superuser().await));
        let mut callers: Vec<std::pin::Pin<Box<dyn Future<Output = Option<Granted>> + Send>>> = vec![
            Box::pin(opening),
            Box::pin(rotating),
            Box::pin(redeeming),
            Box::pin(collecting),
            Box::pin(first),
            Box::pin(second),
        ];
        // Another one starts first each round.
        callers.rotate_left(usize::try_from(round % 6).unwrap());
        for grant in at_once(callers).await.into_iter().flatten() {
            assert!(world.revokes(&grant), "{:?}", grant.grant);
            let n = world.session(grant.grant.session()).await.n();
            let outcome = world.store.rotate(world.exchange(grant.grant.session(), n)).await.unwrap();
            assert_eq!(outcome, Rotated::Ended);
        }
    }
    world.settle().await;
}

fn one(outcome: Opened) -> Option<Granted> {
    match outcome {
        Opened::Opened(grant) => Some(*grant),
        _ => None,
    }
}

/// Two superusers disable each other.
pub(crate) async fn one_superuser_is_left(world: &mut World) {
    let second = world.made(account("second", Roles { staff: false, superuser: true })).await;
    for _ in 0..50 {
        let mut callers = Vec::new();
        for (caller, target) in [(world.admin, "second"), (second.id(), "admin")] {
            let (store, by) = (Arc::clone(&world.store), world.caller(caller, Needs::Superuser).await);
            callers.push(async move { store.switch_user(SwitchUser { name: folded(target), enabled: false }, by).await });
        }
        let outcomes = at_once(callers).await;
        assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Ok(Commit { outcome: Switched::Done(_), .. }))).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Err(StoreError::CallerRevoked)).count(), 1);
        let left = if world.user(world.admin).await.enabled() { world.admin } else { second.id() };
        for name in ["admin", "second"] {
            let by = world.caller(left, Needs::Superuser).await;
            assert!(matches!(
                world.store.switch_user(SwitchUser { name: folded(name), enabled: true }, by).await.unwrap().outcome,
                Switched::Done(_)
            ));
        }
    }
    world.settle().await;
}

pub(crate) async fn one_name_for_one_account(world: &mut World) {
    let mut callers = Vec::new();
    for number in 0..20 {
        let name = if number % 2 == 0 { "Ann" } else { "ann" };
        let (store, by) = (Arc::clone(&world.store), world.superuser().await);
        callers.push(async move { store.create_user(account(name, Roles::default()), by).await.unwrap().outcome });
    }
    let outcomes = at_once(callers).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == UserCreated::Created).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == UserCreated::NameTaken).count(), 19);
    world.settle().await;
    let ann = world.store.user_by_login(&folded("ann")).await.unwrap().unwrap();
    opened(world.store.log_in(world.login(ann.id()).await).await.unwrap());
}
