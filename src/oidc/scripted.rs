//! The providers that people have, as they are documented to answer, against the client.

use super::tests::time;
use super::*;

#[path = "../../tests/scripted_provider/mod.rs"]
mod scripted_provider;

use scripted_provider::{CLIENT_ID, CLIENT_SECRET, Key, Script, ScriptedProvider, rows};

fn oidc() -> OidcClient {
    OidcClient::new(time(), Network::default())
}

fn registration(issuer: String) -> Registration {
    Registration {
        id: ProviderId::from_bytes([1; 16]),
        issuer,
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(Secret::new(CLIENT_SECRET)),
        scopes: vec!["profile".to_owned(), "email".to_owned()],
        trusted_audiences: vec!["trusted".to_owned()],
        confined: false,
    }
}

/// Goes through a whole sign-on, as far as the client is concerned.
async fn sign_on(oidc: &OidcClient, provider: &ScriptedProvider, issuer: &str) -> Result<ProvenIdentity> {
    let registration = registration(issuer.to_owned());
    let request = SignInRequest {
        redirect_uri: "http://127.0.0.1:1/sso/callback/a".to_owned(),
        state: Secret::new("csb_state"),
        nonce: Secret::new("nonce"),
        pkce_verifier: Secret::new("v".repeat(43)),
    };
    oidc.authorization_url(&registration, &request).await?;
    oidc.exchange(&registration, &request, &Secret::new(provider.code("nonce")), None).await
}

#[tokio::test]
async fn the_providers_that_people_have_sign_on() {
    let (oidc, provider) = (oidc(), ScriptedProvider::start().await);
    let rows = rows::products().into_iter().chain(rows::quirks());
    let tried = rows.map(async |row| {
        let issuer = provider.play(row.name, row.script);
        let identity = sign_on(&oidc, &provider, &issuer).await.unwrap_or_else(|error| panic!("{}: {error}", row.name));
        assert_eq!(identity.subject, "ada-1815", "{}", row.name);
        let person = [&identity.preferred_username, &identity.name, &identity.verified_email].map(Option::as_deref);
        assert_eq!(person, row.person, "{}", row.name);
    });
    futures_util::future::join_all(tried).await;
    assert_eq!(provider.hits("auth0/userinfo"), 0, "who says it in the ID token is not asked again");
}

#[tokio::test]
async fn what_is_relied_upon_is_strict_and_told_by_document_and_field() {
    let (oidc, provider) = (oidc(), ScriptedProvider::start().await);
    let tried = rows::refused().into_iter().map(async |(name, script, told)| {
        let issuer = provider.play(name, script);
        let text = sign_on(&oidc, &provider, &issuer).await.expect_err(name).to_string();
        assert!(text.contains(told), "{name}: {text}");
        for value in ["4000000000", "another", "http://", "ada-1815", "access token"] {
            assert!(!text.contains(value), "{name}: a value is told: {text}");
        }
    });
    futures_util::future::join_all(tried).await;
}

#[tokio::test]
async fn keys_that_changed_are_found_by_the_first_sign_on_after_it() {
    let (oidc, provider) = (oidc(), ScriptedProvider::start().await);
    let keys = |kid: &'static str| Script {
        jwk: serde_json::json!({"kid": kid, "use": "sig"}),
        header: serde_json::json!({"kid": kid}),
        ..Script::new("ES256")
    };
    let nameless = || Script { jwk: serde_json::json!({}), without: &["header.kid"], ..Script::new("ES256") };
    let issuer = provider.play("moving", keys("one"));
    sign_on(&oidc, &provider, &issuer).await.unwrap();
    // Under a new id, under the same, under none.
    for script in [keys("two"), keys("two"), nameless()] {
        provider.play("moving", script);
        sign_on(&oidc, &provider, &issuer).await.unwrap();
    }
    assert_eq!(provider.hits("moving/keys"), 4);
    // A provider that signs with what it does not publish is not asked for its keys without end.
    let published = Key::new("ES256").jwk();
    let liar = || Script { other_keys: vec![published.clone()], jwk: serde_json::json!({"use": "enc"}), ..Script::new("ES256") };
    provider.play("moving", liar());
    for _ in 0..10 {
        assert!(sign_on(&oidc, &provider, &issuer).await.is_err());
    }
    assert_eq!(provider.hits("moving/keys"), 4, "three times a minute");
}

#[tokio::test]
async fn endpoints_keep_their_own_query() {
    let (oidc, provider) = (oidc(), ScriptedProvider::start().await);
    let b2c = rows::products().into_iter().find(|row| row.name == "b2c").unwrap();
    let registration = registration(provider.play("b2c", b2c.script));
    let request = SignInRequest {
        redirect_uri: "http://127.0.0.1:1/".to_owned(),
        state: Secret::new("s"),
        nonce: Secret::new("n"),
        pkce_verifier: Secret::new("v".repeat(43)),
    };
    let url = oidc.authorization_url(&registration, &request).await.unwrap();
    assert!(url.contains("/authorize?p=b2c_1_sign_in&response_type=code&client_id=countersign&"), "{url}");
}
