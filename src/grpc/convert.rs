//! Between our values and the messages of the contract. Nothing is decided here but whether a field can be read at all.

use std::time::Duration;

use prost_types::{Duration as ProtoDuration, Timestamp as ProtoTimestamp};
use uuid::Uuid;

use super::pb;
use crate::model::clock::Timestamp;
use crate::model::organization::{Organization, OrganizationRole};
use crate::model::personal_key::PersonalKey;
use crate::model::provider::IdentityProvider;
use crate::model::secret::Secret;
use crate::model::session::Mode;
use crate::model::user::Roles;
use crate::service::limits::invalid;
use crate::service::organizations::{ListedOrganization, Member};
use crate::service::providers::ProviderUpdate;
use crate::service::tokens::{Account, TokenSet};
use crate::service::{Error, Result};

/// The longest `wait` that is kept; a longer one is cut to it.
pub const MAX_WAIT: Duration = Duration::from_secs(30);

/// A moment, to the microsecond.
#[must_use]
pub fn timestamp(at: Timestamp) -> ProtoTimestamp {
    let nanos = (at.micros() % 1_000_000) * 1000;
    ProtoTimestamp { seconds: i64::try_from(at.secs()).unwrap_or(i64::MAX), nanos: i32::try_from(nanos).unwrap_or_default() }
}

/// A duration field; `None` where it is unset or zero.
///
/// # Errors
/// [`Error::Invalid`] where it is negative or not of the form that `google.protobuf.Duration` has.
pub fn duration(field: &'static str, value: Option<ProtoDuration>) -> Result<Option<Duration>> {
    let Some(value) = value else { return Ok(None) };
    if value.seconds < 0 || value.nanos < 0 {
        return Err(invalid(field, "is negative"));
    }
    // google/protobuf/duration.proto: at most 10,000 years, and less than a second of nanoseconds.
    let (Ok(seconds @ ..=315_576_000_000), Ok(nanos @ ..=999_999_999)) =
        (u64::try_from(value.seconds), u32::try_from(value.nanos))
    else {
        return Err(invalid(field, "is no duration"));
    };
    let duration = Duration::new(seconds, nanos);
    Ok((!duration.is_zero()).then_some(duration))
}

/// A `wait` field: zero where it is unset, at most [`MAX_WAIT`].
///
/// # Errors
/// As [`duration`].
pub fn wait(field: &'static str, value: Option<ProtoDuration>) -> Result<Duration> {
    Ok(duration(field, value)?.unwrap_or_default().min(MAX_WAIT))
}

/// A UUID field; `None` where it is empty.
///
/// # Errors
/// [`Error::Invalid`] where it is not 36 characters of hyphenated hexadecimal.
pub fn uuid(field: &'static str, value: &str) -> Result<Option<Uuid>> {
    if value.is_empty() {
        return Ok(None);
    }
    // The crate reads other forms too; one form is enough, and a retry must be the same text.
    let parsed = if value.len() == 36 { Uuid::try_parse(value).ok() } else { None };
    parsed.map(Some).ok_or_else(|| invalid(field, "must be a UUID of 36 characters"))
}

/// A `TokenMode`; `None` where it is unspecified.
///
/// # Errors
/// [`Error::Invalid`] for a number that the contract does not have.
pub fn mode(value: i32) -> Result<Option<Mode>> {
    match pb::TokenMode::try_from(value) {
        Ok(pb::TokenMode::Unspecified) => Ok(None),
        Ok(pb::TokenMode::Json) => Ok(Some(Mode::Json)),
        Ok(pb::TokenMode::Cookie) => Ok(Some(Mode::Cookie)),
        Err(_) => Err(unknown("mode")),
    }
}

/// The roles of a request: `staff`, `superuser`.
///
/// # Errors
/// [`Error::Invalid`] for any other text, and for more than there are.
pub fn roles(values: &[String]) -> Result<Roles> {
    if values.len() > 2 {
        return Err(invalid("roles", "are more than 2"));
    }
    let mut roles = Roles::default();
    for value in values {
        match value.as_str() {
            "staff" => roles.staff = true,
            "superuser" => roles.superuser = true,
            _ => return Err(invalid("roles", "has another role than staff and superuser")),
        }
    }
    Ok(roles)
}

/// An `OrganizationRole`; a member where it is unspecified.
///
/// # Errors
/// [`Error::Invalid`] for a number that the contract does not have.
pub fn organization_role(value: i32) -> Result<OrganizationRole> {
    match pb::OrganizationRole::try_from(value) {
        Ok(pb::OrganizationRole::Unspecified | pb::OrganizationRole::Member) => Ok(OrganizationRole::Member),
        Ok(pb::OrganizationRole::Admin) => Ok(OrganizationRole::Admin),
        Err(_) => Err(unknown("role")),
    }
}

