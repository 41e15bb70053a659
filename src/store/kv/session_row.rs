//! The row of a session: as small as it can be, because there may be millions of them and each Refresh writes its row again.
//! What the key says is not said twice, times are distances from the login, and what few sessions have takes a byte of the others.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::engine::View;
use super::key;
use super::record::{load, put};
use super::tx::Tx;
use crate::model::clock::Timestamp;
use crate::model::ids::SessionId;
use crate::model::organization::ActiveOrganization;
use crate::model::session::{ChainHash, Credential, Face, Method, Mode, Renewal, Session, SessionParts, SessionState};
use crate::model::user::{Generation, Subject};
use crate::store::{Result, StoreError};

/// A session without the id that its key says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SessionRow {
    subject: Subject,
    rare: Option<Box<Rare>>,
    generation: Generation,
    face: Face,
    mode: Mode,
    methods: Vec<Method>,
    renewal: Renewal,
    auth_time: Timestamp,
    lifetime: Duration,
    /// Microseconds from `auth_time` on.
    rotated_after: u64,
    source: Option<IpAddr>,
    n: u32,
    tip: ChainHash,
    state: SessionState,
}

/// What most sessions do not have: they are of an account, in its personal organization, opened by its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Rare {
    username: String,
    organization: ActiveOrganization,
    dataset_id: Option<String>,
    credential: Option<Credential>,
}

impl Rare {
    const NONE: Self =
        Self { username: String::new(), organization: ActiveOrganization::Personal, dataset_id: None, credential: None };
}

pub(super) fn session(view: &dyn View, id: SessionId) -> Result<Option<Session>> {
    load::<SessionRow>(view, &key::session(id))?.map(|row| row.session(id)).transpose()
}

pub(super) fn put_session(tx: &mut Tx<'_>, session: Session) -> Result<()> {
    let key = key::session(session.id());
    put(tx, key, &SessionRow::from(session))
}

impl SessionRow {
    fn session(self, id: SessionId) -> Result<Session> {
        let Rare { username, organization, dataset_id, credential } = self.rare.map_or(Rare::NONE, |rare| *rare);
        let parts = SessionParts {
            id,
            expire_time: self.auth_time.plus(self.lifetime),
            rotate_time: self.auth_time.plus(Duration::from_micros(self.rotated_after)),
            subject: self.subject,
            username,
            generation: self.generation,
            organization,
            dataset_id,
            credential,
            face: self.face,
            mode: self.mode,
            methods: self.methods,
            renewal: self.renewal,
            auth_time: self.auth_time,
            source: self.source,
            n: self.n,
            tip: self.tip,
            state: self.state,
        };
        Session::try_from(parts).map_err(|impossible| StoreError::Corrupt(impossible.to_string()))
    }
}

impl From<Session> for SessionRow {
    fn from(session: Session) -> Self {
        let session = session.into_parts();
        let rare = Rare {
            username: session.username,
            organization: session.organization,
            dataset_id: session.dataset_id,
            credential: session.credential,
        };
        Self {
            lifetime: session.expire_time.since(session.auth_time),
            rotated_after: session.rotate_time.micros().saturating_sub(session.auth_time.micros()),
            subject: session.subject,
            rare: (rare != Rare::NONE).then(|| Box::new(rare)),
            generation: session.generation,
            face: session.face,
            mode: session.mode,
            methods: session.methods,
            renewal: session.renewal,
            auth_time: session.auth_time,
            source: session.source,
            n: session.n,
            tip: session.tip,
            state: session.state,
        }
    }
}
