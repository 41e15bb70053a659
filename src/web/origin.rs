//! Whether a form was sent by a page of ours.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::ORIGIN;
use url::Url;

/// The origin of the public URL.
#[derive(Clone, Debug)]
pub(super) struct OwnOrigin(Arc<str>);

impl OwnOrigin {
    pub(super) fn of(public_url: &str) -> Self {
        Self(Url::parse(public_url).map_or(String::new(), |url| url.origin().ascii_serialization()).into())
    }

    /// False where the browser says that a page of another origin sent this.
    ///
    /// Our pages forbid referrers, so a browser says `Origin: null` for their own forms (Fetch, section 3.2); `Sec-Fetch-Site`
    /// says more where the browser sends it. What neither shows is held by the form's sealed value and the SameSite cookie.
    pub(super) fn sent(&self, headers: &HeaderMap) -> bool {
        let says = |name: &str, fine: &dyn Fn(&[u8]) -> bool| headers.get_all(name).iter().all(|value| fine(value.as_bytes()));
        says("sec-fetch-site", &|site| site == b"same-origin")
            && says(ORIGIN.as_str(), &|origin| origin == b"null" || origin == self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        OwnOrigin::of("https://auth.example.com/base").sent(&headers)
    }

    #[test]
    fn foreign_pages_are_told_apart() {
        assert!(sent(&[("origin", "https://auth.example.com")]));
        assert!(sent(&[("origin", "null"), ("sec-fetch-site", "same-origin")]));
        assert!(sent(&[("origin", "null")]));
        assert!(!sent(&[("origin", "https://evil.example.com")]));
        assert!(!sent(&[("origin", "https://auth.example.com.evil.example")]));
        assert!(!sent(&[("origin", "http://auth.example.com")]));
        assert!(!sent(&[("origin", "null"), ("sec-fetch-site", "cross-site")]));
        assert!(!sent(&[("origin", "https://auth.example.com"), ("sec-fetch-site", "same-site")]));
        assert!(!sent(&[("origin", "https://auth.example.com"), ("origin", "https://evil.example.com")]));
    }
}
