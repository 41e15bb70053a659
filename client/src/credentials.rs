//! The metadata of a caller who has a credential. Owns nothing of how it is had or kept; what it makes is marked sensitive, so
//! that tonic, hyper and HTTP/2's tables neither print nor index it.

use std::fmt;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// The metadata key of both kinds.
const AUTHORIZATION: &str = "authorization";

/// A text that no credential can be: it has characters that metadata cannot carry. It is not repeated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has characters that no credential has")]
pub struct Malformed;

/// `authorization: Bearer TOKEN`, the caller of every rpc that needs somebody who is signed in.
///
/// An [`Interceptor`]: `AccountServiceClient::with_interceptor(channel, bearer)` signs every call. `Debug` does not show the
/// token.
#[derive(Clone)]
pub struct Bearer(Authorization);

impl Bearer {
    /// The bearer of an access token, a JWT as Login, Refresh or PkeyJwt answer it.
    ///
    /// # Errors
    /// [`Malformed`] - it holds something else than visible ASCII.
    pub fn new(access_token: &str) -> Result<Self, Malformed> {
        Authorization::new(format!("Bearer {access_token}")).map(Self)
    }

    /// A request of this caller.
    #[must_use]
    pub fn request<M>(&self, message: M) -> Request<M> {
        self.0.sign(Request::new(message))
    }
}

/// `authorization: PersonalKey ID:SECRET`, which PkeyJwt takes in place of the fields of its message.
///
/// An [`Interceptor`], as [`Bearer`]. `Debug` shows neither part.
#[derive(Clone)]
pub struct PersonalKey(Authorization);

impl PersonalKey {
    /// The key with this id (`csk_..`) and this secret (`css_..`).
    ///
    /// # Errors
    /// [`Malformed`] - one of them holds something else than visible ASCII.
    pub fn new(key_id: &str, key_secret: &str) -> Result<Self, Malformed> {
        Authorization::new(format!("PersonalKey {key_id}:{key_secret}")).map(Self)
    }

    /// A request of the owner of this key.
    #[must_use]
    pub fn request<M>(&self, message: M) -> Request<M> {
        self.0.sign(Request::new(message))
    }
}

/// A value of the `authorization` metadata.
#[derive(Clone)]
struct Authorization(MetadataValue<Ascii>);

impl Authorization {
    fn new(text: String) -> Result<Self, Malformed> {
        // Into the value itself: no copy of the text stays behind.
        let mut value = MetadataValue::try_from(text).map_err(|_| Malformed)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    fn sign<M>(&self, mut request: Request<M>) -> Request<M> {
        request.metadata_mut().insert(AUTHORIZATION, self.0.clone());
        request
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        Ok(self.0.sign(request))
    }
}

impl Interceptor for PersonalKey {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        Ok(self.0.sign(request))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(..)")
    }
}

impl fmt::Debug for PersonalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonalKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(request: &Request<()>) -> &MetadataValue<Ascii> {
        request.metadata().get("authorization").unwrap()
    }

    #[test]
    fn each_kind_is_written_as_the_server_reads_it_and_is_sensitive() {
        let mut bearer = Bearer::new("a.b.c").unwrap();
        let mut key = PersonalKey::new("csk_1", "css_2").unwrap();
        let of_bearer = [bearer.request(()), bearer.call(Request::new(())).unwrap()];
        let of_key = [key.request(()), key.call(Request::new(())).unwrap()];
        for (requests, expected) in [(of_bearer, "Bearer a.b.c"), (of_key, "PersonalKey csk_1:css_2")] {
            for request in &requests {
                assert_eq!(metadata(request).to_str().unwrap(), expected);
                assert!(metadata(request).is_sensitive());
                assert!(!format!("{request:?}").contains(expected));
            }
        }
        assert_eq!(format!("{bearer:?} {key:?}"), "Bearer(..) PersonalKey(..)");
    }

    #[test]
    fn what_metadata_cannot_carry_is_refused_without_being_repeated() {
        assert_eq!(Bearer::new("a\nb").unwrap_err(), Malformed);
        assert_eq!(PersonalKey::new("csk_1", "\u{0}").unwrap_err(), Malformed);
        assert!(!Malformed.to_string().contains('\n'));
    }
}
