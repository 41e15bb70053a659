//! Personal keys: a machine's way in.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::grpc::pb::{
    AccountServiceCreatePersonalKeyRequest, AdminServiceCreatePersonalKeyRequest, GetAccountRequest, ListPersonalKeysRequest,
    PkeyJwtRequest, TokenSet,
};
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};

use crate::arena::refusal::{field, refused, told};
use crate::harness::{InProcess, Key, PASSWORD};

/// Exchanges a key in metadata.
async fn exchange_in_metadata(server: &InProcess, authorization: &[u8]) -> Result<TokenSet, Status> {
    let mut request = Request::new(PkeyJwtRequest::default());
    request.metadata_mut().insert("authorization", MetadataValue::try_from(authorization).unwrap());
    Ok(server.auth().await.pkey_jwt(request).await?.into_inner().tokens.unwrap())
}

fn pair(id: &str, secret: &str) -> Key {
    Key { id: id.to_owned(), secret: secret.to_owned() }
}

/// E1: whatever is wrong with a key, the answer is the same to the byte.
#[tokio::test]
async fn a_key_that_does_not_work_has_one_answer() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    let (key, other) = (pat.make_key("one").await.unwrap(), pat.make_key("two").await.unwrap());
    let revoked = pat.make_key("revoked").await.unwrap();
    pat.revoke_key(&revoked.id).await.unwrap();
    let sue = admin.person("sue", &[]).await;
    let sleeping = sue.make_key("sleeping").await.unwrap();
    admin.disable("sue").await.unwrap();
    let elsewhere = InProcess::start().await;
    let foreign = elsewhere.admin().await.make_key("foreign").await.unwrap();
    elsewhere.stop().await;

    assert!(server.calls().await.exchange(&key).await.is_ok());
    let flipped = format!("{}{}", &key.secret[..10], key.secret[10..].to_uppercase());
    let cases = [
        ("another's secret", &key.id, &other.secret),
        ("a damaged secret", &key.id, &flipped),
        ("a foreign secret", &key.id, &foreign.secret),
        ("a foreign id", &foreign.id, &foreign.secret),
        ("swapped", &key.secret, &key.id),
        ("junk", &"junk".to_owned(), &"junk".to_owned()),
        ("revoked", &revoked.id, &revoked.secret),
        ("of a disabled user", &sleeping.id, &sleeping.secret),
        ("an access token", &key.id, &pat.tokens.access_token[..400].to_owned()),
        ("a refresh token", &key.id, &pat.tokens.refresh_token),
    ];
    let mut answers = Vec::new();
    for (case, id, secret) in cases {
        let refusal = server.calls().await.exchange(&pair(id, secret)).await.unwrap_err();
        assert_eq!(told(&refusal).1, "INVALID_CREDENTIALS", "{case}");
        answers.push((refusal.code(), refusal.message().to_owned(), refusal.details().to_vec()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    server.stop().await;
}

/// E1: the secret is shown once.
#[tokio::test]
async fn a_secret_is_shown_once() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let key = admin.make_key("one").await.unwrap();
    assert!(key.id.starts_with("csk_") && key.secret.starts_with("css_"));
    let listed =
        server.calls().await.account().list_personal_keys(admin.request(ListPersonalKeysRequest::default())).await.unwrap();
    let listed = listed.into_inner().personal_keys;
    assert_eq!((listed.len(), listed[0].key_id.as_str(), listed[0].display_name.as_str()), (1, key.id.as_str(), "one"));
    let secret = key.secret.strip_prefix("css_").unwrap();
    assert!(!format!("{listed:?}").contains(secret));
    server.stop().await;
}

/// E2: what a client may write into `authorization`.
#[tokio::test]
async fn the_header_is_read_strictly_and_nothing_breaks_it() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let key = admin.make_key("one").await.unwrap();
    let (id, secret) = (&key.id, &key.secret);
    for good in ["PersonalKey", "personalkey", "PERSONALKEY"] {
        let tokens = exchange_in_metadata(&server, format!("{good} {id}:{secret}").as_bytes()).await.unwrap();
        assert!(tokens.refresh_token.is_empty());
        assert!(admin.verdict(&tokens, "").await.active);
    }
    let denied: &[Vec<u8>] = &[
        format!("PersonalKey {id}{secret}").into(),
        format!("PersonalKey {id}:{secret}:").into(),
        format!("PersonalKey {id}:{secret}:{secret}").into(),
        format!("PersonalKey {id}::{secret}").into(),
        format!("PersonalKey {id}:").into(),
        format!("PersonalKey :{secret}").into(),
        b"PersonalKey :".to_vec(),
        b"PersonalKey ".to_vec(),
        b"PersonalKey".to_vec(),
        b" ".to_vec(),
        Vec::new(),
        format!("PersonalKey  {id}:{secret}").into(),
        format!("PersonalKey {id}: {secret}").into(),
        format!("PersonalKey {id} :{secret}").into(),
        format!("PersonalKey\t{id}:{secret}").into(),
        format!("Bearer {id}:{secret}").into(),
        format!("Basic {id}:{secret}").into(),
        format!("{id}:{secret}").into(),
        [b"PersonalKey \xff\xfe:".as_slice(), secret.as_bytes()].concat(),
        format!("PersonalKey {id}:{}", "s".repeat(600)).into(),
        format!("PersonalKey {}:{secret}", "k".repeat(8000)).into(),
    ];
    for value in denied {
        let shown = String::from_utf8_lossy(value);
        let refusal = exchange_in_metadata(&server, value).await.expect_err(&shown);
        let reason = told(&refusal).1;
        assert!(["INVALID_CREDENTIALS", "VALIDATION_FAILED"].contains(&reason.as_str()), "{reason}: {shown}");
    }
    // Past what a header may be the connection says so; the server is there for the next caller.
    let huge = format!("PersonalKey {id}:{}", "s".repeat(1 << 20));
    assert!(exchange_in_metadata(&server, huge.as_bytes()).await.is_err());
    let both = server.calls().await.exchange(&pair(id, secret)).await.unwrap();
    assert!(admin.verdict(&both, "").await.active);

    let mut twice = Request::new(PkeyJwtRequest { key_id: id.clone(), key_secret: secret.clone(), org_name: String::new() });
    twice.metadata_mut().insert("authorization", format!("PersonalKey {id}:{secret}").parse().unwrap());
    assert!(refused(&server.auth().await.pkey_jwt(twice).await, "VALIDATION_FAILED"), "in both places");
    for (id, secret) in [("", secret.as_str()), (id.as_str(), "")] {
        let outcome = server.calls().await.exchange(&pair(id, secret)).await;
        assert!(refused(&outcome, "VALIDATION_FAILED"), "half a key: {outcome:?}");
    }
    for (id, secret) in [("a\0", secret.as_str()), (id.as_str(), "css_\0"), ("\u{1f980}", "\u{1f980}"), (" ", " ")] {
        assert!(server.calls().await.exchange(&pair(id, secret)).await.is_err(), "{id:?}");
    }
    server.stop().await;
}

