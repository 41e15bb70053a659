//! Exchanges a code: one form to the token endpoint (RFC 6749, section 4.1.3; RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::Result;
use super::document::Document;
use super::fetch::Fetch;
use super::metadata::{Known, unread};
use crate::model::secret::Secret;
use crate::service::sso::{IdentityError, Registration, SignInRequest};

const ANSWER: &str = "token answer";
/// The longest error code that is repeated in the log.
const MAX_ERROR: usize = 64;

/// What is used of the answer.
pub(super) struct Tokens {
    pub(super) id_token: Secret,
    /// For the userinfo endpoint; some providers give none.
    pub(super) access_token: Option<Secret>,
}

/// Exchanges the code at the token endpoint.
pub(super) async fn exchange(
    known: &Known,
    fetch: &Fetch,
    registration: &Registration,
    request: &SignInRequest,
    code: &Secret,
) -> Result<Tokens> {
    let (form, authorization) = form(known, registration, request, code)?;
    let answer = fetch.form(&known.token_endpoint, form, authorization).await;
    let answer = answer.map_err(|error| IdentityError::Unreachable(format!("{ANSWER}: {error}")))?;
    let document = Document::read(ANSWER, &answer.body);
    let error = document.as_ref().ok().and_then(|document| document.hint("error"));
    if error.is_some() || !answer.status.is_success() {
        // Only an error code is repeated; a description may contain anything.
        let code = error.filter(|code| code.len() <= MAX_ERROR && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        let code = code.map_or_else(String::new, |code| format!(", `error` {code}"));
        return Err(IdentityError::Unreachable(format!("{ANSWER}: {}{code}", answer.status)));
    }
    let document = document.map_err(unread)?;
    Ok(Tokens {
        id_token: Secret::new(document.required("id_token").map_err(unread)?),
        access_token: document.hint("access_token").map(Secret::new),
    })
}

/// What is sent, and the header that goes with it.
fn form(
    known: &Known,
    registration: &Registration,
    request: &SignInRequest,
    code: &Secret,
) -> Result<(Zeroizing<String>, Option<HeaderValue>)> {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code");
    form.append_pair("code", code.expose());
    form.append_pair("redirect_uri", &request.redirect_uri);
    form.append_pair("code_verifier", request.pkce_verifier.expose());
    let authorization = match &registration.client_secret {
        Some(secret) if !known.secret_in_body => Some(basic(&registration.client_id, secret)?),
        secret => {
            form.append_pair("client_id", &registration.client_id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret.expose());
            }
            None
        }
    };
    Ok((Zeroizing::new(form.finish()), authorization))
}

/// The client's id and secret as a header (RFC 6749, section 2.3.1).
fn basic(client_id: &str, secret: &Secret) -> Result<HeaderValue> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), encoded(secret.expose())));
    header(&format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// An `authorization` header that no log shows.
pub(super) fn header(value: &str) -> Result<HeaderValue> {
    let value = HeaderValue::from_str(value);
    let mut value = value.map_err(|_| IdentityError::Untrusted(format!("{ANSWER}: `access_token` is no token")))?;
    value.set_sensitive(true);
    Ok(value)
}
