//! The steps of a sign-on attempt.

use super::{By, Granted};
use crate::model::ids::{AttemptId, OrganizationId, ProviderId, UserId};
use crate::model::name::Email;
use crate::model::session::NewSession;

/// An identity that a provider vouched for.
#[derive(Clone, Debug)]
pub struct Identify {
    /// The attempt that is being exchanged.
    pub attempt: AttemptId,
    /// The provider.
    pub provider: ProviderId,
    /// Exact issuer and subject: the identity.
    pub identity: (String, String),
    /// The name a new account would like; it is made valid and unique.
    pub wanted_name: String,
    /// The verified e-mail; the account gets it where the provider vouches for it and it is free.
    pub wanted_email: Option<Email>,
    /// The id a new account would have.
    pub new_user: UserId,
    /// The organization that was asked for.
    pub organization: Option<OrganizationId>,
    /// Who, where, when.
    pub by: By,
}

/// What became of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collected {
    /// The session is open.
    Opened(Box<Granted>),
    /// It was opened within the last 60 s and its refresh token is unused: the same again.
    Retried(Box<Granted>),
    /// Not confirmed yet.
    Pending,
    /// Refused, or the account was logged out, disabled or lost its membership meanwhile.
    Refused,
    /// Collected before.
    Gone,
    /// Over.
    Expired,
}

/// A collection of a confirmed attempt.
#[derive(Clone, Debug)]
pub struct CollectAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// The session it opens; id and tip derived from the collector's state.
    pub session: NewSession,
    /// The organization that was asked for.
    pub organization: Option<OrganizationId>,
    /// Who, where, when.
    pub by: By,
}
