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
    for bad in ["", "a b", "ann@example.org", ".example.org", "example..org", "-a.org", "\u{e9}.org", &"a".repeat(254)] {
        let new = NewProvider { email_domains: vec![bad.to_owned()], ..provider() };
        assert!(refused(&house.providers.create(&root, new).await, "email_domains"), "{bad:?}");
    }
    assert!(refused(&with(|new| new.email_domains = vec!["a".to_owned(); 33]).await, "email_domains"));
    assert!(refused(&with(|new| new.trusted_audiences = vec!["a".to_owned(); 17]).await, "trusted_audiences"));
    assert!(refused(&with(|new| new.trusted_audiences = vec!["a".repeat(257)]).await, "trusted_audiences"));
}

#[tokio::test]
async fn a_registration_changes_in_place_is_listed_and_goes() {
    let house = House::new();
    let (root, staff) = (house.person("root", SUPERUSER).await, house.person("sam", STAFF).await);
    house.organizations.create(&root, "Acme").await.unwrap();
    let made = house.providers.create(&root, provider()).await.unwrap();
    house.providers.create(&root, NewProvider { org_name: "acme".to_owned(), ..provider() }).await.unwrap();
    let masked = |mask: &[&str]| ProviderUpdate {
        mask: mask.iter().map(|&field| field.to_owned()).collect(),
        client_secret: Secret::new("a new secret"),
        email_domains: vec!["Example.org".to_owned(), "example.ORG".to_owned()],
        ..ProviderUpdate::default()
    };
    let update = || masked(&["client_secret", "email_domains", "sign_up"]);
    let (changed, org_name) = house.providers.update(&root, "", "MAIN", update()).await.unwrap();
    assert_eq!((changed.id, changed.sign_up, org_name.as_str()), (made.id, false, ""));
    assert_eq!((changed.client_id, changed.email_domains), (made.client_id, vec!["example.org".to_owned()]));
    let sealed = changed.sealed_client_secret.unwrap();
    assert_eq!(house.sealer.open(&client_secret_purpose(made.id), &sealed).unwrap().as_slice(), b"a new secret");
    let public = ProviderUpdate { client_secret: Secret::default(), ..masked(&["client_secret"]) };
    let (public, org_name) = house.providers.update(&root, "ACME", "main", public).await.unwrap();
    assert_eq!((public.sealed_client_secret, org_name.as_str()), (None, "Acme"));

    for (mask, field) in [(&[][..], "update_mask"), (&["issuer"], "update_mask"), (&["client_id"], "client_id")] {
        assert!(refused(&house.providers.update(&root, "", "main", masked(mask)).await, field), "{mask:?}");
    }
    let missing = |error: &Error| matches!(error, Error::NotFound(Thing::Provider));
    for (org, name) in [("", "other"), ("acme", "other"), ("unknown", "main"), ("root", "main")] {
        assert!(missing(&house.providers.update(&root, org, name, update()).await.unwrap_err()), "{org} {name}");
        assert!(missing(&house.providers.delete(&root, org, name).await.unwrap_err()), "{org} {name}");
    }
    assert!(matches!(house.providers.update(&staff, "", "main", update()).await, Err(Error::PermissionDenied(_))));
    assert!(matches!(house.providers.delete(&staff, "", "main").await, Err(Error::PermissionDenied(_))));
    assert!(matches!(house.providers.list(&staff, "", 10, "").await, Err(Error::PermissionDenied(_))));

    let names = async || {
        let listed = house.providers.list(&root, "", 10, "").await.unwrap();
        listed.items.into_iter().map(|(_, org_name)| org_name).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names().await.into_iter().collect::<Vec<_>>(), ["", "Acme"]);
    house.providers.delete(&root, "acme", "Main").await.unwrap();
    assert_eq!(names().await.into_iter().collect::<Vec<_>>(), [""]);
    house.providers.create(&root, NewProvider { org_name: "acme".to_owned(), ..provider() }).await.unwrap();
}
