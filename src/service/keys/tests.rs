use super::*;
use crate::model::clock::Clock as _;
use crate::service::testing::{House, PLAIN, SUPERUSER, client, refused};

async fn works(house: &House, key: &NewKey) -> bool {
    match house.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await {
        Ok(sign_in) => house.caller(&sign_in.tokens).is_ok(),
        Err(error) => {
            assert!(matches!(error, Error::InvalidCredentials), "{error}");
            false
        }
    }
}

#[tokio::test]
async fn a_key_works_until_it_is_revoked_and_its_tokens_end_with_it() {
    let house = House::new();
    let pat = house.person("pat", PLAIN).await;
    let (key, other) = (house.keys.create(&pat, "one", None).await.unwrap(), house.keys.create(&pat, "two", None).await.unwrap());
    assert_eq!((key.key_id.len(), key.secret.len()), (48, 54));
    let tokens = house.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await.unwrap().tokens;
    assert!(house.caller(&tokens).is_ok());
    let revision = house.keys.revoke(&pat, &key.key_id).await.unwrap();
    assert!(!works(&house, &key).await);
    assert!(house.caller(&tokens).is_err());
    assert!(works(&house, &other).await);
    assert_eq!(house.keys.revoke(&pat, &key.key_id).await.unwrap(), revision, "repeating it is OK");
}

#[tokio::test]
async fn the_list_has_the_live_keys_and_no_secret() {
    let house = House::new();
    let pat = house.person("pat", PLAIN).await;
    let minute = Duration::from_mins(1);
    let brief = house.keys.create(&pat, "brief", Some(minute)).await.unwrap();
    let gone = house.keys.create(&pat, "gone", None).await.unwrap();
    house.clock.advance(Duration::from_secs(1));
    let kept = house.keys.create(&pat, "kept", None).await.unwrap();
    house.keys.revoke(&pat, &gone.key_id).await.unwrap();
    let ids = async || house.keys.list(&pat, 50, "").await.unwrap().items.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids().await, [brief.key_id.clone(), kept.key_id.clone()]);
    assert!(works(&house, &brief).await);
    house.clock.advance(minute);
    assert_eq!(ids().await, std::slice::from_ref(&kept.key_id));
    assert!(!works(&house, &brief).await);
    let script = house.by_key(&pat).await;
    assert_eq!(house.keys.list(&script, 50, "").await.unwrap().items.len(), 2, "a script may look");
}

#[tokio::test]
async fn a_key_makes_and_revokes_no_key() {
    let house = House::new();
    let pat = house.person("pat", SUPERUSER).await;
    let key = house.keys.create(&pat, "one", None).await.unwrap();
    let script = house.by_key(&pat).await;
    let weak = |error: Option<Error>| matches!(error, Some(Error::CredentialTooWeak));
    assert!(weak(house.keys.create(&script, "two", None).await.err()));
    assert!(weak(house.keys.create_for(&script, "pat", "two", None).await.err()));
    assert!(weak(house.keys.revoke(&script, &key.key_id).await.err()));
    assert!(works(&house, &key).await);
}

#[tokio::test]
async fn a_foreign_key_is_not_found() {
    let house = House::new();
    let (pat, sue) = (house.person("pat", PLAIN).await, house.person("sue", PLAIN).await);
    let hers = house.keys.create(&sue, "hers", None).await.unwrap();
    let elsewhere = House::new();
    let stranger = elsewhere.person("pat", PLAIN).await;
    let foreign = elsewhere.keys.create(&stranger, "foreign", None).await.unwrap();
    let unknown = KeyIdToken::issue(&house.server_keys, KeyId::from_bytes([7; 16]));
    for id in [&hers.key_id, &foreign.key_id, &unknown, "csk_", "junk", &hers.key_id.to_uppercase()] {
        let outcome = house.keys.revoke(&pat, id).await;
        assert!(matches!(outcome, Err(Error::NotFound(Thing::Key))), "{id}");
    }
    assert!(works(&house, &hers).await);
    assert!(refused(&house.keys.revoke(&pat, "").await, "key_id"));
    assert!(refused(&house.keys.revoke(&pat, "csk_\0").await, "key_id"));
    assert!(refused(&house.keys.revoke(&pat, &"k".repeat(513)).await, "key_id"));
}

