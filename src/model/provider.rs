//! Identity providers, as they are registered here.

use super::clock::Timestamp;
use super::ids::{OrganizationId, ProviderId};
use super::name::{Email, Name};

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
    /// The domains, in lower case, in which its verified e-mails become login e-mails. Empty: none of an organization's provider,
    /// all of the site's.
    pub email_domains: Vec<String>,
    /// Audiences that its ID tokens may have beside us.
    pub trusted_audiences: Vec<String>,
    /// True where an organization's admin registered it: it is reached at public addresses alone.
    pub confined: bool,
}

/// What changes of a registration; `None`: stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderChange {
    /// The client id there.
    pub client_id: Option<String>,
    /// The sealed client secret; `Some(None)` makes it a public client.
    pub sealed_client_secret: Option<Option<Vec<u8>>>,
    /// Scopes beside `openid`.
    pub scopes: Option<Vec<String>>,
    /// Whether a subject that is not known yet gets an account.
    pub sign_up: Option<bool>,
    /// The domains of its login e-mails.
    pub email_domains: Option<Vec<String>>,
    /// Audiences beside us.
    pub trusted_audiences: Option<Vec<String>>,
}

impl IdentityProvider {
    /// Whether an e-mail that it verified becomes a login e-mail.
    #[must_use]
    pub fn vouches_for(&self, email: &Email) -> bool {
        if self.email_domains.is_empty() {
            return self.organization.is_none();
        }
        let domain = email.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
        self.email_domains.iter().any(|listed| listed.eq_ignore_ascii_case(domain))
    }

    /// The registration with what changes.
    #[must_use]
    pub fn changed(self, change: ProviderChange) -> Self {
        let ProviderChange { client_id, sealed_client_secret, scopes, sign_up, email_domains, trusted_audiences } = change;
        Self {
            client_id: client_id.unwrap_or(self.client_id),
            sealed_client_secret: sealed_client_secret.unwrap_or(self.sealed_client_secret),
            scopes: scopes.unwrap_or(self.scopes),
            sign_up: sign_up.unwrap_or(self.sign_up),
            email_domains: email_domains.unwrap_or(self.email_domains),
            trusted_audiences: trusted_audiences.unwrap_or(self.trusted_audiences),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_email_comes_from_the_site_or_from_a_listed_domain() {
        let provider = |organization: Option<OrganizationId>, domains: &[&str]| IdentityProvider {
            id: ProviderId::from_bytes([1; 16]),
            name: Name::parse("idp").unwrap(),
            organization,
            issuer: String::new(),
            client_id: String::new(),
            sealed_client_secret: None,
            scopes: Vec::new(),
            sign_up: true,
            create_time: Timestamp::from_secs(1),
            email_domains: domains.iter().map(|&domain| domain.to_owned()).collect(),
            trusted_audiences: Vec::new(),
            confined: false,
        };
        let team = Some(OrganizationId::from_bytes([2; 16]));
        let vouches = |provider: IdentityProvider, email: &str| provider.vouches_for(&Email::parse(email).unwrap());
        assert!(vouches(provider(None, &[]), "ann@example.org"));
        assert!(!vouches(provider(team, &[]), "ann@example.org"));
        for organization in [None, team] {
            assert!(vouches(provider(organization, &["example.org"]), "ann@Example.ORG"));
            for other in ["ann@sub.example.org", "ann@example.com", "ann@badexample.org"] {
                assert!(!vouches(provider(organization, &["example.org"]), other), "{other}");
            }
        }
    }
}
