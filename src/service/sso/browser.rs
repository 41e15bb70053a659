//! The browser's half of an attempt: our first page, the callback, the person's answer.
//!
//! Each step takes the cookie that binds the browser, and each that changes something runs to its end in a task of its own:
//! a browser that goes away tears nothing.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::identity::{IdentityError, Registration, SignInRequest};
use super::ticket::{self, Begin, Bound, Leg, Ticket};
use super::{Inner, Sso};
use crate::crypto::opaque::hashes_equal;
use crate::crypto::server_key::DerivePurpose;
use crate::crypto::state::{StateKind, open_state};
use crate::model::clock::Timestamp;
use crate::model::provider::IdentityProvider;
use crate::model::secret::Secret;
use crate::model::sso::{Attempt, AttemptState};
use crate::service::client::Client;
use crate::service::providers::client_secret_purpose;
use crate::service::{Error, Result};
use crate::store::StoreError;
use crate::store::verbs::{RefuseAttempt, Step};

/// The characters of a binding cookie's value: 16 random bytes in URL-safe base64.
const COOKIE_LENGTH: usize = 22;

/// Why a page cannot go on. What is told to the person stands in `http`; none of it is secret.
#[derive(Debug)]
pub enum Refusal {
    /// Not an address that we made, or for another provider.
    Invalid,
    /// The attempt is over.
    Expired,
    /// This step was taken before.
    Used,
    /// Another browser began it, or this one refuses cookies.
    OtherBrowser,
    /// The provider cannot be reached, or what it says cannot be believed. The attempt is refused, if it had come back.
    ProviderFailed,
    /// The provider says no: the person cancelled there, mostly.
    ProviderRefused,
    /// There is no account to sign in to: no sign-up, disabled, logged out meanwhile, not a member.
    NotAllowed,
    /// The service cannot do it at present.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A browser that was bound to an attempt.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The provider's page.
    pub location: String,
    /// The value of the binding cookie.
    pub cookie: Secret,
    /// How long the cookie is good for: until the attempt expires.
    pub max_age: Duration,
}

/// What came back from the provider, through the browser.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    /// The provider's id in the path of the redirect URI.
    pub provider: String,
    /// `state`
    pub state: Secret,
    /// `code`
    pub code: Option<Secret>,
    /// `iss` (RFC 9207)
    pub issuer: Option<String>,
    /// Whether there was an `error`.
    pub refused: bool,
    /// The binding cookie.
    pub cookie: Option<Secret>,
}

/// What the person is asked.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// What the answer must bring along.
    pub form: Secret,
    /// The network address that asked for the session.
    pub source: IpAddr,
    /// When.
    pub at: Timestamp,
    /// The code that the asking side shows too.
    pub user_code: String,
    /// The account that would be signed in.
    pub username: String,
    /// The name of the provider.
    pub provider: String,
}

/// What became of the person's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The session can be collected.
    Confirmed,
    /// Nobody is signed in.
    Refused,
}

impl Sso {
    /// Binds a browser to the attempt of our own first page. Writes nothing. A browser that has a binding cookie keeps its value,
    /// so that two attempts side by side both work.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::Expired`], [`Refusal::Used`], [`Refusal::ProviderFailed`], [`Refusal::Failed`].
    pub async fn begin(&self, state: &str, cookie: Option<&Secret>) -> std::result::Result<Begun, Refusal> {
        let inner = &self.0;
        let opened = open_state(&inner.keys, StateKind::Begin, state).map_err(|_| Refusal::Invalid)?;
        let Begin { ticket, asked } = ticket::read(inner.tokens.epoch(), &opened.payload).ok_or(Refusal::Invalid)?;
        let left = inner.left(&ticket)?;
        if inner.sign_on.attempt(ticket.attempt).await?.is_some() {
            return Err(Refusal::Used);
        }
        let provider = inner.sign_on.provider(ticket.provider).await?.ok_or(Refusal::ProviderFailed)?;
        let cookie = match cookie {
            Some(cookie) if well_formed(cookie) => cookie.clone(),
            _ => Secret::new(URL_SAFE_NO_PAD.encode(inner.random.bytes::<16>())),
        };
        let bound = Bound { leg: Leg::Provider, binding: inner.binding(&ticket, &cookie), ticket, asked };
        let state = Secret::new(inner.seal(StateKind::Browser, &bound)?);
        let registration = inner.registration(&provider)?;
        let request = inner.request(&bound, state);
        let location =
            inner.identity.authorization_url(&registration, &request).await.map_err(|error| failed(&provider, &error))?;
        Ok(Begun { location, cookie, max_age: left })
    }

