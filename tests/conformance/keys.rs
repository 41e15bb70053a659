use countersign::model::audit::Action;
use countersign::model::clock::Timestamp;
use countersign::model::personal_key::{PersonalKey, PersonalKeyParts};
use countersign::model::revocation::Claim;
use countersign::model::session::Credential;
use countersign::model::user::Subject;
use countersign::store::verbs::{By, Commit, CreateKey, Ended, KeyCreated, KeyUse, Needs, RevokeKey};

use crate::world::{World, folded, generation, personal_key, secs, session_id};

pub(crate) async fn reads_a_key_with_its_owner(world: &mut World) {
    let (ann, bob) = (world.plain("Ann").await, world.plain("bob").await);
    world.organization("Team", &[&ann]).await;
    world.organization("other", &[&bob]).await;
    let key = world.key(ann.id()).await;
    world.settle().await;
    let owner = async |organization: Option<&str>| {
        world.store.key_owner(key.id(), organization.map(folded).as_ref()).await.unwrap().unwrap()
    };
    let read = owner(None).await;
    assert_eq!((read.key, read.user, read.organization), (key.clone(), ann.clone(), Ok("Ann".to_owned())));
    assert_eq!(owner(Some("ANN")).await.organization, Ok("Ann".to_owned()));
    assert_eq!(owner(Some("team")).await.organization, Ok("Team".to_owned()));
    for foreign in ["other", "bob", "unknown"] {
        assert_eq!(owner(Some(foreign)).await.organization, Err(()), "{foreign}");
    }
    assert!(world.store.key_owner(personal_key(ann.id(), world.now).id(), None).await.unwrap().is_none());
}

pub(crate) async fn revoking_kills_its_tokens(world: &mut World) {
    let (ann, bob) = (world.plain("ann").await, world.plain("bob").await);
    let (first, second) = (world.key(ann.id()).await, world.key(ann.id()).await);
    let by = world.caller(ann.id(), Needs::Nothing).await;
    let revoke = async |world: &World, owner, id| world.store.revoke_key(RevokeKey { owner, id }, by.clone()).await.unwrap();
    assert_eq!(revoke(world, bob.id(), first.id()).await.outcome, Ended::Unknown);
    let Commit { outcome: Ended::Ended, revision, .. } = revoke(world, ann.id(), first.id()).await else { panic!("it lived") };
    world.settle().await;
    world.opened(ann.id()).await;
    let again = revoke(world, ann.id(), first.id()).await;
    assert_eq!((again.outcome, again.revision), (Ended::Before, revision));
    let dead = |key| {
        let subject = Subject::User(ann.id());
        let credential = Some(Credential::Key(key));
        let token =
            Claim { subject: &subject, generation: generation(0), organization: "ann", session: session_id(), credential };
        world.revocations.revokes(&token)
    };
    assert!(dead(first.id()) && !dead(second.id()));
    assert_eq!(world.store.keys_of(ann.id(), None, u32::MAX).await.unwrap(), [second]);
    let read = world.store.key_owner(first.id(), None).await.unwrap().unwrap();
    assert!(!read.key.lives(world.now), "a revoked key is there, and dead");
}

pub(crate) async fn counts_only_live_ones(world: &mut World) {
    let ann = world.plain("ann").await;
    let by = world.caller(ann.id(), Needs::Nothing).await;
    let create = async |key| world.store.create_key(CreateKey { key, most: 2 }, by.clone()).await.unwrap().outcome;
    let revoked = personal_key(ann.id(), world.now);
    let short = PersonalKeyParts { expire_time: Some(world.now.plus(secs(1))), ..personal_key(ann.id(), world.now).into_parts() };
    let short = PersonalKey::try_from(short).unwrap();
    assert_eq!(create(revoked.clone()).await, KeyCreated::Created);
    assert_eq!(create(short).await, KeyCreated::Created);
    assert_eq!(create(personal_key(ann.id(), world.now)).await, KeyCreated::LimitReached);
    world.store.revoke_key(RevokeKey { owner: ann.id(), id: revoked.id() }, by.clone()).await.unwrap();
    assert_eq!(create(personal_key(ann.id(), world.now)).await, KeyCreated::Created);
    assert_eq!(create(personal_key(ann.id(), world.now)).await, KeyCreated::LimitReached);
    let mut later = by.clone();
    later.now = world.now.plus(secs(1));
    let third = personal_key(ann.id(), later.now);
    assert_eq!(
        world.store.create_key(CreateKey { key: third.clone(), most: 2 }, later).await.unwrap().outcome,
        KeyCreated::Created
    );
    world.settle().await;
    let keys = world.store.keys_of(ann.id(), None, u32::MAX).await.unwrap();
    assert_eq!(keys.last(), Some(&third), "oldest first");
    assert_eq!(keys.len(), 3);
}

pub(crate) async fn notes_its_use(world: &mut World) {
    let ann = world.plain("ann").await;
    let key = world.key(ann.id()).await;
    let event = world.next_event().await;
    let noted = |count, now| KeyUse { key: key.id(), source: None, count, now };
    let at = Timestamp::from_secs(1_800_000_125);
    world.store.note_key_use(vec![noted(1, at)], By::system(world.now)).await.unwrap();
    let unknown = KeyUse { key: personal_key(ann.id(), at).id(), ..noted(1, at) };
    world.store.note_key_use(vec![noted(7, Timestamp::from_secs(1_800_000_030)), unknown], By::system(world.now)).await.unwrap();
    world.settle().await;
    world.recorded(&event, &[Action::KeyUsed(key.id(), 1), Action::KeyUsed(key.id(), 7)]).await;
    let keys = world.store.keys_of(ann.id(), None, u32::MAX).await.unwrap();
    assert_eq!(keys[0].last_use_time(), Some(Timestamp::from_secs(1_800_000_120)), "to the minute, and never back");
}
