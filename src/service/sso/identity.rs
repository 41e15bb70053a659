//! What sign-on needs of whoever speaks to identity providers.

use async_trait::async_trait;

use crate::model::ids::ProviderId;
use crate::model::secret::Secret;

/// Speaks OpenID Connect to identity providers. Every call ends within a bound, whatever the provider does, and takes a
/// bounded amount of memory.
#[async_trait]
pub trait IdentityClient: Send + Sync + 'static {
    /// The provider's page that a browser is sent to.
    ///
    /// # Errors
    /// [`IdentityError::Unreachable`], [`IdentityError::Untrusted`].
    async fn authorization_url(
        &self,
        registration: &Registration,
        request: &SignInRequest,
    ) -> std::result::Result<String, IdentityError>;

    /// Exchanges the code that came back for the identity that the provider vouches for. `issuer` is what the callback said it
    /// comes from (RFC 9207), where it did.
    ///
    /// # Errors
    /// [`IdentityError::Unreachable`], [`IdentityError::Untrusted`], [`IdentityError::ClockUntrusted`]: in each case nothing is known
    /// of who it was.
    async fn exchange(
        &self,
        registration: &Registration,
        request: &SignInRequest,
        code: &Secret,
        issuer: Option<&str>,
    ) -> std::result::Result<ProvenIdentity, IdentityError>;
}

/// Our registration at a provider.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its id here.
    pub id: ProviderId,
    /// The exact issuer.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// Our client secret there; `None` for a public client.
    pub client_secret: Option<Secret>,
    /// Scopes beside `openid`.
    pub scopes: Vec<String>,
    /// Audiences that an ID token may have beside us without saying that it was issued to us.
    pub trusted_audiences: Vec<String>,
    /// Whether it may be reached at public addresses alone.
    pub confined: bool,
}

/// One person's way to the provider and back.
#[derive(Clone, Debug)]
pub struct SignInRequest {
    /// Where the provider sends the browser back to; one per provider.
    pub redirect_uri: String,
    /// The OIDC `state`.
    pub state: Secret,
    /// The nonce that the ID token must hold.
    pub nonce: Secret,
    /// The PKCE verifier: 43 URL-safe characters.
    pub pkce_verifier: Secret,
}

/// Who it was, as an ID token says it whose every claim was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvenIdentity {
    /// The `sub`, 1 to 255 bytes without control characters. With the registration's issuer it is the identity.
    pub subject: String,
    /// `preferred_username`, where there is one.
    pub preferred_username: Option<String>,
    /// `name`, where there is one.
    pub name: Option<String>,
    /// `email`, where there is one and the provider says that it verified it.
    pub verified_email: Option<String>,
}

/// Why there is no identity. The texts are for the log: they name the document and the field, and hold no value of either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No answer within the bound, an answer past the limits, or one that says no.
    #[error("the provider did not answer as it should: {0}")]
    Unreachable(String),
    /// What it answered cannot be believed.
    #[error("the provider's answer was not believed: {0}")]
    Untrusted(String),
    /// The time is not known, so whether its answer has expired is not either.
    #[error("the machine's clock is not trusted, so nobody can tell whether the provider's answer has expired")]
    ClockUntrusted,
}
