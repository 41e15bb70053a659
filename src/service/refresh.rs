//! Refresh: a refresh token for its successor, or an unexpired access token for another within its session.

use std::sync::Arc;

use super::access::Rpc;
use super::client::{Client, SignedIn};
use super::guesses::Guesses;
use super::limits::{self, MAX_ACCESS_TOKEN, MAX_OPAQUE};
use super::personal_key::PersonalKeys;
use super::time::Time;
use super::tokens::{TokenSet, Tokens};
use super::verify::Verifier;
use super::{Error, Result};
use crate::crypto::refresh::RefreshToken;
use crate::crypto::server_key::ServerKeys;
use crate::model::secret::Secret;
use crate::model::session::{Credential, Mode, PresentedToken};
use crate::store::verbs::{By, Commit, RenewSession, Renewed, RotateSession, Rotated, SessionStore};

/// What a session is renewed with.
#[derive(Clone, Debug)]
pub enum RefreshSource {
    /// A refresh token from the message.
    Token(Secret),
    /// A refresh token from the cookie.
    Cookie(Secret),
    /// An access token from the message.
    Access(Secret),
}

/// Renews sessions.
pub struct Refresh {
    sessions: Arc<dyn SessionStore>,
    keys: Arc<ServerKeys>,
    tokens: Tokens,
    verifier: Arc<Verifier>,
    personal_keys: Arc<PersonalKeys>,
    guesses: Arc<Guesses>,
    time: Time,
}

impl Refresh {
    /// Renews `sessions`; the tokens of personal keys through `personal_keys`.
    #[must_use]
    pub fn new(
        sessions: Arc<dyn SessionStore>,
        keys: Arc<ServerKeys>,
        tokens: Tokens,
        verifier: Arc<Verifier>,
        personal_keys: Arc<PersonalKeys>,
        guesses: Arc<Guesses>,
        time: Time,
    ) -> Self {
        Self { sessions, keys, tokens, verifier, personal_keys, guesses, time }
    }

    /// Renews a session. `mode` moves the refresh token between message and cookie; without it it stays where it came from.
    ///
    /// Atomic and durable when it returns: of any number of callers with one refresh token all get the same successor within
    /// 10 s of the first, and the session ends at any later use. May be dropped at any await: what was handed to the store happens
    /// whole, and is answered again to who asks again within those 10 s.
    ///
    /// # Errors
    /// - [`Error::Invalid`]: past its limit, or an access token to be moved into a cookie.
    /// - [`Error::RefreshInvalid`]: no refresh token of ours, or of a session that is gone.
    /// - [`Error::RefreshReused`]: an older one; the session ended in the same commit.
    /// - [`Error::SessionExpired`], [`Error::SessionRevoked`], [`Error::RenewalMismatch`].
    /// - [`Error::OrgNotAllowed`]: the session acts in an organization that its holder no longer belongs to. It goes on nowhere else
    ///   by itself.
    /// - [`Error::TokenInvalid`]: no access token of a session that lives, or one from before a change of password.
    /// - [`Error::Throttled`]: too much junk from this source.
    pub async fn refresh(&self, client: &Client, source: RefreshSource, mode: Option<Mode>) -> Result<TokenSet> {
        let presenting = self.guesses.begin(client)?.counted_if_left();
        let outcome = match source {
            RefreshSource::Token(token) => self.rotate(client, "refresh_token", &token, mode.unwrap_or(Mode::Json)).await,
            RefreshSource::Cookie(token) => self.rotate(client, "cookie", &token, mode.unwrap_or(Mode::Cookie)).await,
            RefreshSource::Access(_) if mode == Some(Mode::Cookie) => {
                Err(limits::invalid("mode", "an access token is renewed in JSON mode only"))
            }
            // Boxed: it is larger by far than a rotation, which has to carry it along otherwise.
            RefreshSource::Access(token) => Box::pin(self.renew(client, &token)).await,
        };
        presenting.ended(outcome)
    }

    async fn rotate(&self, client: &Client, field: &'static str, token: &Secret, mode: Mode) -> Result<TokenSet> {
        limits::required_secret(field, token, MAX_OPAQUE)?;
        let presented = RefreshToken::parse(&self.keys, token).map_err(|_| Error::RefreshInvalid)?;
        if presented.epoch != self.tokens.epoch() {
            return Err(Error::RefreshInvalid);
        }
        let rotate = RotateSession {
            session: presented.session_id,
            token: PresentedToken { n: presented.n, hash: presented.hash, successor: presented.next_hash, mode: Some(mode) },
        };
        let rotated = self.sessions.rotate_session(rotate, client.by(self.time.now()?)).await?;
        match rotated.outcome {
            Rotated::Rotated(granted) | Rotated::Retried(granted) => {
                self.tokens.issue(&granted.grant, Some(presented.successor(&self.keys)), rotated.decided_at)
            }
            Rotated::Reused(_) => Err(Error::RefreshReused),
            Rotated::Expired => Err(Error::SessionExpired),
            Rotated::Ended => Err(Error::SessionRevoked),
            Rotated::Unknown => Err(Error::RefreshInvalid),
            Rotated::Mismatch => Err(Error::RenewalMismatch("by access token")),
            Rotated::OrganizationNotAllowed => Err(Error::OrgNotAllowed),
        }
    }

    async fn renew(&self, client: &Client, token: &Secret) -> Result<TokenSet> {
        limits::required_secret("access_token", token, MAX_ACCESS_TOKEN)?;
        let caller = self.verifier.renewing(client, token.expose())?.ok_or(Error::TokenInvalid)?;
        // No caller is fenced: the token may be dead for everything else.
        let by = By { caller: None, ..caller.by(Rpc::Logout, self.time.now()?) };
        let renew = RenewSession { session: caller.session, generation: caller.generation };
        let renewed = self.sessions.renew_session(renew, by).await?;
        let outcome = self.renewed(&caller, renewed).await;
        match outcome {
            // Who shows a token that ended with its session is told what everybody else is told of it.
            Err(Error::SessionRevoked) if self.verifier.revoked(&caller) => Err(Error::TokenInvalid),
            outcome => outcome,
        }
    }

    async fn renewed(&self, caller: &SignedIn, renewed: Commit<Renewed>) -> Result<TokenSet> {
        match renewed.outcome {
            Renewed::Renewed(granted) => self.tokens.issue(&granted.grant, None, renewed.decided_at),
            Renewed::Expired => Err(Error::SessionExpired),
            Renewed::Ended => Err(Error::SessionRevoked),
            Renewed::Mismatch => Err(Error::RenewalMismatch("by refresh token")),
            Renewed::Stale => Err(Error::TokenInvalid),
            Renewed::OrganizationNotAllowed => Err(Error::OrgNotAllowed),
            Renewed::Unknown => self.renew_key(caller).await,
        }
    }

    /// The token of a key has a `sid` without a row: what it may be is read from the key, its owner and the membership again.
    async fn renew_key(&self, caller: &SignedIn) -> Result<TokenSet> {
        let Some(Credential::Key(key)) = caller.credential else { return Err(Error::SessionRevoked) };
        self.personal_keys.renew(caller, key).await
    }
}
