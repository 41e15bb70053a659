//! Single-use links: made by staff, redeemed by guests. Owns what a link says and how long it lives; that a one-time link opens
//! one session, whoever asks how often, is the store's commit. A guest lives in a namespace of its own: the name of an account in
//! a link is no way into that account.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::access::Rpc;
use super::client::{Client, SignedIn};
use super::guesses::Guesses;
use super::limits;
use super::policy::Policy;
use super::time::Time;
use super::tokens::{TokenSet, Tokens};
use super::{Error, Result};
use crate::crypto::opaque::{LinkToken, hashes_equal};
use crate::crypto::server_key::{DerivePurpose, HashPurpose, ServerKeys};
use crate::model::clock::Timestamp;
use crate::model::ids::{LinkId, SessionId};
use crate::model::link::{Link, NewLink};
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::session::{Method, Mode};
use crate::store::verbs::{Issued, LinkStore, RedeemLink, Redeemed};

/// A link that was just made.
#[derive(Clone, Debug)]
pub struct GeneratedLink {
    /// `PUBLIC_URL/magic-login/?PARAMETER=TOKEN`. Only the token's keyed hash is kept, so that this is the only time it is shown.
    pub url: Secret,
    /// Its id. No secret.
    pub link_id: LinkId,
    /// From when on (inclusive) it cannot be redeemed.
    pub expire_time: Timestamp,
}

/// What a live link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeekedLink {
    /// The dataset.
    pub dataset_id: String,
    /// From when on (inclusive) it cannot be redeemed.
    pub expire_time: Timestamp,
}

/// A guest's session.
#[derive(Clone, Debug)]
pub struct RedeemedLink {
    /// Its tokens.
    pub tokens: TokenSet,
    /// The dataset that the guest may see.
    pub dataset_id: String,
}

/// Makes, shows and redeems links.
#[derive(Clone)]
pub struct SingleUse {
    links: Arc<dyn LinkStore>,
    tokens: Tokens,
    server_keys: Arc<ServerKeys>,
    random: Arc<dyn Random>,
    guesses: Arc<Guesses>,
    time: Time,
    policy: Arc<Policy>,
}

impl SingleUse {
    /// One over `links`, with tokens of `tokens`.
    #[must_use]
    pub fn new(
        links: Arc<dyn LinkStore>,
        tokens: Tokens,
        server_keys: Arc<ServerKeys>,
        random: Arc<dyn Random>,
        guesses: Arc<Guesses>,
        time: Time,
        policy: Arc<Policy>,
    ) -> Self {
        Self { links, tokens, server_keys, random, guesses, time, policy }
    }

    /// Makes a link that signs the guest `username` in, for `dataset_id`.
    ///
    /// `username` is a name or an e-mail address; `dataset_id` 1 to 256 bytes without control characters; `ttl` none or zero is
    /// `SESAME_MAX_AGE`, and longer is cut to that and to 7 days. Durable once this returns.
    ///
    /// # Errors
    /// - [`Error::GuestNotAllowed`], [`Error::PermissionDenied`] - the caller is neither staff nor superuser (PERMISSION_DENIED).
    /// - [`Error::Invalid`] - a field is not of its form (INVALID_ARGUMENT).
    /// - [`Error::Conflict`] - the guest was logged out while this ran (ABORTED).
    /// - [`Error::TokenInvalid`] - the caller was signed out before the commit (UNAUTHENTICATED).
    pub async fn generate(
        &self,
        caller: &SignedIn,
        username: &str,
        dataset_id: &str,
        ttl: Option<Duration>,
    ) -> Result<GeneratedLink> {
        let issuer = caller.may(Rpc::GenerateSingleUse)?;
        let guest = limits::guest("username", username)?;
        limits::required("dataset_id", dataset_id, limits::MAX_DATASET)?;
        let now = self.time.now()?;
        let most = self.policy.link.min(self.policy.link_record);
        let ttl = ttl.filter(|ttl| !ttl.is_zero()).map_or(most, |ttl| ttl.min(most));
        // Before anything else of the link: a LogoutUser from here on ends it.
        let generation = self.links.guest_generation(&guest).await?;
        let id = LinkId::random(&*self.random);
        let (token, hash) = LinkToken::issue(&self.server_keys, id, &*self.random);
        let link = Link::new(NewLink {
            id,
            token: hash,
            guest: username.to_owned(),
            dataset_id: dataset_id.to_owned(),
            generation,
            issuer,
            one_time: self.policy.link_one_time,
            create_time: now,
            ttl,
        });
        let expire_time = link.redeem_by();
        match self.links.issue_link(link, caller.by(Rpc::GenerateSingleUse, now)).await?.outcome {
            Issued::Issued => Ok(GeneratedLink { url: self.url(&token), link_id: id, expire_time }),
            Issued::Stale => Err(Error::Conflict),
        }
    }

