//! What was revoked, as it is kept, streamed and looked up.

use std::collections::HashMap;
use std::time::Duration;

use super::clock::Timestamp;
use super::ids::SessionId;
use super::session::Credential;
use super::user::{Generation, Subject};

/// How long an access token may live at the most: tombstones are kept that much longer than what they bury.
pub const LONGEST_TOKEN: Duration = Duration::from_hours(1);

/// What is added to that for clocks that differ: verifiers allow 60 s after `exp`.
pub const TOKEN_LEEWAY: Duration = Duration::from_mins(2);

/// What is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Every token of the subject that carries less than the generation.
    Below(Subject, Generation),
    /// Every token of the subject for the organization of that name that carries less than the generation.
    BelowIn(Subject, String, Generation),
    /// Every token of the session.
    Session(SessionId),
    /// Every token that came from the credential.
    Credential(Credential),
}

/// One revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its place in the order of revocations: max(previous + 1, microseconds since 1970).
    pub revision: i64,
    /// What is dead.
    pub what: Revoked,
    /// From when on no token that it concerns can be unexpired.
    pub until: Timestamp,
}

/// What of a token's claims revocations go by.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Its `sub`.
    pub subject: &'a Subject,
    /// Its `gen`.
    pub generation: Generation,
    /// Its `org`; empty for a guest.
    pub organization: &'a str,
    /// Its `sid`.
    pub session: SessionId,
    /// Its `cred`.
    pub credential: Option<Credential>,
}

/// The revocations that matter, for lookup: the floors by subject and the tombstones.
#[derive(Clone, Debug, Default)]
pub struct RevocationSet {
    floors: HashMap<Subject, (Generation, Timestamp)>,
    floors_within: HashMap<Subject, Vec<(String, Generation, Timestamp)>>,
    sessions: HashMap<SessionId, Timestamp>,
    credentials: HashMap<Credential, Timestamp>,
    revision: i64,
}

impl RevocationSet {
    /// Takes one in. The order does not matter.
    pub fn insert(&mut self, revocation: &Revocation) {
        let until = revocation.until;
        match &revocation.what {
            Revoked::Below(subject, floor) => {
                let entry = self.floors.entry(subject.clone()).or_insert((*floor, until));
                *entry = (entry.0.max(*floor), entry.1.max(until));
            }
            Revoked::BelowIn(subject, organization, floor) => {
                let within = self.floors_within.entry(subject.clone()).or_default();
                match within.iter_mut().find(|(name, ..)| name == organization) {
                    Some((_, generation, end)) => (*generation, *end) = ((*generation).max(*floor), (*end).max(until)),
                    None => within.push((organization.clone(), *floor, until)),
                }
            }
            Revoked::Session(id) => {
                let end = self.sessions.entry(*id).or_insert(until);
                *end = (*end).max(until);
            }
            Revoked::Credential(id) => {
                let end = self.credentials.entry(*id).or_insert(until);
                *end = (*end).max(until);
            }
        }
        self.revision = self.revision.max(revocation.revision);
    }

    /// Records that everything up to `revision` was seen, also what is no longer kept.
    pub fn reach(&mut self, revision: i64) {
        self.revision = self.revision.max(revision);
    }

    /// The revision that was reached.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// True where a token with these claims is dead.
    #[must_use]
    pub fn revokes(&self, token: &Claim<'_>) -> bool {
        self.floors.get(token.subject).is_some_and(|(floor, _)| token.generation < *floor)
            || self.floors_within.get(token.subject).is_some_and(|within| {
                within.iter().any(|(name, floor, _)| name == token.organization && token.generation < *floor)
            })
            || self.buried(token.session, token.credential)
    }

    /// True where the session, or the credential that it came from, was ended by itself.
    #[must_use]
    pub fn buried(&self, session: SessionId, credential: Option<Credential>) -> bool {
        self.sessions.contains_key(&session) || credential.is_some_and(|c| self.credentials.contains_key(&c))
    }

    /// Forgets what no unexpired token can concern at `now`.
    pub fn forget(&mut self, now: Timestamp) {
        self.floors.retain(|_, (_, until)| now < *until);
        self.floors_within.retain(|_, within| {
            within.retain(|(.., until)| now < *until);
            !within.is_empty()
        });
        self.sessions.retain(|_, until| now < *until);
        self.credentials.retain(|_, until| now < *until);
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.floors.len()
            + self.floors_within.values().map(Vec::len).sum::<usize>()
            + self.sessions.len()
            + self.credentials.len()
    }

    /// True where it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
