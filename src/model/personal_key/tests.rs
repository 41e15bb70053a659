use proptest::prelude::*;

use super::*;
use crate::model::name::Name;
use crate::model::user::Roles;

fn start() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

fn owner() -> User {
    let (id, name) = (UserId::from_bytes([1; 16]), Name::parse("ann").unwrap());
    User::new(id, name, None, None, Roles::default(), start())
}

fn key(ttl: Option<Duration>) -> PersonalKey {
    PersonalKey::new(KeyId::from_bytes([2; 16]), owner().id(), "a key".to_owned(), [3; 32], start(), ttl)
}

proptest! {
    /// Whatever is done with it, a key that was revoked never works again, and its last use never moves back.
    #[test]
    fn a_revoked_key_never_works_again(
        ttl in proptest::option::of(0_u64..5_000),
        steps in proptest::collection::vec((any::<bool>(), any::<bool>(), 0_u64..600), 1..20),
    ) {
        let (mut key, mut now) = (key(ttl.map(Duration::from_secs)), start());
        for (revokes, own, wait) in steps {
            now = now.plus(Duration::from_secs(wait));
            let before = key.clone();
            let asking = if own { owner().id() } else { UserId::from_bytes([9; 16]) };
            if revokes {
                let decision = key.revoke(asking, now);
                prop_assert_eq!(decision.revoked.is_some(), own && before.revoke_time().is_none());
                key = decision.value;
                prop_assert!(!own || !key.lives(now));
            } else {
                // Counts are written late: the uses are of a while ago.
                key = key.note_use(1, now.minus(Duration::from_secs(wait * 2))).value;
                prop_assert!(key.last_use_time() >= before.last_use_time());
                prop_assert!(key.last_use_time().is_some_and(|at| at.secs() % 60 == 0 && at <= now));
            }
            prop_assert_eq!(PersonalKey::try_from(key.clone().into_parts()), Ok(key.clone()), "a possible one");
            prop_assert!(before.lives(now) || !key.lives(now));
        }
    }
}

#[test]
fn a_key_works_for_its_enabled_owner_until_it_is_over() {
    let (short, now) = (key(Some(Duration::from_secs(1))), start());
    let other = User::new(UserId::from_bytes([9; 16]), owner().name().clone(), None, None, Roles::default(), now);
    assert!(short.admits(&owner(), now));
    assert!(!short.admits(&owner(), now.plus(Duration::from_secs(1))));
    assert!(!short.admits(&owner().switch(false, true, 1).value, now));
    assert!(!short.admits(&other, now));
    let (narrowed, logged_out) = (owner().narrow(1).value, owner().log_out(true, 1).value);
    assert!(short.renews(&narrowed, Generation(0), now), "its next token is narrower");
    assert!(!short.renews(&logged_out, Generation(0), now) && short.admits(&logged_out, now), "its tokens end, and not the key");
}

#[test]
fn its_token_is_renewed_for_a_day() {
    let last = start().plus(KEY_SESSION).minus(LAST_MOMENTS);
    assert!(key_session_is_over(start(), last));
    assert!(!key_session_is_over(start(), last.minus(Duration::from_micros(1))));
}

#[test]
fn there_are_no_more_than_may_be() {
    assert_eq!(key(None).create(1, 2).outcome, KeyCreated::Created);
    assert_eq!(key(None).create(2, 2), Decision::unchanged(key(None), KeyCreated::LimitReached));
}

#[test]
fn what_cannot_be_is_refused() {
    let (parts, early) = (|| key(None).into_parts(), Some(start().minus(COARSE)));
    assert!(PersonalKey::try_from(PersonalKeyParts { expire_time: early, ..parts() }).is_err());
    assert!(PersonalKey::try_from(PersonalKeyParts { revoke_time: early, ..parts() }).is_err());
    assert!(PersonalKey::try_from(PersonalKeyParts { previous: Some(([3; 32], start())), ..parts() }).is_err());
    assert!(PersonalKey::try_from(PersonalKeyParts { previous: Some(([4; 32], start())), ..parts() }).is_ok());
}
