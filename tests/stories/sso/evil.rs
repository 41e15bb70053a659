use std::time::{Duration, Instant};

use reqwest::StatusCode;

use super::browser::Browser;
use super::rig::Rig;
use crate::evil_provider::{CLIENT_ID, EMAIL, EvilProvider, MISDEEDS};
use crate::harness::Server;

/// What one sign-on may take, whatever the provider does.
const BOUND: Duration = Duration::from_secs(20);

#[tokio::test]
async fn whatever_a_provider_does_wrong_it_is_refused_within_a_bound() {
    let (rig, evil) = (Rig::new().await, EvilProvider::start().await);
    let before = rig.memory();
    let tried = MISDEEDS.iter().map(async |misdeed| {
        let provider = rig.create_provider(misdeed, "", &evil.issuer(misdeed), CLIENT_ID).await;
        let started = rig.start("", misdeed).await;
        let (mut browser, begun) = (Browser::new(), Instant::now());
        let page = match browser.go_until(&started.auth_url, &provider.redirect_uri).await {
            // Refused on the way there: the attempt was not begun, and can be tried again until it expires.
            Ok(page) => {
                assert!(rig.pending(&started.state).await, "{misdeed}");
                page
            }
            Err(callback) => {
                let page = browser.go(&callback).await;
                assert_eq!(rig.refusal(&started.state).await, "SSO_REFUSED", "{misdeed}");
                assert!(browser.go(&callback).await.status.is_client_error(), "{misdeed}: a second use of the callback");
                assert!(evil.hits(&format!("/{misdeed}/token")) <= 1, "{misdeed}: a second use of the code");
                page
            }
        };
        assert!(begun.elapsed() < BOUND, "{misdeed} took {:?}", begun.elapsed());
        let status = page.status.as_u16();
        assert!(matches!(status, 400 | 403 | 502), "{misdeed}: {status} {}", page.text);
    });
    futures_util::future::join_all(tried).await;
    for hit in ["/honest/discovery", "/honest/keys", "/honest/token"] {
        assert_eq!(evil.hits(hit), 0, "a redirect or a lie led to {hit}");
    }
    assert_eq!(evil.hits("/callback-other-issuer/token"), 0, "a mixed-up code was sent");
    let grown = rig.memory().saturating_sub(before);
    assert!(grown < 64 << 20, "memory grew by {grown} bytes");
}

#[tokio::test]
async fn a_second_provider_that_asserts_the_victims_email_signs_in_another() {
    let (rig, evil) = (Rig::new().await, EvilProvider::start().await);
    // Everybody's address is NAME@example.org, which is the one that it asserts.
    let victim = rig.create_user("victim", &[]).await;
    assert_eq!(victim.email, EMAIL);
    let provider = rig.create_provider("honest", "", &evil.issuer("honest"), CLIENT_ID).await;
    let mut browser = Browser::new();
    let started = rig.start("", "").await;
    let callback = browser.go_until(&started.auth_url, &provider.redirect_uri).await.unwrap_err();
    let confirm = browser.go(&callback).await;
    browser.answer(&confirm, &callback, "yes").await;
    let user = rig.complete(&started.state).await.user.unwrap();
    assert_ne!(user.user_id, victim.user_id);
    assert_eq!((user.username.as_str(), user.email.as_str()), ("victim-2", ""));
    assert_eq!(rig.as_user(EMAIL).await.own_account().await.unwrap().user_id, victim.user_id, "the e-mail is still the victim's");
}

#[tokio::test]
async fn a_code_of_another_sign_on_is_refused() {
    let (rig, evil) = (Rig::new().await, EvilProvider::start().await);
    let provider = rig.create_provider("honest", "", &evil.issuer("honest"), CLIENT_ID).await;
    let started = rig.start("", "").await;
    let mut browser = Browser::new();
    let callback = browser.go_until(&started.auth_url, &provider.redirect_uri).await.unwrap_err();
    let (before, _) = callback.rsplit_once("code=").unwrap();
    let injected = format!("{before}code={}", evil.code("the nonce of another sign-on"));
    assert_eq!(browser.go(&injected).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(rig.refusal(&started.state).await, "SSO_REFUSED");
    assert!(browser.go(&callback).await.status.is_client_error(), "the attempt is over");
}

#[tokio::test]
async fn a_provider_by_https_is_believed_where_its_certificate_is_trusted() {
    let (evil, certificate) = EvilProvider::start_tls("localhost").await;
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, certificate).unwrap();
    let trusting = [("COOKIE_SECURE", "false"), ("SSL_CERT_FILE", trusted.to_str().unwrap())];
    let own = [("COOKIE_SECURE", "false"), ("COUNTERSIGN_CA_FILE", trusted.to_str().unwrap())];
    for (settings, expected) in [(&trusting[..], true), (&own[..], true), (&trusting[..1], false)] {
        let rig = Rig::with(Server::start_with(settings).await).await;
        let provider = rig.create_provider("honest", "", &evil.issuer("honest"), CLIENT_ID).await;
        let started = rig.start("", "").await;
        let request = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let first = request.get(&started.auth_url).send().await.unwrap();
        if !expected {
            assert_eq!(first.status(), StatusCode::BAD_GATEWAY);
            continue;
        }
        // The test's own browser speaks no TLS: the provider's page is skipped, its code made up.
        let location = url::Url::parse(first.headers()["location"].to_str().unwrap()).unwrap();
        assert!(location.as_str().starts_with(&evil.issuer("honest")));
        let query = |name: &str| location.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
        let cookie = first.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let callback = format!("{}?state={}&code={}", provider.redirect_uri, query("state"), evil.code(&query("nonce")));
        let page = request.get(callback).header("cookie", cookie).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK);
    }
}
