//! The cookies of this server: their names, their attributes, and how they are read.
//!
//! Every one is `Path=/; HttpOnly; SameSite=Lax`, and `Secure` unless `COOKIE_SECURE` is false. A secure one has the prefix
//! `__Host-`, by which a browser takes it from no other host and no cleartext page.

use std::time::Duration;

use cookie::{Cookie as Pair, SameSite};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::model::secret::Secret;

/// One cookie of ours. Cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie {
    name: &'static str,
    secure: bool,
}

/// A browser sent several cookies of one name: nobody can say which is meant, and one of them must be another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Several;

impl Cookie {
    /// The refresh token of a COOKIE session: `__Host-countersign_refresh`, or `countersign_refresh` where not `secure`.
    #[must_use]
    pub const fn refresh(secure: bool) -> Self {
        Self { name: if secure { "__Host-countersign_refresh" } else { "countersign_refresh" }, secure }
    }

    /// What binds a browser to a sign-on attempt: `__Host-countersign_sso`, or `countersign_sso` where not `secure`. Lax and not
    /// Strict because the callback is a navigation from the provider's site.
    #[must_use]
    pub const fn sign_on(secure: bool) -> Self {
        Self { name: if secure { "__Host-countersign_sso" } else { "countersign_sso" }, secure }
    }

    /// The cookie's value in a request; `None` where it is absent or empty.
    ///
    /// # Errors
    /// [`Several`].
    pub fn read(self, headers: &HeaderMap) -> Result<Option<Secret>, Several> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut found = lines.flat_map(Pair::split_parse).filter_map(Result::ok).filter(|pair| pair.name() == self.name);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(pair), None) => Ok((!pair.value().is_empty()).then(|| Secret::new(pair.value()))),
            (Some(_), Some(_)) => Err(Several),
        }
    }

    /// Sets the cookie for as long as it is to last, in whole seconds.
    pub fn set(self, headers: &mut HeaderMap, value: &Secret, lasts: Duration) {
        self.put(headers, value.expose(), lasts.as_secs());
    }

    /// Makes the browser forget the cookie.
    pub fn clear(self, headers: &mut HeaderMap) {
        self.put(headers, "", 0);
    }

    /// The attributes are written here and not by the crate: it has an order of its own, and clients have seen this one.
    fn put(self, headers: &mut HeaderMap, value: &str, max_age: u64) {
        let (pair, same_site) = (Pair::new(self.name, value), SameSite::Lax);
        let secure = if self.secure { "; Secure" } else { "" };
        let line = format!("{}; Path=/; Max-Age={max_age}; HttpOnly; SameSite={same_site}{secure}", pair.stripped());
        // Values of ours are URL-safe characters, which always make a header.
        if let Ok(mut line) = HeaderValue::from_maybe_shared(line) {
            line.set_sensitive(true);
            headers.append(SET_COOKIE, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Cookie = Cookie::refresh(true);

    fn set(cookie: Cookie, value: &str, lasts: Duration) -> String {
        let mut headers = HeaderMap::new();
        cookie.set(&mut headers, &Secret::new(value), lasts);
        assert!(headers[SET_COOKIE].is_sensitive());
        headers[SET_COOKIE].to_str().unwrap().to_owned()
    }

    fn read(cookie: Cookie, lines: &[&str]) -> Result<Option<String>, Several> {
        let headers = lines.iter().map(|line| (COOKIE, line.parse().unwrap())).collect();
        cookie.read(&headers).map(|found| found.map(|value| value.expose().to_owned()))
    }

    #[test]
    fn they_are_for_this_host_and_no_script() {
        assert_eq!(
            set(REFRESH, "csr_x", Duration::from_hours(24)),
            "__Host-countersign_refresh=csr_x; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set(Cookie::sign_on(true), "v", Duration::from_mins(10)),
            "__Host-countersign_sso=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set(Cookie::sign_on(false), "v", Duration::from_mins(10)),
            "countersign_sso=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"
        );
        let mut headers = HeaderMap::new();
        Cookie::refresh(false).clear(&mut headers);
        assert_eq!(headers[SET_COOKIE], "countersign_refresh=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn the_one_of_the_name_is_found_among_others() {
        let cookie = Cookie::refresh(false);
        let value = Ok(Some("csr_x".to_owned()));
        assert_eq!(read(cookie, &["a=b; countersign_refresh=csr_x; c=d"]), value);
        assert_eq!(read(cookie, &["a=b", "countersign_refresh=csr_x"]), value);
        assert_eq!(read(cookie, &["junk; =; a=\"b; countersign_refresh=csr_x"]), value);
        for none in [&["a=b"][..], &["xcountersign_refresh=y"], &["countersign_refresh="], &["countersign_refresh"], &[]] {
            assert_eq!(read(cookie, none), Ok(None), "{none:?}");
        }
        assert_eq!(read(REFRESH, &["countersign_refresh=x"]), Ok(None), "its name is another");
        assert_eq!(read(Cookie::sign_on(true), &["a=b", "__Host-countersign_sso=v"]), Ok(Some("v".to_owned())));
    }

    #[test]
    fn several_of_one_name_are_nobodys() {
        assert_eq!(read(REFRESH, &["__Host-countersign_refresh=a; __Host-countersign_refresh=b"]), Err(Several));
        assert_eq!(read(REFRESH, &["__Host-countersign_refresh=a", "__Host-countersign_refresh="]), Err(Several));
    }
}