/// E2: what a tool makes of a key by itself, and what else a tool may put there.
#[tokio::test]
async fn what_is_no_key_is_told_what_is_expected() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let Key { id, secret } = admin.make_key("one").await.unwrap();
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let tokens = exchange_in_metadata(&server, basic(&format!("{id}:{secret}")).as_bytes()).await.unwrap();
    assert!(admin.verdict(&tokens, "").await.active, "curl --user ID:SECRET");

    let netrc = basic("ada:three-guards-at-the-gate");
    for (value, hint) in [
        (format!("PersonalKey  {id}:{secret}"), "must be PersonalKey ID:SECRET, with one blank"),
        (format!("Digest {id}:{secret}"), "must be PersonalKey ID:SECRET, with one blank"),
        (format!("Bearer {}", tokens.access_token), "must be PersonalKey ID:SECRET, with one blank"),
        (format!("{id}:{secret}"), "must be PersonalKey ID:SECRET, with one blank"),
        (netrc.clone(), "a .netrc may have put there: must be PersonalKey ID:SECRET"),
    ] {
        let refusal = exchange_in_metadata(&server, value.as_bytes()).await.unwrap_err();
        assert_eq!((told(&refusal).1.as_str(), field(&refusal).as_str()), ("VALIDATION_FAILED", "authorization"), "{value}");
        assert!(refusal.message().contains(hint), "{}", refusal.message());
        assert!(!refusal.message().contains(&secret) && refusal.metadata().get("www-authenticate").is_none());
    }
    // Beside the fields it is nobody's business.
    let mut beside = Request::new(PkeyJwtRequest { key_id: id, key_secret: secret, org_name: String::new() });
    beside.metadata_mut().insert("authorization", netrc.parse().unwrap());
    assert!(server.auth().await.pkey_jwt(beside).await.is_ok());

    let mut account = Request::new(GetAccountRequest {});
    account.metadata_mut().insert("authorization", netrc.parse().unwrap());
    let refusal = server.calls().await.account().get_account(account).await.unwrap_err();
    assert_eq!(told(&refusal), (Code::Unauthenticated, "TOKEN_INVALID".to_owned()));
    assert!(refusal.message().contains("Bearer TOKEN") && refusal.message().contains(".netrc"), "{}", refusal.message());
    assert!(refusal.metadata().get("www-authenticate").is_none(), "nothing asks for Basic");
    server.stop().await;
}

