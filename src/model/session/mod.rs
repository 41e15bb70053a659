//! Sessions: one row each, a chain of refresh tokens of which the row knows only the tip.
//!
//! ```text
//! Live(n) --Refresh with n--> Live(n+1)         the successor, once
//! Live(n) --Refresh with n-1, within 10 s--> Live(n)   the same successor again
//! Live(n) --anything older, or later--> Ended(Reused)
//! Live(n) --Logout, too many others--> Ended(..)
//! ```

mod again;
mod chain;
mod end;
mod open;
#[cfg(test)]
mod tests;
mod words;

use std::net::IpAddr;
use std::time::Duration;

pub use self::chain::{Presented, PresentedToken, RENEWALS_NOTED_EACH, ROTATION_RETRY, SessionRenewed, SessionRotated};
pub use self::end::SessionEnded;
pub use self::open::{NewSession, Opening, Owner};
pub use self::words::{Credential, EndReason, Face, Method, Mode, Renewal, SessionState};
use super::clock::Timestamp;
use super::decision::Impossible;
use super::ids::SessionId;
use super::name::Folded;
use super::organization::ActiveOrganization;
use super::user::{Generation, Standing, Subject};

/// A session that ends within this answers SESSION_EXPIRED to Refresh.
pub const LAST_MOMENTS: Duration = Duration::from_secs(90);

/// What a row keeps of the tip of its chain: 128 bits of a keyed hash, as many as the tip itself has.
pub type ChainHash = [u8; 16];

/// What a [`Session`] is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionParts {
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
    /// When it was last refreshed, first of all when it was opened: when the tip became the tip, or, where it renews by access token,
    /// when a renewal was last noted.
    pub refresh_time: Timestamp,
    /// Where it was last opened or refreshed from.
    pub source: Option<IpAddr>,
    /// Live or ended.
    pub state: SessionState,
}

/// A session, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session(SessionParts);

/// How a session stands, its subject considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It can be used.
    Live,
    /// It was ended, by itself or with everything of its subject.
    Ended,
    /// Its time is up.
    Over,
}

impl Session {
    /// Its id, the `sid` of its tokens.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.0.id
    }

    /// Whose it is.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.0.subject
    }

    /// `guest:NAME` as the issuer wrote it; empty for an account, whose tokens show its name.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// Its subject's generation, read before the credential was checked.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.0.generation
    }

    /// Where it acts.
    #[must_use]
    pub const fn organization(&self) -> ActiveOrganization {
        self.0.organization
    }

    /// The dataset a guest is confined to.
    #[must_use]
    pub fn dataset_id(&self) -> Option<&str> {
        self.0.dataset_id.as_deref()
    }

    /// What opened it, where that can be revoked by itself.
    #[must_use]
    pub const fn credential(&self) -> Option<Credential> {
        self.0.credential
    }

    /// Through which face.
    #[must_use]
    pub const fn face(&self) -> Face {
        self.0.face
    }

    /// Where its refresh token travels.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.0.mode
    }

    /// How its caller proved who it is.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.0.methods
    }

    /// Which way it renews.
    #[must_use]
    pub const fn renewal(&self) -> Renewal {
        self.0.renewal
    }

    /// When its credential was checked.
    #[must_use]
    pub const fn auth_time(&self) -> Timestamp {
        self.0.auth_time
    }

    /// From when on (inclusive) it is over, whatever was refreshed.
    #[must_use]
    pub const fn expire_time(&self) -> Timestamp {
        self.0.expire_time
    }

    /// The number of the tip of its chain.
    #[must_use]
    pub const fn n(&self) -> u32 {
        self.0.n
    }

    /// Keyed hash of the tip, R(n).
    #[must_use]
    pub const fn tip(&self) -> &ChainHash {
        &self.0.tip
    }

    /// When it was last refreshed, first of all when it was opened: when the tip became the tip, or, where it renews by access token,
    /// when a renewal was last noted.
    #[must_use]
    pub const fn refresh_time(&self) -> Timestamp {
        self.0.refresh_time
    }

    /// Where it was last opened or refreshed from.
    #[must_use]
    pub const fn source(&self) -> Option<IpAddr> {
        self.0.source
    }

    /// Live or ended.
    #[must_use]
    pub const fn state(&self) -> SessionState {
        self.0.state
    }

    /// How it stands at `now`, where its subject stands so. One that was ended is that also when its time is up.
    #[must_use]
    pub fn life(&self, standing: Standing, now: Timestamp) -> Life {
        let ended = self.0.state != SessionState::Live || !standing.session_lives(self.0.generation);
        match ended {
            true => Life::Ended,
            false if now >= self.0.expire_time => Life::Over,
            false => Life::Live,
        }
    }

    /// True where it can be used at `now` by a subject that stands so.
    #[must_use]
    pub fn lives(&self, standing: Standing, now: Timestamp) -> bool {
        self.life(standing, now) == Life::Live
    }

    /// Its row with the generation that its subject has now: what a change of password does for the session it came through.
    pub(super) fn moved_to(self, generation: Generation) -> Self {
        Self(SessionParts { generation, ..self.0 })
    }

    fn in_last_moments(&self, now: Timestamp) -> bool {
        now.plus(LAST_MOMENTS) >= self.0.expire_time
    }

    /// What it is made of.
    #[must_use]
    pub fn into_parts(self) -> SessionParts {
        self.0
    }
}

impl TryFrom<SessionParts> for Session {
    type Error = Impossible;

    fn try_from(parts: SessionParts) -> Result<Self, Impossible> {
        let by_refresh = parts.renewal == Renewal::RefreshToken;
        let in_cookie = parts.mode == Mode::Cookie && parts.renewal == Renewal::AccessToken;
        let ended_early = matches!(parts.state, SessionState::Ended { at, .. } if at < parts.refresh_time);
        let rules = [
            (parts.auth_time <= parts.refresh_time, "rotated before its login"),
            (parts.refresh_time <= parts.expire_time, "rotated after its end"),
            ((parts.n > 0) == by_refresh, "its number and the way it renews do not agree"),
            (!in_cookie, "in a cookie, and renewed by access token"),
            (!ended_early, "ended before it was rotated last"),
            (of_its_subject(&parts), "what it was opened with is not its subject's"),
        ];
        Impossible::unless("Session", &rules).map(|()| Self(parts))
    }
}

/// A guest comes through a link, for a dataset and under a name of its own; an account has none of these.
fn of_its_subject(parts: &SessionParts) -> bool {
    let link = matches!(parts.credential, Some(Credential::Link(_)));
    match &parts.subject {
        Subject::User(_) => parts.username.is_empty() && parts.dataset_id.is_none() && !link,
        Subject::Guest(name) => {
            let named = parts.username.strip_prefix("guest:").is_some_and(|guest| Folded::presented(guest) == *name);
            named && parts.dataset_id.is_some() && link && parts.organization == ActiveOrganization::Personal
        }
    }
}
