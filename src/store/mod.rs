//! The store: what is durable, and every decision that two callers can race for.
//!
//! # The contract
//!
//! - A verb is atomic. There is no verb that leaves a half-done state, and nothing is decided by a read in one verb and a write
//!   in another.
//! - A verb that may change something is **durable when it returns**, whatever its outcome: also the answer that loses, and the
//!   one that finds the work done, waits for the barrier behind which that work is.
//! - The outcome of a race is a value; an error means that there is no outcome.
//! - A change whose signed-in caller ([`verbs::Caller`]) was signed out, or lost the role that it takes, before the commit is
//!   not made: [`StoreError::CallerRevoked`], [`StoreError::CallerDemoted`]. Cases: `fence::guards_every_change`,
//!   `fence::a_caller_that_was_signed_out_changes_nothing`, `fence::a_caller_whose_session_ended_changes_nothing`,
//!   `fence::a_caller_whose_credential_was_revoked_changes_nothing`, `fence::a_caller_that_lost_its_role_changes_nothing`,
//!   `admins::an_admin_has_its_own_organization_alone`.
//! - What a verb does to a value is what the [model](crate::model) decides about it, and nothing else. Cases:
//!   `decisions::rotates_a_session`, `decisions::redeems_a_link`, `decisions::takes_an_attempt_on`.
//! - Time is a parameter; a commit decides by the later of it and the last committed time, and revisions only rise. Cases:
//!   `time::never_goes_back`, `time::revisions_rise_over_everything`.
//! - A changing verb answers from its own commit: a revision that holds the outcome, and the time that decided. Nothing is read
//!   afterwards. Case: `time::answers_where_it_was_decided`.
//! - A change is audited in its own commit, and what changed nothing is not: an answer that was given again counts as a change,
//!   because tokens come of it. Cases: `audit::records_each_change_in_order`, `audit::records_nothing_where_nothing_changed`,
//!   `audit::chains_what_it_records`. An exchange of a refresh token from the address of the one before it is told by the
//!   session's own row. Case: `audit::records_a_refresh_that_stands_out`.
//! - Revocations reach the [`Revocations`] that the store was opened with after the barrier and before the answer. Every case
//!   that ends something looks there, and once more after the store was opened again.
//! - Dropping a verb's future does not undo or tear it: it happens whole or not at all. Case:
//!   `founding::finishes_what_its_caller_dropped`.
//!
//! `tests/conformance` holds every store to this: each claim names its case there, and each case is named here.

pub mod error;
mod kv;
mod lane;
mod memory;
mod opening;
mod revocations;
mod simulated;
pub mod sled;
pub mod verbs;

pub use self::error::StoreError;
pub use self::kv::audit_digest;
pub use self::lane::{Lane, Lanes};
pub use self::memory::memory;
pub use self::opening::{Failure, Offline, OpenError, Recovered, Settings, open};
pub use self::revocations::Revocations;
pub use self::simulated::{Simulation, simulated};
use self::verbs::{
    AccountStore, AuditStore, KeyStore, LinkStore, OrganizationStore, SessionStore, SignOnStore, SigningKeyStore, StoreState,
};

/// What every store answers with.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The service's durable state: every noun of the domain. See the [module](self) for the contract.
pub trait Store:
    AccountStore + OrganizationStore + SessionStore + LinkStore + KeyStore + SignOnStore + AuditStore + SigningKeyStore + StoreState
{
}

impl<T> Store for T where
    T: AccountStore
        + OrganizationStore
        + SessionStore
        + LinkStore
        + KeyStore
        + SignOnStore
        + AuditStore
        + SigningKeyStore
        + StoreState
{
}
