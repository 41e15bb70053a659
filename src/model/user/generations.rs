//! The counter of an account or a guest name, with its two floors.

use crate::model::decision::Impossible;

/// A counter's value as it was read before a credential was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// What [`Generations`] are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GenerationsParts {
    /// What is opened or signed now carries this.
    pub current: Generation,
    /// Sessions and links that carry less are dead.
    pub session_floor: Generation,
    /// Access tokens that carry less are dead.
    pub token_floor: Generation,
    /// The revision at which `session_floor` rose last, 0 where it never did.
    pub session_floor_revision: i64,
}

/// The counter of an account or a guest name, with its two floors. The token floor is at least the session floor, and neither
/// passes the counter; nothing of them ever falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generations(GenerationsParts);

impl Generations {
    /// What is opened or signed now carries this.
    #[must_use]
    pub const fn current(self) -> Generation {
        self.0.current
    }

    /// Sessions and links that carry less are dead.
    #[must_use]
    pub const fn session_floor(self) -> Generation {
        self.0.session_floor
    }

    /// Access tokens that carry less are dead.
    #[must_use]
    pub const fn token_floor(self) -> Generation {
        self.0.token_floor
    }

    /// The revision at which the session floor rose last, 0 where it never did: fences a sign-on that began before it.
    #[must_use]
    pub const fn session_floor_revision(self) -> i64 {
        self.0.session_floor_revision
    }

    /// With every session, link and token dead that there is. `revision` is that of the commit.
    #[must_use]
    pub fn end_all(self, revision: i64) -> Self {
        let current = self.raised(revision);
        // A revision that is none would make a row that cannot be: the floor rose, so it holds at least the one before.
        let session_floor_revision = revision.max(self.0.session_floor_revision);
        Self(GenerationsParts { current, session_floor: current, token_floor: current, session_floor_revision })
    }

    /// With the tokens dead that there are; their sessions live on and renew to what is allowed now.
    #[must_use]
    pub fn end_tokens(self, revision: i64) -> Self {
        let current = self.raised(revision);
        Self(GenerationsParts { current, token_floor: current, ..self.0 })
    }

    /// With a higher counter: what carries less can be told from what comes now, and lives on.
    #[must_use]
    pub fn raise(self, revision: i64) -> Self {
        Self(GenerationsParts { current: self.raised(revision), ..self.0 })
    }

    fn raised(self, revision: i64) -> Generation {
        Generation(self.0.current.0.saturating_add(1).max(u64::try_from(revision).unwrap_or_default()))
    }

    /// True where a session or link that carries `read` may live.
    #[must_use]
    pub fn session_lives(self, read: Generation) -> bool {
        read >= self.0.session_floor && read <= self.0.current
    }

    /// True where an access token that carries `read` may be taken for valid.
    #[must_use]
    pub fn token_lives(self, read: Generation) -> bool {
        read >= self.0.token_floor && read <= self.0.current
    }

    /// What they are made of.
    #[must_use]
    pub const fn into_parts(self) -> GenerationsParts {
        self.0
    }
}

impl TryFrom<GenerationsParts> for Generations {
    type Error = Impossible;

    fn try_from(parts: GenerationsParts) -> Result<Self, Impossible> {
        let rose_at = u64::try_from(parts.session_floor_revision);
        let rules = [
            (parts.session_floor <= parts.token_floor, "a session floor above the token floor"),
            (parts.token_floor <= parts.current, "a token floor above the counter"),
            (rose_at.is_ok_and(|revision| revision <= parts.session_floor.0), "a session floor below the revision it rose at"),
        ];
        Impossible::unless("Generations", &rules).map(|()| Self(parts))
    }
}
