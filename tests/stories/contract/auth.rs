//! The reasons of `AuthService`.

use std::sync::Arc;
use std::time::Duration;

use countersign::grpc::pb;
use tonic::Status;

use super::stage::{Row, Stage, from_elsewhere, login, row};
use crate::arena::WRONG;
use crate::evil_provider::EvilProvider;
use crate::harness::{Calls, Key};
use crate::sso::browser::Browser;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_login();
    rows.extend(of_refresh());
    rows.extend(of_keys_and_links());
    rows.extend(of_sign_on());
    rows
}

fn of_login() -> Vec<Row> {
    vec![
        row("AuthService/Login", "INVALID_CREDENTIALS", async |stage: Arc<Stage>| {
            stage.admin.login(login(&stage.name())).await.unwrap_err()
        }),
        row("AuthService/Login", "OTP_REQUIRED", async |stage: Arc<Stage>| {
            let (name, own, spent) = stage.person_with_codes().await;
            own.login(pb::LoginRequest { otp: spent, ..login(&name) }).await.unwrap_err()
        }),
        row("AuthService/Login", "ORG_NOT_ALLOWED", async |stage: Arc<Stage>| {
            let (name, own) = stage.person().await;
            let org_name = stage.organization().await;
            own.login(pb::LoginRequest { org_name, ..login(&name) }).await.unwrap_err()
        }),
        row("AuthService/Login", "FOREIGN_ORIGIN", async |stage: Arc<Stage>| {
            let message = pb::LoginRequest { mode: pb::TokenMode::Cookie.into(), ..login("admin") };
            stage.admin.auth().login(from_elsewhere(message)).await.unwrap_err()
        }),
        row("AuthService/Login", "THROTTLED", async |stage: Arc<Stage>| {
            let name = stage.name();
            for _ in 0..10 {
                stage.admin.try_log_in(&name, WRONG).await.unwrap_err();
            }
            stage.admin.login(login(&name)).await.unwrap_err()
        }),
    ]
}

fn of_refresh() -> Vec<Row> {
    vec![
        row("AuthService/Refresh", "REFRESH_INVALID", async |stage: Arc<Stage>| {
            stage.admin.refresh("csr_nothing").await.unwrap_err()
        }),
        row("AuthService/Refresh", "REFRESH_REUSED", async |stage: Arc<Stage>| {
            let zero = stage.admin.log_in("admin").await;
            let one = stage.admin.refresh(&zero.refresh_token).await.unwrap();
            stage.admin.refresh(&one.refresh_token).await.unwrap();
            stage.admin.refresh(&zero.refresh_token).await.unwrap_err()
        }),
        row("AuthService/Refresh", "TOKEN_INVALID", async |stage: Arc<Stage>| stage.admin.renew("a.b.c").await.unwrap_err()),
        row("AuthService/Refresh", "SESSION_EXPIRED", async |_| {
            let stage = Stage::new(&[]).await;
            let tokens = stage.admin.log_in("admin").await;
            stage.wire.advance(Duration::from_hours(24));
            stage.admin.refresh(&tokens.refresh_token).await.unwrap_err()
        }),
        row("AuthService/Refresh", "SESSION_REVOKED", async |stage: Arc<Stage>| {
            let tokens = stage.admin.log_in("admin").await;
            stage.admin.with(&tokens.access_token).logout().await.unwrap();
            stage.admin.refresh(&tokens.refresh_token).await.unwrap_err()
        }),
        row("AuthService/Refresh", "RENEWAL_MISMATCH", async |stage: Arc<Stage>| {
            let tokens = stage.admin.log_in("admin").await;
            let next = stage.admin.refresh(&tokens.refresh_token).await.unwrap();
            stage.admin.renew(&next.access_token).await.unwrap_err()
        }),
        row("AuthService/Refresh", "ORG_NOT_ALLOWED", async |stage: Arc<Stage>| {
            let (name, own) = stage.person().await;
            let crew = stage.organization().await;
            stage.admin.add_member(&crew, &name).await.unwrap();
            let message = pb::LoginRequest { org_name: crew.clone(), ..super::stage::login(&name) };
            let tokens = own.login(message).await.unwrap().into_inner().tokens.unwrap();
            stage.admin.remove_member(&crew, &name).await.unwrap();
            own.refresh(&tokens.refresh_token).await.unwrap_err()
        }),
        row("AuthService/Refresh", "FOREIGN_ORIGIN", async |stage: Arc<Stage>| {
            let mut request = from_elsewhere(pb::RefreshRequest::default());
            request.metadata_mut().insert("cookie", "__Host-countersign_refresh=csr_nothing".parse().unwrap());
            stage.admin.auth().refresh(request).await.unwrap_err()
        }),
        row("AuthService/Refresh", "THROTTLED", async |stage: Arc<Stage>| {
            stage.flooded().await.refresh("csr_nothing").await.unwrap_err()
        }),
    ]
}

fn no_key() -> Key {
    Key { id: "csk_nothing".to_owned(), secret: "css_nothing".to_owned() }
}

