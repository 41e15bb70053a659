use super::*;
use crate::service::refresh::RefreshSource;
use crate::service::testing::{House, PASSWORD, PLAIN, STAFF, SUPERUSER, client, refused};

async fn create(house: &House, caller: &SignedIn, name: &str, email: &str) -> Result<Account> {
    house.users.create(caller, name, email, &Secret::new(PASSWORD), PLAIN).await
}

fn denied<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::PermissionDenied(_)))
}

#[tokio::test]
async fn a_superuser_makes_an_account_that_logs_in() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    let made = house.users.create(&root, "Pat.1", "Pat@Example.org", &Secret::new(PASSWORD), STAFF).await.unwrap();
    assert_eq!((made.user.name().as_str(), made.user.roles()), ("Pat.1", STAFF));
    for login in ["Pat.1", "pat.1", "PAT@EXAMPLE.ORG"] {
        assert!(house.log_in(login, PASSWORD, "").await.is_ok(), "{login}");
        assert_eq!(house.users.get(&root, login).await.unwrap().user, made.user);
    }
    assert!(matches!(house.users.get(&root, "nobody").await, Err(Error::NotFound(Thing::User))));
}

#[tokio::test]
async fn names_and_addresses_are_one_folded_namespace() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    create(&house, &root, "pat", "pat@example.com").await.unwrap();
    house.organizations.create(&root, "acme").await.unwrap();
    for taken in ["pat", "PAT", "root", "Acme"] {
        assert!(matches!(create(&house, &root, taken, "").await, Err(Error::NameTaken("username"))), "{taken}");
    }
    assert!(matches!(create(&house, &root, "sue", "PAT@example.COM").await, Err(Error::NameTaken("email"))));
    assert!(create(&house, &root, "sue", "").await.is_ok());
}

#[tokio::test]
async fn fields_are_checked_before_anything_is_hashed() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    let done = house.pool.stats().done;
    for name in ["", "-a", "a b", "pat@example.org", "\u{e9}", "a\0", &"n".repeat(64)] {
        assert!(refused(&create(&house, &root, name, "").await, "username"), "{name:?}");
    }
    for email in ["pat", "@", "a@b@c", "a b@c", "a@b\0", &format!("{}@example.org", "a".repeat(254))] {
        assert!(refused(&create(&house, &root, "pat", email).await, "email"), "{email:?}");
    }
    let with = async |password: &str| house.users.create(&root, "pat", "", &Secret::new(password), PLAIN).await;
    assert!(refused(&with("").await, "password"));
    assert!(refused(&with(&"a".repeat(1025)).await, "password"));
    assert!(matches!(with("kx7 vq2m zr9 w").await, Err(Error::WeakPassword { field: "password", .. })));
    assert_eq!(house.pool.stats().done, done);
}

#[tokio::test]
async fn staff_may_look_and_only_a_superuser_changes() {
    let house = House::new();
    let (staff, plain) = (house.person("sam", STAFF).await, house.person("pat", PLAIN).await);
    assert!(house.users.get(&staff, "pat").await.is_ok());
    assert!(denied(&house.users.get(&plain, "pat").await));
    for caller in [&staff, &plain] {
        assert!(denied(&create(&house, caller, "new", "").await));
        assert!(denied(&house.users.disable(caller, "pat").await));
        assert!(denied(&house.users.enable(caller, "pat").await));
    }
}

#[tokio::test]
async fn a_disabled_account_is_stopped_at_once_and_what_ended_stays_ended() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    house.user("pat", PLAIN).await;
    let tokens = house.log_in("pat", PASSWORD, "").await.unwrap().tokens;
    let caller = house.caller(&tokens).unwrap();
    let revision = house.users.disable(&root, "PAT").await.unwrap();
    let stopped = house.users.get(&root, "pat").await.unwrap().user;
    assert!(!stopped.enabled());
    assert_eq!(stopped.generations().session_floor_revision(), revision);
    assert!(revision > 0 && house.verifier.revision() >= revision);
    house.log_in("root", PASSWORD, "").await.unwrap();
    assert_eq!(house.users.disable(&root, "pat").await.unwrap(), revision, "repeating it is OK");
    assert_eq!(house.users.get(&root, "pat").await.unwrap().user, stopped);
    assert!(matches!(house.log_in("pat", PASSWORD, "").await, Err(Error::InvalidCredentials)));
    assert!(house.caller(&tokens).is_err());
    assert!(matches!(house.accounts.enroll_totp(&caller).await, Err(Error::TokenInvalid)), "the fence");

    assert!(house.users.enable(&root, "pat").await.unwrap().user.enabled());
    let source = RefreshSource::Token(tokens.refresh_token.unwrap());
    assert!(house.refresh.refresh(&client(), source, None).await.is_err());
    assert!(house.log_in("pat", PASSWORD, "").await.is_ok());
    for outcome in [house.users.disable(&root, "nobody").await.err(), house.users.enable(&root, "nobody").await.err()] {
        assert!(matches!(outcome, Some(Error::NotFound(Thing::User))));
    }
}

#[tokio::test]
async fn the_last_superuser_stays() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    let other = house.person("other", SUPERUSER).await;
    house.users.disable(&other, "root").await.unwrap();
    assert!(matches!(house.users.disable(&root, "other").await, Err(Error::TokenInvalid)), "a stopped one changes nothing");
    assert!(matches!(house.users.disable(&other, "other").await, Err(Error::LastSuperuser)));
}
