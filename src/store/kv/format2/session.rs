//! Sessions.

use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;

use super::{Id, Record2, folded, impossible};
use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, LinkId, OrganizationId, SessionId, UserId};
use crate::model::organization::ActiveOrganization;
use crate::model::session;
use crate::model::user::{self, Generation};
use crate::store::Result;
use crate::store::kv::record;

#[derive(Deserialize)]
pub(super) enum Subject {
    User(Id),
    Guest(String),
}

impl Subject {
    pub(super) fn now(self) -> user::Subject {
        match self {
            Self::User(id) => user::Subject::User(UserId::from_bytes(id)),
            Self::Guest(name) => user::Subject::Guest(folded(&name)),
        }
    }
}

#[derive(Deserialize)]
pub(super) enum Credential {
    Key(Id),
    Link(Id),
}

impl Credential {
    pub(super) fn now(self) -> session::Credential {
        match self {
            Self::Key(id) => session::Credential::Key(KeyId::from_bytes(id)),
            Self::Link(id) => session::Credential::Link(LinkId::from_bytes(id)),
        }
    }
}

#[derive(Deserialize)]
enum Face {
    Grpc,
    Graphistry,
    Directus,
    Page,
}

#[derive(Deserialize)]
enum Mode {
    Json,
    Cookie,
}

#[derive(Deserialize)]
enum Method {
    Password,
    OneTimeCode,
    RecoveryCode,
    PersonalKey,
    SignOn,
    Link,
}

#[derive(Deserialize)]
enum Renewal {
    Unset,
    RefreshToken,
    AccessToken,
}

#[derive(Deserialize)]
enum EndReason {
    Logout,
    Reused,
    Late,
    Ahead,
    Crowded,
}

#[derive(Deserialize)]
enum State {
    Live,
    Ended { at: u64, reason: EndReason },
}

#[derive(Deserialize)]
enum Organization {
    Personal,
    Member(Id),
}

#[derive(Deserialize)]
struct Rare {
    username: String,
    organization: Organization,
    dataset_id: Option<String>,
    credential: Option<Credential>,
}

#[derive(Deserialize)]
pub(super) struct SessionRow {
    subject: Subject,
    rare: Option<Rare>,
    generation: u64,
    face: Face,
    mode: Mode,
    methods: Vec<Method>,
    renewal: Renewal,
    auth_time: u64,
    lifetime: Duration,
    /// Microseconds from `auth_time` on.
    rotated_after: u64,
    source: Option<IpAddr>,
    n: u32,
    tip: [u8; 16],
    state: State,
}

impl Record2 for SessionRow {
    type Now = record::SessionRow;

    fn now(self) -> Result<Self::Now> {
        let auth_time = Timestamp::from_micros(self.auth_time);
        let Rare { username, organization, dataset_id, credential } = self.rare.unwrap_or(Rare {
            username: String::new(),
            organization: Organization::Personal,
            dataset_id: None,
            credential: None,
        });
        let parts = session::SessionParts {
            // Said by its key.
            id: SessionId::from_bytes([0; 16]),
            subject: self.subject.now(),
            username,
            generation: Generation(self.generation),
            organization: match organization {
                Organization::Personal => ActiveOrganization::Personal,
                Organization::Member(id) => ActiveOrganization::Member(OrganizationId::from_bytes(id)),
            },
            dataset_id,
            credential: credential.map(Credential::now),
            face: match self.face {
                Face::Grpc => session::Face::Grpc,
                Face::Graphistry => session::Face::Graphistry,
                Face::Directus => session::Face::Directus,
                Face::Page => session::Face::Page,
            },
            mode: match self.mode {
                Mode::Json => session::Mode::Json,
                Mode::Cookie => session::Mode::Cookie,
            },
            methods: self.methods.iter().map(method).collect(),
            renewal: match self.renewal {
                Renewal::Unset => session::Renewal::Unset,
                Renewal::RefreshToken => session::Renewal::RefreshToken,
                Renewal::AccessToken => session::Renewal::AccessToken,
            },
            auth_time,
            expire_time: auth_time.plus(self.lifetime),
            n: self.n,
            tip: self.tip,
            refresh_time: auth_time.plus(Duration::from_micros(self.rotated_after)),
            source: self.source,
            state: match self.state {
                State::Live => session::SessionState::Live,
                State::Ended { at, reason } => {
                    session::SessionState::Ended { at: Timestamp::from_micros(at), reason: ended(&reason) }
                }
            },
        };
        session::Session::try_from(parts).map(record::SessionRow::from).map_err(impossible)
    }
}

fn method(method: &Method) -> session::Method {
    match method {
        Method::Password => session::Method::Password,
        Method::OneTimeCode => session::Method::OneTimeCode,
        Method::RecoveryCode => session::Method::RecoveryCode,
        Method::PersonalKey => session::Method::PersonalKey,
        Method::SignOn => session::Method::SignOn,
        Method::Link => session::Method::Link,
    }
}

fn ended(reason: &EndReason) -> session::EndReason {
    match reason {
        EndReason::Logout => session::EndReason::Logout,
        EndReason::Reused => session::EndReason::Reused,
        EndReason::Late => session::EndReason::Late,
        EndReason::Ahead => session::EndReason::Ahead,
        EndReason::Crowded => session::EndReason::Crowded,
    }
}