    /// Takes what came back from the provider. The first thing it changes is that the attempt is being exchanged: a second
    /// callback waits for the first one and finds what became of it. The same browser gets the same question again until it is
    /// answered; the code is sent once. Durable once this returns.
    ///
    /// # Errors
    /// - [`Refusal::Invalid`], [`Refusal::OtherBrowser`], [`Refusal::Expired`] - nothing was changed.
    /// - [`Refusal::Used`] - another browser came first, or the attempt is over; one that a crash left behind is refused.
    /// - [`Refusal::ProviderRefused`], [`Refusal::ProviderFailed`], [`Refusal::NotAllowed`] - the attempt is refused.
    /// - [`Refusal::Failed`], [`Error::Throttled`] among them: past 200 refused callbacks of one source, and one more a second.
    ///
    /// # Security
    /// A code is sent to no token endpoint before browser, provider and issuer were found to be those of the attempt
    /// (RFC 9700, section 4.4; RFC 9207).
    pub async fn callback(&self, client: &Client, callback: Callback) -> std::result::Result<Confirmation, Refusal> {
        let (sso, client) = (self.clone(), *client);
        sso.0.refused.expect(client.source)?;
        to_its_end(async move {
            let outcome = sso.0.take_back(&client, callback).await;
            // These left a record for nobody.
            let counts = matches!(
                outcome,
                Err(Refusal::Invalid | Refusal::ProviderFailed | Refusal::ProviderRefused | Refusal::NotAllowed)
            );
            if !counts {
                sso.0.refused.forgive(client.source);
            }
            outcome
        })
        .await
    }

    /// Takes the person's answer: yes or no. Repeating an answer is fine; a no after a yes holds while nothing was collected.
    /// Durable once this returns.
    ///
    /// # Errors
    /// [`Refusal::Invalid`], [`Refusal::OtherBrowser`], [`Refusal::Expired`], [`Refusal::Used`], [`Refusal::NotAllowed`],
    /// [`Refusal::Failed`].
    pub async fn answer(
        &self,
        client: &Client,
        form: &Secret,
        cookie: Option<&Secret>,
        yes: bool,
    ) -> std::result::Result<Answered, Refusal> {
        let bound = self.0.bound(Leg::Form, form, cookie)?;
        self.0.left(&bound.ticket)?;
        let (sso, client) = (self.clone(), *client);
        to_its_end(async move { sso.0.answer(&client, &bound.ticket, yes).await }).await
    }
}

impl Inner {
    async fn answer(&self, client: &Client, ticket: &Ticket, yes: bool) -> std::result::Result<Answered, Refusal> {
        let by = client.by(self.time.now()?);
        if yes && self.sign_on.provider(ticket.provider).await?.is_none() {
            return Err(self.refuse(client, ticket, Refusal::NotAllowed).await);
        }
        let (step, answered) = if yes {
            (self.sign_on.confirm_attempt(ticket.attempt, by).await, Answered::Confirmed)
        } else {
            (self.sign_on.refuse_attempt(refusal(ticket), by).await, Answered::Refused)
        };
        self.waits.wake(ticket.attempt);
        match step?.outcome {
            Step::Done => Ok(answered),
            // The second click of two.
            Step::OutOfTurn => match self.sign_on.attempt(ticket.attempt).await?.as_ref().map(Attempt::state) {
                Some(AttemptState::Confirmed { .. } | AttemptState::Collected { .. }) if yes => Ok(answered),
                Some(AttemptState::Refused) if !yes => Ok(answered),
                _ => Err(Refusal::Used),
            },
        }
    }

