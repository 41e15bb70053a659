use super::*;
use crate::service::testing::{House, STAFF, SUPERUSER, refused};

#[test]
fn an_issuer_is_an_https_url_or_loopback() {
    for good in [
        "https://login.example.org",
        "https://login.example.org/realms/one",
        "https://login.example.org:8443/",
        "http://127.0.0.1:8080",
        "http://127.1.2.3/x",
        "http://localhost:3000",
        "http://[::1]:3000",
    ] {
        assert!(issuer(good).is_ok(), "{good}");
    }
    let long = format!("https://example.org/{}", "a".repeat(MAX_ISSUER));
    for bad in [
        "",
        "login.example.org",
        "http://login.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://169.254.169.254/latest",
        "http://[::2]",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https://example.org?x=1",
        "https://example.org/#x",
        "https://user@example.org",
        "https://user:secret@example.org",
        "https://example.org/\n",
        &long,
    ] {
        assert!(matches!(issuer(bad), Err(Error::Invalid { field: "issuer", .. })), "{bad}");
    }
}

#[test]
fn scopes_are_few_short_and_of_their_characters() {
    let given = |scopes: &[&str]| super::scopes(scopes.iter().map(|&s| s.to_owned()).collect());
    assert_eq!(given(&["openid", "email", "profile", "email"]).unwrap(), ["email", "profile"]);
    assert_eq!(given(&[]).unwrap(), Vec::<String>::new());
    assert!(given(&["https://example.org/scope", &"a".repeat(MAX_SCOPE)]).is_ok());
    for bad in ["", "two words", "quote\"", "back\\slash", "\u{e9}", "a\0", &"a".repeat(MAX_SCOPE + 1)] {
        assert!(matches!(given(&[bad]), Err(Error::Invalid { field: "scopes", .. })), "{bad:?}");
    }
    assert!(given(&["a"; MAX_SCOPES]).is_ok());
    assert!(matches!(given(&["a"; MAX_SCOPES + 1]), Err(Error::Invalid { field: "scopes", .. })));
}

fn provider() -> NewProvider {
    NewProvider {
        name: "main".to_owned(),
        issuer: "https://login.example.org".to_owned(),
        client_id: "countersign".to_owned(),
        client_secret: Secret::new("a client secret"),
        ..NewProvider::default()
    }
}

#[tokio::test]
async fn a_registration_keeps_its_secret_sealed_for_itself() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    let made = house.providers.create(&root, provider()).await.unwrap();
    assert!(made.sign_up && made.organization.is_none());
    let sealed = made.sealed_client_secret.unwrap();
    assert_eq!(house.sealer.open(&client_secret_purpose(made.id), &sealed).unwrap().as_slice(), b"a client secret");
    let public = NewProvider { name: "public".to_owned(), client_secret: Secret::default(), sign_up: Some(false), ..provider() };
    let public = house.providers.create(&root, public).await.unwrap();
    assert_eq!((public.sealed_client_secret, public.sign_up), (None, false));
}

#[tokio::test]
async fn a_name_is_one_of_its_kind_where_it_belongs() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    let acme = house.organizations.create(&root, "acme").await.unwrap();
    let of = |name: &str, org: &str| NewProvider { name: name.to_owned(), org_name: org.to_owned(), ..provider() };
    house.providers.create(&root, of("main", "")).await.unwrap();
    assert_eq!(house.providers.create(&root, of("main", "ACME")).await.unwrap().organization, Some(acme.id));
    for (name, org) in [("MAIN", ""), ("Main", "acme")] {
        assert!(matches!(house.providers.create(&root, of(name, org)).await, Err(Error::NameTaken("name"))), "{name} {org}");
    }
    for org in ["unknown", "root"] {
        let outcome = house.providers.create(&root, of("other", org)).await;
        assert!(matches!(outcome, Err(Error::NotFound(Thing::Organization))), "{org}");
    }
}

#[tokio::test]
async fn only_a_superuser_registers_and_within_the_limits() {
    let house = House::new();
    let (root, staff) = (house.person("root", SUPERUSER).await, house.person("sam", STAFF).await);
    assert!(matches!(house.providers.create(&staff, provider()).await, Err(Error::PermissionDenied(_))));
    let with = async |change: fn(&mut NewProvider)| {
        let mut new = provider();
        change(&mut new);
        house.providers.create(&root, new).await
    };
    assert!(refused(&with(|new| new.name = String::new()).await, "name"));
    assert!(refused(&with(|new| new.org_name = "n".repeat(64)).await, "org_name"));
    assert!(refused(&with(|new| new.issuer = "http://example.org".to_owned()).await, "issuer"));
    assert!(refused(&with(|new| new.client_id = String::new()).await, "client_id"));
    assert!(refused(&with(|new| new.client_id = "c".repeat(257)).await, "client_id"));
    assert!(refused(&with(|new| new.client_secret = Secret::new("c".repeat(1025))).await, "client_secret"));
    assert!(refused(&with(|new| new.scopes = vec!["a b".to_owned()]).await, "scopes"));
}
