//! The settings that decide something, typed. Defaults are the documented ones.

use std::time::Duration;

/// Lifetimes and limits that an operator can set.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The `iss` of every token; stored at first start.
    pub issuer: String,
    /// The `aud` of tokens; a guest's is `AUDIENCE/dataset`.
    pub audience: String,
    /// Where people and services reach us, without a final slash: links and callbacks begin with it.
    pub public_url: String,
    /// How long an access token lives at the most: 1 h.
    pub access_token: Duration,
    /// How long a session lives from its login: 24 h.
    pub session: Duration,
    /// How long a link can be redeemed at the most: `SESAME_MAX_AGE`, 1 h.
    pub link: Duration,
    /// How long a link's record and what it opened live at the most: 7 days.
    pub link_record: Duration,
    /// Whether new links open one session only: `SESAME_ONE_TIME`, true.
    pub link_one_time: bool,
    /// The query parameter of a link's token: `SESAME_TOKEN_NAME`, `sst`.
    pub link_parameter: String,
    /// How long a sign-on attempt lives: 10 min.
    pub sso_attempt: Duration,
    /// How many live sessions a user may have: 1,000; the least recently refreshed one ends.
    pub most_sessions: u32,
    /// How many live personal keys a user may have: 100.
    pub most_keys: u32,
    /// How many members an organization may have: 10,000.
    pub most_members: u32,
    /// How many identity providers an organization, or the site, may have: 100.
    pub most_providers: u32,
    /// The least characters of a password that is the only factor: 15.
    pub password_alone: usize,
    /// The least characters of a password beside one-time codes: 8.
    pub password_with_code: usize,
    /// Whether cookies are for https only: `COOKIE_SECURE`, true.
    pub cookie_secure: bool,
}

impl Policy {
    /// The defaults, for a service that is reached at `public_url`.
    #[must_use]
    pub fn new(public_url: &str) -> Self {
        let public_url = public_url.trim_end_matches('/').to_owned();
        Self {
            issuer: public_url.clone(),
            audience: public_url.clone(),
            public_url,
            access_token: Duration::from_hours(1),
            session: Duration::from_hours(24),
            link: Duration::from_hours(1),
            link_record: Duration::from_hours(7 * 24),
            link_one_time: true,
            link_parameter: "sst".to_owned(),
            sso_attempt: Duration::from_mins(10),
            most_sessions: 1000,
            most_keys: 100,
            most_members: 10_000,
            most_providers: 100,
            password_alone: 15,
            password_with_code: 8,
            cookie_secure: true,
        }
    }
}
