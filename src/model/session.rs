//! Sessions: one row each, a chain of refresh tokens of which the row knows only the tip.
//!
//! ```text
//! Live(n) --Refresh with n--> Live(n+1)         the successor, once
//! Live(n) --Refresh with n-1, within 10 s--> Live(n)   the same successor again
//! Live(n) --anything older, or later--> Ended(Reused)
//! Live(n) --Logout, a sweep of the oldest--> Ended(..)
//! ```

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::ids::{KeyId, LinkId, SessionId};
use super::organization::ActiveOrganization;
use super::user::{Generation, Subject};

/// How long after a rotation the token before it is answered with the same successor. Absolute, never re-armed.
pub const ROTATION_RETRY: Duration = Duration::from_secs(10);
/// A session that ends within this answers SESSION_EXPIRED to Refresh.
pub const LAST_MOMENTS: Duration = Duration::from_secs(90);

/// What a row keeps of the tip of its chain: 128 bits of a keyed hash, as many as the tip itself has.
pub type ChainHash = [u8; 16];

/// Which face a session was opened through: the `client_id` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// In the message.
    Json,
    /// In a cookie; such a session never renews by access token.
    Cookie,
}

/// Which way a session renews: fixed by its first Refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// The credential a session came from, where it is one that can be revoked by itself: the `cred` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Credential {
    /// A personal key.
    Key(KeyId),
    /// A single-use link.
    Link(LinkId),
}

impl std::fmt::Display for Credential {
    /// The `cred` claim: `key:UUID` or `link:UUID`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Link(id) => write!(f, "link:{id}"),
        }
    }
}

impl Credential {
    /// Reads a `cred` claim back; `None` where it is neither form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("key", id) => id.parse().ok().map(Self::Key),
            ("link", id) => id.parse().ok().map(Self::Link),
            _ => None,
        }
    }
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// Logout by its own caller, or RevokeSession.
    Logout,
    /// A refresh token older than the last but one was presented.
    Reused,
    /// The last but one was presented after its retry window.
    Late,
    /// A token ahead of the row: the store was restored from a backup, or the server key leaked.
    Ahead,
    /// The oldest of too many.
    Crowded,
}

/// Live or ended; an ended one is a tombstone until its last token has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A session, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id, the `sid` of its tokens.
    pub id: SessionId,
    /// Whose it is.
    pub subject: Subject,
    /// `guest:NAME` as the issuer wrote it; empty for an account, whose tokens show its name.
    pub username: String,
    /// Its subject's generation, read before the credential was checked.
    pub generation: Generation,
    /// Where it acts.
    pub organization: ActiveOrganization,
    /// The dataset a guest is confined to.
    pub dataset_id: Option<String>,
    /// What opened it, where that can be revoked by itself.
    pub credential: Option<Credential>,
    /// Through which face.
    pub face: Face,
    /// Where its refresh token travels.
    pub mode: Mode,
    /// How its caller proved who it is.
    pub methods: Vec<Method>,
    /// Which way it renews.
    pub renewal: Renewal,
    /// When its credential was checked.
    pub auth_time: Timestamp,
    /// From when on (inclusive) it is over, whatever was refreshed.
    pub expire_time: Timestamp,
    /// The number of the tip of its chain.
    pub n: u32,
    /// Keyed hash of the tip, R(n).
    pub tip: ChainHash,
    /// When the tip became the tip.
    pub rotate_time: Timestamp,
    /// Where it was last opened or refreshed from.
    pub source: Option<IpAddr>,
    /// Live or ended.
    pub state: SessionState,
}

/// What a refresh token, shown to its session's row, turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented {
    /// The tip: it may be exchanged.
    Tip,
    /// The last but one, and its successor, the tip, was given out at most [`ROTATION_RETRY`] ago: that one again.
    Retry,
    /// Stolen, or as good as: the session ends.
    Reused(EndReason),
    /// Not of this chain.
    Foreign,
}

impl Session {
    /// What token number `n` with the keyed hash `presented`, whose successor has the hash `successor`, is at `now`.
    ///
    /// Only for a token whose MAC was right: of a number other than the tip's and the one before it there is no hash to compare.
    #[must_use]
    pub fn presented(&self, n: u32, presented: &ChainHash, successor: &ChainHash, now: Timestamp) -> Presented {
        if n > self.n {
            return Presented::Reused(EndReason::Ahead);
        }
        match self.n - n {
            0 if *presented == self.tip => Presented::Tip,
            1 if *successor == self.tip && now.since(self.rotate_time) <= ROTATION_RETRY => Presented::Retry,
            1 if *successor == self.tip => Presented::Reused(EndReason::Late),
            0 | 1 => Presented::Foreign,
            _ => Presented::Reused(EndReason::Reused),
        }
    }

    /// True where its first refresh token was never used: what opened it may be answered again.
    #[must_use]
    pub fn unused(&self) -> bool {
        self.n == 0 && self.renewal == Renewal::Unset
    }

    /// True where it is live at `now`, its generation aside.
    #[must_use]
    pub fn lives(&self, now: Timestamp) -> bool {
        self.state == SessionState::Live && now < self.expire_time
    }
}