    /// Refuses the attempt, so that its collector need not wait for its end, and answers `why`.
    pub(super) async fn refuse(&self, client: &Client, ticket: &Ticket, why: Refusal) -> Refusal {
        let by = match self.time.now() {
            Ok(now) => client.by(now),
            Err(error) => return error.into(),
        };
        let refused = self.sign_on.refuse_attempt(refusal(ticket), by).await;
        self.waits.wake(ticket.attempt);
        match refused {
            Ok(_) => why,
            Err(error) => error.into(),
        }
    }

    /// Opens a value that travelled with a browser, if it is this one.
    pub(super) fn bound(&self, leg: Leg, state: &Secret, cookie: Option<&Secret>) -> std::result::Result<Bound, Refusal> {
        let opened = open_state(&self.keys, StateKind::Browser, state.expose()).map_err(|_| Refusal::Invalid)?;
        let bound: Bound = ticket::read(self.tokens.epoch(), &opened.payload).ok_or(Refusal::Invalid)?;
        if bound.leg != leg {
            return Err(Refusal::Invalid);
        }
        let cookie = cookie.filter(|cookie| well_formed(cookie)).ok_or(Refusal::OtherBrowser)?;
        if !hashes_equal(&self.binding(&bound.ticket, cookie), &bound.binding) {
            return Err(Refusal::OtherBrowser);
        }
        Ok(bound)
    }

    fn binding(&self, ticket: &Ticket, cookie: &Secret) -> [u8; 32] {
        let parts: [&[u8]; 2] = [ticket.attempt.as_bytes(), cookie.expose().as_bytes()];
        self.keys.derive32(DerivePurpose::Binding, ticket.key_version, &parts)
    }

    /// Nonce and PKCE verifier are derived from attempt and browser: two browsers that opened one page share neither.
    pub(super) fn request(&self, bound: &Bound, state: Secret) -> SignInRequest {
        let derived = |purpose| {
            let parts: [&[u8]; 2] = [bound.ticket.attempt.as_bytes(), &bound.binding];
            Secret::new(URL_SAFE_NO_PAD.encode(self.keys.derive32(purpose, bound.ticket.key_version, &parts)))
        };
        SignInRequest {
            redirect_uri: self.redirect_uri(bound.ticket.provider),
            state,
            nonce: derived(DerivePurpose::Nonce),
            pkce_verifier: derived(DerivePurpose::PkceVerifier),
        }
    }

    pub(super) fn registration(&self, provider: &IdentityProvider) -> Result<Registration> {
        let client_secret = match &provider.sealed_client_secret {
            None => None,
            Some(sealed) => {
                let plain = self.sealer.open(&client_secret_purpose(provider.id), sealed);
                let plain = plain.map_err(|error| Error::Internal(error.to_string()))?;
                let text = std::str::from_utf8(&plain).map_err(|error| Error::Internal(error.to_string()))?;
                Some(Secret::new(text))
            }
        };
        Ok(Registration {
            id: provider.id,
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            client_secret,
            scopes: provider.scopes.clone(),
            trusted_audiences: provider.trusted_audiences.clone(),
            confined: provider.confined,
        })
    }

    pub(super) fn left(&self, ticket: &Ticket) -> std::result::Result<Duration, Refusal> {
        let left = ticket.expire_time.since(self.time.now()?);
        if left.is_zero() { Err(Refusal::Expired) } else { Ok(left) }
    }
}

/// Runs `work` to its end, also where who waits for it goes away.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = std::result::Result<T, Refusal>> + Send + 'static,
) -> std::result::Result<T, Refusal> {
    tokio::spawn(work).await.map_err(|error| Refusal::Failed(Error::Internal(error.to_string())))?
}

pub(super) fn failed(provider: &IdentityProvider, error: &IdentityError) -> Refusal {
    tracing::warn!(provider = %provider.id, issuer = provider.issuer, %error, "sign-on failed");
    Refusal::ProviderFailed
}

fn well_formed(cookie: &Secret) -> bool {
    cookie.len() == COOKIE_LENGTH && cookie.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

pub(super) fn refusal(ticket: &Ticket) -> RefuseAttempt {
    RefuseAttempt { attempt: ticket.attempt, expire_time: ticket.expire_time }
}