fn of_keys_and_links() -> Vec<Row> {
    vec![
        row("AuthService/PkeyJwt", "INVALID_CREDENTIALS", async |stage: Arc<Stage>| {
            stage.admin.exchange(&no_key()).await.unwrap_err()
        }),
        row("AuthService/PkeyJwt", "ORG_NOT_ALLOWED", async |stage: Arc<Stage>| {
            let (key, org_name) = (stage.admin.key().await, stage.organization().await);
            stage.admin.exchange_for(&key, &org_name).await.unwrap_err()
        }),
        row("AuthService/PkeyJwt", "THROTTLED", async |stage: Arc<Stage>| {
            stage.flooded().await.exchange(&no_key()).await.unwrap_err()
        }),
        row("AuthService/PeekSingleUse", "LINK_INVALID", async |stage: Arc<Stage>| {
            stage.admin.peek("csl_nothing").await.unwrap_err()
        }),
        row("AuthService/PeekSingleUse", "THROTTLED", async |stage: Arc<Stage>| {
            stage.flooded().await.peek("csl_nothing").await.unwrap_err()
        }),
        row("AuthService/RedeemSingleUse", "LINK_INVALID", async |stage: Arc<Stage>| {
            stage.admin.redeem("csl_nothing").await.unwrap_err()
        }),
        row("AuthService/RedeemSingleUse", "FOREIGN_ORIGIN", async |stage: Arc<Stage>| {
            let token = stage.admin.link("visitor", "d").await.unwrap();
            let message = pb::RedeemSingleUseRequest { token, mode: pb::TokenMode::Cookie.into(), ..Default::default() };
            stage.admin.auth().redeem_single_use(from_elsewhere(message)).await.unwrap_err()
        }),
        row("AuthService/RedeemSingleUse", "THROTTLED", async |stage: Arc<Stage>| {
            stage.flooded().await.redeem("csl_nothing").await.unwrap_err()
        }),
    ]
}

async fn start(calls: &Calls, org_name: &str) -> Result<pb::SsoStartResponse, Status> {
    let message = pb::SsoStartRequest { org_name: org_name.to_owned(), idp_name: String::new() };
    Ok(calls.auth().sso_start(message).await?.into_inner())
}

async fn collect(calls: &Calls, state: &str) -> Result<pb::SsoJwtResponse, Status> {
    Ok(calls.auth().sso_jwt(pb::SsoJwtRequest { state: state.to_owned(), wait: None }).await?.into_inner())
}

/// A server with a provider of that behaviour, a sign-on that was begun there, and the browser with the callback that it was sent to.
struct SignOn {
    stage: Arc<Stage>,
    started: pb::SsoStartResponse,
    browser: Browser,
    callback: String,
    _provider: EvilProvider,
}

impl SignOn {
    async fn at(behaviour: &str) -> Self {
        let stage = Stage::new(&[("COOKIE_SECURE", "false")]).await;
        let provider = EvilProvider::start().await;
        let registered = stage.provider("corp", "", &provider.issuer(behaviour)).await.unwrap();
        let started = start(&stage.admin, "").await.unwrap();
        let mut browser = Browser::new();
        let callback = browser.go_until(&started.auth_url, &registered.redirect_uri).await.unwrap_err();
        Self { stage, started, browser, callback, _provider: provider }
    }
}

fn of_sign_on() -> Vec<Row> {
    vec![
        row("AuthService/SsoStart", "SSO_NOT_CONFIGURED", async |stage: Arc<Stage>| {
            let org_name = stage.organization().await;
            start(&stage.admin, &org_name).await.unwrap_err()
        }),
        row("AuthService/SsoStart", "SSO_PROVIDER_AMBIGUOUS", async |stage: Arc<Stage>| {
            let org_name = stage.organization().await;
            for name in ["one", "two"] {
                stage.provider(name, &org_name, "https://login.example.org").await.unwrap();
            }
            start(&stage.admin, &org_name).await.unwrap_err()
        }),
        row("AuthService/SsoJwt", "SSO_STATE_INVALID", async |stage: Arc<Stage>| {
            collect(&stage.admin, "cso_nothing").await.unwrap_err()
        }),
        row("AuthService/SsoJwt", "SSO_REFUSED", async |_| {
            let SignOn { stage, started, mut browser, callback, .. } = SignOn::at("callback-error").await;
            browser.go(&callback).await;
            collect(&stage.admin, &started.state).await.unwrap_err()
        }),
        row("AuthService/SsoJwt", "SSO_EXPIRED", async |_| {
            let stage = Stage::new(&[]).await;
            stage.provider("corp", "", "https://login.example.org").await.unwrap();
            let started = start(&stage.admin, "").await.unwrap();
            stage.wire.advance(Duration::from_mins(10));
            collect(&stage.admin, &started.state).await.unwrap_err()
        }),
        row("AuthService/SsoJwt", "SSO_COLLECTED", async |_| {
            // The provider is kept until the answer of the callback, which asks it.
            let mut sign_on = SignOn::at("honest").await;
            let confirm = sign_on.browser.go(&sign_on.callback).await;
            sign_on.browser.answer(&confirm, &sign_on.callback, "yes").await;
            let (admin, state) = (&sign_on.stage.admin, &sign_on.started.state);
            assert!(collect(admin, state).await.unwrap().tokens.is_some());
            sign_on.stage.wire.advance(Duration::from_secs(61));
            collect(admin, state).await.unwrap_err()
        }),
        row("AuthService/SsoJwt", "THROTTLED", async |stage: Arc<Stage>| {
            collect(stage.flooded().await, "cso_nothing").await.unwrap_err()
        }),
    ]
}
