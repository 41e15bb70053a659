//! The words a session is told in: through which face, in which mode, proved how, renewed which way, ended why.

use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, LinkId};

/// Which face a session was opened through: the `client_id` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// The gRPC API.
    Grpc,
    /// The Graphistry routes.
    Graphistry,
    /// The Directus routes.
    Directus,
    /// Our own pages.
    Page,
}

impl Face {
    /// The `client_id` claim.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Graphistry => "graphistry",
            Self::Directus => "directus",
            Self::Page => "page",
        }
    }
}

/// Where the refresh token travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the message.
    Json,
    /// In a cookie; such a session never renews by access token.
    Cookie,
}

/// Which way a session renews: fixed by its first Refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Renewal {
    /// Not renewed yet.
    #[default]
    Unset,
    /// By refresh token.
    RefreshToken,
    /// By access token.
    AccessToken,
}

/// How the caller proved who it is: the `amr` claim (RFC 8176 values where there is one).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `pwd`
    Password,
    /// `otp`
    OneTimeCode,
    /// `rec`, a recovery code.
    RecoveryCode,
    /// `key`, a personal key.
    PersonalKey,
    /// `sso`, an identity provider.
    SignOn,
    /// `link`, a single-use link.
    Link,
}

impl Method {
    /// The value in `amr`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::OneTimeCode => "otp",
            Self::RecoveryCode => "rec",
            Self::PersonalKey => "key",
            Self::SignOn => "sso",
            Self::Link => "link",
        }
    }

    /// Reads a value of `amr` back; `None` for one that we do not write.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Password, Self::OneTimeCode, Self::RecoveryCode, Self::PersonalKey, Self::SignOn, Self::Link];
        all.into_iter().find(|method| method.as_str() == text)
    }
}

/// The credential a session came from, where it is one that can be revoked by itself.
///
/// Its text is `key:UUID` or `link:UUID`, the UUID in lower case: the `cred` claim of tokens, and what WatchRevocations calls
/// `credential_id`. A verifier compares the two as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// A personal key.
    Key(KeyId),
    /// A single-use link.
    Link(LinkId),
}

impl std::fmt::Display for Credential {
    /// `key:UUID` or `link:UUID`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Link(id) => write!(f, "link:{id}"),
        }
    }
}

impl Credential {
    /// Reads the text back; `None` for any other, also of the same id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = match text.split_once(':')? {
            ("key", id) => Self::Key(id.parse().ok()?),
            ("link", id) => Self::Link(id.parse().ok()?),
            _ => return None,
        };
        (parsed.to_string() == text).then_some(parsed)
    }
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Logout by its own caller, or RevokeSession.
    Logout,
    /// A refresh token older than the last but one was presented.
    Reused,
    /// The last but one was presented after its retry window.
    Late,
    /// A token ahead of the row: the store was restored from a backup, or the server key leaked.
    Ahead,
    /// The least recently refreshed of too many.
    Crowded,
}

/// Live or ended; an ended one is a tombstone until its last token has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Usable, if its generation and its end allow.
    Live,
    /// Ended by itself.
    Ended {
        /// When.
        at: Timestamp,
        /// Why.
        reason: EndReason,
    },
}
