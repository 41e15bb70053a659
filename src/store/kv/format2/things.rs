//! The founding, organizations, keys, links and sign-on.

use serde::Deserialize;

use super::{Id, Record2, impossible, name};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, UserId};
use crate::model::organization::OrganizationRole;
use crate::model::signing_key::{self, SigningKeyRecord};
use crate::model::user::Generation;
use crate::model::{link, organization, personal_key, provider, sso};
use crate::store::Result;
use crate::store::kv::record;
use crate::store::verbs;

#[derive(Deserialize)]
pub(super) struct Foundation {
    issuer: String,
    epoch: u32,
    sealed_check: Vec<u8>,
    server_keys: Vec<(u8, Vec<u8>)>,
}

impl Record2 for Foundation {
    type Now = verbs::Foundation;

    fn now(self) -> Result<Self::Now> {
        let Self { issuer, epoch, sealed_check, server_keys } = self;
        Ok(verbs::Foundation { issuer, epoch, sealed_check, server_keys })
    }
}

#[derive(Deserialize)]
enum Algorithm {
    EdDsa,
    Es256,
    Rs256,
}

#[derive(Deserialize)]
enum KeyState {
    Published,
    Signing,
    Retired { since: u64 },
}

#[derive(Deserialize)]
pub(super) struct SigningKey {
    kid: String,
    algorithm: Algorithm,
    sealed_private: Vec<u8>,
    state: KeyState,
    create_time: u64,
}

impl Record2 for SigningKey {
    type Now = SigningKeyRecord;

