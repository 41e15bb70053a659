//! Whether a request that a browser made was made by a page of ours.

use std::sync::Arc;

use http::HeaderMap;
use http::header::ORIGIN;
use url::{Origin, Url};

use crate::service::{Error, Result};

/// The origin of the public URL, and the rule for who may use a cookie or send a form: only a page of that origin, or somebody
/// who is no browser and says nothing of origins.
#[derive(Clone, Debug)]
pub struct OwnOrigin(Option<Arc<Origin>>);

impl OwnOrigin {
    /// The origin of a server that is reached at `public_url`.
    #[must_use]
    pub fn of(public_url: &str) -> Self {
        Self(Url::parse(public_url).ok().map(|url| Arc::new(url.origin())))
    }

    /// Lets a call pass that uses a cookie.
    ///
    /// # Errors
    /// [`Error::ForeignOrigin`] where any `origin` is not ours, `null` included, or `sec-fetch-site` says that the page is another's.
    pub fn check(&self, headers: &HeaderMap) -> Result<()> {
        self.hold(headers, |_| false)
    }

    /// Lets a form pass that a page of ours showed.
    ///
    /// Our pages forbid referrers, so a browser says `Origin: null` for their own forms (Fetch, section 3.2); `sec-fetch-site`
    /// says more where the browser sends it. What neither shows is held by the form's sealed value and the SameSite cookie.
    ///
    /// # Errors
    /// As [`check`](Self::check), but `null` passes.
    pub fn check_form(&self, headers: &HeaderMap) -> Result<()> {
        self.hold(headers, |origin| origin == b"null")
    }

    fn hold(&self, headers: &HeaderMap, or: impl Fn(&[u8]) -> bool) -> Result<()> {
        let ours = headers.get_all(ORIGIN).iter().all(|origin| or(origin.as_bytes()) || self.is(origin.as_bytes()));
        let same = headers.get_all("sec-fetch-site").iter().all(|site| site == "same-origin");
        if ours && same { Ok(()) } else { Err(Error::ForeignOrigin) }
    }

    /// An opaque origin equals none, itself neither.
    fn is(&self, origin: &[u8]) -> bool {
        let url = std::str::from_utf8(origin).ok().and_then(|text| Url::parse(text).ok());
        url.map(|url| url.origin()).is_some_and(|origin| origin.is_tuple() && Some(&origin) == self.0.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn own() -> OwnOrigin {
        OwnOrigin::of("https://auth.example.org/base")
    }

    #[test]
    fn only_our_own_pages_may_use_a_cookie() {
        let check = |origins: &[&str]| {
            let pairs: Vec<_> = origins.iter().map(|origin| ("origin", *origin)).collect();
            own().check(&headers(&pairs)).is_ok()
        };
        assert!(check(&[]));
        assert!(check(&["https://auth.example.org"]));
        assert!(check(&["https://AUTH.example.org:443"]));
        for foreign in [
            "null",
            "",
            "http://auth.example.org",
            "https://auth.example.org:8443",
            "https://auth.example.org.evil.test",
            "https://evil.test",
            "file:///x",
            "data:text/html,x",
        ] {
            assert!(!check(&[foreign]), "{foreign}");
        }
        assert!(!check(&["https://auth.example.org", "https://evil.test"]));
        assert!(own().check(&headers(&[("sec-fetch-site", "same-origin")])).is_ok());
        assert!(own().check(&headers(&[("sec-fetch-site", "cross-site")])).is_err());
    }

    #[test]
    fn forms_of_foreign_pages_are_told_apart() {
        let sent = |pairs: &[(&'static str, &str)]| own().check_form(&headers(pairs)).is_ok();
        assert!(sent(&[("origin", "https://auth.example.org")]));
        assert!(sent(&[("origin", "null"), ("sec-fetch-site", "same-origin")]));
        assert!(sent(&[("origin", "null")]));
        assert!(!sent(&[("origin", "https://evil.example.org")]));
        assert!(!sent(&[("origin", "https://auth.example.org.evil.example")]));
        assert!(!sent(&[("origin", "http://auth.example.org")]));
        assert!(!sent(&[("origin", "null"), ("sec-fetch-site", "cross-site")]));
        assert!(!sent(&[("origin", "https://auth.example.org"), ("sec-fetch-site", "same-site")]));
        assert!(!sent(&[("origin", "https://auth.example.org"), ("origin", "https://evil.example.org")]));
    }
}