/// E3: at the very next call.
#[tokio::test]
async fn a_key_that_was_ended_fails_at_the_next_call() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    let invalid = |outcome: &Result<TokenSet, Status>| refused(outcome, "INVALID_CREDENTIALS");

    let key = pat.make_key("revoked").await.unwrap();
    let tokens = server.calls().await.exchange(&key).await.unwrap();
    assert!(pat.revoke_key(&key.id).await.unwrap() > 0);
    assert!(invalid(&server.calls().await.exchange(&key).await));
    assert!(!admin.verdict(&tokens, "").await.active, "and what it gave is dead");
    assert!(pat.revoke_key(&key.id).await.is_ok(), "repeating it is no error");

    let ttl = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    let request = AccountServiceCreatePersonalKeyRequest { display_name: "brief".into(), ttl, ..Default::default() };
    let brief = server.calls().await.account().create_personal_key(pat.request(request)).await.unwrap().into_inner();
    server.clock.advance(Duration::from_secs(59));
    assert!(server.calls().await.exchange(&pair(&brief.key_id, &brief.key_secret)).await.is_ok());
    server.clock.advance(Duration::from_secs(1));
    assert!(invalid(&server.calls().await.exchange(&pair(&brief.key_id, &brief.key_secret)).await));
    assert!(pat.key_ids().await.unwrap().is_empty());

    let key = pat.make_key("sleeps").await.unwrap();
    let tokens = server.calls().await.exchange(&key).await.unwrap();
    admin.disable("pat").await.unwrap();
    assert!(invalid(&server.calls().await.exchange(&key).await));
    assert!(!admin.verdict(&tokens, "").await.active);
    admin.enable("pat").await.unwrap();
    assert!(server.calls().await.exchange(&key).await.is_ok());
    assert!(!admin.verdict(&tokens, "").await.active, "what was ended stays ended");
    server.stop().await;
}

/// E4: a key opens no account further than it is.
#[tokio::test]
async fn a_key_makes_no_key_and_changes_no_password() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let key = admin.make_key("a script").await.unwrap();
    let script = server.calls().await.bearing(server.calls().await.exchange(&key).await.unwrap());
    let weak = "CREDENTIAL_TOO_WEAK";
    assert!(refused(&script.make_key("another").await, weak));
    assert!(refused(&script.revoke_key(&key.id).await, weak));
    assert!(refused(&script.change_password(PASSWORD, "marmalade over quiet rivers").await, weak));
    assert!(refused(&script.enroll().await, weak));
    assert!(refused(&script.confirm("123456").await, weak));
    let request =
        AdminServiceCreatePersonalKeyRequest { username: "admin".into(), display_name: "k".into(), ..Default::default() };
    assert!(refused(&server.calls().await.administration().create_personal_key(script.request(request)).await, weak));
    assert_eq!(script.key_ids().await.unwrap(), [key.id]);
    server.stop().await;
}

/// F6: once the revocation has answered there is no token of the key that works, however close the exchange was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_of_a_key_outlives_its_revocation() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    for round in 0..100 {
        let key = pat.make_key("raced").await.unwrap();
        let before = pat.exchange(&key).await.unwrap();
        let exchange = || pat.exchange(&key);
        let renew = || pat.renew(&before.access_token);
        let (a, b, revoked, c, d) = tokio::join!(exchange(), renew(), pat.revoke_key(&key.id), exchange(), renew());
        revoked.unwrap();
        assert!(refused(&exchange().await, "INVALID_CREDENTIALS"), "round {round}");
        for tokens in [a, b, c, d].into_iter().flatten().chain([before]) {
            assert!(!admin.verdict(&tokens, "").await.active, "round {round}");
            assert!(refused(&pat.renew(&tokens.access_token).await, "TOKEN_INVALID"), "round {round}");
        }
    }
    server.stop().await;
}
