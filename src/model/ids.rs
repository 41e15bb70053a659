//! Identifiers: 128 random bits each, shown as a UUID (RFC 9562, version 4). One type per thing, so that they cannot be
//! mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::random::Random;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 16]);

        impl $name {
            /// A new one, from 122 random bits.
            #[must_use]
            pub fn random(random: &dyn Random) -> Self {
                Self::derived(random.bytes())
            }

            /// One made of 16 bytes that are as good as random (a keyed hash), with the UUID version bits set.
            #[must_use]
            pub fn derived(bytes: [u8; 16]) -> Self {
                Self(*uuid::Builder::from_random_bytes(bytes).as_uuid().as_bytes())
            }

            /// The one with just these bytes, as a stored key or token holds them.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its 16 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(Uuid::from_bytes_ref(&self.0), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(|uuid| Self(*uuid.as_bytes()))
            }
        }
    };
}

id! {
    /// An account.
    UserId
}
id! {
    /// An organization.
    OrganizationId
}
id! {
    /// A session: the `sid` of its tokens.
    SessionId
}
id! {
    /// A personal key, the `key_id` without its prefix and MAC.
    KeyId
}
id! {
    /// A single-use link.
    LinkId
}
id! {
    /// An identity provider's registration.
    ProviderId
}
id! {
    /// One attempt to sign on through an identity provider.
    AttemptId
}
id! {
    /// A store: made at creation, kept inside it and beside it.
    StoreId
}
