//! The pages of the audit log.

use prost::Message as _;

use super::Record;
use super::field::{Read, address, exactly, folded, missing, read_address, time, unknown};
use super::messages::{self, ActionKind, ActorKind, AuditEntry};
use crate::model::audit::{Action, Actor, AuditEvent, Origin};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, UserId};
use crate::store::kv::audit::audit_digest;
use crate::store::kv::key::Kind;

/// Some events in a row, and the digest of the one before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct AuditPage {
    pub(in crate::store::kv) first: u64,
    pub(in crate::store::kv) previous: [u8; 32],
    pub(in crate::store::kv) events: Vec<Entry>,
}

/// An event without its number and its link.
pub(in crate::store::kv) type Entry = (Timestamp, Origin, Action);

impl AuditPage {
    /// An empty page, to begin with `first`.
    pub(in crate::store::kv) fn after(first: &AuditEvent) -> Self {
        Self { first: first.sequence, previous: first.previous, events: Vec::new() }
    }

    /// Appends the next event; answers how many bytes it takes.
    pub(in crate::store::kv) fn push(&mut self, event: AuditEvent) -> usize {
        let size = write(event.at, &event.origin, &event.action).encoded_len();
        self.events.push((event.at, event.origin, event.action));
        size
    }

    /// Appends the events from number `from` on, whole; answers the number after the last.
    pub(in crate::store::kv) fn append_to(self, found: &mut Vec<AuditEvent>, from: u64) -> u64 {
        let Self { first: mut sequence, mut previous, events } = self;
        for (at, origin, action) in events {
            let event = AuditEvent { sequence, at, origin, action, previous };
            previous = audit_digest(&event);
            sequence += 1;
            if event.sequence >= from {
                found.push(event);
            }
        }
        sequence
    }
}

impl Record for AuditPage {
    const KIND: Kind = Kind::Audit;
    type Message = messages::AuditPage;

