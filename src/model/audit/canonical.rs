//! The bytes of an audit event that are hashed. They are nobody's storage format: a chain can be checked by whoever has the events,
//! and stays the same when the store writes them otherwise.

use std::net::IpAddr;

use super::{Action, Actor, AuditEvent};

/// What the bytes begin with: no other digest of ours is over such bytes.
const HEAD: &[u8; 20] = b"countersign audit v1";

impl AuditEvent {
    /// The canonical bytes of the event, over which the chain of the audit log runs.
    ///
    /// **Shape**: numbers are unsigned and big-endian; a *part* is its length in bytes as 4 bytes, and then the bytes.
    ///
    /// | bytes | what |
    /// |---|---|
    /// | 20 | `countersign audit v1` in ASCII |
    /// | 8 | the event's number |
    /// | 8 | its time, in microseconds since 1970-01-01T00:00:00Z |
    /// | 32 | `previous`: the SHA-256 of the canonical bytes of the event before it, zeros before the first |
    /// | 1 | who acts: 0 the service, 1 an account, 2 a guest, 3 nobody yet |
    /// | part | the account's id (16 bytes) or the guest's folded name in UTF-8; empty for the others |
    /// | part | the address it came from, 4 or 16 bytes; empty where there is none |
    /// | part | the name of the action in ASCII: the variant of [`Action`] in lower case, its words joined by `_` |
    /// | parts | what the action holds, in the order of its fields: an id is 16 bytes, a number 4, the number of an event 8, a digest 32, a flag 1 (0 or 1), text UTF-8 |
    ///
    /// Every length is written, so that no two events have the same bytes. An action that holds nothing ends with its name. An action
    /// of a later version is one more name; what an action holds never changes under its name.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Canonical(Vec::with_capacity(192));
        bytes.0.extend_from_slice(HEAD);
        bytes.0.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.0.extend_from_slice(&self.at.micros().to_be_bytes());
        bytes.0.extend_from_slice(&self.previous);
        match &self.origin.actor {
            Actor::System => bytes.actor(0, &[]),
            Actor::User(id) => bytes.actor(1, id.as_bytes()),
            Actor::Guest(name) => bytes.actor(2, name.as_str().as_bytes()),
            Actor::Anonymous => bytes.actor(3, &[]),
        }
        match self.origin.source {
            None => bytes.part(&[]),
            Some(IpAddr::V4(address)) => bytes.part(&address.octets()),
            Some(IpAddr::V6(address)) => bytes.part(&address.octets()),
        }
        bytes.action(&self.action);
        bytes.0
    }
}

struct Canonical(Vec<u8>);

impl Canonical {
    fn part(&mut self, part: &[u8]) {
        // No part is as long as 4 GiB: everything in an event is bounded far below.
        self.0.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend_from_slice(part);
    }

    fn actor(&mut self, kind: u8, part: &[u8]) {
        self.0.push(kind);
        self.part(part);
    }

    fn parts(&mut self, name: &str, parts: &[&[u8]]) {
        self.part(name.as_bytes());
        for part in parts {
            self.part(part);
        }
    }

