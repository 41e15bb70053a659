//! Identity providers, as they are registered here.

use super::clock::Timestamp;
use super::ids::{OrganizationId, ProviderId};
use super::name::Name;

/// A registration at an OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its id.
    pub id: ProviderId,
    /// Its name, unique within its organization (or the site).
    pub name: Name,
    /// Whose it is; `None`: the whole site's.
    pub organization: Option<OrganizationId>,
    /// The exact issuer URL.
    pub issuer: String,
    /// The client id there.
    pub client_id: String,
    /// The sealed client secret; `None` for a public client.
    pub sealed_client_secret: Option<Vec<u8>>,
    /// Scopes beside `openid`.
    pub scopes: Vec<String>,
    /// Whether a subject that is not known yet gets an account.
    pub sign_up: bool,
    /// When it was made.
    pub create_time: Timestamp,
}
