//! A password check or a new hash that waits for a thread.

use std::time::Instant;

use tokio::sync::oneshot;

use super::super::hash::{HashError, Hasher};
use super::{PoolError, Verdict};
use crate::model::random::Random;
use crate::model::secret::Secret;

pub(super) type Reply<T> = oneshot::Sender<Result<T, PoolError>>;

pub(super) enum Work {
    Verify { password: Secret, phc: Option<String>, reply: Reply<Verdict> },
    Hash { password: Secret, reply: Reply<String> },
}

pub(super) struct Job {
    pub(super) work: Work,
    pub(super) deadline: Instant,
}

impl Job {
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        let dropped = match &self.work {
            Work::Verify { reply, .. } => reply.is_closed(),
            Work::Hash { reply, .. } => reply.is_closed(),
        };
        !dropped && now < self.deadline
    }
}

impl Work {
    pub(super) fn refuse(self, error: PoolError) {
        // A caller that has left needs no answer.
        match self {
            Self::Verify { reply, .. } => drop(reply.send(Err(error))),
            Self::Hash { reply, .. } => drop(reply.send(Err(error))),
        }
    }

    pub(super) fn run(self, hasher: &mut Hasher, random: &dyn Random) -> Answered {
        match self {
            Self::Verify { password, phc, reply } => {
                let answer = verify(hasher, password.expose().as_bytes(), phc.as_deref());
                Answered::Verify(reply, answer)
            }
            Self::Hash { password, reply } => {
                let answer = hasher.hash(password.expose().as_bytes(), random.bytes());
                Answered::Hash(reply, answer)
            }
        }
    }
}

/// An answer that is counted before the caller sees it.
pub(super) enum Answered {
    Verify(Reply<Verdict>, Result<Verdict, HashError>),
    Hash(Reply<String>, Result<String, HashError>),
}

impl Answered {
    pub(super) fn send(self) {
        match self {
            Self::Verify(reply, answer) => drop(reply.send(answer.map_err(PoolError::from))),
            Self::Hash(reply, answer) => drop(reply.send(answer.map_err(PoolError::from))),
        }
    }
}

fn verify(hasher: &mut Hasher, password: &[u8], phc: Option<&str>) -> Result<Verdict, HashError> {
    let Some(stored) = phc else {
        hasher.pretend(password);
        return Ok(Verdict::Wrong);
    };
    match hasher.verify(password, stored) {
        Ok(true) => Ok(Verdict::Right { needs_rehash: hasher.needs_rehash(stored) }),
        Ok(false) => Ok(Verdict::Wrong),
        Err(error) => {
            hasher.pretend(password);
            Err(error)
        }
    }
}
