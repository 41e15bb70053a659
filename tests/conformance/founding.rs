use crate::asked::Ask as _;
use std::future::ready;

use countersign::model::signing_key::{Algorithm, KeyState, SigningKeyRecord};
use countersign::model::user::Roles;
use countersign::store::StoreError;
use countersign::store::verbs::{By, EnrollTotp, Foundation, LoggedOut, Needs, Refounding, SealedSecret};

use crate::world::{World, account, folded, founding, opened};

pub(crate) async fn founds_once(world: &mut World) {
    let events = world.events().await.len();
    let other = account("other", Roles { staff: false, superuser: true });
    let mut again = founding(other);
    "https://elsewhere.example".clone_into(&mut again.foundation.issuer);
    assert!(!world.store.found(again, By::system(world.now)).await.unwrap().outcome);
    world.settle().await;
    assert_eq!(world.store.foundation().await.unwrap().unwrap().issuer, "https://auth.example");
    assert_eq!(world.store.user_by_login(&folded("other")).await.unwrap(), None);
    assert_eq!(world.events().await.len(), events);
}

pub(crate) async fn keeps_what_it_was_founded_with(world: &mut World) {
    world.settle().await;
    let expected = founding(world.user(world.admin).await).foundation;
    assert_eq!(world.store.foundation().await.unwrap(), Some(expected));
    let admin = world.store.user_by_login(&folded("ADMIN")).await.unwrap().unwrap();
    assert!(admin.roles().superuser && admin.enabled());
}

pub(crate) async fn changes_signing_keys_together(world: &mut World) {
    let key = |kid: &str, state| SigningKeyRecord {
        kid: kid.to_owned(),
        algorithm: Algorithm::Es256,
        low_s: kid == "second",
        sealed_private: vec![7; 48],
        state,
        create_time: world.now,
    };
    let (first, second) = (key("first", KeyState::Signing), key("second", KeyState::Published));
    let by = world.superuser().await;
    world.store.put_signing_keys(vec![first.clone(), second.clone()], by.clone()).await.unwrap();
    let retired = SigningKeyRecord { state: KeyState::Retired { since: world.now }, ..first };
    let signing = SigningKeyRecord { state: KeyState::Signing, ..second };
    world.store.put_signing_keys(vec![retired.clone(), signing.clone()], by).await.unwrap();
    world.settle().await;
    let mut keys = world.store.signing_keys().await.unwrap();
    keys.sort_by(|a, b| a.kid.cmp(&b.kid));
    assert_eq!(keys, [retired, signing]);
}

pub(crate) async fn a_new_issuer_has_a_new_key_and_a_new_epoch(world: &mut World) {
    let before = world.store.foundation().await.unwrap().unwrap();
    let key = SigningKeyRecord {
        kid: "of the new issuer".to_owned(),
        algorithm: Algorithm::EdDsa,
        sealed_private: vec![7; 48],
        state: KeyState::Signing,
        create_time: world.now,
        low_s: true,
    };
    let change = |issuer: &str| Refounding::Issuer(issuer.to_owned(), key.clone());
    let events = world.events().await.len();
    let by = By::system(world.now);
    let answer = world.store.refound(change(&before.issuer), by.clone()).await.unwrap().outcome;
    assert_eq!(answer, Some(before.issuer.clone()));
    world.settle().await;
    assert_eq!((world.store.foundation().await.unwrap().unwrap(), world.events().await.len()), (before.clone(), events));

    let answer = world.store.refound(change("https://new.example"), by).await.unwrap().outcome;
    assert_eq!(answer, Some(before.issuer.clone()));
    world.settle().await;
    let expected = Foundation { issuer: "https://new.example".to_owned(), epoch: before.epoch + 1, ..before };
    assert_eq!(world.store.foundation().await.unwrap(), Some(expected));
    assert_eq!(world.store.signing_keys().await.unwrap(), [key]);
    assert!(world.events().await.len() > events);
}

pub(crate) async fn remembers_the_audience_of_its_last_start(world: &mut World) {
    let mut start = async |audience: &str| {
        let noted = world.store.refound(Refounding::Audience(audience.to_owned()), By::system(world.now)).await.unwrap();
        world.settle().await;
        noted.outcome
    };
    assert_eq!(start("one").await, None);
    assert_eq!(start("one").await.as_deref(), Some("one"));
    assert_eq!(start("two").await.as_deref(), Some("one"));
    assert_eq!(start("two").await.as_deref(), Some("two"));
}

pub(crate) async fn takes_a_check_that_is_sealed_later(world: &mut World) {
    let before = world.store.foundation().await.unwrap().unwrap();
    assert_eq!(world.store.sealed_secrets().await.unwrap(), []);
    let user = world.plain("ann").await;
    let by = world.caller(user.id(), Needs::Nothing).await;
    world.store.enroll_totp(EnrollTotp { user: user.id(), sealed: vec![1, 2, 3] }, by).await.unwrap();
    let sealed = world.store.refound(Refounding::SealedCheck(vec![9; 40]), By::system(world.now)).await.unwrap();
    assert_eq!(sealed.outcome, None);
    world.settle().await;
    assert_eq!(world.store.foundation().await.unwrap(), Some(Foundation { sealed_check: vec![9; 40], ..before }));
    assert_eq!(world.store.sealed_secrets().await.unwrap(), [SealedSecret::Totp(user.id(), vec![1, 2, 3])]);
}

pub(crate) async fn answers_nothing_after_it_was_closed(world: &mut World) {
    assert!(world.store.healthy());
    let login = world.login(world.admin).await;
    world.store.close().await;
    assert!(!world.store.healthy());
    let refused = world.store.log_in(login).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

pub(crate) async fn finishes_what_its_caller_dropped(world: &mut World) {
    let user = world.plain("ann").await;
    let kept = world.opened(user.id()).await;
    let by = world.superuser().await;
    let ann = folded("ann");
    tokio::select! {
        biased;
        _ = world.store.logout_user(ann.clone(), by) => {}
        () = ready(()) => {}
    }
    // It was handed over, and so it happens; where several lanes write, perhaps after others.
    while !world.revokes(&kept) {
        tokio::task::yield_now().await;
    }
    let after = world.store.logout_user(ann.clone(), world.superuser().await).await.unwrap().outcome;
    assert!(matches!(after, LoggedOut::Done { sessions: 0, .. }), "{after:?}");
    assert!(world.revokes(&kept));
    opened(world.store.log_in(world.login(user.id()).await).await.unwrap());
}
