//! What happens when a browser comes back from the provider: the code is exchanged, once, and the person is asked, as often as
//! that browser comes.

use super::Inner;
use super::browser::{Callback, Confirmation, Refusal, failed};
use super::identity::ProvenIdentity;
use super::ticket::{Bound, Leg, Ticket};
use crate::crypto::opaque::hashes_equal;
use crate::crypto::state::StateKind;
use crate::model::ids::UserId;
use crate::model::name::Email;
use crate::model::provider::IdentityProvider;
use crate::model::secret::Secret;
use crate::model::sso::{Attempt, AttemptState};
use crate::service::client::Client;
use crate::store::verbs::{BeginExchange, Identified, Identify, Step};

impl Inner {
    pub(super) async fn take_back(&self, client: &Client, callback: Callback) -> std::result::Result<Confirmation, Refusal> {
        let bound = self.bound(Leg::Provider, &callback.state, callback.cookie.as_ref())?;
        let ticket = &bound.ticket;
        self.left(ticket)?;
        let provider = self.sign_on.provider(ticket.provider).await?;
        // The provider of the attempt, of the redirect URI and of the answer must be one (mix-up).
        let provider = provider.filter(|provider| {
            provider.id.to_string() == callback.provider && callback.issuer.as_ref().is_none_or(|iss| *iss == provider.issuer)
        });
        let Some(provider) = provider else {
            return Err(self.refuse(client, ticket, Refusal::Invalid).await);
        };
        let Some(code) = callback.code.filter(|_| !callback.refused) else {
            return Err(self.refuse(client, ticket, Refusal::ProviderRefused).await);
        };
        let registration = self.registration(&provider)?;
        let _alone = self.exchanges.turn(ticket.attempt).await;
        let by = client.by(self.time.now()?);
        let begin = BeginExchange { attempt: ticket.attempt, expire_time: ticket.expire_time, browser: bound.binding };
        match self.sign_on.begin_exchange(begin, by).await?.outcome {
            Step::Done => {}
            Step::OutOfTurn => return self.asked_before(client, bound, &provider).await,
        }
        let request = self.request(&bound, callback.state);
        let identity = match self.identity.exchange(&registration, &request, &code, callback.issuer.as_deref()).await {
            Ok(identity) => identity,
            Err(error) => return Err(self.refuse(client, ticket, failed(&provider, &error)).await),
        };
        let username = match self.identify(client, ticket, &provider, identity).await {
            Ok(username) => username,
            // The code is spent: this attempt can no longer finish.
            Err(why @ Refusal::Failed(_)) => return Err(self.refuse(client, ticket, why).await),
            Err(why) => return Err(why),
        };
        self.confirmation(bound, username, &provider)
    }

    /// The question again, for the browser that was asked it before.
    async fn asked_before(
        &self,
        client: &Client,
        bound: Bound,
        provider: &IdentityProvider,
    ) -> std::result::Result<Confirmation, Refusal> {
        let found = self.sign_on.attempt(bound.ticket.attempt).await?;
        let same = |attempt: &Attempt| attempt.browser().is_some_and(|browser| hashes_equal(browser, &bound.binding));
        match found.filter(same).as_ref().map(Attempt::state) {
            Some(AttemptState::Identified { user, .. }) => {
                let user = self.accounts.user(*user).await?.ok_or(Refusal::NotAllowed)?;
                self.confirmation(bound, user.name().as_str().to_owned(), provider)
            }
            // It is this one's turn, so whoever exchanged it is gone.
            Some(AttemptState::Exchanging { .. }) => Err(self.refuse(client, &bound.ticket, Refusal::Used).await),
            _ => Err(Refusal::Used),
        }
    }

    fn confirmation(
        &self,
        bound: Bound,
        username: String,
        provider: &IdentityProvider,
    ) -> std::result::Result<Confirmation, Refusal> {
        let form = Bound { leg: Leg::Form, ..bound };
        Ok(Confirmation {
            form: Secret::new(self.seal(StateKind::Browser, &form)?),
            source: form.asked.source,
            at: form.asked.at,
            user_code: self.user_code(&form.ticket),
            username,
            provider: provider.name.as_str().to_owned(),
        })
    }

    /// The name of the account of that identity, made where the provider signs up.
    async fn identify(
        &self,
        client: &Client,
        ticket: &Ticket,
        provider: &IdentityProvider,
        proven: ProvenIdentity,
    ) -> std::result::Result<String, Refusal> {
        let email = proven.verified_email.as_deref().and_then(|email| Email::parse(email).ok());
        let identify = Identify {
            attempt: ticket.attempt,
            provider: provider.id,
            wanted_name: wanted_name(&proven),
            wanted_email: email.clone(),
            identity: (provider.issuer.clone(), proven.subject),
            new_user: UserId::random(&*self.random),
            organization: ticket.organization,
        };
        let identified = self.sign_on.identify(identify, client.by(self.time.now()?)).await;
        self.waits.wake(ticket.attempt);
        match identified?.outcome {
            Identified::Done => {}
            Identified::OutOfTurn => return Err(Refusal::Used),
            Identified::Refused => return Err(Refusal::NotAllowed),
        }
        let user = self.sign_on.attempt(ticket.attempt).await?.and_then(|attempt| attempt.user());
        let user = self.accounts.user(user.ok_or(Refusal::NotAllowed)?).await?.ok_or(Refusal::NotAllowed)?;
        let got = |email: &Email| user.email().is_some_and(|own| own.folded() == email.folded());
        if email.is_some_and(|email| provider.vouches_for(&email) && !got(&email)) {
            tracing::warn!(provider = %provider.id, user = %user.id(), "the verified e-mail of a sign-on is another's here");
        }
        Ok(user.name().as_str().to_owned())
    }
}

/// The first of what the provider calls this person that has something a name can be made of. It decides nothing: the account
/// is the identity's, whatever it is called.
pub(super) fn wanted_name(identity: &ProvenIdentity) -> String {
    let local_part = identity.verified_email.as_deref().and_then(|email| email.split('@').next());
    let candidates = [identity.preferred_username.as_deref(), identity.name.as_deref(), local_part];
    let usable = |text: &&str| text.chars().any(|c| c.is_ascii_alphanumeric());
    candidates.into_iter().flatten().find(usable).unwrap_or(&identity.subject).chars().take(255).collect()
}