#[tokio::test]
async fn fields_have_their_limits_and_keys_their_number() {
    let house = House::with(|policy| policy.most_keys = 3);
    let pat = house.person("pat", PLAIN).await;
    for name in ["", "a\nb", &"n".repeat(129)] {
        assert!(refused(&house.keys.create(&pat, name, None).await, "display_name"), "{name:?}");
    }
    for ttl in [MAX_TTL + Duration::from_nanos(1), Duration::MAX] {
        assert!(refused(&house.keys.create(&pat, "key", Some(ttl)).await, "ttl"));
    }
    let longest = house.keys.create(&pat, &"n".repeat(128), Some(MAX_TTL)).await.unwrap();
    assert_eq!(longest.key.expire_time(), Some(house.clock.now().plus(MAX_TTL)));
    let endless = house.keys.create(&pat, "key", Some(Duration::ZERO)).await.unwrap();
    assert_eq!(endless.key.expire_time(), None);
    house.keys.create(&pat, "key", None).await.unwrap();
    assert!(matches!(house.keys.create(&pat, "key", None).await, Err(Error::LimitReached(_))));
    house.keys.revoke(&pat, &endless.key_id).await.unwrap();
    assert!(house.keys.create(&pat, "key", None).await.is_ok());
}

#[tokio::test]
async fn a_superuser_makes_a_key_for_another() {
    let house = House::new();
    let (root, pat) = (house.person("root", SUPERUSER).await, house.person("pat", PLAIN).await);
    let key = house.keys.create_for(&root, "PAT", "machine", None).await.unwrap();
    assert!(works(&house, &key).await);
    assert_eq!(house.keys.list(&pat, 50, "").await.unwrap().items.len(), 1);
    assert!(matches!(house.keys.create_for(&root, "nobody", "k", None).await, Err(Error::NotFound(Thing::User))));
    assert!(matches!(house.keys.create_for(&pat, "pat", "k", None).await, Err(Error::PermissionDenied(_))));
}

#[tokio::test]
async fn the_key_of_a_disabled_owner_sleeps() {
    let house = House::new();
    let (root, pat) = (house.person("root", SUPERUSER).await, house.person("pat", PLAIN).await);
    let key = house.keys.create(&pat, "machine", None).await.unwrap();
    house.users.disable(&root, "pat").await.unwrap();
    assert!(!works(&house, &key).await);
    house.users.enable(&root, "pat").await.unwrap();
    assert!(works(&house, &key).await);
}

#[tokio::test]
async fn the_pages_hold_still_while_keys_come_and_go() {
    let house = House::new();
    let pat = house.person("pat", PLAIN).await;
    let mut keys = Vec::new();
    for number in 0..6 {
        let ttl = (number == 2).then_some(Duration::from_mins(1));
        keys.push(house.keys.create(&pat, &format!("key {number}"), ttl).await.unwrap().key_id);
        house.clock.advance(Duration::from_secs(1));
    }
    let ids = |page: &Page<(String, PersonalKey)>| page.items.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    let first = house.keys.list(&pat, 2, "").await.unwrap();
    assert_eq!(ids(&first), keys[..2]);
    // The last one of the page goes, another expires, and a new one comes.
    house.keys.revoke(&pat, &keys[1]).await.unwrap();
    house.clock.advance(Duration::from_mins(1));
    let late = house.keys.create(&pat, "late", None).await.unwrap().key_id;
    let second = house.keys.list(&pat, 2, &first.next).await.unwrap();
    assert_eq!(ids(&second), keys[3..5]);
    let third = house.keys.list(&pat, 2, &second.next).await.unwrap();
    assert_eq!((ids(&third), third.next.as_str()), (vec![keys[5].clone(), late], ""));
    let bob = house.person("bob", PLAIN).await;
    for (caller, token) in [(&bob, first.next.as_str()), (&pat, "page 2"), (&pat, &keys[0])] {
        assert!(refused(&house.keys.list(caller, 2, token).await, "page_token"), "{token}: another's, or none");
    }
}
