//! The keys: one byte that says what kind of record it is, then big-endian parts in an order that makes the scans work.
//!
//! Keys that begin with a zero byte are the engine's own.
//!
//! What is variable in length and not last is preceded by its length, so that no key is the beginning of another's scan.

use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, UserId};
use crate::model::name::Folded;
use crate::model::session::Credential;
use crate::model::user::Subject;
use crate::store::{Lane, Lanes, Result, StoreError};

/// What a record is: the first byte of its key, and the second of its value. Numbers are never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Foundation = 0x02,
    SigningKey = 0x03,
    /// What the last start said.
    Start = 0x04,
    User = 0x10,
    /// The superusers, enabled or not.
    Superuser = 0x11,
    /// The namespace of usernames, organization names and e-mails.
    Name = 0x12,
    /// (issuer, subject) -> account.
    Identity = 0x13,
    /// The identities of an account.
    IdentityByUser = 0x14,
    Organization = 0x18,
    MemberByOrganization = 0x19,
    MemberByUser = 0x1A,
    Session = 0x20,
    /// The live sessions of an account or a guest name.
    Roll = 0x21,
    /// The generations of a guest name.
    Guest = 0x22,
    PersonalKey = 0x28,
    PersonalKeyByUser = 0x29,
    Link = 0x30,
    LinkByGuest = 0x31,
    Provider = 0x38,
    ProviderByScope = 0x39,
    Attempt = 0x3A,
    Revocation = 0x40,
    /// Session or credential -> the revision at which it was revoked.
    Tombstone = 0x41,
    Audit = 0x48,
    Expiry = 0x50,
}

/// The first bytes of the keys of which there may be millions, in their order. All of them have to do with sessions or the
/// audit log.
pub(crate) const MANY: [u8; 4] = [Kind::Session as u8, Kind::Roll as u8, Kind::Audit as u8, Kind::Expiry as u8];

