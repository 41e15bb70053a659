//! The cookie that binds a browser to a sign-on attempt.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use crate::model::secret::Secret;

/// Its name and attributes: `__Host-countersign_sso`, `Secure`; or `countersign_sso` without `Secure` where cookies are not for
/// https only. `HttpOnly`, `SameSite=Lax` (the callback is a navigation from the provider's site), `Path=/`.
#[derive(Clone, Copy, Debug)]
pub(super) struct BindingCookie {
    secure: bool,
}

impl BindingCookie {
    pub(super) const fn new(secure: bool) -> Self {
        Self { secure }
    }

    const fn name(self) -> &'static str {
        if self.secure { "__Host-countersign_sso" } else { "countersign_sso" }
    }

    /// The `set-cookie` header's value.
    pub(super) fn set(self, value: &Secret, max_age: Duration) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let (name, value, age) = (self.name(), value.expose(), max_age.as_secs());
        format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
    }

    /// What the browser sent; nothing where it sent two, of which one must be another's.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<Secret> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name()).map(|(_, value)| Secret::new(value));
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cookie: BindingCookie, lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        cookie.read(&headers).map(|value| value.expose().to_owned())
    }

    #[test]
    fn it_is_for_this_host_and_no_script() {
        let set = BindingCookie::new(true).set(&Secret::new("v"), Duration::from_mins(10));
        assert_eq!(set, "__Host-countersign_sso=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
        let set = BindingCookie::new(false).set(&Secret::new("v"), Duration::from_mins(10));
        assert_eq!(set, "countersign_sso=v; Path=/; Max-Age=600; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn one_of_the_right_name_is_read() {
        let cookie = BindingCookie::new(true);
        assert_eq!(read(cookie, &["a=b; __Host-countersign_sso=v; c=d"]), Some("v".to_owned()));
        assert_eq!(read(cookie, &["a=b", "__Host-countersign_sso=v"]), Some("v".to_owned()));
        assert_eq!(read(cookie, &["countersign_sso=v"]), None);
        assert_eq!(read(cookie, &["__Host-countersign_sso=v; __Host-countersign_sso=w"]), None);
        assert_eq!(read(cookie, &[]), None);
    }
}
