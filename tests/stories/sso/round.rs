use std::time::{Duration, Instant};

use countersign::grpc::pb::SsoStatus;
use reqwest::StatusCode;

use super::browser::Browser;
use super::provider::NodeProvider;
use super::rig::Rig;
use crate::arena::refusal::told;
use crate::harness::Server;

const WAIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_person_signs_on_while_the_caller_waits() {
    let (rig, mut node) = (Rig::new().await, NodeProvider::start().await);
    let provider = rig.join(&mut node, "corp", "", "RS256").await;
    let started = rig.start("", "").await;
    let mut browser = Browser::new();
    let waited = Instant::now();
    let person = async {
        let callback = browser.sign_in_at_provider(&started.auth_url, "ada", &provider.redirect_uri).await;
        let confirm = browser.go(&callback).await;
        assert_eq!((confirm.status, confirm.title().as_str()), (StatusCode::OK, "Sign in?"));
        for shown in ["127.0.0.1", "<strong>Ada-Lovelace</strong>", started.user_code.as_str(), "corp"] {
            assert!(confirm.text.contains(shown), "{shown} is not on {}", confirm.text);
        }
        assert!(rig.pending(&started.state).await, "nothing is collected before the person agreed");
        browser.answer(&confirm, &callback, "yes").await
    };
    // The collector asks before the person begins: join! polls in this order.
    let (collected, done) = tokio::join!(rig.collect(&started.state, WAIT), person);
    assert_eq!((done.status, done.title().as_str()), (StatusCode::OK, "You are signed in"));
    let collected = collected.unwrap();
    assert!(waited.elapsed() < WAIT, "the answer woke the collector");
    assert_eq!(collected.status(), SsoStatus::Complete);
    let (tokens, user) = (collected.tokens.unwrap(), collected.user.unwrap());
    assert_eq!(user.username, "Ada-Lovelace");
    let verdict = rig.verdict(&tokens, "").await;
    assert!(verdict.active);
    assert_eq!((verdict.username.as_str(), verdict.org_name.as_str()), ("Ada-Lovelace", "Ada-Lovelace"));

    let again = rig.complete(&started.state).await.tokens.unwrap();
    assert_eq!((again.session_id, again.refresh_token), (tokens.session_id, tokens.refresh_token));
    assert!(browser.visited.iter().all(|url| !url.contains(&started.state)), "the browser never saw what collects");
    assert_eq!(done.header("set-cookie"), "");
    let query =
        |url: &String| url::Url::parse(url).unwrap().query_pairs().map(|(_, value)| value.into_owned()).collect::<Vec<_>>();
    let log = rig.server.log();
    for secret in browser.visited.iter().flat_map(query).chain([started.state.clone()]).filter(|value| value.len() > 20) {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }

    let second = rig.start("", "corp").await;
    let callback = browser.sign_in_at_provider(&second.auth_url, "ada", &provider.redirect_uri).await;
    let confirm = browser.go(&callback).await;
    browser.answer(&confirm, &callback, "yes").await;
    assert_eq!(rig.complete(&second.state).await.user.unwrap().user_id, user.user_id, "the second time it is the same account");
}

#[tokio::test]
async fn an_organization_signs_its_people_on() {
    let (rig, mut node) = (Rig::new().await, NodeProvider::start().await);
    for org in ["acme", "lone"] {
        rig.create_organization(org).await.unwrap();
    }
    let one = rig.join(&mut node, "one", "acme", "ES256").await;
    let two = rig.join(&mut node, "two", "acme", "RS256").await;
    let only = rig.join(&mut node, "only", "lone", "ES256").await;
    assert_eq!(told(&rig.try_start("acme", "").await.unwrap_err()).1, "SSO_PROVIDER_AMBIGUOUS");
    for (org, idp) in [("", ""), ("nobody", ""), ("acme", "only"), ("admin", "")] {
        assert_eq!(told(&rig.try_start(org, idp).await.unwrap_err()).1, "SSO_NOT_CONFIGURED", "{org}/{idp}");
    }
    let mut browser = Browser::new();
    for (org, idp, provider, login) in [
        ("acme", "one", &one, "ada"),
        ("acme", "two", &two, "ada"),
        ("lone", "", &only, "grace"),
        ("lone", "ONLY", &only, "grace"),
    ] {
        let mut browser = if login == "ada" { Browser::new() } else { std::mem::replace(&mut browser, Browser::new()) };
        let started = rig.start(org, idp).await;
        let callback = browser.sign_in_at_provider(&started.auth_url, login, &provider.redirect_uri).await;
        let confirm = browser.go(&callback).await;
        browser.answer(&confirm, &callback, "yes").await;
        let answer = rig.complete(&started.state).await;
        assert_eq!(answer.tokens.unwrap().active_organization, org);
        assert!(answer.user.unwrap().organizations.iter().any(|name| name == org));
    }
    // Known, but no member there.
    let mut browser = Browser::new();
    let started = rig.start("lone", "").await;
    let callback = browser.sign_in_at_provider(&started.auth_url, "ada", &only.redirect_uri).await;
    assert_eq!(browser.go(&callback).await.status, StatusCode::FORBIDDEN);
    assert_eq!(rig.refusal(&started.state).await, "SSO_REFUSED");
    rig.add_member("lone", "Ada-Lovelace").await.unwrap();
    let started = rig.start("lone", "").await;
    let callback = browser.sign_in_at_provider(&started.auth_url, "ada", &only.redirect_uri).await;
    let confirm = browser.go(&callback).await;
    browser.answer(&confirm, &callback, "yes").await;
    assert_eq!(rig.complete(&started.state).await.tokens.unwrap().active_organization, "lone");
}