    fn now(self) -> Result<Self::Now> {
        Ok(SigningKeyRecord {
            kid: self.kid,
            algorithm: match self.algorithm {
                Algorithm::EdDsa => signing_key::Algorithm::EdDsa,
                Algorithm::Es256 => signing_key::Algorithm::Es256,
                Algorithm::Rs256 => signing_key::Algorithm::Rs256,
            },
            low_s: false,
            sealed_private: self.sealed_private,
            state: match self.state {
                KeyState::Published => signing_key::KeyState::Published,
                KeyState::Signing => signing_key::KeyState::Signing,
                KeyState::Retired { since } => signing_key::KeyState::Retired { since: at(since) },
            },
            create_time: at(self.create_time),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Organization {
    id: Id,
    name: String,
    create_time: u64,
}

impl Record2 for Organization {
    type Now = organization::Organization;

    fn now(self) -> Result<Self::Now> {
        let id = OrganizationId::from_bytes(self.id);
        Ok(organization::Organization { id, name: name(&self.name)?, create_time: at(self.create_time), require_factor: false })
    }
}

#[derive(Deserialize)]
pub(super) struct Belongs(Id);

impl Record2 for Belongs {
    type Now = record::Belongs;

    fn now(self) -> Result<Self::Now> {
        Ok(record::Belongs(UserId::from_bytes(self.0)))
    }
}

#[derive(Deserialize)]
enum Role {
    Member,
    Admin,
}

#[derive(Deserialize)]
pub(super) struct MemberIn {
    organization: Id,
    role: Role,
}

impl Record2 for MemberIn {
    type Now = record::MemberIn;

    fn now(self) -> Result<Self::Now> {
        let role = match self.role {
            Role::Member => OrganizationRole::Member,
            Role::Admin => OrganizationRole::Admin,
        };
        Ok(record::MemberIn { organization: OrganizationId::from_bytes(self.organization), role })
    }
}

#[derive(Deserialize)]
pub(super) struct PersonalKey {
    id: Id,
    user: Id,
    display_name: String,
    secret: [u8; 32],
    previous: Option<([u8; 32], u64)>,
    create_time: u64,
    expire_time: Option<u64>,
    revoke_time: Option<u64>,
    last_use_time: Option<u64>,
}

impl Record2 for PersonalKey {
    type Now = personal_key::PersonalKey;

    fn now(self) -> Result<Self::Now> {
        let parts = personal_key::PersonalKeyParts {
            id: KeyId::from_bytes(self.id),
            user: UserId::from_bytes(self.user),
            display_name: self.display_name,
            secret: self.secret,
            previous: self.previous.map(|(secret, until)| (secret, at(until))),
            create_time: at(self.create_time),
            expire_time: self.expire_time.map(at),
            revoke_time: self.revoke_time.map(at),
            last_use_time: self.last_use_time.map(at),
        };
        personal_key::PersonalKey::try_from(parts).map_err(impossible)
    }
}

#[derive(Deserialize)]
pub(super) struct KeyEntry(Id);

impl Record2 for KeyEntry {
    type Now = record::KeyEntry;

    fn now(self) -> Result<Self::Now> {
        Ok(record::KeyEntry(KeyId::from_bytes(self.0)))
    }
}

#[derive(Deserialize)]
enum LinkState {
    Issued,
    Redeemed { session: Id, request: Option<[u8; 32]>, at: u64 },
    Revoked { at: u64 },
}

#[derive(Deserialize)]
pub(super) struct Link {
    id: Id,
    token: [u8; 32],
    guest: String,
    dataset_id: String,
    generation: u64,
    issuer: Id,
    one_time: bool,
    create_time: u64,
    redeem_by: u64,
    state: LinkState,
}

impl Record2 for Link {
    type Now = link::Link;

    fn now(self) -> Result<Self::Now> {
        let parts = link::LinkParts {
            id: LinkId::from_bytes(self.id),
            token: self.token,
            guest: self.guest,
            dataset_id: self.dataset_id,
            generation: Generation(self.generation),
            issuer: UserId::from_bytes(self.issuer),
            one_time: self.one_time,
            create_time: at(self.create_time),
            redeem_by: at(self.redeem_by),
            state: match self.state {
                LinkState::Issued => link::LinkState::Issued,
                LinkState::Redeemed { session, request, at: when } => {
                    link::LinkState::Redeemed { session: SessionId::from_bytes(session), request, at: at(when) }
                }
                LinkState::Revoked { at: when } => link::LinkState::Revoked { at: at(when) },
            },
        };
        link::Link::try_from(parts).map_err(impossible)
    }
}

#[derive(Deserialize)]
pub(super) struct LinkEntry {
    redeem_by: u64,
    generation: u64,
}

impl Record2 for LinkEntry {
    type Now = record::LinkEntry;

    fn now(self) -> Result<Self::Now> {
        Ok(record::LinkEntry { redeem_by: at(self.redeem_by), generation: Generation(self.generation) })
    }
}

#[derive(Deserialize)]
pub(super) struct IdentityProvider {
    id: Id,
    name: String,
    organization: Option<Id>,
    issuer: String,
    client_id: String,
    sealed_client_secret: Option<Vec<u8>>,
    scopes: Vec<String>,
    sign_up: bool,
    create_time: u64,
}

impl Record2 for IdentityProvider {
    type Now = provider::IdentityProvider;

    fn now(self) -> Result<Self::Now> {
        Ok(provider::IdentityProvider {
            id: ProviderId::from_bytes(self.id),
            name: name(&self.name)?,
            organization: self.organization.map(OrganizationId::from_bytes),
            issuer: self.issuer,
            client_id: self.client_id,
            sealed_client_secret: self.sealed_client_secret,
            scopes: self.scopes,
            sign_up: self.sign_up,
            create_time: at(self.create_time),
            email_domains: Vec::new(),
            trusted_audiences: Vec::new(),
            confined: false,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct ProviderEntry(Id);

impl Record2 for ProviderEntry {
    type Now = record::ProviderEntry;

    fn now(self) -> Result<Self::Now> {
        Ok(record::ProviderEntry(ProviderId::from_bytes(self.0)))
    }
}

#[derive(Deserialize)]
enum AttemptState {
    Exchanging { revision: i64 },
    Identified { user: Id, generation: u64, at: u64 },
    Confirmed { user: Id, generation: u64, at: u64 },
    Collected { session: Id, at: u64 },
    Refused,
}

#[derive(Deserialize)]
pub(super) struct Attempt {
    id: Id,
    expire_time: u64,
    state: AttemptState,
}

impl Record2 for Attempt {
    type Now = sso::Attempt;

    fn now(self) -> Result<Self::Now> {
        let state = match self.state {
            AttemptState::Exchanging { revision } => sso::AttemptState::Exchanging { revision },
            AttemptState::Identified { user, generation, at: when } => {
                sso::AttemptState::Identified { user: UserId::from_bytes(user), generation: Generation(generation), at: at(when) }
            }
            AttemptState::Confirmed { user, generation, at: when } => {
                sso::AttemptState::Confirmed { user: UserId::from_bytes(user), generation: Generation(generation), at: at(when) }
            }
            AttemptState::Collected { session, at: when } => {
                sso::AttemptState::Collected { session: SessionId::from_bytes(session), at: at(when) }
            }
            AttemptState::Refused => sso::AttemptState::Refused,
        };
        let (id, expire_time) = (AttemptId::from_bytes(self.id), at(self.expire_time));
        let parts = sso::AttemptParts { id, expire_time, state, browser: None };
        sso::Attempt::try_from(parts).map_err(impossible)
    }
}

fn at(micros: u64) -> Timestamp {
    Timestamp::from_micros(micros)
}