    /// Says what a live link is for. Changes nothing.
    ///
    /// # Errors
    /// - [`Error::Invalid`] - `token` is empty or longer than 512 bytes (INVALID_ARGUMENT).
    /// - [`Error::LinkInvalid`] - no link of ours, or a dead one of whatever kind (UNAUTHENTICATED).
    /// - [`Error::Throttled`] - too much junk from this source (RESOURCE_EXHAUSTED).
    pub async fn peek(&self, client: &Client, token: &Secret) -> Result<PeekedLink> {
        let presenting = self.guesses.begin(client)?;
        presenting.ended(self.peek_token(token).await)
    }

    async fn peek_token(&self, token: &Secret) -> Result<PeekedLink> {
        let presented = self.parsed(token)?;
        let link = self.links.peek_link(presented.id, self.time.now()?).await?.ok_or(Error::LinkInvalid)?;
        if !hashes_equal(link.token(), &presented.keyed_hash) {
            return Err(Error::LinkInvalid);
        }
        Ok(PeekedLink { dataset_id: link.dataset_id().to_owned(), expire_time: link.redeem_by() })
    }

    /// Exchanges a link for a guest's session. Of any number of callers with a one-time link one gets a session; the same
    /// `request_id` gets that session again for 60 s while its refresh token is unused. Durable once this returns.
    ///
    /// # Errors
    /// As [`peek`](Self::peek).
    ///
    /// # Security
    /// Session id and first refresh token are derived from the token and the request id under the server key: a retry finds the
    /// same ones, and nothing is stored that they could be read from. Without a request id they are random.
    pub async fn redeem(
        &self,
        client: &Client,
        token: &Secret,
        request_id: Option<Uuid>,
        mode: Option<Mode>,
    ) -> Result<RedeemedLink> {
        let presenting = self.guesses.begin(client)?;
        presenting.ended(self.redeem_token(client, token, request_id, mode).await)
    }

    async fn redeem_token(
        &self,
        client: &Client,
        token: &Secret,
        request_id: Option<Uuid>,
        mode: Option<Mode>,
    ) -> Result<RedeemedLink> {
        let presented = self.parsed(token)?;
        let derive = |purpose, request: &Uuid| {
            let parts = [token.expose().as_bytes(), request.as_bytes().as_slice()];
            self.server_keys.derive16(purpose, presented.key_version, &parts)
        };
        let (id, first) = match &request_id {
            Some(request) => {
                (SessionId::derived(derive(DerivePurpose::SessionId, request)), derive(DerivePurpose::FirstRefresh, request))
            }
            None => (SessionId::random(&*self.random), self.random.bytes()),
        };
        let request = request_id.map(|request| self.request_hash(&presented, &request));
        let (session, refresh) = self.tokens.session_from(id, first, client.face, mode.unwrap_or(Mode::Json), vec![Method::Link]);
        let redeem = RedeemLink { link: presented.id, token: presented.keyed_hash, request, session };
        let redeemed = self.links.redeem_link(redeem, client.by(self.time.now()?)).await?;
        let grant = match redeemed.outcome {
            Redeemed::Opened(granted) | Redeemed::Retried(granted) => granted.grant,
            Redeemed::Dead => return Err(Error::LinkInvalid),
        };
        let tokens = self.tokens.issue(&grant, Some(refresh), redeemed.decided_at)?;
        Ok(RedeemedLink { tokens, dataset_id: grant.dataset_id().unwrap_or_default().to_owned() })
    }

    fn parsed(&self, token: &Secret) -> Result<LinkToken> {
        limits::required_secret("token", token, limits::MAX_OPAQUE)?;
        LinkToken::parse(&self.server_keys, token).map_err(|_| Error::LinkInvalid)
    }

    /// What is stored of a request id; the label keeps it apart from the hash of a token, which has another length.
    fn request_hash(&self, presented: &LinkToken, request: &Uuid) -> [u8; 32] {
        let data = [b"request".as_slice(), presented.id.as_bytes(), request.as_bytes()].concat();
        self.server_keys.keyed_hash(HashPurpose::Link, presented.key_version, &data)
    }

    fn url(&self, token: &Secret) -> Secret {
        Secret::new(format!("{}/magic-login/?{}={}", self.policy.public_url, self.policy.link_parameter, token.expose()))
    }
}

#[cfg(test)]
mod tests;
