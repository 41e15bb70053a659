//! The connection to a server. Owns the URL, what is trusted at its other end, and the time limits; the clients of
//! [`pb`](crate::pb) take the channel that it opens.

use std::error::Error;
use std::net::IpAddr;
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
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nobody is trusted without TLS"))]
    ca: Option<Vec<u8>>,
}

impl Endpoint {
    /// The server at an `http://HOST:PORT` or `https://HOST:PORT` URL, or at `HOST:PORT`: that is http on this machine
    /// (`localhost` or a loopback address), where nobody else listens, and https elsewhere. 10 s for a connection, 30 s for a call.
    ///
    /// # Errors
    /// [`ConnectError::Url`] - it is none of these, or of another scheme; https where the feature `tls` was left out.
    pub fn new(server: &str) -> Result<Self, ConnectError> {
        let wrong = |problem: String| ConnectError::Url { url: server.to_owned(), problem };
        let url = url(server).ok_or_else(|| wrong("is neither an http or https URL nor HOST:PORT".to_owned()))?;
        let inner = tonic::transport::Endpoint::from_shared(url.clone()).map_err(|error| wrong(innermost(&error)))?;
        match inner.uri().scheme_str() {
            Some("http") => {}
            Some("https") if cfg!(feature = "tls") => {}
            Some("https") => return Err(wrong("this program was built without TLS".to_owned())),
            _ => return Err(wrong("is no http or https URL".to_owned())),
        }
        let inner = inner.connect_timeout(CONNECT_TIMEOUT).timeout(CALL_TIMEOUT);
        Ok(Self { url, inner, ca: None })
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

/// The URL of a server that is given as one, or as `HOST:PORT`.
fn url(server: &str) -> Option<String> {
    if server.contains("://") {
        return Some(server.to_owned());
    }
    let (host, port) = server.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = bare.parse::<IpAddr>();
    let is_name = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    // A bare IPv6 address has its colons in brackets, or its last part would be taken for the port.
    let is_host = is_name || matches!(address, Ok(IpAddr::V6(_)) if bare != host);
    let local = bare.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback());
    let scheme = if local { "http" } else { "https" };
    (is_host && port.parse::<u16>().is_ok()).then(|| format!("{scheme}://{server}"))
}

/// The cause at the bottom: what the system said.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    match text.split_once("invalid peer certificate: ") {
        Some((_, reason)) => distrust(reason),
        None if text.contains("InvalidContentType") => "it does not speak TLS; is it an http:// server?".to_owned(),
        None => text,
    }
}

/// Why the server's certificate is not trusted. The TLS library names most reasons by its own identifiers, which stand in its text
/// as they are.
fn distrust(reason: &str) -> String {
    let known = [
        ("CaUsedAsEndEntity", "it is that of an authority, and not of a server"),
        ("UnknownIssuer", "nobody who is trusted here has signed it; give the certificate of its authority"),
        ("NotValidForName", "it is for another name"),
        ("not valid for name", "it is for another name"),
        ("Expired", "it has expired"),
        ("expired", "it has expired"),
        ("NotValidYet", "it is not valid yet"),
        ("not valid yet", "it is not valid yet"),
        ("BadSignature", "its signature is wrong"),
        ("Revoked", "it was revoked"),
        ("BadEncoding", "it is damaged"),
    ];
    let known = known.iter().find(|(mark, _)| reason.contains(mark)).map(|(_, words)| *words);
    format!("its certificate is not trusted: {}", known.unwrap_or("it is of a kind that is not supported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_its_port_are_cleartext_on_this_machine_alone() {
        for (given, expected) in [
            ("127.0.0.1:50051", "http://127.0.0.1:50051"),
            ("localhost:1", "http://localhost:1"),
            ("[::1]:50051", "http://[::1]:50051"),
            ("10.0.0.1:50051", "https://10.0.0.1:50051"),
            ("auth.example.org:443", "https://auth.example.org:443"),
            ("http://auth.example.org:1", "http://auth.example.org:1"),
        ] {
            assert_eq!(url(given).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_told_in_words() {
        for (said, expected) in [
            ("Other(OtherError(CaUsedAsEndEntity))", "an authority, and not of a server"),
            ("UnknownIssuer", "nobody who is trusted"),
            ("certificate not valid for name \"a\"; certificate is only valid for DnsName(\"b\")", "another name"),
            ("certificate expired: verification time 2 (UNIX), but certificate is not valid after 1", "expired"),
            ("Other(OtherError(Something))", "not supported"),
        ] {
            let words = innermost(&std::io::Error::other(format!("invalid peer certificate: {said}")));
            assert!(words.contains(expected) && !words.contains('('), "{words}");
        }
    }

    #[test]
    fn only_http_and_https_urls_are_taken() {
        assert!(Endpoint::new("http://127.0.0.1:50051").is_ok());
        assert_eq!(Endpoint::new("https://auth.example.org").is_ok(), cfg!(feature = "tls"));
        for bad in [
            "ftp://127.0.0.1",
            "",
            "http://a b",
            "127.0.0.1",
            "auth.example.org",
            "a b:1",
            ":50051",
            "a:b",
            "a:70000",
            "::1:50051",
            "u@a:1",
        ] {
            let error = Endpoint::new(bad).unwrap_err();
            assert!(matches!(&error, ConnectError::Url { url, .. } if url == bad), "{bad}: {error}");
        }
    }
}
