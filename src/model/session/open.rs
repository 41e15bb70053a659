//! Opening a session.

use std::net::IpAddr;
use std::time::Duration;

use super::{ChainHash, Credential, Face, Method, Mode, Renewal, Session, SessionParts, SessionState};
use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, LinkId, SessionId, UserId};
use crate::model::name::Folded;
use crate::model::organization::ActiveOrganization;
use crate::model::user::{Generation, Subject};

/// A session to be opened: what does not depend on what the commit finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Keyed hash of R(0).
    pub tip: ChainHash,
    /// Through which face.
    pub face: Face,
    /// Where its refresh token travels.
    pub mode: Mode,
    /// How its caller proved who it is.
    pub methods: Vec<Method>,
    /// How long it lasts from the commit on.
    pub lifetime: Duration,
    /// How many live sessions its subject may have; the least recently refreshed end.
    pub most: u32,
}

/// Whose a session will be, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An account.
    Account {
        /// The account.
        user: UserId,
        /// Where it acts.
        organization: ActiveOrganization,
        /// The personal key that opened it, where one did.
        key: Option<KeyId>,
    },
    /// A guest.
    Guest {
        /// The name as the issuer of the link wrote it, without `guest:`.
        name: String,
        /// The dataset it is confined to.
        dataset_id: String,
        /// The link that opened it.
        link: LinkId,
        /// The session ends then at the latest.
        latest_end: Timestamp,
    },
}

/// When and from where a session is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// When its credential was checked; not after `now`.
    pub auth_time: Timestamp,
    /// The time of the commit.
    pub now: Timestamp,
    /// From where.
    pub source: Option<IpAddr>,
}

impl Opening {
    /// With a credential that is checked now.
    #[must_use]
    pub const fn at(now: Timestamp, source: Option<IpAddr>) -> Self {
        Self { auth_time: now, now, source }
    }
}

impl Session {
    /// A live session of `owner`, whose generation was read before its credential was checked.
    #[must_use]
    pub fn open(new: &NewSession, owner: Owner, generation: Generation, opening: Opening) -> Self {
        let Opening { auth_time, now, source } = opening;
        let end = now.plus(new.lifetime);
        let (subject, username, organization, dataset_id, credential, expire_time) = match owner {
            Owner::Account { user, organization, key } => {
                (Subject::User(user), String::new(), organization, None, key.map(Credential::Key), end)
            }
            Owner::Guest { name, dataset_id, link, latest_end } => (
                Subject::Guest(Folded::presented(&name)),
                format!("guest:{name}"),
                ActiveOrganization::Personal,
                Some(dataset_id),
                Some(Credential::Link(link)),
                end.min(latest_end).max(now),
            ),
        };
        Self(SessionParts {
            id: new.id,
            subject,
            username,
            generation,
            organization,
            dataset_id,
            credential,
            face: new.face,
            mode: new.mode,
            methods: new.methods.clone(),
            renewal: Renewal::Unset,
            auth_time: auth_time.min(now),
            expire_time,
            n: 0,
            tip: new.tip,
            refresh_time: now,
            source,
            state: SessionState::Live,
        })
    }
}
