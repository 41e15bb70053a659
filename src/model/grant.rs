//! What a token is made of.

use super::clock::Timestamp;
use super::ids::SessionId;
use super::organization::Organization;
use super::personal_key::{KEY_SESSION, PersonalKey};
use super::session::{Credential, Face, Method, Mode, Session};
use super::user::{Generation, Holder, Roles, Subject, User};

/// What a token is made of, read in the commit (or the one read) that allowed it: made from a session, or from a personal key,
/// whose token has a session id without a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    subject: Subject,
    session: SessionId,
    generation: Generation,
    username: String,
    roles: Roles,
    organization: String,
    dataset_id: Option<String>,
    credential: Option<Credential>,
    face: Face,
    mode: Mode,
    methods: Vec<Method>,
    auth_time: Timestamp,
    expire_time: Timestamp,
}

/// A personal key that is exchanged, or whose token is renewed.
#[derive(Clone, Copy, Debug)]
pub struct KeyExchange {
    /// The `sid` that its token has; there is no row of that id.
    pub session: SessionId,
    /// Through which face.
    pub face: Face,
    /// When the key was presented.
    pub auth_time: Timestamp,
}

impl Grant {
    /// A token of a session, as its holder is now. `acting` is the organization where the session acts, if the holder still
    /// belongs to it: without it the token is for the holder's own. `None` where the holder is no more, or is not the session's.
    #[must_use]
    pub fn of_session(session: &Session, holder: &Holder, acting: Option<&Organization>) -> Option<Self> {
        let (generation, username, roles, organization) = match (holder, session.subject()) {
            (Holder::Account(user), Subject::User(id)) if user.id() == *id => {
                let organization = acting.map_or(user.name(), |acting| &acting.name).as_str().to_owned();
                (user.generations().current(), user.name().as_str().to_owned(), user.roles(), organization)
            }
            (Holder::Guest(guest), Subject::Guest(name)) if guest.name() == name => {
                (guest.generations().current(), session.username().to_owned(), Roles::default(), String::new())
            }
            _ => return None,
        };
        Some(Self {
            subject: session.subject().clone(),
            session: session.id(),
            generation,
            username,
            roles,
            organization,
            dataset_id: session.dataset_id().map(str::to_owned),
            credential: session.credential(),
            face: session.face(),
            mode: session.mode(),
            methods: session.methods().to_vec(),
            auth_time: session.auth_time(),
            expire_time: session.expire_time(),
        })
    }

    /// A token of a personal key, as its owner is now, for the organization of that name.
    #[must_use]
    pub fn of_key(key: &PersonalKey, owner: &User, organization: String, exchange: KeyExchange) -> Self {
        let KeyExchange { session, face, auth_time } = exchange;
        Self {
            subject: Subject::User(owner.id()),
            session,
            generation: owner.generations().current(),
            username: owner.name().as_str().to_owned(),
            roles: owner.roles(),
            organization,
            dataset_id: None,
            credential: Some(Credential::Key(key.id())),
            face,
            mode: Mode::Json,
            methods: vec![Method::PersonalKey],
            auth_time,
            expire_time: auth_time.plus(KEY_SESSION),
        }
    }

    /// The token's `sub`.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The token's `sid`.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The subject's current generation, the token's `gen`.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// The username as it is now (`guest:NAME` for a guest).
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The roles as they are now; none for a guest.
    #[must_use]
    pub const fn roles(&self) -> Roles {
        self.roles
    }

    /// The active organization's name; the personal one where none was asked for or the membership was lost; empty for a guest.
    #[must_use]
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// The dataset a guest is confined to.
    #[must_use]
    pub fn dataset_id(&self) -> Option<&str> {
        self.dataset_id.as_deref()
    }

    /// The token's `cred`.
    #[must_use]
    pub const fn credential(&self) -> Option<Credential> {
        self.credential
    }

    /// The token's `client_id`.
    #[must_use]
    pub const fn face(&self) -> Face {
        self.face
    }

    /// Where the refresh token travels.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The token's `amr`.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// When the credential was checked.
    #[must_use]
    pub const fn auth_time(&self) -> Timestamp {
        self.auth_time
    }

    /// When the session is over, whatever is refreshed (exclusive); no token lives longer.
    #[must_use]
    pub const fn expire_time(&self) -> Timestamp {
        self.expire_time
    }
}