#[tokio::test]
async fn what_a_browser_shows_collects_nothing() {
    let (rig, mut node) = (Rig::new().await, NodeProvider::start().await);
    let provider = rig.join(&mut node, "corp", "", "RS256").await;
    let started = rig.start("", "").await;
    let mut browser = Browser::new();
    let callback = browser.sign_in_at_provider(&started.auth_url, "ada", &provider.redirect_uri).await;
    let confirm = browser.go(&callback).await;
    browser.answer(&confirm, &callback, "yes").await;
    let mut seen: Vec<String> = browser
        .visited
        .iter()
        .flat_map(|url| url::Url::parse(url).unwrap().query_pairs().map(|(_, value)| value.into_owned()).collect::<Vec<_>>())
        .collect();
    seen.push(super::browser::between(&confirm.text, "name=\"form\" value=\"", "\""));
    assert!(seen.len() > 8);
    let more: Vec<String> = seen.iter().filter_map(|value| value.get(4..)).map(|value| format!("cso_{value}")).collect();
    for value in seen.into_iter().chain(more).filter(|value| value.len() <= 1024 && !value.is_empty()) {
        let refused = rig.collect(&value, Duration::ZERO).await.expect_err("it is no collector's");
        assert_eq!(told(&refused).1, "SSO_STATE_INVALID", "{value}");
    }
    rig.complete(&started.state).await;
}

