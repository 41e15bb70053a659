//! Tokens forged, mixed up and malformed, at every place that takes one; and what each kind of caller may do.

mod callers;
mod forged;
mod kinds;

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::crypto::jwt::Claims;
use countersign::grpc::pb;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Code;

use crate::arena::backend::{Backend, SUPERUSER, client, token_of};
use crate::arena::refusal::told;
use crate::arena::wire::Wire;

type Change = Box<dyn Fn(&mut Claims)>;

/// C4: tokens signed with the real key, each with one claim that is not ours.
#[tokio::test]
async fn claims_are_held_against_the_rules() {
    let house = Backend::in_memory();
    let admin = house.person("admin", SUPERUSER).await;
    let tokens = house.log_in("admin").await.unwrap();
    let good: Claims = serde_json::from_value(Parts::of(tokens.access_token.expose()).claims).unwrap();
    let now = good.iat;
    let active = |claims: &Claims| {
        let (token, services) = (house.ring.mint(claims).unwrap(), &house.services);
        let as_caller = services.verifier.signed_in(&client(), token.expose()).unwrap().is_some();
        async move {
            let verified = services.verifier.verify(token.expose(), 0, "d").await.unwrap().is_some();
            assert_eq!(verified, as_caller, "VerifyToken and callers are held to the same rules");
            verified
        }
    };
    assert!(active(&good).await);
    let audience = good.aud.clone();
    let cases: Vec<(&str, Change)> = vec![
        ("another issuer", Box::new(|c| c.iss = "https://auth.example.org.evil.example".to_owned())),
        ("the issuer with a slash", Box::new(|c| c.iss.push('/'))),
        ("the issuer in capitals", Box::new(|c| c.iss = c.iss.to_uppercase())),
        ("no issuer", Box::new(|c| c.iss.clear())),
        ("another audience", Box::new(|c| c.aud = "https://other.example".to_owned())),
        ("no audience", Box::new(|c| c.aud.clear())),
        ("a guest's audience without dataset", Box::new(|c| c.aud.push_str("/d"))),
        ("a dataset without the audience", Box::new(|c| c.dataset = Some("d".to_owned()))),
        ("an empty dataset", Box::new(move |c| (c.aud, c.dataset) = (format!("{audience}/"), Some(String::new())))),
        ("expired", Box::new(move |c| c.exp = now - 5)),
        ("expired long ago", Box::new(|c| c.exp = 0)),
        ("further away than any token lives", Box::new(move |c| c.exp = now + 3600 + 61)),
        ("300 days away", Box::new(move |c| c.exp = now + 300 * 86_400)),
        ("from the future", Box::new(move |c| c.iat = now + 61)),
        ("from the far future", Box::new(|c| c.iat = u64::MAX)),
        ("not yet valid", Box::new(move |c| c.nbf = Some(now + 61))),
        ("no subject", Box::new(|c| c.sub.clear())),
        ("a subject that is no id", Box::new(|c| c.sub = "admin".to_owned())),
        ("a credential of no kind", Box::new(|c| c.cred = Some("key".to_owned()))),
        ("a credential that is no id", Box::new(|c| c.cred = Some("key:x".to_owned()))),
    ];
    for (what, change) in cases {
        let mut claims = good.clone();
        change(&mut claims);
        assert!(!active(&claims).await, "{what}");
    }
    // Within the leeway it passes; the revocation set is asked at every call, cached signature or not.
    let mut leeway = good.clone();
    (leeway.exp, leeway.nbf) = (now - 4, Some(now + 60));
    assert!(active(&leeway).await);
    house.services.logout.logout_user(&admin, "admin").await.unwrap();
    assert!(!active(&good).await && !active(&leeway).await);
}