/// A page's size; 50 where it is zero.
///
/// # Errors
/// [`Error::Invalid`] for a negative one or one past 1000.
pub fn page_size(value: i32) -> Result<u32> {
    match u32::try_from(value) {
        Ok(0) => Ok(50),
        Ok(size @ 1..=1000) => Ok(size),
        _ => Err(invalid("page_size", "must be 0 to 1000")),
    }
}

/// An account. Its personal organization, which has its name, comes first.
#[must_use]
pub fn user(account: &Account) -> pb::User {
    let user = &account.user;
    let name = user.name().as_str().to_owned();
    pb::User {
        user_id: user.id().to_string(),
        username: name.clone(),
        email: user.email().map(|email| email.as_str().to_owned()).unwrap_or_default(),
        roles: user.roles().names().map(str::to_owned).collect(),
        organizations: std::iter::once(name).chain(account.organizations.iter().cloned()).collect(),
        disabled: !user.enabled(),
        totp_enabled: user.totp().is_on(),
        create_time: Some(timestamp(user.create_time())),
        ..Default::default()
    }
}

/// A session's tokens. In COOKIE mode the refresh token stays out: it goes into the cookie, see [`crate::edge::cookies`].
#[must_use]
pub fn tokens(tokens: TokenSet) -> pb::TokenSet {
    let refresh = tokens.refresh_token.filter(|_| tokens.mode == Mode::Json);
    pb::TokenSet {
        access_token: tokens.access_token.into_exposed(),
        token_type: "Bearer".to_owned(),
        expires: i64::try_from(tokens.expires.as_millis()).unwrap_or(i64::MAX),
        refresh_token: refresh.map(Secret::into_exposed).unwrap_or_default(),
        access_expire_time: Some(timestamp(tokens.access_expire_time)),
        session_expire_time: Some(timestamp(tokens.session_expire_time)),
        session_id: tokens.session_id.to_string(),
        active_organization: tokens.active_organization,
        enrolment_only: false,
    }
}

/// A personal key, without its secrets; `key_id` is what its owner knows it by.
#[must_use]
pub fn personal_key(key_id: &str, key: &PersonalKey) -> pb::PersonalKey {
    pb::PersonalKey {
        key_id: key_id.to_owned(),
        display_name: key.display_name().to_owned(),
        create_time: Some(timestamp(key.create_time())),
        expire_time: key.expire_time().map(timestamp),
        last_use_time: key.last_use_time().map(timestamp),
        overlap_expire_time: key.previous().map(|(_, until)| timestamp(*until)),
        ..Default::default()
    }
}

/// An organization that users are members of.
#[must_use]
pub fn organization(organization: &Organization) -> pb::Organization {
    pb::Organization {
        organization_id: organization.id.to_string(),
        name: organization.name.as_str().to_owned(),
        personal: false,
        create_time: Some(timestamp(organization.create_time)),
        require_factor: organization.require_factor,
    }
}

/// An organization in the list of all. A personal one has the id of its user.
#[must_use]
pub fn listed_organization(listed: &ListedOrganization) -> pb::Organization {
    match listed {
        ListedOrganization::Shared(shared) => organization(shared),
        ListedOrganization::Personal(user) => pb::Organization {
            organization_id: user.id().to_string(),
            name: user.name().as_str().to_owned(),
            personal: true,
            create_time: Some(timestamp(user.create_time())),
            require_factor: false,
        },
    }
}

/// A member of an organization.
#[must_use]
pub fn member(member: &Member) -> pb::Member {
    let role = match member.role {
        OrganizationRole::Member => pb::OrganizationRole::Member,
        OrganizationRole::Admin => pb::OrganizationRole::Admin,
    };
    pb::Member {
        username: member.user.name().as_str().to_owned(),
        role: role.into(),
        disabled: !member.user.enabled(),
        totp_enabled: member.user.totp().is_on(),
    }
}

/// A registered provider, of the organization of that name, with the address to register there and without its secret.
#[must_use]
pub fn identity_provider(provider: &IdentityProvider, org_name: String, redirect_uri: String) -> pb::IdentityProvider {
    pb::IdentityProvider {
        provider_id: provider.id.to_string(),
        name: provider.name.as_str().to_owned(),
        org_name,
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        scopes: provider.scopes.clone(),
        sign_up: provider.sign_up,
        create_time: Some(timestamp(provider.create_time)),
        redirect_uri,
        email_domains: provider.email_domains.clone(),
        trusted_audiences: provider.trusted_audiences.clone(),
    }
}

/// What an update of a registration changes.
#[must_use]
pub fn provider_update(message: pb::UpdateIdentityProviderRequest) -> ProviderUpdate {
    ProviderUpdate {
        mask: message.update_mask.map(|mask| mask.paths).unwrap_or_default(),
        client_id: message.client_id,
        client_secret: message.client_secret.into(),
        scopes: message.scopes,
        sign_up: message.sign_up,
        email_domains: message.email_domains,
        trusted_audiences: message.trusted_audiences,
    }
}

fn unknown(field: &'static str) -> Error {
    invalid(field, "has a number that is not in the contract")
}

#[cfg(test)]
mod tests;
