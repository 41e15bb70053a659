//! Values that the cases are made of.

use std::time::Duration;

use countersign::model::clock::Timestamp;
use countersign::model::grant::Grant;
use countersign::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, SessionId, UserId};
use countersign::model::name::{Email, Folded, Name};
use countersign::model::personal_key::PersonalKey;
use countersign::model::revocation::Claim;
use countersign::model::session::{ChainHash, Face, Method, Mode, NewSession};
use countersign::model::user::{Generation, Roles, SecondFactor, User, UserParts};
use countersign::store::verbs::{Foundation, Founding, Granted, Opened, RenewSession};

use crate::world::{DAY, MOST};

pub(crate) fn founding(admin: User) -> Founding {
    let foundation = Foundation {
        issuer: "https://auth.example".to_owned(),
        epoch: 1,
        sealed_check: vec![1, 2, 3],
        server_keys: vec![(1, vec![4, 5, 6])],
    };
    Founding { foundation, signing_keys: Vec::new(), admin }
}

/// An enabled account with the password hash `phc-NAME`.
pub(crate) fn account(name: &str, roles: Roles) -> User {
    User::new(
        UserId::random(crate::random()),
        Name::parse(name).unwrap(),
        None,
        Some(format!("phc-{name}")),
        roles,
        Timestamp::from_secs(1_800_000_000),
    )
}

pub(crate) fn with_email(user: User, email: &str) -> User {
    User::try_from(UserParts { email: Some(Email::parse(email).unwrap()), ..user.into_parts() }).unwrap()
}

pub(crate) fn personal_key(user: UserId, now: Timestamp) -> PersonalKey {
    PersonalKey::new(KeyId::random(crate::random()), user, "a key".to_owned(), bytes(), now, None)
}

pub(crate) fn new_session(id: SessionId) -> NewSession {
    NewSession {
        id,
        tip: hash(id, 0),
        face: Face::Grpc,
        mode: Mode::Json,
        methods: vec![Method::Password],
        lifetime: DAY,
        most: MOST,
    }
}

/// Stands for the keyed hash of refresh token `n` of a session.
pub(crate) fn hash(session: SessionId, n: u32) -> ChainHash {
    let mut hash = *session.as_bytes();
    for (byte, of_n) in hash.iter_mut().zip(n.to_be_bytes()) {
        *byte ^= of_n;
    }
    hash
}

pub(crate) fn opened(outcome: Opened) -> Granted {
    match outcome {
        Opened::Opened(grant) => *grant,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn code(step: u64) -> SecondFactor {
    SecondFactor::TotpStep(step)
}

pub(crate) fn folded(name: &str) -> Folded {
    Folded::presented(name)
}

pub(crate) fn generation(n: u64) -> Generation {
    Generation(n)
}

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    crate::random().bytes()
}

pub(crate) fn session_id() -> SessionId {
    SessionId::derived(bytes())
}

pub(crate) fn link_id() -> LinkId {
    LinkId::derived(bytes())
}

pub(crate) fn organization_id() -> OrganizationId {
    OrganizationId::derived(bytes())
}

pub(crate) fn attempt_id() -> AttemptId {
    AttemptId::derived(bytes())
}

/// What revocations go by, of the token that a grant makes.
pub(crate) fn claim(grant: &Grant) -> Claim<'_> {
    Claim {
        subject: grant.subject(),
        generation: grant.generation(),
        organization: grant.organization(),
        session: grant.session(),
        credential: grant.credential(),
    }
}

/// The access token that a grant makes, as it is presented to be renewed.
pub(crate) fn access_token(granted: &Granted) -> RenewSession {
    RenewSession { session: granted.grant.session(), generation: granted.grant.generation() }
}
