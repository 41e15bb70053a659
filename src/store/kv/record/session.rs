//! The row of a session: as small as it can be, because there may be millions of them and each Refresh writes its row again.
//! What the key says is not said twice, times are distances from the login, and what few sessions have takes no byte of the others.

use std::time::Duration;

use super::Record;
use super::field::{Coded as _, Read, address, coded, exactly, folded, missing, read_address, time, unknown};
use super::messages::{self, credential, session, subject};
use crate::model::ids::{KeyId, LinkId, OrganizationId, SessionId, UserId};
use crate::model::organization::ActiveOrganization;
use crate::model::session::{Credential, EndReason, Face, Method, Mode, Renewal, Session, SessionParts, SessionState};
use crate::model::user::{Generation, Subject};
use crate::store::kv::key::Kind;
use crate::store::{Result, StoreError};

/// What a session is made of, but for its id, which its key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct SessionRow(SessionParts);

/// Stands for the id.
const SAID_BY_ITS_KEY: SessionId = SessionId::from_bytes([0; 16]);

impl SessionRow {
    /// The session of that id.
    pub(in crate::store::kv) fn session(self, id: SessionId) -> Result<Session> {
        let session = Session::try_from(SessionParts { id, ..self.0 });
        session.map_err(|impossible| StoreError::Corrupt(impossible.to_string()))
    }
}

impl From<Session> for SessionRow {
    fn from(session: Session) -> Self {
        Self(SessionParts { id: SAID_BY_ITS_KEY, ..session.into_parts() })
    }
}

coded! {
    Face, messages::Face {
        Self::Grpc => messages::Face::Grpc,
        Self::Graphistry => messages::Face::Graphistry,
        Self::Directus => messages::Face::Directus,
        Self::Page => messages::Face::Page,
    }
    Mode, messages::Mode {
        Self::Json => messages::Mode::Json,
        Self::Cookie => messages::Mode::Cookie,
    }
    Method, messages::Method {
        Self::Password => messages::Method::Password,
        Self::OneTimeCode => messages::Method::OneTimeCode,
        Self::RecoveryCode => messages::Method::RecoveryCode,
        Self::PersonalKey => messages::Method::PersonalKey,
        Self::SignOn => messages::Method::SignOn,
        Self::Link => messages::Method::Link,
    }
    EndReason, messages::EndReason {
        Self::Logout => messages::EndReason::Logout,
        Self::Reused => messages::EndReason::Reused,
        Self::Late => messages::EndReason::Late,
        Self::Ahead => messages::EndReason::Ahead,
        Self::Crowded => messages::EndReason::Crowded,
    }
}

impl Record for SessionRow {
    const KIND: Kind = Kind::Session;
    type Message = messages::Session;

