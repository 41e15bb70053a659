use super::*;
use crate::service::testing::{House, PASSWORD, PLAIN, STAFF, SUPERUSER, client, refused};

#[tokio::test]
async fn logging_out_ends_the_own_session_and_no_other() {
    let house = House::new();
    let first = house.person("pat", PLAIN).await;
    let tokens = house.log_in("pat", PASSWORD, "").await.unwrap().tokens;
    let second = house.caller(&tokens).unwrap();
    let revision = house.logout.logout(&second).await.unwrap();
    assert!(house.verifier.revision() >= revision);
    assert!(matches!(house.caller(&tokens), Err(Error::TokenInvalid)));
    assert!(matches!(house.accounts.enroll_totp(&second).await, Err(Error::TokenInvalid)), "the fence");
    assert!(house.accounts.enroll_totp(&first).await.is_ok());
    assert_eq!(house.logout.logout(&second).await.unwrap(), revision, "repeating it finds it done");
}

#[tokio::test]
async fn the_token_of_a_key_is_ended_and_the_key_is_not() {
    let house = House::new();
    let owner = house.person("pat", PLAIN).await;
    let key = house.keys.create(&owner, "script", None).await.unwrap();
    let exchange = async || house.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await.unwrap().tokens;
    let (tokens, other) = (exchange().await, exchange().await);
    house.logout.logout(&house.caller(&tokens).unwrap()).await.unwrap();
    assert!(house.caller(&tokens).is_err());
    assert!(house.caller(&other).is_ok());
    assert!(house.caller(&exchange().await).is_ok());
}

#[tokio::test]
async fn logging_a_user_out_ends_everything_but_the_keys() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let pat = house.person("Pat", PLAIN).await;
    let key = house.keys.create(&pat, "script", None).await.unwrap();
    let by_key = house.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await.unwrap().tokens;
    for name in ["pAT", "PAT@example.org"] {
        let tokens = house.log_in("pat", PASSWORD, "").await.unwrap().tokens;
        let done = house.logout.logout_user(&staff, name).await.unwrap();
        assert!(done.sessions >= 1, "{name}");
        assert!(house.caller(&tokens).is_err(), "{name}");
        assert!(house.verifier.revision() >= done.revision);
    }
    assert!(house.caller(&by_key).is_err());
    let again = house.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await.unwrap().tokens;
    assert!(house.caller(&again).is_ok());
    assert!(matches!(house.keys.create(&pat, "late", None).await, Err(Error::TokenInvalid)), "the fence");
}

#[tokio::test]
async fn an_unknown_name_is_done_and_what_is_no_name_is_refused() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let done = house.logout.logout_user(&staff, "nobody").await.unwrap();
    assert_eq!((done.sessions, done.links), (0, 0));
    assert!(done.revision > 0);
    for name in ["", "guest:nobody", "no body", "nobody\0", &"n".repeat(64)] {
        assert!(refused(&house.logout.logout_user(&staff, name).await, "username"), "{name:?}");
    }
}

#[tokio::test]
async fn only_a_superuser_logs_out_staff_and_superusers() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    let staff = house.person("sam", STAFF).await;
    let plain = house.person("pat", PLAIN).await;
    house.person("sue", STAFF).await;
    let denied = |outcome: Result<LogoutUserDone>| matches!(outcome, Err(Error::PermissionDenied(_)));
    for name in ["root", "sue", "sam"] {
        assert!(denied(house.logout.logout_user(&staff, name).await), "{name}");
    }
    assert!(denied(house.logout.logout_user(&plain, "pat").await));
    assert!(house.logout.logout_user(&root, "sam").await.is_ok());
    assert!(matches!(house.logout.logout_user(&staff, "pat").await, Err(Error::TokenInvalid)), "logged out meanwhile");
    assert!(house.accounts.account(&plain).await.is_ok());
}
