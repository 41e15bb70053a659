//! What a person is called: from the ID token, and from the userinfo endpoint where the ID token does not say it (OpenID Connect
//! Core 1.0, section 5.3). None of it decides who somebody is, so its absence refuses nobody.

use std::time::Duration;

use tokio::time::Instant;

use super::document::Document;
use super::metadata::{Known, Provider, unread};
use super::token::{Tokens, header};
use super::{Result, quoted};
use crate::service::sso::{IdentityError, ProvenIdentity};

const ANSWER: &str = "userinfo answer";
/// What is left of a call's time when the endpoint is given up, so that the sign-on goes on without it.
const RESERVE: Duration = Duration::from_secs(1);

/// The identity of `subject`, with what `claims` call it.
pub(super) fn of(subject: &str, claims: &Document) -> ProvenIdentity {
    let text = |field| claims.hint(field).map(str::to_owned);
    ProvenIdentity {
        subject: subject.to_owned(),
        preferred_username: text("preferred_username"),
        name: text("name"),
        verified_email: text("email").filter(|_| claims.flag("email_verified")),
    }
}

/// The identity, with what its ID token lacked and the userinfo endpoint says. The endpoint is asked only where something is
/// lacking, and not past the end of the call.
pub(super) async fn completed(
    provider: &Provider,
    known: &Known,
    identity: ProvenIdentity,
    tokens: &Tokens,
    until: Instant,
) -> ProvenIdentity {
    let nameless = identity.preferred_username.is_none() && identity.name.is_none();
    if !nameless && identity.verified_email.is_some() {
        return identity;
    }
    let asked = tokio::time::timeout_at(until.checked_sub(RESERVE).unwrap_or(until), ask(provider, known, &identity, tokens));
    let late = |_| Err(IdentityError::Unreachable(format!("{ANSWER}: no time was left for it")));
    match asked.await.unwrap_or_else(late) {
        Ok(Some(said)) => ProvenIdentity {
            preferred_username: identity.preferred_username.or(said.preferred_username),
            name: identity.name.or(said.name),
            verified_email: identity.verified_email.or(said.verified_email),
            ..identity
        },
        Ok(None) => identity,
        Err(error) => {
            tracing::warn!(issuer = quoted(&known.issuer), %error, "sign-on goes on with what the ID token says");
            identity
        }
    }
}

/// What the endpoint says of this subject; `None` where there is no endpoint, or no token for it.
async fn ask(provider: &Provider, known: &Known, identity: &ProvenIdentity, tokens: &Tokens) -> Result<Option<ProvenIdentity>> {
    let (Some(url), Some(token)) = (&known.userinfo_endpoint, &tokens.access_token) else { return Ok(None) };
    let bearer = header(&format!("Bearer {}", token.expose()))?;
    let body = provider.fetch.document(url, Some(bearer)).await;
    let body = body.map_err(|error| IdentityError::Unreachable(format!("{ANSWER}: {error}")))?;
    let answer = Document::read(ANSWER, &body).map_err(unread)?;
    if answer.required("sub").map_err(unread)? != identity.subject {
        return Err(unread(answer.wrong("sub", "that of the ID token")));
    }
    Ok(Some(of(&identity.subject, &answer)))
}
