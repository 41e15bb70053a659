//! Who calls: as the transport knows it, and once its access token was taken for valid.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use super::access::Rpc;
use super::{Error, Result};
use crate::crypto::jwt::{Claims, Times};
use crate::crypto::signature_cache::Seen;
use crate::model::audit::{Actor, Origin};
use crate::model::clock::Timestamp;
use crate::model::ids::{SessionId, UserId};
use crate::model::organization::OrganizationRole;
use crate::model::session::{Credential, Face, Method};
use crate::model::user::{Generation, Roles, Subject};
use crate::store::verbs::{By, Caller};

/// The caller as the transport knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its network address, as far as the trusted proxies tell it.
    pub source: IpAddr,
    /// The face it came through.
    pub face: Face,
}

impl Client {
    /// An anonymous change by this client: its credential is what is being checked.
    #[must_use]
    pub fn by(&self, now: Timestamp) -> By {
        By { origin: Origin { actor: Actor::Anonymous, source: Some(self.source) }, caller: None, now }
    }
}

/// An access token that is signed by us and was good when it was shown; cheap to clone.
pub type AccessToken = Arc<Seen<Claimed>>;

/// What an access token says, as values: read once, however often it is shown.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Whose token it is.
    pub subject: Subject,
    /// The token's `gen`.
    pub generation: Generation,
    /// The token's `sid`.
    pub session: SessionId,
    /// The token's `cred`.
    pub credential: Option<Credential>,
    /// The token's `username`: an account's, or `guest:NAME`.
    pub username: String,
    /// The token's `org`; empty for a guest.
    pub organization: String,
    /// The token's `org_role`.
    pub organization_role: Option<OrganizationRole>,
    /// The token's roles.
    pub roles: Roles,
    /// The token's `amr`.
    pub methods: Vec<Method>,
    /// When the credential behind the token was checked.
    pub auth_time: Timestamp,
    /// When the token expires (exclusive).
    pub expire_time: Timestamp,
    /// The dataset a guest is confined to.
    pub dataset_id: Option<String>,
    /// What is held against the time at every use.
    pub(super) times: Times,
}

impl Claimed {
    /// The values; `None` where one is not of the form that we write.
    pub(super) fn read(claims: Claims) -> Option<Self> {
        Some(Self {
            subject: Subject::parse(&claims.sub)?,
            generation: Generation(claims.generation),
            session: claims.sid,
            credential: match &claims.cred {
                None => None,
                Some(text) => Some(Credential::parse(text)?),
            },
            organization_role: match &claims.org_role {
                None => None,
                Some(text) => Some(OrganizationRole::parse(text)?),
            },
            roles: Roles {
                staff: claims.roles.iter().any(|role| role == "staff"),
                superuser: claims.roles.iter().any(|role| role == "superuser"),
            },
            methods: claims.amr.iter().filter_map(|method| Method::parse(method)).collect(),
            auth_time: Timestamp::from_secs(claims.auth_time),
            expire_time: Timestamp::from_secs(claims.exp),
            times: claims.times(),
            username: claims.username,
            organization: claims.org,
            dataset_id: claims.dataset,
        })
    }
}

/// A caller whose access token is signed by us, unexpired and not revoked: its claims are the caller's own.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Where it calls from.
    pub client: Client,
    pub(super) token: AccessToken,
}

impl Deref for SignedIn {
    type Target = Claimed;

    fn deref(&self) -> &Claimed {
        &self.token
    }
}

impl SignedIn {
    /// The account that calls.
    ///
    /// # Errors
    /// [`Error::GuestNotAllowed`] for a guest.
    pub fn user(&self) -> Result<UserId> {
        match self.subject {
            Subject::User(id) => Ok(id),
            Subject::Guest(_) => Err(Error::GuestNotAllowed),
        }
    }

    /// The account that calls, where its session was opened by password or single sign-on: what changes credentials takes this.
    ///
    /// # Errors
    /// [`Error::GuestNotAllowed`] for a guest, [`Error::CredentialTooWeak`] for the token of a personal key.
    pub fn strong(&self) -> Result<UserId> {
        let user = self.user()?;
        let strong = self.credential.is_none() && self.methods.iter().any(|m| matches!(m, Method::Password | Method::SignOn));
        if strong { Ok(user) } else { Err(Error::CredentialTooWeak) }
    }

    /// The account that calls, where it is staff or superuser.
    ///
    /// # Errors
    /// [`Error::GuestNotAllowed`], [`Error::PermissionDenied`].
    pub fn privileged(&self) -> Result<UserId> {
        let user = self.user()?;
        if self.roles.privileged() { Ok(user) } else { Err(Error::PermissionDenied("staff or superuser")) }
    }

    /// The account that calls, where it is a superuser.
    ///
    /// # Errors
    /// [`Error::GuestNotAllowed`], [`Error::PermissionDenied`].
    pub fn superuser(&self) -> Result<UserId> {
        let user = self.user()?;
        if self.roles.superuser { Ok(user) } else { Err(Error::PermissionDenied("superuser")) }
    }

    /// A change by this caller. The commit checks again that the token lives and has the role that the call takes.
    #[must_use]
    pub fn by(&self, rpc: Rpc, now: Timestamp) -> By {
        let actor = match &self.subject {
            Subject::User(id) => Actor::User(*id),
            Subject::Guest(name) => Actor::Guest(name.clone()),
        };
        By {
            origin: Origin { actor, source: Some(self.client.source) },
            caller: Some(Caller {
                subject: self.subject.clone(),
                generation: self.generation,
                session: self.session,
                credential: self.credential,
                organization: self.organization.clone(),
                needs: rpc.needs(),
            }),
            now,
        }
    }
}
