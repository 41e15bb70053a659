//! Plain values and their state machines. Depends on nothing of ours; does no I/O, reads no clock and no randomness:
//! `now` is a parameter of every function that decides by time.

pub mod audit;
pub mod clock;
pub mod ids;
pub mod link;
pub mod name;
pub mod organization;
pub mod personal_key;
pub mod provider;
pub mod random;
pub mod revocation;
pub mod secret;
pub mod session;
pub mod signing_key;
pub mod source;
pub mod sso;
pub mod traffic;
pub mod user;