    fn message(&self) -> Self::Message {
        messages::AuditPage {
            first: self.first,
            previous: self.previous.to_vec(),
            events: self.events.iter().map(|(at, origin, action)| write(*at, origin, action)).collect(),
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        if message.first == 0 {
            return Err(missing("first"));
        }
        Ok(Self {
            first: message.first,
            previous: exactly(&message.previous, "previous")?,
            events: message.events.into_iter().map(read).collect::<Read<_>>()?,
        })
    }
}

fn write(at: Timestamp, origin: &Origin, action: &Action) -> AuditEntry {
    let (actor, actor_user, actor_guest) = match &origin.actor {
        Actor::System => (ActorKind::System, Vec::new(), String::new()),
        Actor::User(id) => (ActorKind::User, id.as_bytes().to_vec(), String::new()),
        Actor::Guest(name) => (ActorKind::Guest, Vec::new(), name.as_str().to_owned()),
        Actor::Anonymous => (ActorKind::Anonymous, Vec::new(), String::new()),
    };
    let mut entry = AuditEntry {
        at: Some(at.micros()),
        actor: actor.into(),
        actor_user,
        actor_guest,
        source: address(origin.source),
        ..AuditEntry::default()
    };
    entry.action = write_action(action, &mut entry).into();
    entry
}

fn read(entry: AuditEntry) -> Read<Entry> {
    let actor = match ActorKind::try_from(entry.actor) {
        Ok(ActorKind::System) => Actor::System,
        Ok(ActorKind::User) => Actor::User(UserId::from_bytes(exactly(&entry.actor_user, "actor_user")?)),
        Ok(ActorKind::Guest) => Actor::Guest(folded(&entry.actor_guest, "actor_guest")?),
        Ok(ActorKind::Anonymous) => Actor::Anonymous,
        Ok(ActorKind::Unspecified) => return Err(missing("actor")),
        Err(_) => return Err(unknown("actor", entry.actor)),
    };
    let at = time(entry.at, "at")?;
    let source = read_address(entry.source.as_deref(), "source")?;
    Ok((at, Origin { actor, source }, read_action(entry)?))
}

/// Writes what an action holds into its entry; answers its kind.
fn write_action(action: &Action, entry: &mut AuditEntry) -> ActionKind {
    match action {
        Action::StoreCreated => ActionKind::StoreCreated,
        Action::Login(user, session) => {
            entry.user = bytes(user.as_bytes());
            entry.session = bytes(session.as_bytes());
            ActionKind::Login
        }
        Action::SsoCollected(user, session, attempt) => {
            entry.user = bytes(user.as_bytes());
            entry.session = bytes(session.as_bytes());
            entry.attempt = bytes(attempt.as_bytes());
            ActionKind::SsoCollected
        }
        Action::SsoExchangeBegun(attempt) => of(&mut entry.attempt, attempt.as_bytes(), ActionKind::SsoExchangeBegun),
        Action::SsoIdentified(attempt, user, new) => {
            entry.attempt = bytes(attempt.as_bytes());
            entry.user = bytes(user.as_bytes());
            entry.flag = *new;
            ActionKind::SsoIdentified
        }
        Action::SsoConfirmed(attempt) => of(&mut entry.attempt, attempt.as_bytes(), ActionKind::SsoConfirmed),
        Action::SsoRefused(attempt) => of(&mut entry.attempt, attempt.as_bytes(), ActionKind::SsoRefused),
        Action::Refreshed(session, again) => {
            entry.flag = *again;
            of(&mut entry.session, session.as_bytes(), ActionKind::Refreshed)
        }
        Action::RenewedByAccessToken(session) => of(&mut entry.session, session.as_bytes(), ActionKind::RenewedByAccessToken),
        Action::RefreshReused(session, reason) => {
            entry.text.clone_from(reason);
            of(&mut entry.session, session.as_bytes(), ActionKind::RefreshReused)
        }
        Action::SessionEnded(session) => of(&mut entry.session, session.as_bytes(), ActionKind::SessionEnded),
        Action::SessionCrowdedOut(session) => of(&mut entry.session, session.as_bytes(), ActionKind::SessionCrowdedOut),
        Action::KeyUsed(key, times) => {
            entry.count = *times;
            of(&mut entry.key, key.as_bytes(), ActionKind::KeyUsed)
        }
        Action::LinkIssued(link) => of(&mut entry.link, link.as_bytes(), ActionKind::LinkIssued),
        Action::LinkRedeemed(link, session) => {
            entry.session = bytes(session.as_bytes());
            of(&mut entry.link, link.as_bytes(), ActionKind::LinkRedeemed)
        }
        Action::LinkRevoked(link) => of(&mut entry.link, link.as_bytes(), ActionKind::LinkRevoked),
        Action::LogoutUser(name, sessions, links) => {
            name.as_str().clone_into(&mut entry.text);
            (entry.count, entry.second_count) = (*sessions, *links);
            ActionKind::LogoutUser
        }
        Action::UserCreated(user) => of(&mut entry.user, user.as_bytes(), ActionKind::UserCreated),
        Action::UserDisabled(user) => of(&mut entry.user, user.as_bytes(), ActionKind::UserDisabled),
        Action::UserEnabled(user) => of(&mut entry.user, user.as_bytes(), ActionKind::UserEnabled),
        Action::PasswordChanged(user) => of(&mut entry.user, user.as_bytes(), ActionKind::PasswordChanged),
        Action::TotpEnrolled(user) => of(&mut entry.user, user.as_bytes(), ActionKind::TotpEnrolled),
        Action::TotpConfirmed(user) => of(&mut entry.user, user.as_bytes(), ActionKind::TotpConfirmed),
        Action::OrganizationCreated(id) => of(&mut entry.organization, id.as_bytes(), ActionKind::OrganizationCreated),
        Action::MemberAdded(id, user) => {
            entry.user = bytes(user.as_bytes());
            of(&mut entry.organization, id.as_bytes(), ActionKind::MemberAdded)
        }
        Action::MemberRemoved(id, user) => {
            entry.user = bytes(user.as_bytes());
            of(&mut entry.organization, id.as_bytes(), ActionKind::MemberRemoved)
        }
        Action::ProviderCreated(id) => of(&mut entry.provider, id.as_bytes(), ActionKind::ProviderCreated),
        Action::KeyCreated(key, user) => {
            entry.user = bytes(user.as_bytes());
            of(&mut entry.key, key.as_bytes(), ActionKind::KeyCreated)
        }
        Action::KeyRevoked(key) => of(&mut entry.key, key.as_bytes(), ActionKind::KeyRevoked),
        Action::SigningKey(kid) => saying(entry, kid, ActionKind::SigningKey),
        Action::LoginRefused(user, reason) => {
            entry.text.clone_from(reason);
            of(&mut entry.user, user.as_bytes(), ActionKind::LoginRefused)
        }
        Action::SessionRetried(session) => of(&mut entry.session, session.as_bytes(), ActionKind::SessionRetried),
        Action::Swept(records) => counting(entry, *records, ActionKind::Swept),
        Action::SessionSwept(session, times) => {
            entry.count = *times;
            of(&mut entry.session, session.as_bytes(), ActionKind::SessionSwept)
        }
        Action::StoreUpgraded { from, to, last, digest } => {
            (entry.count, entry.second_count) = (*from, *to);
            (entry.last, entry.digest) = (*last, digest.to_vec());
            ActionKind::StoreUpgraded
        }
        Action::FoundationChanged(what) => saying(entry, what, ActionKind::FoundationChanged),
        Action::EmailFollowed(user) => of(&mut entry.user, user.as_bytes(), ActionKind::EmailFollowed),
        Action::EmailNotFree(user) => of(&mut entry.user, user.as_bytes(), ActionKind::EmailNotFree),
        Action::ProviderUpdated(id) => of(&mut entry.provider, id.as_bytes(), ActionKind::ProviderUpdated),
        Action::ProviderDeleted(id) => of(&mut entry.provider, id.as_bytes(), ActionKind::ProviderDeleted),
        Action::ClockRecovered(seconds) => counting(entry, *seconds, ActionKind::ClockRecovered),
        Action::OrganizationUpdated(id, required) => {
            entry.flag = *required;
            of(&mut entry.organization, id.as_bytes(), ActionKind::OrganizationUpdated)
        }
        Action::EmailChanged(user) => of(&mut entry.user, user.as_bytes(), ActionKind::EmailChanged),
        Action::RolesChanged(user, roles) => {
            entry.text.clone_from(roles);
            of(&mut entry.user, user.as_bytes(), ActionKind::RolesChanged)
        }
        Action::UserDeleted(user, name) => {
            name.as_str().clone_into(&mut entry.text);
            of(&mut entry.user, user.as_bytes(), ActionKind::UserDeleted)
        }
        Action::NameReleased(name) => {
            name.as_str().clone_into(&mut entry.text);
            ActionKind::NameReleased
        }
        Action::OrganizationDeleted(id, name) => {
            name.as_str().clone_into(&mut entry.text);
            of(&mut entry.organization, id.as_bytes(), ActionKind::OrganizationDeleted)
        }
        Action::IdentityLinked(user, identity) => {
            entry.text.clone_from(identity);
            of(&mut entry.user, user.as_bytes(), ActionKind::IdentityLinked)
        }
        Action::IdentityUnlinked(user, identity) => {
            entry.text.clone_from(identity);
            of(&mut entry.user, user.as_bytes(), ActionKind::IdentityUnlinked)
        }
        Action::MemberRoleChanged(id, user, admin) => {
            entry.user = bytes(user.as_bytes());
            entry.flag = *admin;
            of(&mut entry.organization, id.as_bytes(), ActionKind::MemberRoleChanged)
        }
    }
}

/// Most actions are of one thing.
fn of(field: &mut Vec<u8>, id: &[u8; 16], kind: ActionKind) -> ActionKind {
    *field = bytes(id);
    kind
}

fn saying(entry: &mut AuditEntry, what: &str, kind: ActionKind) -> ActionKind {
    what.clone_into(&mut entry.text);
    kind
}

fn counting(entry: &mut AuditEntry, number: u32, kind: ActionKind) -> ActionKind {
    entry.count = number;
    kind
}

fn bytes(id: &[u8; 16]) -> Vec<u8> {
    id.to_vec()
}

fn read_action(entry: AuditEntry) -> Read<Action> {
    let user = || exactly(&entry.user, "user").map(UserId::from_bytes);
    let session = || exactly(&entry.session, "session").map(SessionId::from_bytes);
    let attempt = || exactly(&entry.attempt, "attempt").map(AttemptId::from_bytes);
    let key = || exactly(&entry.key, "key").map(KeyId::from_bytes);
    let link = || exactly(&entry.link, "link").map(LinkId::from_bytes);
    let organization = || exactly(&entry.organization, "organization").map(OrganizationId::from_bytes);
    let provider = || exactly(&entry.provider, "provider").map(ProviderId::from_bytes);
    let kind = ActionKind::try_from(entry.action).map_err(|_| unknown("action", entry.action))?;
    Ok(match kind {
        ActionKind::Unspecified => return Err(missing("action")),
        ActionKind::StoreCreated => Action::StoreCreated,
        ActionKind::Login => Action::Login(user()?, session()?),
        ActionKind::SsoCollected => Action::SsoCollected(user()?, session()?, attempt()?),
        ActionKind::SsoExchangeBegun => Action::SsoExchangeBegun(attempt()?),
        ActionKind::SsoIdentified => Action::SsoIdentified(attempt()?, user()?, entry.flag),
        ActionKind::SsoConfirmed => Action::SsoConfirmed(attempt()?),
        ActionKind::SsoRefused => Action::SsoRefused(attempt()?),
        ActionKind::Refreshed => Action::Refreshed(session()?, entry.flag),
        ActionKind::RenewedByAccessToken => Action::RenewedByAccessToken(session()?),
        ActionKind::RefreshReused => Action::RefreshReused(session()?, entry.text),
        ActionKind::SessionEnded => Action::SessionEnded(session()?),
        ActionKind::SessionCrowdedOut => Action::SessionCrowdedOut(session()?),
        ActionKind::KeyUsed => Action::KeyUsed(key()?, entry.count),
        ActionKind::LinkIssued => Action::LinkIssued(link()?),
        ActionKind::LinkRedeemed => Action::LinkRedeemed(link()?, session()?),
        ActionKind::LinkRevoked => Action::LinkRevoked(link()?),
        ActionKind::LogoutUser => Action::LogoutUser(folded(&entry.text, "text")?, entry.count, entry.second_count),
        ActionKind::UserCreated => Action::UserCreated(user()?),
        ActionKind::UserDisabled => Action::UserDisabled(user()?),
        ActionKind::UserEnabled => Action::UserEnabled(user()?),
        ActionKind::PasswordChanged => Action::PasswordChanged(user()?),
        ActionKind::TotpEnrolled => Action::TotpEnrolled(user()?),
        ActionKind::TotpConfirmed => Action::TotpConfirmed(user()?),
        ActionKind::OrganizationCreated => Action::OrganizationCreated(organization()?),
        ActionKind::MemberAdded => Action::MemberAdded(organization()?, user()?),
        ActionKind::MemberRemoved => Action::MemberRemoved(organization()?, user()?),
        ActionKind::ProviderCreated => Action::ProviderCreated(provider()?),
        ActionKind::KeyCreated => Action::KeyCreated(key()?, user()?),
        ActionKind::KeyRevoked => Action::KeyRevoked(key()?),
        ActionKind::SigningKey => Action::SigningKey(entry.text),
        ActionKind::LoginRefused => Action::LoginRefused(user()?, entry.text),
        ActionKind::SessionRetried => Action::SessionRetried(session()?),
        ActionKind::Swept => Action::Swept(entry.count),
        ActionKind::SessionSwept => Action::SessionSwept(session()?, entry.count),
        ActionKind::ClockRecovered => Action::ClockRecovered(entry.count),
        ActionKind::StoreUpgraded => {
            let (from, to, last) = (entry.count, entry.second_count, entry.last);
            Action::StoreUpgraded { from, to, last, digest: exactly(&entry.digest, "digest")? }
        }
        ActionKind::FoundationChanged => Action::FoundationChanged(entry.text),
        ActionKind::EmailFollowed => Action::EmailFollowed(user()?),
        ActionKind::EmailNotFree => Action::EmailNotFree(user()?),
        ActionKind::ProviderUpdated => Action::ProviderUpdated(provider()?),
        ActionKind::ProviderDeleted => Action::ProviderDeleted(provider()?),
        ActionKind::OrganizationUpdated => Action::OrganizationUpdated(organization()?, entry.flag),
        ActionKind::EmailChanged => Action::EmailChanged(user()?),
        ActionKind::RolesChanged => Action::RolesChanged(user()?, entry.text),
        ActionKind::UserDeleted => Action::UserDeleted(user()?, folded(&entry.text, "text")?),
        ActionKind::NameReleased => Action::NameReleased(folded(&entry.text, "text")?),
        ActionKind::OrganizationDeleted => Action::OrganizationDeleted(organization()?, folded(&entry.text, "text")?),
        ActionKind::IdentityLinked => Action::IdentityLinked(user()?, entry.text),
        ActionKind::IdentityUnlinked => Action::IdentityUnlinked(user()?, entry.text),
        ActionKind::MemberRoleChanged => Action::MemberRoleChanged(organization()?, user()?, entry.flag),
    })
}