/// C9: `exp` is an hour away, a session a day, and the set says so itself.
#[tokio::test]
async fn lifetimes_and_claims_of_a_fresh_token() {
    let wire = Wire::start().await;
    let tokens = wire.calls().await.log_in("admin").await;
    let claims = Parts::of(&tokens.access_token).claims;
    let seconds = |name: &str| claims[name].as_u64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 3600);
    assert_eq!(seconds("auth_time"), seconds("iat"));
    assert_eq!(claims["sid"], tokens.session_id);
    assert_eq!(claims["roles"], json!(["superuser"]));
    assert_eq!(claims["amr"], json!(["pwd"]));
    for name in ["iss", "sub", "aud", "jti", "client_id", "username", "org"] {
        assert!(claims[name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
}

/// What a token came from is told in one text, in its `cred` and in the contract of WatchRevocations.
#[tokio::test]
async fn what_a_token_came_from_has_one_text() {
    let house = Backend::in_memory();
    let admin = house.person("admin", SUPERUSER).await;
    let cred = |token: &str| Parts::of(token).claims["cred"].as_str().unwrap().to_owned();
    let services = &house.services;
    let link = services.single_use.generate(&admin, "visitor", "d", None).await.unwrap();
    let guest = services.single_use.redeem(&client(), &token_of(&link.url), None, None).await.unwrap();
    assert_eq!(cred(guest.tokens.access_token.expose()), format!("link:{}", link.link_id));
    let key = services.keys.create(&admin, "k", None).await.unwrap();
    let exchanged = services.personal_keys.exchange(&client(), &key.key_id, &key.secret, "").await.unwrap();
    let of_key = cred(exchanged.tokens.access_token.expose());
    let id = of_key.strip_prefix("key:").unwrap();
    assert_eq!(id.parse::<uuid::Uuid>().unwrap().hyphenated().to_string(), id);

    let contract = include_str!("../../proto/countersign/v1/token.proto");
    let (before, _) = contract.split_once("string credential_id = 4;").unwrap();
    let comment = before.rsplit("\n\n").next().unwrap();
    assert!(
        comment.contains("the whole text of their `cred` claim")
            && comment.contains("`key:UUID`")
            && comment.contains("`link:UUID`")
    );
}

/// C10: a thousand of each, none twice, each with its prefix.
#[tokio::test]
async fn a_thousand_tokens_and_none_twice() {
    let house = Backend::in_memory();
    let admin = house.person("admin", SUPERUSER).await;
    let mut seen = HashSet::new();
    let mut fresh = |what: &str, value: &str, prefix: &str, least: usize| {
        assert!(value.starts_with(prefix) && value.len() >= least, "{what} {value}");
        assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{what} {value}");
        assert!(seen.insert(value.to_owned()), "{what} came twice");
    };
    for _ in 0..1000 {
        let tokens = house.log_in("admin").await.unwrap();
        fresh("refresh token", tokens.refresh_token.as_ref().unwrap().expose(), "csr_", 26);
        fresh("jti", Parts::of(tokens.access_token.expose()).claims["jti"].as_str().unwrap(), "", 32);
        fresh("session", &tokens.session_id.to_string(), "", 32);
        let link = house.services.single_use.generate(&admin, "visitor", "d", None).await.unwrap();
        fresh("link", token_of(&link.url).expose(), "csl_", 26);
        let key = house.services.keys.create(&admin, "k", None).await.unwrap();
        fresh("key", &key.key_id, "csk_", 26);
        fresh("secret", key.secret.expose(), "css_", 26);
        house.services.keys.revoke(&admin, &key.key_id).await.unwrap();
    }
}

/// D8: whatever is wrong with a token, the answer is the same bytes.
#[tokio::test]
async fn inactive_is_inactive() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let (revoked, ended) = (admin.log_in("pat").await.access_token, admin.log_in("admin").await.access_token);
    admin.with(&ended).logout().await.unwrap();
    let guest = admin.redeem(&admin.link("visitor", "d").await.unwrap()).await.unwrap().access_token;
    admin.logout_user("pat").await.unwrap();
    let expired = admin.log_in("pat").await.access_token;
    wire.advance(Duration::from_secs(3605));
    let admin = wire.admin().await;
    let first = admin.verify("garbage", "").await.unwrap();
    assert_eq!(first, pb::VerifyTokenResponse { revision: first.revision, ..Default::default() });
    for (what, token) in [
        ("revoked", revoked),
        ("ended", ended),
        ("expired", expired),
        ("a guest's, dataset not named", guest),
        ("empty", String::new()),
    ] {
        assert_eq!(admin.verify(&token, "").await.unwrap().encode_to_vec(), first.encode_to_vec(), "{what}");
    }
    // It takes a caller.
    let refused = wire.calls().await.verify("garbage", "").await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unauthenticated, "TOKEN_INVALID".to_owned()));
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token taken apart.
pub(crate) struct Parts {
    header: Value,
    pub(crate) claims: Value,
    signature: String,
}

impl Parts {
    pub(crate) fn of(token: &str) -> Self {
        let parts: Vec<&str> = token.split('.').collect();
        Self { header: decoded(parts[0]), claims: decoded(parts[1]), signature: parts[2].to_owned() }
    }

    /// The header changed, claims as they are: what is signed.
    fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = self.header.clone();
        change(&mut header);
        format!("{}.{}", b64(header.to_string()), b64(self.claims.to_string()))
    }
}
