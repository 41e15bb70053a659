//! What is inside the sealed values of an attempt.

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, OrganizationId, ProviderId};

/// The version of what is below: values of another one are not read.
const FORMAT: u8 = 2;

/// An attempt, as long as nothing of it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    /// The server key that everything of this attempt is derived with.
    pub(super) key_version: u8,
    pub(super) attempt: AttemptId,
    /// From when on (inclusive) it is over.
    pub(super) expire_time: Timestamp,
    /// The organization that was asked for.
    pub(super) organization: Option<OrganizationId>,
    pub(super) provider: ProviderId,
}

/// Who asked for it: what the person is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) source: IpAddr,
    pub(super) at: Timestamp,
}

/// What the collector holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Collector {
    pub(super) ticket: Ticket,
}

/// What our own first page is opened with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begin {
    pub(super) ticket: Ticket,
    pub(super) asked: Asked,
}

/// What travels with one browser.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bound {
    pub(super) leg: Leg,
    pub(super) ticket: Ticket,
    pub(super) asked: Asked,
    /// What the binding cookie of that browser hashes to.
    pub(super) binding: [u8; 32],
}

/// Which way it travels: a value of one leg does not stand for one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Leg {
    /// To the provider and back, as OIDC `state`.
    Provider,
    /// In the form of the confirm page and back.
    Form,
}

pub(super) fn write(epoch: u32, value: &impl Serialize) -> postcard::Result<Vec<u8>> {
    postcard::to_stdvec(&(FORMAT, epoch, value))
}

/// `None` also for what an earlier epoch of the store sealed: its times mean nothing in this one.
pub(super) fn read<T: DeserializeOwned>(epoch: u32, payload: &[u8]) -> Option<T> {
    let ((format, sealed_in, value), rest) = postcard::take_from_bytes::<(u8, u32, T)>(payload).ok()?;
    (format == FORMAT && sealed_in == epoch && rest.is_empty()).then_some(value)
}