/// A key of `kind` made of `parts`.
fn key(kind: Kind, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(kind as u8);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// A text that something follows.
fn counted(text: &str) -> Vec<u8> {
    let mut bytes = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn time(at: Timestamp) -> [u8; 8] {
    at.micros().to_be_bytes()
}

fn owner(subject: &Subject) -> Vec<u8> {
    match subject {
        Subject::User(id) => [[0].as_slice(), id.as_bytes()].concat(),
        Subject::Guest(name) => [[1].as_slice(), &counted(name.as_str())].concat(),
    }
}

fn scope(organization: Option<OrganizationId>) -> Vec<u8> {
    organization.map_or_else(|| vec![0], |id| [[1].as_slice(), id.as_bytes()].concat())
}

/// Where every record of a kind begins.
pub(crate) fn all(kind: Kind) -> Vec<u8> {
    key(kind, &[])
}

pub(super) fn foundation() -> Vec<u8> {
    key(Kind::Foundation, &[])
}

pub(super) fn start() -> Vec<u8> {
    key(Kind::Start, &[])
}

pub(super) fn signing_key(kid: &str) -> Vec<u8> {
    key(Kind::SigningKey, &[kid.as_bytes()])
}

pub(super) fn user(id: UserId) -> Vec<u8> {
    key(Kind::User, &[id.as_bytes()])
}

pub(super) fn superuser(id: UserId) -> Vec<u8> {
    key(Kind::Superuser, &[id.as_bytes()])
}

pub(super) fn name(name: &Folded) -> Vec<u8> {
    key(Kind::Name, &[name.as_str().as_bytes()])
}

pub(super) fn identity(issuer: &str, subject: &str) -> Vec<u8> {
    key(Kind::Identity, &[&counted(issuer), subject.as_bytes()])
}

pub(super) fn identities_by_user(user: UserId) -> Vec<u8> {
    key(Kind::IdentityByUser, &[user.as_bytes()])
}

pub(super) fn identity_by_user(user: UserId, issuer: &str, subject: &str) -> Vec<u8> {
    key(Kind::IdentityByUser, &[user.as_bytes(), &counted(issuer), subject.as_bytes()])
}

pub(super) fn organization(id: OrganizationId) -> Vec<u8> {
    key(Kind::Organization, &[id.as_bytes()])
}

pub(super) fn member_by_organization(organization: OrganizationId, user: UserId) -> Vec<u8> {
    key(Kind::MemberByOrganization, &[organization.as_bytes(), user.as_bytes()])
}

pub(super) fn members_by_organization(organization: OrganizationId) -> Vec<u8> {
    key(Kind::MemberByOrganization, &[organization.as_bytes()])
}

pub(super) fn members_by_user(user: UserId) -> Vec<u8> {
    key(Kind::MemberByUser, &[user.as_bytes()])
}

pub(super) fn member_by_user(user: UserId, organization: OrganizationId) -> Vec<u8> {
    key(Kind::MemberByUser, &[user.as_bytes(), organization.as_bytes()])
}

pub(super) fn session(id: SessionId) -> Vec<u8> {
    key(Kind::Session, &[id.as_bytes()])
}

/// The roll of a subject, in pages.
pub(super) fn roll(subject: &Subject) -> Vec<u8> {
    key(Kind::Roll, &[&owner(subject)])
}

pub(super) fn roll_page(subject: &Subject, number: u32) -> Vec<u8> {
    key(Kind::Roll, &[&owner(subject), &number.to_be_bytes()])
}

/// The number of a roll's page.
pub(super) fn page_number(key: &[u8]) -> Result<u32> {
    let number = key.last_chunk().map(|number| u32::from_be_bytes(*number));
    number.ok_or_else(|| StoreError::Corrupt("Roll: its key is cut short".to_owned()))
}

pub(super) fn guest(name: &Folded) -> Vec<u8> {
    key(Kind::Guest, &[name.as_str().as_bytes()])
}

pub(super) fn personal_key(id: KeyId) -> Vec<u8> {
    key(Kind::PersonalKey, &[id.as_bytes()])
}

pub(super) fn personal_keys_by_user(user: UserId) -> Vec<u8> {
    key(Kind::PersonalKeyByUser, &[user.as_bytes()])
}

/// In the order of their making.
pub(super) fn personal_key_by_user(user: UserId, create_time: Timestamp, id: KeyId) -> Vec<u8> {
    key(Kind::PersonalKeyByUser, &[user.as_bytes(), &time(create_time), id.as_bytes()])
}

pub(super) fn link(id: LinkId) -> Vec<u8> {
    key(Kind::Link, &[id.as_bytes()])
}

pub(super) fn links_by_guest(guest: &Folded) -> Vec<u8> {
    key(Kind::LinkByGuest, &[&counted(guest.as_str())])
}

pub(super) fn link_by_guest(guest: &Folded, id: LinkId) -> Vec<u8> {
    key(Kind::LinkByGuest, &[&counted(guest.as_str()), id.as_bytes()])
}

pub(super) fn provider(id: ProviderId) -> Vec<u8> {
    key(Kind::Provider, &[id.as_bytes()])
}

pub(super) fn providers_by_scope(organization: Option<OrganizationId>) -> Vec<u8> {
    key(Kind::ProviderByScope, &[&scope(organization)])
}

pub(super) fn provider_by_scope(organization: Option<OrganizationId>, name: &Folded) -> Vec<u8> {
    key(Kind::ProviderByScope, &[&scope(organization), name.as_str().as_bytes()])
}

pub(super) fn attempt(id: AttemptId) -> Vec<u8> {
    key(Kind::Attempt, &[id.as_bytes()])
}

pub(super) fn revocation(lanes: Lanes, revision: i64) -> Vec<u8> {
    key(Kind::Revocation, &[lanes.of(revision).in_keys().as_slice(), &revision.to_be_bytes()])
}

pub(super) fn session_tombstone(id: SessionId) -> Vec<u8> {
    key(Kind::Tombstone, &[&[0], id.as_bytes()])
}

pub(super) fn credential_tombstone(credential: Credential) -> Vec<u8> {
    match credential {
        Credential::Key(id) => key(Kind::Tombstone, &[&[1], id.as_bytes()]),
        Credential::Link(id) => key(Kind::Tombstone, &[&[2], id.as_bytes()]),
    }
}

pub(super) fn organization_tombstone(user: UserId, organization: &str) -> Vec<u8> {
    key(Kind::Tombstone, &[&[3], user.as_bytes(), organization.as_bytes()])
}

/// Where the audit log of a lane begins.
pub(super) fn audit_of(lane: Lane) -> Vec<u8> {
    key(Kind::Audit, &[lane.in_keys().as_slice()])
}

pub(super) fn audit(lane: Lane, sequence: u64) -> Vec<u8> {
    key(Kind::Audit, &[lane.in_keys().as_slice(), &sequence.to_be_bytes()])
}

/// Where the expiries that a lane wrote begin.
pub(super) fn expiries_of(lane: Lane) -> Vec<u8> {
    key(Kind::Expiry, &[lane.in_keys().as_slice()])
}

/// A page of what expires at `at`, the first of which has the key `first`.
pub(super) fn expiry(lane: Lane, at: Timestamp, first: &[u8]) -> Vec<u8> {
    key(Kind::Expiry, &[lane.in_keys().as_slice(), &time(at), first])
}

/// Greater than the expiry keys of a lane for every time before `at`, and than none from it on.
pub(super) fn expiry_until(lane: Lane, at: Timestamp) -> Vec<u8> {
    key(Kind::Expiry, &[lane.in_keys().as_slice(), &time(at)])
}

/// The lane in the key of an audit page, a revocation or an expiry, where there are several.
pub(super) fn lane_number(key: &[u8]) -> u8 {
    key.get(1).copied().unwrap_or_default()
}

/// Where what the lanes after this one wrote begins.
pub(super) fn after_lane(kind: Kind, number: u8) -> Option<Vec<u8>> {
    Some(key(kind, &[&[number.checked_add(1)?]]))
}

/// The first place behind a key.
pub(super) fn following(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}
