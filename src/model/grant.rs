//! What a token is made of.

use super::clock::Timestamp;
use super::ids::SessionId;
use super::organization::{Organization, OrganizationRole};
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
    organization_role: Option<OrganizationRole>,
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
            organization_role: None,
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
            organization_role: None,
            dataset_id: None,
            credential: Some(Credential::Key(key.id())),
            face,
            mode: Mode::Json,
            methods: vec![Method::PersonalKey],
            auth_time,
            expire_time: auth_time.plus(KEY_SESSION),
        }
    }

    /// With what its subject is in the organization; `None` in its own.
    #[must_use]
    pub fn with_organization_role(self, organization_role: Option<OrganizationRole>) -> Self {
        Self { organization_role, ..self }
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

    /// What the subject is in that organization; `None` in its own, and for a guest.
    #[must_use]
    pub const fn organization_role(&self) -> Option<OrganizationRole> {
        self.organization_role
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::ids::{KeyId, LinkId, OrganizationId, UserId};
    use crate::model::name::{Folded, Name};
    use crate::model::organization::ActiveOrganization;
    use crate::model::session::{NewSession, Opening, Owner};
    use crate::model::user::{Generations, Guest};

    fn now() -> Timestamp {
        Timestamp::from_secs(1_800_000_000)
    }

    fn ann() -> User {
        let roles = Roles { staff: true, superuser: false };
        User::new(UserId::from_bytes([1; 16]), Name::parse("Ann").unwrap(), None, None, roles, now())
    }

    fn opened(owner: Owner) -> Session {
        let new = NewSession {
            id: SessionId::from_bytes([2; 16]),
            tip: [0; 16],
            face: Face::Page,
            mode: Mode::Cookie,
            methods: vec![Method::Link],
            lifetime: Duration::from_hours(1),
            most: 1,
        };
        Session::open(&new, owner, Generation(0), Opening::at(now(), None))
    }

    #[test]
    fn an_account_is_what_it_is_now() {
        let (id, name) = (OrganizationId::from_bytes([3; 16]), Name::parse("Team").unwrap());
        let team = Organization { id, name, create_time: now(), require_factor: false };
        let organization = ActiveOrganization::Member(team.id);
        let session = opened(Owner::Account { user: ann().id(), organization, key: None });
        let user = ann().narrow(9).value;
        let holder = Holder::Account(user.clone());
        let grant = Grant::of_session(&session, &holder, Some(&team)).unwrap();
        assert_eq!((grant.username(), grant.organization(), grant.roles()), ("Ann", "Team", user.roles()));
        assert_eq!((grant.generation(), grant.expire_time()), (Generation(9), session.expire_time()));
        assert_eq!(Grant::of_session(&session, &holder, None).unwrap().organization(), "Ann", "no longer a member");
        let guest = Holder::Guest(Guest::new(Folded::presented("ann"), Generations::default()));
        assert_eq!([Grant::of_session(&session, &guest, None), Grant::of_session(&session, &Holder::Gone, None)], [None, None]);
    }

    #[test]
    fn a_guest_has_no_roles_and_no_organization() {
        let link = LinkId::from_bytes([4; 16]);
        let latest_end = now().plus(Duration::from_mins(1));
        let session = opened(Owner::Guest { name: "Admin".to_owned(), dataset_id: "dataset".to_owned(), link, latest_end });
        let holder = Holder::Guest(Guest::new(Folded::presented("ADMIN"), Generations::default()));
        let grant = Grant::of_session(&session, &holder, None).unwrap();
        assert_eq!((grant.username(), grant.organization(), grant.roles()), ("guest:Admin", "", Roles::default()));
        assert_eq!((grant.dataset_id(), grant.credential()), (Some("dataset"), Some(Credential::Link(link))));
        assert_eq!((grant.mode(), grant.expire_time()), (Mode::Cookie, latest_end));
        assert_eq!(Grant::of_session(&session, &Holder::Account(ann()), None), None);
    }

    #[test]
    fn a_key_gives_a_token_without_a_session() {
        let key = PersonalKey::new(KeyId::from_bytes([5; 16]), ann().id(), "a key".to_owned(), [0; 32], now(), None);
        let exchange = KeyExchange { session: SessionId::from_bytes([6; 16]), face: Face::Grpc, auth_time: now() };
        let grant = Grant::of_key(&key, &ann(), "Team".to_owned(), exchange);
        assert_eq!((grant.session(), grant.credential()), (exchange.session, Some(Credential::Key(key.id()))));
        assert_eq!((grant.methods(), grant.mode()), (&[Method::PersonalKey][..], Mode::Json));
        assert_eq!((grant.auth_time(), grant.expire_time()), (now(), now().plus(KEY_SESSION)));
    }
}
