//! Identity providers and sign-on attempts.

use super::Record;
use super::field::{Read, exactly, missing, name, possible, time, unknown};
use super::messages::{self, AttemptStanding};
use crate::model::clock::Timestamp;
use crate::model::ids::{AttemptId, OrganizationId, ProviderId, SessionId, UserId};
use crate::model::provider::IdentityProvider;
use crate::model::sso::{Attempt, AttemptParts, AttemptState};
use crate::model::user::Generation;
use crate::store::kv::key::Kind;

impl Record for IdentityProvider {
    const KIND: Kind = Kind::Provider;
    type Message = messages::IdentityProvider;

    fn message(&self) -> Self::Message {
        messages::IdentityProvider {
            id: self.id.as_bytes().to_vec(),
            name: self.name.as_str().to_owned(),
            organization: self.organization.map(|id| id.as_bytes().to_vec()),
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            sealed_client_secret: self.sealed_client_secret.clone(),
            scopes: self.scopes.clone(),
            sign_up: self.sign_up,
            create_time: Some(self.create_time.micros()),
            email_domains: self.email_domains.clone(),
            trusted_audiences: self.trusted_audiences.clone(),
            confined: self.confined,
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let organization = |id: Vec<u8>| Ok(OrganizationId::from_bytes(exactly(&id, "organization")?));
        Ok(Self {
            id: ProviderId::from_bytes(exactly(&message.id, "id")?),
            name: name(&message.name, "name")?,
            organization: message.organization.map(organization).transpose()?,
            issuer: message.issuer,
            client_id: message.client_id,
            sealed_client_secret: message.sealed_client_secret,
            scopes: message.scopes,
            sign_up: message.sign_up,
            create_time: time(message.create_time, "create_time")?,
            email_domains: message.email_domains,
            trusted_audiences: message.trusted_audiences,
            confined: message.confined,
        })
    }
}

/// A provider, in the index of its organization's or the site's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct ProviderEntry(pub(in crate::store::kv) ProviderId);

impl Record for ProviderEntry {
    const KIND: Kind = Kind::ProviderByScope;
    type Message = messages::ProviderEntry;

    fn message(&self) -> Self::Message {
        messages::ProviderEntry { provider: self.0.as_bytes().to_vec() }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self(ProviderId::from_bytes(exactly(&message.provider, "provider")?)))
    }
}

impl Record for Attempt {
    const KIND: Kind = Kind::Attempt;
    type Message = messages::Attempt;

    fn message(&self) -> Self::Message {
        let AttemptParts { id, expire_time, state, browser } = self.clone().into_parts();
        let blank = messages::Attempt {
            id: id.as_bytes().to_vec(),
            expire_time: Some(expire_time.micros()),
            browser: browser.map(|hash| hash.to_vec()),
            ..messages::Attempt::default()
        };
        let known = |standing: AttemptStanding, user: UserId, generation: Generation, at: Timestamp| messages::Attempt {
            standing: standing.into(),
            user: user.as_bytes().to_vec(),
            generation: generation.0,
            at: Some(at.micros()),
            ..blank.clone()
        };
        match state {
            AttemptState::Exchanging { revision } => {
                messages::Attempt { standing: AttemptStanding::Exchanging.into(), revision, ..blank }
            }
            AttemptState::Identified { user, generation, at } => known(AttemptStanding::Identified, user, generation, at),
            AttemptState::Confirmed { user, generation, at } => known(AttemptStanding::Confirmed, user, generation, at),
            AttemptState::Collected { session, at } => messages::Attempt {
                standing: AttemptStanding::Collected.into(),
                session: session.as_bytes().to_vec(),
                at: Some(at.micros()),
                ..blank
            },
            AttemptState::Refused => messages::Attempt { standing: AttemptStanding::Refused.into(), ..blank },
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let at = time(message.at, "at");
        let user = exactly(&message.user, "user").map(UserId::from_bytes);
        let generation = Generation(message.generation);
        let state = match AttemptStanding::try_from(message.standing) {
            Ok(AttemptStanding::Exchanging) => AttemptState::Exchanging { revision: message.revision },
            Ok(AttemptStanding::Identified) => AttemptState::Identified { user: user?, generation, at: at? },
            Ok(AttemptStanding::Confirmed) => AttemptState::Confirmed { user: user?, generation, at: at? },
            Ok(AttemptStanding::Collected) => {
                AttemptState::Collected { session: SessionId::from_bytes(exactly(&message.session, "session")?), at: at? }
            }
            Ok(AttemptStanding::Refused) => AttemptState::Refused,
            Ok(AttemptStanding::Unspecified) => return Err(missing("standing")),
            Err(_) => return Err(unknown("standing", message.standing)),
        };
        let parts = AttemptParts {
            id: AttemptId::from_bytes(exactly(&message.id, "id")?),
            expire_time: time(message.expire_time, "expire_time")?,
            state,
            browser: message.browser.map(|hash| exactly(&hash, "browser")).transpose()?,
        };
        possible(Self::try_from(parts))
    }
}