    fn message(&self) -> Self::Message {
        let SessionParts {
            id: _,
            subject,
            username,
            generation,
            organization,
            dataset_id,
            credential,
            face,
            mode,
            methods,
            renewal,
            auth_time,
            expire_time,
            n,
            tip,
            refresh_time,
            source,
            state,
        } = &self.0;
        messages::Session {
            subject: Some(match subject {
                Subject::User(id) => session::Subject::User(id.as_bytes().to_vec()),
                Subject::Guest(name) => session::Subject::Guest(name.as_str().to_owned()),
            }),
            generation: generation.0,
            face: face.code(),
            mode: mode.code(),
            methods: methods.iter().map(|method| method.code()).collect(),
            renewal: write_renewal(*renewal).into(),
            auth_time: Some(auth_time.micros()),
            lifetime: micros(expire_time.since(*auth_time)),
            refreshed_after: micros(refresh_time.since(*auth_time)),
            source: address(*source),
            n: *n,
            tip: tip.to_vec(),
            ended: match *state {
                SessionState::Live => None,
                SessionState::Ended { at, reason } => Some(messages::SessionEnd { at: Some(at.micros()), reason: reason.code() }),
            },
            username: username.clone(),
            organization: match organization {
                ActiveOrganization::Personal => None,
                ActiveOrganization::Member(id) => Some(id.as_bytes().to_vec()),
            },
            dataset_id: dataset_id.clone(),
            credential: credential.map(credential_message),
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let auth_time = time(message.auth_time, "auth_time")?;
        let state = match message.ended {
            None => SessionState::Live,
            Some(ended) => {
                SessionState::Ended { at: time(ended.at, "ended.at")?, reason: EndReason::coded(ended.reason, "ended.reason")? }
            }
        };
        let organization = match message.organization {
            None => ActiveOrganization::Personal,
            Some(id) => ActiveOrganization::Member(OrganizationId::from_bytes(exactly(&id, "organization")?)),
        };
        Ok(Self(SessionParts {
            id: SAID_BY_ITS_KEY,
            subject: match message.subject.ok_or_else(|| missing("subject"))? {
                session::Subject::User(id) => Subject::User(UserId::from_bytes(exactly(&id, "user")?)),
                session::Subject::Guest(name) => Subject::Guest(folded(&name, "guest")?),
            },
            username: message.username,
            generation: Generation(message.generation),
            organization,
            dataset_id: message.dataset_id,
            credential: message.credential.map(read_credential).transpose()?,
            face: Face::coded(message.face, "face")?,
            mode: Mode::coded(message.mode, "mode")?,
            methods: message.methods.into_iter().map(|method| Method::coded(method, "methods")).collect::<Read<_>>()?,
            renewal: read_renewal(message.renewal)?,
            auth_time,
            expire_time: auth_time.plus(Duration::from_micros(message.lifetime)),
            n: message.n,
            tip: exactly(&message.tip, "tip")?,
            refresh_time: auth_time.plus(Duration::from_micros(message.refreshed_after)),
            source: read_address(message.source.as_deref(), "source")?,
            state,
        }))
    }
}

/// Not to be renewed yet is the one state that takes no byte.
fn write_renewal(renewal: Renewal) -> messages::Renewal {
    match renewal {
        Renewal::Unset => messages::Renewal::Unspecified,
        Renewal::RefreshToken => messages::Renewal::RefreshToken,
        Renewal::AccessToken => messages::Renewal::AccessToken,
    }
}

fn read_renewal(code: i32) -> Read<Renewal> {
    match messages::Renewal::try_from(code) {
        Ok(messages::Renewal::Unspecified) => Ok(Renewal::Unset),
        Ok(messages::Renewal::RefreshToken) => Ok(Renewal::RefreshToken),
        Ok(messages::Renewal::AccessToken) => Ok(Renewal::AccessToken),
        Err(_) => Err(unknown("renewal", code)),
    }
}

/// Times are whole microseconds, and so is what lies between two of them.
pub(super) fn micros(between: Duration) -> u64 {
    u64::try_from(between.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn subject_message(subject: &Subject) -> messages::Subject {
    messages::Subject {
        of: Some(match subject {
            Subject::User(id) => subject::Of::User(id.as_bytes().to_vec()),
            Subject::Guest(name) => subject::Of::Guest(name.as_str().to_owned()),
        }),
    }
}

pub(super) fn read_subject(message: messages::Subject) -> Read<Subject> {
    match message.of.ok_or_else(|| missing("subject"))? {
        subject::Of::User(id) => Ok(Subject::User(UserId::from_bytes(exactly(&id, "subject.user")?))),
        subject::Of::Guest(name) => Ok(Subject::Guest(folded(&name, "subject.guest")?)),
    }
}

pub(super) fn credential_message(credential: Credential) -> messages::Credential {
    messages::Credential {
        of: Some(match credential {
            Credential::Key(id) => credential::Of::Key(id.as_bytes().to_vec()),
            Credential::Link(id) => credential::Of::Link(id.as_bytes().to_vec()),
        }),
    }
}

pub(super) fn read_credential(message: messages::Credential) -> Read<Credential> {
    match message.of.ok_or_else(|| missing("credential"))? {
        credential::Of::Key(id) => Ok(Credential::Key(KeyId::from_bytes(exactly(&id, "credential.key")?))),
        credential::Of::Link(id) => Ok(Credential::Link(LinkId::from_bytes(exactly(&id, "credential.link")?))),
    }
}
