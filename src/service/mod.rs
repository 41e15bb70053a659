//! What the service does, and every policy: one file per capability, each a plain struct that holds only what it uses. Knows
//! nothing of gRPC or HTTP; depends on `crypto`, `store` and `model`.

pub mod access;
pub mod accounts;
mod authority;
pub mod client;
pub mod error;
pub mod guesses;
pub mod identities;
pub mod keys;
pub mod limits;
pub mod login;
pub mod logout;
pub mod organizations;
pub mod paging;
pub mod password_policy;
pub mod passwords;
pub mod personal_key;
pub mod policy;
pub mod providers;
mod reason;
pub mod refresh;
pub mod refusals;
pub mod second_factor;
pub mod services;
pub mod single_use;
pub mod sso;
#[cfg(test)]
#[expect(dead_code, reason = "what the stories take beside")]
#[path = "../../tests/house/mod.rs"]
pub(crate) mod testing;
pub mod throttle;
pub mod time;
pub mod tokens;
pub mod users;
pub mod verify;

pub use self::error::{Error, Reason, Thing};

/// What every service answers with.
pub type Result<T> = std::result::Result<T, Error>;
