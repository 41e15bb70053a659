//! A house with a provider that says what it is told, and the steps of a sign-on there.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::*;
use crate::service::client::SignedIn;
use crate::service::providers::NewProvider;
use crate::service::testing::{Ground, House, SUPERUSER, client};

/// A provider for whom a code is the subject, and `bad` is none.
#[derive(Default)]
pub(super) struct FakeIdentity {
    exchanges: AtomicU32,
    /// Nonce and PKCE verifier of each way to the provider.
    pub(super) asked: Mutex<Vec<(String, String)>>,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl FakeIdentity {
    /// What is done during the next exchange.
    pub(super) fn meanwhile(&self, happens: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(happens));
    }
}

#[async_trait]
impl IdentityClient for FakeIdentity {
    async fn authorization_url(
        &self,
        registration: &Registration,
        request: &SignInRequest,
    ) -> std::result::Result<String, IdentityError> {
        let pair = (request.nonce.expose().to_owned(), request.pkce_verifier.expose().to_owned());
        self.asked.lock().unwrap().push(pair);
        assert_eq!(registration.client_secret.as_ref().map(Secret::expose), Some("the client secret"));
        assert!(request.redirect_uri.ends_with(&format!("/sso/callback/{}", registration.id)));
        Ok(format!("{}/authorize?state={}", registration.issuer, request.state.expose()))
    }

    async fn exchange(
        &self,
        _: &Registration,
        request: &SignInRequest,
        code: &Secret,
        _: Option<&str>,
    ) -> std::result::Result<ProvenIdentity, IdentityError> {
        self.exchanges.fetch_add(1, Ordering::SeqCst);
        if let Some(happens) = self.meanwhile.lock().unwrap().take() {
            happens();
        }
        let pair = (request.nonce.expose().to_owned(), request.pkce_verifier.expose().to_owned());
        assert!(self.asked.lock().unwrap().contains(&pair), "what was derived on the way there is derived again");
        if code.expose() == "bad" {
            return Err(IdentityError::Untrusted("a lie".to_owned()));
        }
        Ok(ProvenIdentity {
            subject: code.expose().to_owned(),
            preferred_username: Some(code.expose().to_owned()),
            name: None,
            verified_email: Some(format!("{}@example.org", code.expose())),
        })
    }
}

/// A house with one provider of the whole site, and sign-on.
pub(super) struct Rig {
    pub(super) house: House,
    pub(super) identity: Arc<FakeIdentity>,
    pub(super) sso: Sso,
    pub(super) root: SignedIn,
    pub(super) provider: IdentityProvider,
}

/// An attempt and the browser that came back from the provider.
pub(super) struct Round {
    pub(super) started: SsoStarted,
    pub(super) cookie: Secret,
    pub(super) state: Secret,
}

impl Rig {
    pub(super) async fn new() -> Self {
        let identity = Arc::new(FakeIdentity::default());
        let provider = Arc::clone(&identity);
        let house = House::on(Ground { identity: Box::new(|_| provider), ..Ground::in_memory() });
        let sso = house.sso.clone();
        let root = house.person("root", SUPERUSER).await;
        let provider = add(&house, &root, "corp", "").await;
        Self { house, identity, sso, root, provider }
    }

    pub(super) async fn to_provider(&self) -> Round {
        let started = self.sso.start(&client(), "", "").await.unwrap();
        let begun = self.sso.begin(begin_of(&started), None).await.unwrap();
        let (_, state) = begun.location.split_once("state=").unwrap();
        Round { started, state: Secret::new(state), cookie: begun.cookie }
    }

    pub(super) fn back(&self, round: &Round, code: &str) -> Callback {
        Callback {
            provider: self.provider.id.to_string(),
            state: round.state.clone(),
            code: Some(Secret::new(code)),
            cookie: Some(round.cookie.clone()),
            ..Callback::default()
        }
    }

    pub(super) async fn confirmation(&self, round: &Round, code: &str) -> Confirmation {
        self.sso.callback(&client(), self.back(round, code)).await.unwrap()
    }

    pub(super) async fn answer(&self, round: &Round, form: &Secret, yes: bool) -> std::result::Result<Answered, Refusal> {
        self.sso.answer(&client(), form, Some(&round.cookie), yes).await
    }

    pub(super) async fn collect(&self, round: &Round) -> Result<SsoCollected> {
        self.sso.collect(&client(), &round.started.state, Duration::ZERO).await
    }

    pub(super) async fn collected(&self, round: &Round) -> SignIn {
        match self.collect(round).await.unwrap() {
            SsoCollected::Complete(sign_in) => *sign_in,
            SsoCollected::Pending => panic!("it is pending"),
        }
    }

    pub(super) async fn signed_on(&self, code: &str) -> SignIn {
        let round = self.to_provider().await;
        let form = self.confirmation(&round, code).await.form;
        self.answer(&round, &form, true).await.unwrap();
        self.collected(&round).await
    }

    pub(super) fn exchanges(&self) -> u32 {
        self.identity.exchanges.load(Ordering::SeqCst)
    }
}

pub(super) async fn add(house: &House, root: &SignedIn, name: &str, org_name: &str) -> IdentityProvider {
    let new = NewProvider {
        name: name.to_owned(),
        org_name: org_name.to_owned(),
        issuer: format!("https://{name}.example.org"),
        client_id: "countersign".to_owned(),
        client_secret: Secret::new("the client secret"),
        ..NewProvider::default()
    };
    house.providers.create(root, new).await.unwrap()
}

pub(super) fn begin_of(started: &SsoStarted) -> &str {
    started.auth_url.strip_prefix("https://auth.example.org/sso/start?s=").unwrap()
}
