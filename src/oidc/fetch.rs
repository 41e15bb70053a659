//! One request to a provider: no redirects, at most 64 KiB of answer, at most 8 s in all, and only to addresses of its realm.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::request::Builder;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;
use zeroize::Zeroizing;

use super::address::Realm;
use super::network::{Dial, Outside};
use crate::service::sso::IdentityError;

/// The longest that one request takes, from resolving the name to the last byte of the answer.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
/// The most of an answer's body that is read, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// The most of an answer's head that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Sends requests of one provider.
pub(super) struct Fetch {
    realm: Realm,
    client: Client<HttpsConnector<Dial>, Full<Bytes>>,
}

/// What a provider answered. Its content type counts for nothing: providers send JSON under many names.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer. The texts hold nothing of what was sent or answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("its address is not one that this issuer may name")]
    Forbidden,
    #[error("no answer within {} s", REQUEST_TIMEOUT.as_secs())]
    Timeout,
    #[error("the answer is longer than {MAX_BODY} bytes")]
    TooLong,
    #[error("the answer is compressed, and nothing but `identity` was accepted")]
    Compressed,
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("{0}")]
    Broken(String),
}

impl Fetch {
    pub(super) fn new(realm: Realm, outside: &Outside) -> Result<Self, IdentityError> {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
            .http1_max_buf_size(MAX_HEAD)
            .build(outside.connector(realm)?);
        Ok(Self { realm, client })
    }

    /// Whether requests may go to this URL.
    pub(super) fn allows(&self, url: &Url) -> bool {
        self.realm.allows(url)
    }

    /// The body of a document; `bearer` is the whole `authorization` header, where it takes one.
    pub(super) async fn document(&self, url: &Url, bearer: Option<HeaderValue>) -> Result<Vec<u8>, FetchError> {
        let mut request = Request::get(url.as_str());
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        let answer = self.send(url, request, Bytes::new()).await?;
        if answer.status == StatusCode::OK { Ok(answer.body) } else { Err(FetchError::Status(answer.status)) }
    }

    /// What a form is answered, whatever the status.
    pub(super) async fn form(
        &self,
        url: &Url,
        form: Zeroizing<String>,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer, FetchError> {
        let mut request = Request::post(url.as_str()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.send(url, request, Bytes::copy_from_slice(form.as_bytes())).await
    }

    async fn send(&self, url: &Url, request: Builder, body: Bytes) -> Result<Answer, FetchError> {
        if !self.allows(url) {
            return Err(FetchError::Forbidden);
        }
        let request = request
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, "countersign")
            .body(Full::new(body))
            .map_err(|error| broken(&error))?;
        tokio::time::timeout(REQUEST_TIMEOUT, self.answer(request)).await.map_err(|_| FetchError::Timeout)?
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Answer, FetchError> {
        let (parts, body) = self.client.request(request).await.map_err(|error| broken(&error))?.into_parts();
        if parts.headers.get(CONTENT_ENCODING).is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(FetchError::Compressed);
        }
        let body = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map_err(|error| if error.is::<LengthLimitError>() { FetchError::TooLong } else { broken(&*error) })?;
        Ok(Answer { status: parts.status, body: body.to_bytes().to_vec() })
    }
}

/// The error with its cause: hyper says "connect error", the cause says why.
fn broken(error: &dyn std::error::Error) -> FetchError {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    FetchError::Broken(text)
}
