//! Plain values and their state machines, and every decision about them. Depends on nothing of ours; does no I/O, reads no clock
//! and no randomness: `now` is a parameter of every function that decides by time.
//!
//! The values that have states ([`session::Session`], [`user::User`], [`user::Guest`], [`link::Link`], [`sso::Attempt`],
//! [`personal_key::PersonalKey`]) keep their fields to themselves: one is made new by its constructor, made of its parts by
//! `try_from`, which refuses what is [impossible](decision::Impossible), and changed by its decisions only.

pub mod audit;
pub mod clock;
pub mod decision;
pub mod grant;
pub mod ids;
pub mod link;
pub mod name;
pub mod network;
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