#[tokio::test]
async fn a_callback_is_asked_again_in_its_own_browser_alone() {
    let (rig, mut node) = (Rig::new().await, NodeProvider::start().await);
    let provider = rig.join(&mut node, "corp", "", "RS256").await;
    let started = rig.start("", "").await;
    let mut browser = Browser::new();
    let callback = browser.sign_in_at_provider(&started.auth_url, "ada", &provider.redirect_uri).await;

    let mut stranger = Browser::new();
    assert_eq!(stranger.go(&callback).await.status, StatusCode::FORBIDDEN, "a callback without the cookie");
    let other = rig.start("", "").await;
    assert!(stranger.go_until(&other.auth_url, &node.issuer).await.is_err());
    assert_eq!(stranger.go(&callback).await.status, StatusCode::FORBIDDEN, "a callback with another's cookie");
    let head = reqwest::Client::new().head(&callback).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(rig.pending(&started.state).await, "strangers change nothing");

    let confirm = browser.go(&callback).await;
    assert_eq!(confirm.status, StatusCode::OK);
    for _ in 0..2 {
        let again = browser.go(&callback).await;
        assert_eq!((again.status, again.title()), (StatusCode::OK, confirm.title()), "a reload asks again");
    }
    assert_eq!(stranger.answer(&confirm, &callback, "yes").await.status, StatusCode::FORBIDDEN, "another's answer");
    let form = super::browser::between(&confirm.text, "name=\"form\" value=\"", "\"");
    let action = url::Url::parse(&callback).unwrap().join("/sso/confirm").unwrap();
    for headers in [("origin", "https://evil.example.com"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")] {
        let page = browser.send(action.as_str(), &[("form", &form), ("answer", "yes")], &[headers]).await.unwrap();
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert!(rig.pending(&started.state).await);
    assert_eq!(browser.answer(&confirm, &callback, "yes").await.status, StatusCode::OK);
    rig.complete(&started.state).await;
    assert_eq!(browser.go(&started.auth_url).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_thin_id_token_is_filled_up_at_userinfo() {
    let (rig, mut node) = (Rig::new().await, NodeProvider::start_with(&[("PROVIDER_THIN", "1")]).await);
    let provider = rig.join(&mut node, "corp", "", "ES256").await;
    let mut browser = Browser::new();
    let started = rig.start("", "").await;
    let callback = browser.sign_in_at_provider(&started.auth_url, "ada", &provider.redirect_uri).await;
    let confirm = browser.go(&callback).await;
    browser.answer(&confirm, &callback, "yes").await;
    let user = rig.complete(&started.state).await.user.unwrap();
    assert_eq!((user.username.as_str(), user.email.as_str()), ("Ada-Lovelace", "ada@example.test"));
}

#[tokio::test]
async fn a_no_is_a_no() {
    let (rig, mut node) = (Rig::new().await, NodeProvider::start().await);
    let provider = rig.join(&mut node, "corp", "", "RS256").await;
    let mut browser = Browser::new();
    // The person says no here, while the caller waits.
    let started = rig.start("", "").await;
    let person = async {
        let callback = browser.sign_in_at_provider(&started.auth_url, "ada", &provider.redirect_uri).await;
        let confirm = browser.go(&callback).await;
        browser.answer(&confirm, &callback, "no").await
    };
    let (collected, page) = tokio::join!(rig.collect(&started.state, WAIT), person);
    assert_eq!((page.status, page.title().as_str()), (StatusCode::OK, "Nobody was signed in"));
    assert_eq!(told(&collected.unwrap_err()).1, "SSO_REFUSED");

    // The person cancels at the provider.
    let started = rig.start("", "").await;
    let mut browser = Browser::new();
    let form = browser.go(&started.auth_url).await;
    let abort = format!("{}/abort", super::browser::between(&form.text, "action=\"", "\""));
    let page = browser.go(&abort).await;
    assert_eq!((page.status, page.title().as_str()), (StatusCode::FORBIDDEN, "The identity provider said no"));
    assert_eq!(rig.refusal(&started.state).await, "SSO_REFUSED");

    // An operator logs the account out between the provider's answer and the collection.
    let started = rig.start("", "").await;
    let callback = browser.sign_in_at_provider(&started.auth_url, "ada", &provider.redirect_uri).await;
    let confirm = browser.go(&callback).await;
    rig.logout_user("Ada-Lovelace").await.unwrap();
    browser.answer(&confirm, &callback, "yes").await;
    assert_eq!(rig.refusal(&started.state).await, "SSO_REFUSED");
}

#[tokio::test]
async fn the_pages_are_kept_apart_from_everything_else() {
    let rig = Rig::with(Server::start().await).await;
    let mut node = NodeProvider::start().await;
    rig.join(&mut node, "corp", "", "RS256").await;
    let started = rig.start("", "").await;
    assert_ne!(started.state, started.auth_url.split_once("s=").unwrap().1);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let first = client.get(&started.auth_url).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::SEE_OTHER);
    let cookie = first.headers()["set-cookie"].to_str().unwrap();
    let (value, attributes) = cookie.split_once(';').unwrap();
    assert_eq!(value.strip_prefix("__Host-countersign_sso=").map(str::len), Some(22));
    let age: u32 = super::browser::between(attributes, "Max-Age=", ";").parse().unwrap();
    assert!((500..=600).contains(&age), "until the attempt expires: {age}");
    assert_eq!(attributes.replace(&age.to_string(), "AGE"), " Path=/; Max-Age=AGE; HttpOnly; SameSite=Lax; Secure");
    let location = first.headers()["location"].to_str().unwrap();
    for part in ["code_challenge_method=S256", "code_challenge=", "nonce=", "response_type=code", "state=csb_"] {
        assert!(location.contains(part), "{part} is not in {location}");
    }
    let error = client.get(format!("{}/sso/start?s=junk", started.auth_url.split_once("/sso/").unwrap().0)).send().await.unwrap();
    assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    let style = client.get(format!("{}/assets/style.css", rig.server.url())).send().await.unwrap();
    assert_eq!((style.status(), style.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, "text/css; charset=utf-8"));
    for page in [&first, &error] {
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(page.headers()[name], value);
        }
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    }
}
