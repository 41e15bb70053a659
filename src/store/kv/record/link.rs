//! Single-use links.

use super::Record;
use super::field::{Read, exactly, missing, possible, time, unknown};
use super::messages::{self, LinkStanding};
use crate::model::clock::Timestamp;
use crate::model::ids::{LinkId, SessionId, UserId};
use crate::model::link::{Link, LinkParts, LinkState};
use crate::model::user::Generation;
use crate::store::kv::key::Kind;

impl Record for Link {
    const KIND: Kind = Kind::Link;
    type Message = messages::Link;

    fn message(&self) -> Self::Message {
        let LinkParts { id, token, guest, dataset_id, generation, issuer, one_time, create_time, redeem_by, state } =
            self.clone().into_parts();
        let (standing, since, session, request) = match state {
            LinkState::Issued => (LinkStanding::Issued, None, None, None),
            LinkState::Redeemed { session, request, at } => (LinkStanding::Redeemed, Some(at), Some(session), request),
            LinkState::Revoked { at } => (LinkStanding::Revoked, Some(at), None, None),
        };
        messages::Link {
            id: id.as_bytes().to_vec(),
            token: token.to_vec(),
            guest,
            dataset_id,
            generation: generation.0,
            issuer: issuer.as_bytes().to_vec(),
            one_time,
            create_time: Some(create_time.micros()),
            redeem_by: Some(redeem_by.micros()),
            standing: standing.into(),
            standing_time: since.map(Timestamp::micros),
            session: session.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            request: request.map(|hash| hash.to_vec()),
        }
    }

    fn read(message: Self::Message) -> Read<Self> {
        let since = time(message.standing_time, "standing_time");
        let state = match LinkStanding::try_from(message.standing) {
            Ok(LinkStanding::Issued) => LinkState::Issued,
            Ok(LinkStanding::Redeemed) => LinkState::Redeemed {
                session: SessionId::from_bytes(exactly(&message.session, "session")?),
                request: message.request.map(|hash| exactly(&hash, "request")).transpose()?,
                at: since?,
            },
            Ok(LinkStanding::Revoked) => LinkState::Revoked { at: since? },
            Ok(LinkStanding::Unspecified) => return Err(missing("standing")),
            Err(_) => return Err(unknown("standing", message.standing)),
        };
        let parts = LinkParts {
            id: LinkId::from_bytes(exactly(&message.id, "id")?),
            token: exactly(&message.token, "token")?,
            guest: message.guest,
            dataset_id: message.dataset_id,
            generation: Generation(message.generation),
            issuer: UserId::from_bytes(exactly(&message.issuer, "issuer")?),
            one_time: message.one_time,
            create_time: time(message.create_time, "create_time")?,
            redeem_by: time(message.redeem_by, "redeem_by")?,
            state,
        };
        possible(Self::try_from(parts))
    }
}

/// A link that was neither used up nor revoked, in the index of its guest's: enough to tell whether it can be redeemed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct LinkEntry {
    pub(in crate::store::kv) redeem_by: Timestamp,
    pub(in crate::store::kv) generation: Generation,
}

impl Record for LinkEntry {
    const KIND: Kind = Kind::LinkByGuest;
    type Message = messages::LinkEntry;

    fn message(&self) -> Self::Message {
        messages::LinkEntry { redeem_by: Some(self.redeem_by.micros()), generation: self.generation.0 }
    }

    fn read(message: Self::Message) -> Read<Self> {
        Ok(Self { redeem_by: time(message.redeem_by, "redeem_by")?, generation: Generation(message.generation) })
    }
}
