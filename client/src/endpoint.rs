//! The connection to a server. Owns the URL, what is trusted at its other end, and the time limits; the clients of
//! [`pb`](crate::pb) take the channel that it opens.

use std::error::Error;
use std::time::Duration;

use tonic::transport::Channel;

/// How long a connection may take, where nothing else is said.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take, where nothing else is said.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no connection. Each is one sentence without its full stop.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none that a server can have: the caller's mistake.
    #[error("{url}: {problem}")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The certificate authority, or the machine's own list of them, cannot be used.
    #[error("{url}: {problem}")]
    Trust {
        /// The server's.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// Nobody answers there, or not who should.
    #[error("cannot reach {url}: {problem}")]
    Unreachable {
        /// The server's.
        url: String,
        /// What the system says.
        problem: String,
    },
}

/// Where a server is, and how it is reached.
#[derive(Clone, Debug)]
pub struct Endpoint {
    url: String,
    inner: tonic::transport::Endpoint,
    /// PEM; without one the machine's own authorities are trusted.
    ca: Option<Vec<u8>>,
}

impl Endpoint {
    /// The server at an `http://HOST:PORT` or `https://HOST:PORT` URL. 10 s for a connection, 30 s for a call.
    ///
    /// # Errors
    /// [`ConnectError::Url`] - it is no URL, or of another scheme; https where the feature `tls` was left out.
    pub fn new(url: &str) -> Result<Self, ConnectError> {
        let wrong = |problem: String| ConnectError::Url { url: url.to_owned(), problem };
        let inner = tonic::transport::Endpoint::from_shared(url.to_owned()).map_err(|error| wrong(innermost(&error)))?;
        match inner.uri().scheme_str() {
            Some("http") => {}
            Some("https") if cfg!(feature = "tls") => {}
            Some("https") => return Err(wrong("this program was built without TLS".to_owned())),
            _ => return Err(wrong("is no http or https URL".to_owned())),
        }
        let inner = inner.connect_timeout(CONNECT_TIMEOUT).timeout(CALL_TIMEOUT);
        Ok(Self { url: url.to_owned(), inner, ca: None })
    }

    /// Trusts the authorities in `pem`, one or more certificates, in place of the machine's own. Means nothing for http.
    #[must_use]
    pub fn ca_certificate(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { ca: Some(pem.into()), ..self }
    }

    /// Bounds how long a connection may take.
    #[must_use]
    pub fn connect_timeout(self, limit: Duration) -> Self {
        Self { inner: self.inner.connect_timeout(limit), ..self }
    }

    /// Bounds how long a call may take, the wait for a connection included; the server is told. SsoJwt may wait for 30 s, a
    /// stream lasts for as long as it is allowed to.
    #[must_use]
    pub fn timeout(self, limit: Duration) -> Self {
        Self { inner: self.inner.timeout(limit), ..self }
    }

    /// Connects, and answers the channel for any number of clients and calls at once. It connects again by itself.
    ///
    /// # Errors
    /// [`ConnectError::Trust`], [`ConnectError::Unreachable`].
    pub async fn connect(&self) -> Result<Channel, ConnectError> {
        let endpoint = self.trusting()?;
        endpoint.connect().await.map_err(|error| ConnectError::Unreachable { url: self.url.clone(), problem: innermost(&error) })
    }

    /// Answers a channel that connects at its first call; a server that cannot be reached then answers UNAVAILABLE. Must be
    /// called within a runtime.
    ///
    /// # Errors
    /// [`ConnectError::Trust`].
    pub fn connect_lazy(&self) -> Result<Channel, ConnectError> {
        Ok(self.trusting()?.connect_lazy())
    }

    #[cfg(feature = "tls")]
    fn trusting(&self) -> Result<tonic::transport::Endpoint, ConnectError> {
        use tonic::transport::{Certificate, ClientTlsConfig};

        if self.inner.uri().scheme_str() != Some("https") {
            return Ok(self.inner.clone());
        }
        let config = match &self.ca {
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        let trusting = self.inner.clone().tls_config(config);
        trusting.map_err(|error| ConnectError::Trust { url: self.url.clone(), problem: innermost(&error) })
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
    fn trusting(&self) -> Result<tonic::transport::Endpoint, ConnectError> {
        Ok(self.inner.clone())
    }
}

/// The cause at the bottom: what the system said.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_and_https_urls_are_taken() {
        assert!(Endpoint::new("http://127.0.0.1:50051").is_ok());
        assert_eq!(Endpoint::new("https://auth.example.org").is_ok(), cfg!(feature = "tls"));
        for bad in ["ftp://127.0.0.1", "127.0.0.1:50051", "", "http://a b"] {
            let error = Endpoint::new(bad).unwrap_err();
            assert!(matches!(&error, ConnectError::Url { url, .. } if url == bad), "{bad}: {error}");
        }
    }
}