    fn action(&mut self, action: &Action) {
        let number = |number: &u32| number.to_be_bytes();
        let flag = |flag: &bool| [u8::from(*flag)];
        match action {
            Action::StoreCreated => self.parts("store_created", &[]),
            Action::Login(user, session) => self.parts("login", &[user.as_bytes(), session.as_bytes()]),
            Action::SsoCollected(user, session, attempt) => {
                self.parts("sso_collected", &[user.as_bytes(), session.as_bytes(), attempt.as_bytes()]);
            }
            Action::SsoExchangeBegun(attempt) => self.parts("sso_exchange_begun", &[attempt.as_bytes()]),
            Action::SsoIdentified(attempt, user, new) => {
                self.parts("sso_identified", &[attempt.as_bytes(), user.as_bytes(), &flag(new)]);
            }
            Action::SsoConfirmed(attempt) => self.parts("sso_confirmed", &[attempt.as_bytes()]),
            Action::SsoRefused(attempt) => self.parts("sso_refused", &[attempt.as_bytes()]),
            Action::Refreshed(session, again) => self.parts("refreshed", &[session.as_bytes(), &flag(again)]),
            Action::RenewedByAccessToken(session) => self.parts("renewed_by_access_token", &[session.as_bytes()]),
            Action::RefreshReused(session, reason) => {
                self.parts("refresh_reused", &[session.as_bytes(), reason.as_bytes()]);
            }
            Action::SessionEnded(session) => self.parts("session_ended", &[session.as_bytes()]),
            Action::SessionCrowdedOut(session) => self.parts("session_crowded_out", &[session.as_bytes()]),
            Action::KeyUsed(key, times) => self.parts("key_used", &[key.as_bytes(), &number(times)]),
            Action::LinkIssued(link) => self.parts("link_issued", &[link.as_bytes()]),
            Action::LinkRedeemed(link, session) => self.parts("link_redeemed", &[link.as_bytes(), session.as_bytes()]),
            Action::LinkRevoked(link) => self.parts("link_revoked", &[link.as_bytes()]),
            Action::LogoutUser(name, sessions, links) => {
                self.parts("logout_user", &[name.as_str().as_bytes(), &number(sessions), &number(links)]);
            }
            Action::UserCreated(user) => self.parts("user_created", &[user.as_bytes()]),
            Action::UserDisabled(user) => self.parts("user_disabled", &[user.as_bytes()]),
            Action::UserEnabled(user) => self.parts("user_enabled", &[user.as_bytes()]),
            Action::PasswordChanged(user) => self.parts("password_changed", &[user.as_bytes()]),
            Action::TotpEnrolled(user) => self.parts("totp_enrolled", &[user.as_bytes()]),
            Action::TotpConfirmed(user) => self.parts("totp_confirmed", &[user.as_bytes()]),
            Action::OrganizationCreated(id) => self.parts("organization_created", &[id.as_bytes()]),
            Action::MemberAdded(id, user) => self.parts("member_added", &[id.as_bytes(), user.as_bytes()]),
            Action::MemberRemoved(id, user) => self.parts("member_removed", &[id.as_bytes(), user.as_bytes()]),
            Action::ProviderCreated(id) => self.parts("provider_created", &[id.as_bytes()]),
            Action::KeyCreated(key, user) => self.parts("key_created", &[key.as_bytes(), user.as_bytes()]),
            Action::KeyRevoked(key) => self.parts("key_revoked", &[key.as_bytes()]),
            Action::SigningKey(kid) => self.parts("signing_key", &[kid.as_bytes()]),
            Action::LoginRefused(user, reason) => self.parts("login_refused", &[user.as_bytes(), reason.as_bytes()]),
            Action::SessionRetried(session) => self.parts("session_retried", &[session.as_bytes()]),
            Action::Swept(records) => self.parts("swept", &[&number(records)]),
            Action::SessionSwept(session, times) => self.parts("session_swept", &[session.as_bytes(), &number(times)]),
            Action::ClockRecovered(seconds) => self.parts("clock_recovered", &[&number(seconds)]),
            Action::StoreUpgraded { from, to, last, digest } => {
                self.parts("store_upgraded", &[&number(from), &number(to), &last.to_be_bytes(), digest]);
            }
            Action::FoundationChanged(what) => self.parts("foundation_changed", &[what.as_bytes()]),
            Action::EmailFollowed(user) => self.parts("email_followed", &[user.as_bytes()]),
            Action::EmailNotFree(user) => self.parts("email_not_free", &[user.as_bytes()]),
            Action::ProviderUpdated(id) => self.parts("provider_updated", &[id.as_bytes()]),
            Action::ProviderDeleted(id) => self.parts("provider_deleted", &[id.as_bytes()]),
            Action::OrganizationUpdated(id, required) => {
                self.parts("organization_updated", &[id.as_bytes(), &flag(required)]);
            }
            Action::EmailChanged(user) => self.parts("email_changed", &[user.as_bytes()]),
            Action::RolesChanged(user, roles) => self.parts("roles_changed", &[user.as_bytes(), roles.as_bytes()]),
            Action::UserDeleted(user, name) => self.parts("user_deleted", &[user.as_bytes(), name.as_str().as_bytes()]),
            Action::NameReleased(name) => self.parts("name_released", &[name.as_str().as_bytes()]),
            Action::OrganizationDeleted(id, name) => {
                self.parts("organization_deleted", &[id.as_bytes(), name.as_str().as_bytes()]);
            }
            Action::IdentityLinked(user, identity) => self.parts("identity_linked", &[user.as_bytes(), identity.as_bytes()]),
            Action::IdentityUnlinked(user, identity) => {
                self.parts("identity_unlinked", &[user.as_bytes(), identity.as_bytes()]);
            }
            Action::MemberRoleChanged(id, user, admin) => {
                self.parts("member_role_changed", &[id.as_bytes(), user.as_bytes(), &flag(admin)]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
